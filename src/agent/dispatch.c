/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dispatch.c - system calls of code that is no file's text, as it was made at run time: no jump can
 * be put there, nobody knows where instructions begin.  The kernel's Syscall User Dispatch makes a
 * SIGSYS of each (Documentation/admin-guide/syscall-user-dispatch.rst), for a stretch of addresses
 * in which there is no other code:
 *
 *	syscall ─▶ SIGSYS ─▶ agent_dispatched: the call's programs, the call, its end's ─▶ behind it
 *
 * The server says which stretch, and turns it on in the threads that there are (hook/dispatch.c);
 * those that come later do so themselves, as the kernel turns it off for who is born.
 *
 * As at stubs nothing of ours is on the stack while the thread waits.  Where it goes back to is
 * kept by its stack pointer until then; on the way it is in %rcx, which system calls spoil anyway
 * and where the kernel puts that address.
 */
#include "agent/agent_int.h"
#include "agent/rows.h"
#include "base/sys.h"

#include <asm/ptrace.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define DISPATCHED 2 /* SYS_USER_DISPATCH, of siginfo_t.si_code */

/* clang-format off */

/* struct pt_regs below the red zone, with %rcx as its rip; fn of it; and back. */
#define CALL(fn)                                                                                   \
	"lea -128(%rsp), %rsp; pushq $0x2b; push %rsp; pushfq; pushq $0x33; push %rcx\n"             \
	"pushq $-1\n"                                                                              \
	"push %rdi; push %rsi; push %rdx; push %rcx; push %rax; push %r8; push %r9\n"              \
	"push %r10; push %r11; push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n" \
	"lea 296(%rsp), %rax; mov %rax, 152(%rsp)\n"                                               \
	"cld; mov %rsp, %rdi; mov %rsp, %rbx; and $-16, %rsp; call " fn "; mov %rbx, %rsp\n"       \
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; pop %r11; pop %r10\n"         \
	"pop %r9; pop %r8; pop %rax; pop %rcx; pop %rdx; pop %rsi; pop %rdi\n"                     \
	"lea 24(%rsp), %rsp; popfq; pop %rsp\n"

__asm__(".pushsection .text.agent_dispatched, \"ax\", @progbits\n"
	".globl agent_dispatched\n.hidden agent_dispatched\n.type agent_dispatched, @function\n"
	"agent_dispatched:\n"
	CALL("agent_dispatch_enter")
	"syscall\n"
	CALL("agent_dispatch_exit")
	"jmp *%rcx\n"
	".popsection\n");

/* clang-format on */

extern const uint8_t agent_dispatched[] __attribute__((visibility("hidden")));

/* --- where calls go back to ------------------------------------------------------------------- */

/* One that is there already is of a call that never came back. */
static bool keep(uint64_t sp, uint64_t back, uint32_t uses)
{
	struct agent_back *row = rows_take(ROWS(agent_process.back), sp);

	if (!row)
		return false;
	row->back = back;
	row->uses = uses;
	return true;
}

static void drop(struct agent_back *row)
{
	if (row && --row->uses == 0)
		atomic_store(&row->sp, 0);
}

/* --- the calls -------------------------------------------------------------------------------- */

static bool never_returns(int64_t nr)
{
	return nr == SYS_exit || nr == SYS_exit_group || nr == SYS_rt_sigreturn;
}

/* Parent and child come back, on a stack of its own or one after the other on the same. */
static void keep_child(const struct pt_regs *regs, int64_t nr, uint64_t back)
{
	struct task_call call;

	agent_read_clone(regs, nr, &call);
	if (call.sp != regs->rsp)
		keep(call.sp, back, 1);
	else if (call.flags & CLONE_VM)
		keep(call.sp, back, 2);
}

void agent_dispatch_enter(struct pt_regs *regs);
__attribute__((used)) void agent_dispatch_enter(struct pt_regs *regs)
{
	const uint64_t back = regs->rcx;
	const int64_t nr = (int32_t)regs->rax;

	regs->rip = back - 2;
	if (unlikely(agent_is_birth(nr)))
		keep_child(regs, nr, back);
	if (unlikely(never_returns(nr)))
		drop(rows_find(ROWS(agent_process.back), regs->rsp));
	agent_sys_enter(regs, HIVE_ANY);
}

void agent_dispatch_exit(struct pt_regs *regs);
__attribute__((used)) void agent_dispatch_exit(struct pt_regs *regs)
{
	struct agent_back *row = rows_find(ROWS(agent_process.back), regs->rsp);

	if (unlikely(!row))
		__builtin_trap(); /* somebody moved a stack */
	regs->rip = regs->rcx = row->back;
	drop(row);
	agent_sys_exit(regs, HIVE_ANY);
}

/* --- the signal ------------------------------------------------------------------------------- */

static bool is_inside(uint64_t at, uint64_t size)
{
	const uint64_t from = atomic_load(&agent_process.dispatch.from);

	return at >= from && at + size - from <= atomic_load(&agent_process.dispatch.size);
}

/* No room to keep where it goes back to: it is made unseen. */
static void make_here(greg_t *r)
{
	r[REG_RAX] = sys_call6(r[REG_RAX], r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10],
			       r[REG_R8], r[REG_R9]);
}

bool agent_dispatch(const siginfo_t *info, ucontext_t *uc)
{
	greg_t *r = uc->uc_mcontext.gregs;
	const uint64_t back = (uint64_t)r[REG_RIP];
	const int64_t nr = (int32_t)r[REG_RAX];

	if (info->si_code != DISPATCHED || !is_inside(back - 2, 2))
		return false;
	if (!keep((uint64_t)r[REG_RSP], back, 1) && !agent_is_birth(nr) && !never_returns(nr)) {
		make_here(r);
		return true;
	}
	r[REG_RCX] = (greg_t)back;
	r[REG_RIP] = (greg_t)(uintptr_t)agent_dispatched;
	return true;
}

/* --- threads, and memory ---------------------------------------------------------------------- */

/* Until it is as the server wants it, which may stop us anywhere, and want it otherwise. */
void agent_dispatch_here(void)
{
	struct agent_dispatch *d = &agent_process.dispatch;
	uint64_t from, size;

	do {
		from = atomic_load(&d->from);
		size = atomic_load(&d->size);
		sys_call6(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH,
			  size ? AGENT_DISPATCH_ON : PR_SYS_DISPATCH_OFF, (long)(size ? from : 0),
			  (long)size, 0, 0);
	} while (from != atomic_load(&d->from) || size != atomic_load(&d->size));
}

#define ASKS_MAX 32 /* in vain: the kernel can do one stretch, and not all do */

bool agent_dispatch_lacks(uint64_t at, uint64_t size)
{
	struct agent_dispatch *d = &agent_process.dispatch;

	return !is_inside(at, size) && atomic_fetch_add(&d->asks, 1) < ASKS_MAX;
}
