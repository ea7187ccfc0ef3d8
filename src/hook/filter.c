/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.c - see filter.h */
#include "hook/filter.h"
#include "hive/filter.h"
#include "hook/take.h"
#include "inject/permit.h"
#include "model/event.h"

#include <fcntl.h>
#include <stdio.h>
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
			"process %d has a seccomp filter that may end it for what a hive does",
			(int)p->pid);
	return permit_calls(p->pid, p->filters, diag);
}

static void name_of(pid_t pid, char comm[16])
{
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(comm, 16, f))
		snprintf(comm, 16, "?");
	if (f)
		fclose(f);
	comm[strcspn(comm, "\n")] = '\0';
}

void filters_text(pid_t pid, const struct agent_filters *why, char text[FILTER_TEXT], char comm[16])
{
	const char *name = why->nr < 0 ? NULL : model_syscall_name(why->nr);
	const char *what = why->why == FILTER_LOOKS	  ? "goes by where calls come from"
			   : why->why == FILTER_IS_STRICT ? "is strict mode"
							  : "may end it for";

	name_of(pid, comm);
	snprintf(text, FILTER_TEXT, "not seen any more, as its seccomp filter %s%s%s", what,
		 why->why == FILTER_FORBIDS ? " " : "",
		 why->why != FILTER_FORBIDS ? ""
		 : name			    ? name
					    : "a call of the hive's");
}
