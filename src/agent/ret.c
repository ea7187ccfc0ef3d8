/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ret.c - functions whose returns are seen by their return address, as Linux sees all of them:
 * where no jump fits at each of their ends, or they end by jumping to others.
 *
 *	entry:  what stands at (%rsp) goes into the table, agent_returned's address there instead
 *	return: agent_returned finds what it was, by where it stood
 *
 * The table is the process's own.  Rows are found by the address where the return address stood,
 * in the few places that its hash allows: no two frames have one, and a frame has two only where
 * the function jumped to another one that is seen too, which then returns first.  A row whose
 * frame was left otherwise (longjmp, the end of a thread) stays until its place on the stack is
 * a return address again.
 *
 * Who unwinds a stack (exceptions, the end of a thread, backtraces) would not know what ours means:
 * before that its frames get what they had.
 *
 * Signals may come anywhere, so rows are taken and given back by one write.
 */
#include "agent/agent_int.h"
#include "base/sys.h"

#include <asm/ptrace.h>
#include <sys/uio.h>

#define WINDOW 16	 /* rows where one may be: two lines of the cache */
#define LOWEST (1 << 16) /* address of code: Linux maps nothing below (vm.mmap_min_addr) */

/*
 * The stack as `call` left it, but for the address, which is taken: room for it, then registers.  A
 * jump goes back, from the red zone, where signals leave it alone: the processor keeps return
 * addresses too, and with one return too many none of those further up would be what it expects.
 */
__asm__(".pushsection .text.agent_returned, \"ax\", @progbits\n"
	".globl agent_returned\n.hidden agent_returned\n.type agent_returned, @function\n"
	"agent_returned:\n"
	"lea -176(%rsp), %rsp\n"
	"mov %r15, 0(%rsp); mov %r14, 8(%rsp); mov %r13, 16(%rsp); mov %r12, 24(%rsp)\n"
	"mov %rbp, 32(%rsp); mov %rbx, 40(%rsp); mov %r11, 48(%rsp); mov %r10, 56(%rsp)\n"
	"mov %r9, 64(%rsp); mov %r8, 72(%rsp); mov %rax, 80(%rsp); mov %rcx, 88(%rsp)\n"
	"mov %rdx, 96(%rsp); mov %rsi, 104(%rsp); mov %rdi, 112(%rsp)\n"
	"movq $-1, 120(%rsp); movq $0, 128(%rsp); movq $0x33, 136(%rsp)\n"
	"pushfq; popq 144(%rsp); lea 176(%rsp), %rax; mov %rax, 152(%rsp); movq $0x2b, 160(%rsp)\n"
	"cld; mov %rsp, %rdi; call agent_return; mov %rax, 168(%rsp)\n"
	"mov 0(%rsp), %r15; mov 8(%rsp), %r14; mov 16(%rsp), %r13; mov 24(%rsp), %r12\n"
	"mov 32(%rsp), %rbp; mov 40(%rsp), %rbx; mov 48(%rsp), %r11; mov 56(%rsp), %r10\n"
	"mov 64(%rsp), %r9; mov 72(%rsp), %r8; mov 80(%rsp), %rax; mov 88(%rsp), %rcx\n"
	"mov 96(%rsp), %rdx; mov 104(%rsp), %rsi; mov 112(%rsp), %rdi\n"
	"pushq 144(%rsp); popfq; lea 176(%rsp), %rsp; jmp *-8(%rsp)\n"
	".popsection\n");

