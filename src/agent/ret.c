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
 * Signals may come anywhere, so rows are taken and given back by one write.
 */
#include "agent/agent_int.h"

#include <asm/ptrace.h>

#define WINDOW 32 /* rows where one may be */

/* The stack as `call` left it, but for the address, which is taken: room for it, then registers. */
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
	"pushq 144(%rsp); popfq; lea 168(%rsp), %rsp; ret\n"
	".popsection\n");
extern const uint8_t agent_returned[] __attribute__((visibility("hidden")));

static struct agent_return *window_of(uint64_t at)
{
	const uint64_t hash = (at >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 40;

	return &agent_process.ret[hash % (AGENT_RETURNS / WINDOW) * WINDOW];
}

/* The row of that place, the last one where there are two; NULL. */
static struct agent_return *find(uint64_t at)
{
	struct agent_return *w = window_of(at), *last = NULL;

	for (uint32_t i = 0; i < WINDOW; i++)
		if (atomic_load_explicit(&w[i].at, memory_order_relaxed) == at &&
		    (!last || w[i].depth > last->depth))
			last = &w[i];
	return last;
}

static void drop(struct agent_return *r)
{
	atomic_store_explicit(&r->at, 0, memory_order_release);
}

static bool put(uint64_t at, uint64_t back, const struct hive_site *site, uint32_t depth)
{
	struct agent_return *w = window_of(at);

	for (uint32_t i = 0; i < WINDOW; i++) {
		uint64_t nobody = 0;

		/* Taken by a number that is nobody's before it is known by its own. */
		if (atomic_load_explicit(&w[i].at, memory_order_relaxed) ||
		    !atomic_compare_exchange_strong(&w[i].at, &nobody, 1))
			continue;
		w[i].back = back;
		w[i].site = site;
		w[i].depth = depth;
		atomic_store_explicit(&w[i].at, at, memory_order_release);
		return true;
	}
	return false;
}

bool agent_catch_return(uint64_t sp, const struct hive_site *site)
{
	uint64_t *address = (uint64_t *)(uintptr_t)sp;
	const uint64_t ours = (uintptr_t)agent_returned;
	struct agent_return *r;

	/* Rows of frames that were left otherwise. */
	while ((r = find(sp)) && *address != ours)
		drop(r);
	if (!put(sp, *address, site, r ? r->depth + 1 : 0))
		return false;
	*address = ours;
	return true;
}

uint64_t agent_return(struct pt_regs *regs);
__attribute__((used)) uint64_t agent_return(struct pt_regs *regs)
{
	struct agent_return *r = find(regs->rsp - 8);
	const struct hive_site *site;
	uint64_t back;

	if (unlikely(!r))
		__builtin_trap(); /* somebody moved a stack */
	back = r->back;
	site = r->site;
	drop(r);
	regs->rip = back;
	agent_run_site(regs, site, HIVE_RETURNS);
	return back;
}
