/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracee_run.c - a stopped process does several things in a row; see tracee.h.
 *
 * Each time that a process goes on and stops again its scheduler has a say, which on a busy machine
 * is milliseconds.  So what is to be done is laid on a desk, code and all, and done at once:
 *
 *	desk | code, int3 | struct tracee_op ops[] ... | data |	r-x, written through /proc/PID/mem
 *	stack | ... ret[1] | ret[0] | what the thread has	results
 */
#include "inject/tracee_int.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define OPS_AT 256u /* on the desk */
static_assert(OPS_AT + TRACEE_OPS * sizeof(struct tracee_op) <= TRACEE_DATA, "before the data");
static_assert(offsetof(struct tracee_op, args) == 8 && offsetof(struct tracee_op, calls) == 56 &&
		      offsetof(struct tracee_op, take) == 57 && sizeof(struct tracee_op) == 72,
	      "what the code knows");

/* %rbx: the next op, %r12: how many, %rbp: result i is 8 * (i + 1) below, %r13: i. */
__asm__(".pushsection .rodata\n"
	"desk_code:\n"
	"mov 8(%rbx), %rdi; mov 16(%rbx), %rsi; mov 24(%rbx), %rdx\n"
	"mov 32(%rbx), %r10; mov 40(%rbx), %r8; mov 48(%rbx), %r9\n"
	"movzbl 57(%rbx), %ecx; test %ecx, %ecx; jz 1f; neg %rcx; mov (%rbp,%rcx,8), %rdi\n"
	"1: movzbl 58(%rbx), %ecx; test %ecx, %ecx; jz 2f; neg %rcx; mov (%rbp,%rcx,8), %r8\n"
	"2: mov (%rbx), %rax; cmpb $0, 56(%rbx); jnz 3f\n"
	"syscall; jmp 4f\n"
	"3: call *%rax\n"
	"4: inc %r13; mov %r13, %rcx; neg %rcx; mov %rax, (%rbp,%rcx,8)\n"
	"add $72, %rbx; dec %r12; jnz desk_code\n"
	"desk_trap: int3\n"
	"desk_end:\n"
	".popsection\n");
extern const uint8_t desk_code[] __attribute__((visibility("hidden")));
extern const uint8_t desk_trap[] __attribute__((visibility("hidden")));
extern const uint8_t desk_end[] __attribute__((visibility("hidden")));

static size_t code_size(void)
{
	return (size_t)((uintptr_t)desk_end - (uintptr_t)desk_code);
}

bool tracee_has_desk(const struct tracee *t)
{
	uint8_t there[OPS_AT];

	return t->desk && code_size() <= sizeof(there) &&
	       !tracee_read(t, t->desk, there, code_size()) &&
	       !memcmp(there, desk_code, code_size());
}

static int make_desk(struct tracee *t, struct skep_diag *d)
{
	const uint64_t args[6] = { t->desk,
				   TRACEE_DESK,
				   PROT_READ | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
				   UINT64_MAX,
				   0 };
	int64_t at = 0;
	int err;

	if (tracee_has_desk(t))
		return 0;
	err = tracee_syscall_alone(t, SYS_mmap, args, &at, d);
	if (err)
		return err;
	if (at != (int64_t)t->desk)
		return diag_set(d, at < 0 ? (int)at : -EEXIST, SKEP_AT_NONE, 0,
				"process %d may not map code at 0x%llx", t->pid,
				(unsigned long long)t->desk);
	return tracee_write(t, t->desk, desk_code, code_size());
}

struct rounds {
	struct tracee_op *ops;
	size_t n;
};

static int run_all(struct tracee *t, struct tracee_thread *th, void *arg, struct skep_diag *d)
{
	const struct rounds *r = arg;
	int64_t ret[TRACEE_OPS];
	uint64_t top = tracee_stack(t, th);
	int err;

	th->regs.rbp = top;
	th->regs.rsp = (top - r->n * sizeof(*ret)) & ~UINT64_C(15);
	th->regs.rbx = t->desk + OPS_AT;
	th->regs.r12 = r->n;
	th->regs.r13 = 0;
	th->regs.rip = t->desk;
	err = tracee_set(t, th);
	if (!err)
		err = tracee_to_trap(
			t, th, t->desk + (uint64_t)((uintptr_t)desk_trap - (uintptr_t)desk_code),
			d);
	if (!err)
		err = tracee_read(t, top - r->n * sizeof(*ret), ret, r->n * sizeof(*ret));
	for (size_t i = 0; i < r->n && !err; i++)
		r->ops[i].ret = ret[r->n - 1 - i];
	return err;
}

int tracee_run(struct tracee *t, struct tracee_op *ops, size_t n, const void *data, size_t size,
	       struct skep_diag *reterr_diag)
{
	struct rounds r = { ops, n };
	int err = tracee_may_call(t, reterr_diag);

	if (n > TRACEE_OPS || size > TRACEE_DESK - TRACEE_DATA)
		return -E2BIG;
	memory_flush(t);
	if (!err)
		err = make_desk(t, reterr_diag);
	if (!err && (tracee_write(t, t->desk + OPS_AT, ops, n * sizeof(*ops)) ||
		     (size && tracee_write(t, t->desk + TRACEE_DATA, data, size))))
		err = diag_set(reterr_diag, -EFAULT, SKEP_AT_NONE, 0,
			       "the text of process %d cannot be written", t->pid);
	memory_flush(t);
	return err ? err : tracee_borrowed(t, run_all, &r, reterr_diag);
}