/* The first row of the window where that place may be. */
static uint32_t window_of(uint64_t at)
{
	const uint64_t hash = (at >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 40;

	return (uint32_t)(hash % (AGENT_RETURNS / WINDOW) * WINDOW);
}

static uint64_t place_of(uint32_t i)
{
	return atomic_load_explicit(&agent_process.ret_at[i], memory_order_acquire);
}

#define NONE AGENT_RETURNS

/* The row of that place, the last one where there are two; NONE. */
static inline uint32_t find(uint64_t at)
{
	const uint32_t w = window_of(at);
	uint32_t last = NONE;

#pragma GCC unroll 4
	for (uint32_t i = w; i != w + WINDOW; i++)
		if (unlikely(place_of(i) == at) &&
		    (last == NONE || agent_process.ret[i].depth > agent_process.ret[last].depth))
			last = i;
	return last;
}

static void drop(uint32_t i)
{
	atomic_store_explicit(&agent_process.ret_at[i], 0, memory_order_release);
}

static bool put(uint64_t at, const struct agent_return *row)
{
	const uint32_t w = window_of(at);

	for (uint32_t i = w; i < w + WINDOW; i++) {
		_Atomic uint64_t *place = &agent_process.ret_at[i];
		uint64_t nobody = 0;

		/* Taken by a number that is nobody's before it is known by its own. */
		if (place_of(i) || !atomic_compare_exchange_strong(place, &nobody, 1))
			continue;
		agent_process.ret[i] = *row;
		atomic_store_explicit(place, at, memory_order_release);
		return true;
	}
	return false;
}

/* The first one at a place has what the function was called with. */
uint64_t agent_exchanged(uint64_t at)
{
	const uint32_t w = window_of(at);

	for (uint32_t i = w; i < w + WINDOW; i++)
		if (place_of(i) == at && !agent_process.ret[i].depth)
			return agent_process.ret[i].back;
	return 0;
}

static uint64_t this_thread(void)
{
	return vcpu_who(&agent_process.vcpus, agent_child.member);
}

bool agent_catch_return(const struct pt_regs *regs, const struct hive_site *site)
{
	const uint64_t sp = regs->rsp;
	uint64_t *address = (uint64_t *)(uintptr_t)sp;
	const uint64_t ours = (uintptr_t)agent_returned;
	struct agent_return row = {
		.site = site, .back = *address, .func = regs->rip, .who = this_thread()
	};
	uint32_t i;

	/* Nobody called: a program begins on argc, what follows a handler on a signal's frame. */
	if (unlikely(row.back < LOWEST))
		return false;
	atomic_store_explicit(&agent_process.ret_used, true, memory_order_relaxed);
	/* Rows of frames that were left otherwise. */
	while ((i = find(sp)) != NONE && row.back != ours)
		drop(i);
	row.depth = i == NONE ? 0 : agent_process.ret[i].depth + 1;
	if (!put(sp, &row))
		return false;
	*address = ours;
	return true;
}

/* Is it there, and ours?  Stacks may be gone with what is known of them. */
static bool stands_at(uint64_t at)
{
	uint64_t word = 0;
	const struct iovec to = { &word, sizeof(word) };
	const struct iovec from = { (void *)(uintptr_t)at, sizeof(word) };
	const long me = sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);

	return sys_call6(SYS_process_vm_readv, me, (long)&to, 1, (long)&from, 1, 0) ==
		       (long)sizeof(word) &&
	       word == (uintptr_t)agent_returned;
}

/* Of that thread, or of all where `who` is 0. */
static void put_back(uint64_t sp, uint64_t who)
{
	for (uint32_t i = 0; i < AGENT_RETURNS; i++) {
		const struct agent_return *r = &agent_process.ret[i];
		const uint64_t at = place_of(i);

		/* The first one at a place has what the function was called with. */
		if (at >= sp && (!who || r->who == who) && !r->depth && stands_at(at))
			*(uint64_t *)(uintptr_t)at = r->back;
	}
}

void agent_put_back(uint64_t sp)
{
	if (atomic_load_explicit(&agent_process.ret_used, memory_order_relaxed))
		put_back(sp, this_thread());
}

int agent_leave(void)
{
	if (atomic_load_explicit(&agent_process.ret_used, memory_order_relaxed))
		put_back(2, 0); /* 0 and 1 are no places */
	return agent_unguard();
}

uint64_t agent_return(struct pt_regs *regs);
__attribute__((used)) uint64_t agent_return(struct pt_regs *regs)
{
	const uint32_t i = find(regs->rsp - 8);
	const struct hive_site *site;
	uint64_t back, func;

	if (unlikely(i == NONE))
		__builtin_trap(); /* somebody moved a stack */
	back = agent_process.ret[i].back;
	func = agent_process.ret[i].func;
	site = agent_process.ret[i].site;
	drop(i);
	regs->rip = back == (uintptr_t)agent_returned ? agent_exchanged(regs->rsp - 8) : back;
	agent_run_site(regs, site, HIVE_RETURNS, func);
	return back;
}
