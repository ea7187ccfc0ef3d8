/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.c - the program puts a seccomp filter before its own system calls, and so before ours.
 *
 *	lets all of ours pass (hive/filter.h) ──▶ counted; the process stays seen
 *	else ──▶ muted, before the call is made ──▶ the server takes everything out of the process
 *
 * Filters are a thread's, and inherited.  What is kept here is for all threads together, so as if
 * each had all filters of all: more is muted than would have to be, never less.
 *
 * A filter that traps calls (SECCOMP_RET_TRAP) shows its handler where the call was made.  Calls
 * that were moved into a stub are made there, so on the way to the handler the stub's address is
 * exchanged for the program's, and on the way back for the stub's (struct agent_moved).
 */
#include "agent/agent_int.h"
#include "base/sys.h"
#include "hive/filter.h"

#include <asm/ptrace.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <ucontext.h>

#define FAILED(rax) ((rax) > (uint64_t)-4096)

/* --- which calls ------------------------------------------------------------------------------ */

struct install {
	bool strict;	/* no filter, but strict mode */
	uint64_t flags; /* SECCOMP_FILTER_FLAG_* */
	uint64_t at;	/* struct sock_fprog */
};

static bool is_install(const struct pt_regs *regs, int64_t nr, struct install *ret)
{
	const bool by_prctl = nr == SYS_prctl;
	const uint64_t mode = by_prctl ? regs->rsi - 1 : regs->rdi;

	if ((by_prctl && regs->rdi != PR_SET_SECCOMP) || (!by_prctl && nr != SYS_seccomp) ||
	    mode > SECCOMP_SET_MODE_FILTER)
		return false;
	*ret = (struct install){ .strict = mode == SECCOMP_SET_MODE_STRICT,
				 .flags = by_prctl ? 0 : regs->rsi,
				 .at = regs->rdx };
	return true;
}
static_assert(SECCOMP_MODE_STRICT - 1 == SECCOMP_SET_MODE_STRICT &&
		      SECCOMP_MODE_FILTER - 1 == SECCOMP_SET_MODE_FILTER,
	      "prctl(2) counts from one");

/*
 * Would the kernel take one at all?  It looks at the caller's rights, and at the flags, before it
 * reads instructions.  Who has put one before still may.
 */
static bool is_permitted(const struct pt_regs *regs, int64_t nr, const struct install *in)
{
	const struct sock_fprog nowhere = { .len = 1, .filter = (struct sock_filter *)8 };

	if (in->strict)
		return sys_call6(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0, 0) == SECCOMP_MODE_DISABLED;
	return atomic_load(&agent_process.filters.known) ||
	       sys_call6(nr, (long)regs->rdi, (long)regs->rsi, (long)&nowhere, 0, 0, 0) == -EFAULT;
}

/* Does it make signals of system calls itself?  Ours would be among them. */
static bool dispatches(const struct pt_regs *regs, int64_t nr)
{
	return nr == SYS_prctl && regs->rdi == PR_SET_SYSCALL_USER_DISPATCH &&
	       regs->rsi != PR_SYS_DISPATCH_OFF;
}

/* --- judgement -------------------------------------------------------------------------------- */

static enum filter_says judge(const struct install *in, int32_t *ret_nr)
{
	struct agent_judge *j = &agent_process.judge;
	enum filter_says says = FILTER_IS_NONE;
	struct sock_fprog prog;

	if (in->strict)
		return FILTER_IS_STRICT;
	if (agent_copy_here(&prog, (const void *)in->at, sizeof(prog)) || !prog.len ||
	    prog.len > BPF_MAXINSNS)
		return FILTER_IS_NONE;
	while (atomic_exchange_explicit(&j->lock, 1, memory_order_acquire))
		sys_rest();
	if (!agent_copy_here(j->insn, prog.filter, prog.len * sizeof(*prog.filter)))
		says = filter_judge(j->insn, prog.len, &j->room, ret_nr);
	atomic_store_explicit(&j->lock, 0, memory_order_release);
	return says;
}

#define LOOKS_MAX 1000 /* at threads that run programs: some tens of microseconds each */

/* Threads that the filter comes to as well are out of their runs. */
static void wait_for_runs(void)
{
	const struct vcpus *v = &agent_process.vcpus;

	for (uint32_t i = 0, looks = 0; i < v->nr && looks < LOOKS_MAX; looks++) {
		if (vcpu_who_member(atomic_load(&v->slot[i].owner)) == agent_child.member)
			sys_rest();
		else
			i++;
	}
}

static void mute(const struct install *in, enum filter_says why, int32_t nr)
{
	struct agent_filters *f = &agent_process.filters;

	f->why = why;
	f->nr = nr;
	atomic_store(&f->muted, true);
	if (in->flags & SECCOMP_FILTER_FLAG_TSYNC)
		wait_for_runs();
	agent_loaded();
}

