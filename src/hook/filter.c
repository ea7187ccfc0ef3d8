/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.c - see filter.h */
#include "hook/filter.h"
#include "hive/filter.h"
#include "hook/take.h"
#include "inject/permit.h"
#include "model/event.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <unistd.h>

/* Its memory is believed: who lies there risks nobody's life but its own. */
void filters_look(struct process *p, struct space *space, struct agent_filters *ret)
{
	const uint64_t at = (uintptr_t)agent_of(space)->filters;
	_cleanup_(close_fd_p) int mem = -1;
	struct agent_filters f;
	char path[32];

	*ret = (struct agent_filters){ 0 };
	snprintf(path, sizeof(path), "/proc/%d/mem", p->pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0 || !memory_is_ours(mem, space) ||
	    pread(mem, &f, sizeof(f), (off_t)at) != sizeof(f))
		return;
	memcpy(ret, &f, sizeof(f));
	/* A program that has just begun may have no agent yet that was told. */
	p->filters = MAX(p->filters, atomic_load(&f.known));
}

int filters_permit(const struct process *p, struct skep_diag *diag)
{
	if (p->forced)
		return 0;
	if (p->alone)
		return diag_set(
			diag, -EACCES, SKEP_AT_NONE, 0,
			"process %d has a seccomp filter, or Syscall User Dispatch, that may "
			"end it for what a hive does",
			(int)p->pid);
	return permit_calls(p->pid, p->filters, diag);
}

/* --- of who has put them before we came ------------------------------------------------------- */

#define STOP_MS 500

/* Room for one filter, and its judgement; for who has the lock of hooks. */
static struct {
	struct sock_filter insn[BPF_MAXINSNS];
	struct filter_room room;
} reading;

/* The newest is the first one; behind those that are its own are ours. */
static bool lets(pid_t tid, uint32_t index)
{
	const long n = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, index, NULL);
	int32_t nr;

	return n > 0 && n <= BPF_MAXINSNS &&
	       ptrace(PTRACE_SECCOMP_GET_FILTER, tid, index, reading.insn) == n &&
	       filter_judge(reading.insn, (uint32_t)n, &reading.room, &nr) == FILTER_LETS;
}

static bool all_let(pid_t tid, uint32_t *ret_known)
{
	struct permit_facts them, us;
	uint32_t n;

	if (permit_facts(tid, &them) || permit_facts(getpid(), &us) || them.seccomp == 1)
		return false;
	n = them.filters - MIN(them.filters, us.filters);
	for (uint32_t i = 0; i < n; i++)
		if (!lets(tid, i))
			return false;
	*ret_known = n;
	return true;
}

/* As many as the thread has that has most of them; -EACCES: somebody's forbid something. */
static int read_all(struct tracee *t, void *arg)
{
	uint32_t n, *ret_known = arg;

	*ret_known = 0;
	vec_foreach (th, t) {
		if (!all_let(th->tid, &n))
			return -EACCES;
		*ret_known = MAX(*ret_known, n);
	}
	return 0;
}

bool filters_read(pid_t pid, uint32_t *ret_known)
{
	uint32_t known;
	struct tracee t;

	if (tracee_still(&t, pid, STOP_MS, read_all, &known, NULL))
		return false;
	*ret_known = known;
	return true;
}

/* --- words ------------------------------------------------------------------------------------ */

void filters_text(pid_t pid, const struct agent_filters *why, char text[FILTER_TEXT], char comm[16])
{
	static const char *const said[] = {
		[FILTER_FORBIDS] = "its seccomp filter may end it for",
		[FILTER_LOOKS] = "its seccomp filter goes by where calls come from",
		[FILTER_IS_DISPATCH] = "it makes signals of its system calls itself",
		[FILTER_IS_STRICT] = "it is in seccomp's strict mode",
	};
	const char *what = why->why < ARRAY_SIZE(said) && said[why->why] ? said[why->why] : "?";
	const char *call =
		why->why == FILTER_FORBIDS && why->nr >= 0 ? model_syscall_name(why->nr) : NULL;

	process_name(pid, comm);
	snprintf(text, FILTER_TEXT, "not seen any more, as %s%s%s", what, call ? " " : "",
		 call ? call : "");
}
