/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault.c - SIGSEGV, SIGBUS, SIGTRAP and SIGSYS come to the agent first.
 *
 *	a load of agent_copy() that faults ------> it returns -EFAULT
 *	an int3 that the server has put ---------> its stub, as a jump would lead there
 *	all others ------------------------------> whatever the program wants (signal.c)
 *
 * The kernel puts a signal's frame on the stack that the thread is on, or on its alternate one,
 * whose top is free only when the thread is not there already.  So what may fault is done on the
 * thread's own stack, not on the vCPU's.
 */
#include "agent/agent_int.h"
#include "base/sys.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>

/* --- copies ----------------------------------------------------------------------------------- */

/*
 * agent_copy_on(to, from, n, sp): on the stack at sp, or where that is 0 on the one it is on.
 * Between agent_copy_from and agent_copy_end faults are its own, and lead to agent_copy_fault.
 */
__asm__(".pushsection .text.agent_copy_on, \"ax\", @progbits\n"
	".globl agent_copy_on, agent_copy_from, agent_copy_end, agent_copy_fault\n"
	".hidden agent_copy_on, agent_copy_from, agent_copy_end, agent_copy_fault\n"
	".type agent_copy_on, @function\n"
	"agent_copy_on:\n"
	"mov %rsp, %r8; test %rcx, %rcx; cmovnz %rcx, %rsp\n"
	"mov %rdx, %rcx\n"
	"agent_copy_from:\n"
	"cmp $256, %rdx; ja 3f\n"
	"shr $3, %rcx; jz 2f\n"
	"1: mov (%rsi), %rax; mov %rax, (%rdi); add $8, %rsi; add $8, %rdi; dec %rcx; jnz 1b\n"
	"2: and $7, %edx; jz 4f\n"
	"5: movzbl (%rsi), %eax; mov %al, (%rdi); inc %rsi; inc %rdi; dec %edx; jnz 5b\n"
	"jmp 4f\n"
	"3: rep movsb\n"
	"4: mov %r8, %rsp; xor %eax, %eax; ret\n"
	"agent_copy_end:\n"
	"agent_copy_fault: mov %r8, %rsp; mov $-14, %rax; ret\n" /* -EFAULT */
	".popsection\n");
#define HIDDEN __attribute__((visibility("hidden")))
long agent_copy_on(void *to, const void *from, size_t n, uint64_t sp) HIDDEN;
extern const uint8_t agent_copy_from[] HIDDEN, agent_copy_end[] HIDDEN, agent_copy_fault[] HIDDEN;

static bool is_ours(uint64_t rip)
{
	return rip >= (uintptr_t)agent_copy_from && rip < (uintptr_t)agent_copy_end;
}

#define FRAME_STATE (8 + offsetof(ucontext_t, uc_mcontext.fpregs)) /* in a signal's frame */

/* What stands in the frame of a handler, that handlers do not change; false: there is none. */
static bool frame_words(uint64_t at, uint64_t ret[2])
{
	const struct iovec to[2] = { { &ret[0], 8 }, { &ret[1], 8 } };
	const struct iovec from[2] = { { (void *)at, 8 }, { (void *)(at + FRAME_STATE), 8 } };
	const long me = sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);

	return sys_call6(SYS_process_vm_readv, me, (long)to, 2, (long)from, 2, 0) == 16;
}

/*
 * Of the frames that were left to handlers of faults that the kernel holds back there, is one still
 * there?  Then such a fault ends the process.
 */
static bool is_in_handler(void)
{
	struct agent_thread *t = agent_thread_row(false);
	uint64_t there[2] = { 0 };

	for (int i = 0; t && i < AGENT_FAULTS; i++) {
		if (agent_fault_signal[i] == SIGSYS)
			continue;
		if (t->frame[i].at && frame_words(t->frame[i].at, there) &&
		    there[0] == t->frame[i].restorer && there[1] == t->frame[i].state)
			return true;
		t->frame[i].at = 0;
	}
	return false;
}

static long copy(void *to, const void *from, size_t n, uint64_t sp)
{
	if (unlikely(atomic_load_explicit(&agent_process.left, memory_order_relaxed)) &&
	    is_in_handler())
		return -EAGAIN;
	return agent_copy_on(to, from, n, sp);
}

long agent_copy(struct skep_run *run, void *to, const void *from, size_t n)
{
	return copy(to, from, n, run->sp);
}

long agent_copy_here(void *to, const void *from, size_t n)
{
	const struct iovec there = { to, n }, here = { (void *)from, n };
	long ret = -EAGAIN;

	if (atomic_load_explicit(&helper_copy, memory_order_relaxed))
		ret = copy(to, from, n, 0);
	if (ret != -EAGAIN)
		return ret;
	ret = sys_call6(SYS_process_vm_readv, sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0), (long)&there,
			1, (long)&here, 1, 0);
	return ret == (long)n ? 0 : -EFAULT;
}

/* --- int3 ------------------------------------------------------------------------------------- */