/* The row of who is between a judgement and its call's end; NULL: there is none. */
static _Atomic uint64_t *judged(uint64_t had, uint64_t sp)
{
	for (int i = 0; i < AGENT_JUDGED; i++) {
		uint64_t old = had;

		if (atomic_compare_exchange_strong(&agent_process.judge.sp[i], &old, sp))
			return &agent_process.judge.sp[i];
	}
	return NULL;
}

void agent_filter_enter(const struct pt_regs *regs, int64_t nr)
{
	enum filter_says says;
	struct install in;
	int32_t forbids = -1;

	if (dispatches(regs, nr))
		mute(&(struct install){ 0 }, FILTER_IS_DISPATCH, -1);
	if (!is_install(regs, nr, &in) || !is_permitted(regs, nr, &in))
		return;
	says = judge(&in, &forbids);
	if (says == FILTER_LETS && !judged(0, regs->rsp))
		says = FILTER_FORBIDS;
	if (says != FILTER_LETS && says != FILTER_IS_NONE)
		mute(&in, says, forbids);
}

/* Where threads cannot be made to have the same one, seccomp(2) returns the number of one. */
static bool has_failed(const struct pt_regs *regs, const struct install *in)
{
	return FAILED(regs->rax) || (regs->rax && in->flags & SECCOMP_FILTER_FLAG_TSYNC &&
				     !(in->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER));
}

void agent_filter_exit(const struct pt_regs *regs, int64_t nr)
{
	struct agent_filters *f = &agent_process.filters;
	struct install in;
	bool known;

	if (!is_install(regs, nr, &in))
		return;
	known = judged(regs->rsp, 0) != NULL;
	if (has_failed(regs, &in)) {
		if (atomic_exchange(&f->muted, false))
			agent_loaded();
		return;
	}
	/* One that we have not seen come. */
	if (!known)
		atomic_store(&f->muted, true);
	else
		atomic_fetch_add(&f->known, 1);
}

/* --- where trapped calls were made ------------------------------------------------------------ */

/* What a stub begins with behind a moved call (inject/stub.c), up to where its rip is. */
static const uint8_t behind_call[] = { 0x48, 0x8d, 0x64, 0x24, 0x80, 0x6a, 0x2b,
				       0x54, 0x9c, 0x6a, 0x33, 0xff, 0x35 };

/* The address behind the call in the program, where a stub's code at rip made it; 0: none did. */
static uint64_t moved_from(uint64_t rip)
{
	struct {
		uint8_t code[sizeof(behind_call)];
		int32_t rel;
	} __attribute__((packed)) there;
	uint64_t ret;

	if (agent_copy_here(&there, (const void *)rip, sizeof(there)) ||
	    memcmp(there.code, behind_call, sizeof(there.code)) ||
	    agent_copy_here(&ret, (const void *)(rip + sizeof(there) + (uint64_t)there.rel),
			    sizeof(ret)))
		return 0;
	return ret;
}

static struct agent_moved *moved_row(uint64_t frame)
{
	return &agent_process.moved[(frame >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32 &
				    (AGENT_MOVED - 1)];
}

/*
 * Where its row is another one's the program sees the stub's address: none is given up, as behind
 * the call in the program is the middle of a jump.
 */
void agent_trapped(siginfo_t *info, ucontext_t *uc, uint64_t frame)
{
	greg_t *rip = &uc->uc_mcontext.gregs[REG_RIP];
	const uint64_t from = moved_from((uint64_t)*rip);
	struct agent_moved *m = moved_row(frame);
	uint64_t had = atomic_load(&m->frame);

	if (!from || (had && had != frame) || !atomic_compare_exchange_strong(&m->frame, &had, 1))
		return;
	m->rip = from;
	m->stub = (uint64_t)*rip;
	atomic_store(&m->frame, frame);
	*rip = (greg_t)from;
	info->si_call_addr = (void *)from;
}

/* The handler with that frame returns; where it has changed nothing, into the stub again. */
void agent_untrapped(uint64_t frame)
{
	const uint64_t at =
		frame + 8 + offsetof(ucontext_t, uc_mcontext.gregs) + REG_RIP * sizeof(greg_t);
	struct agent_moved *m = moved_row(frame);
	uint64_t rip, is = frame;

	if (atomic_load(&m->frame) != frame)
		return;
	if (!agent_copy_here(&rip, (const void *)at, sizeof(rip)) && rip == m->rip)
		agent_copy_here((void *)at, &m->stub, sizeof(m->stub));
	atomic_compare_exchange_strong(&m->frame, &is, 0);
}