/* The stub of an int3 at that address; 0: it is the program's own. */
static uint64_t stub_of(uint64_t at)
{
	const struct agent_trap *trap = agent_process.trap;

	for (uint32_t i = agent_trap_row(at), n = 0; n < AGENT_TRAPS && trap[i].at;
	     i = (i + 1) % AGENT_TRAPS, n++)
		if (trap[i].at == at)
			return trap[i].to;
	return 0;
}

/* --- the program's ---------------------------------------------------------------------------- */

static const struct agent_act by_default = { .handler = (uintptr_t)SIG_DFL };

/* Ends the process as the signal does by default, registers and all, when the handler returns. */
static void end_by(int sig, siginfo_t *info)
{
	const long pid = sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
	const long tid = sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);

	sys_call6(SYS_rt_sigaction, sig, (long)&by_default, 0, 8, 0, 0);
	sys_call6(SYS_rt_tgsigqueueinfo, pid, tid, sig, (long)info, 0, 0);
}

/*
 * Its frame is the handler's, from now on.  While that has it the kernel holds the signal back: but
 * SIGSYS, which is ours there too, and so held back as by a mask.
 */
static void leave_to(int fault, const struct agent_act *act, uint64_t frame)
{
	struct agent_thread *t;
	const uint64_t *words = (const uint64_t *)frame;

	if (act->flags & SA_NODEFER || agent_fault_signal[fault] == SIGTRAP)
		return;
	t = agent_thread_row(true);
	if (agent_fault_signal[fault] == SIGSYS) {
		if (t) {
			t->frame[fault].at = frame;
			atomic_fetch_or(&t->held, 1u << fault);
		}
		return;
	}
	if (!t) {
		atomic_store(&helper_copy, NULL);
		return;
	}
	t->frame[fault].restorer = words[0];
	t->frame[fault].state = words[FRAME_STATE / 8];
	t->frame[fault].at = frame;
	atomic_store(&agent_process.left, true);
}

/* The handler that the program has for it; 0: nothing is left to do. */
static uint64_t programs(int fault, siginfo_t *info, ucontext_t *uc, uint64_t frame)
{
	const struct agent_act *act = agent_act_of(fault);
	const int sig = agent_fault_signal[fault];
	const bool raised = info->si_code > 0; /* by what the thread did */
	struct agent_thread *t = agent_thread_row(false);
	const bool held = t && atomic_load(&t->held) >> fault & 1;
	const uint64_t handler = act->handler;

	if (held && !raised) {
		atomic_fetch_or(&t->waits, 1u << fault);
		return 0;
	}
	if (handler == (uintptr_t)SIG_IGN && !raised)
		return 0;
	if (held || handler == (uintptr_t)SIG_DFL || handler == (uintptr_t)SIG_IGN) {
		end_by(sig, info);
		return 0;
	}
	leave_to(fault, act, frame);
	if (sig == SIGSYS && raised)
		agent_trapped(info, uc, frame);
	if (act->flags & SA_RESETHAND)
		agent_act_set(fault, &by_default);
	return handler;
}

/* --- the kernel's handler --------------------------------------------------------------------- */

/*
 * As the kernel calls it, %rsp is its frame.  The program's handler finds everything as if it had
 * been called itself, the stack too.  What is not for it does not return by its way, where programs
 * may look at system calls.
 */
__asm__(".pushsection .text.agent_fault_entry, \"ax\", @progbits\n"
	".globl agent_fault_entry, agent_fault_restorer\n"
	".hidden agent_fault_entry, agent_fault_restorer\n"
	".type agent_fault_entry, @function\n"
	"agent_fault_entry:\n"
	"mov %rsp, %rcx; push %rdi; push %rsi; push %rdx; call agent_faulted\n"
	"pop %rdx; pop %rsi; pop %rdi; test %rax, %rax; jz 1f; jmp *%rax\n"
	"1: lea 8(%rsp), %rsp\n"
	"agent_fault_restorer: mov $15, %rax; syscall\n"
	".popsection\n");

uint64_t agent_faulted(int sig, siginfo_t *info, ucontext_t *uc, uint64_t frame);
__attribute__((used)) uint64_t agent_faulted(int sig, siginfo_t *info, ucontext_t *uc,
					     uint64_t frame)
{
	greg_t *rip = &uc->uc_mcontext.gregs[REG_RIP];
	const uint64_t stub =
		sig == SIGTRAP && info->si_code == SI_KERNEL ? stub_of((uint64_t)*rip - 1) : 0;

	if (stub)
		*rip = (greg_t)stub;
	else if (sig == SIGSYS && agent_dispatch(info, uc))
		return 0;
	else if ((sig == SIGSEGV || sig == SIGBUS) && info->si_code > 0 && is_ours((uint64_t)*rip))
		*rip = (greg_t)(uintptr_t)agent_copy_fault;
	else
		return programs(agent_fault_of(sig), info, uc, frame);
	return 0;
}
