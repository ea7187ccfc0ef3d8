/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracee_call.c - a stopped process does something for us; see tracee.h.
 *
 * Nothing is written into its text: a `syscall` instruction and a byte 0xcc that are there anyway,
 * if only in the middle of something else, are where a borrowed thread begins and ends.  While it
 * is borrowed orig_rax is -1, so the kernel thinks of no system call that would have to begin
 * again; it is given back in a stop on the kernel's way out, where the registers say so again.
 */
#include "inject/tracee_int.h"

#include "inject/image.h"

#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define RED_ZONE    128
#define XSTATE_MAX  (16 * 1024) /* with AMX it is 11 KiB */
#define FLAGS_CLEAR 0xdd5ull	/* trap, direction, and what arithmetic leaves */
#define SCAN	    4096	/* bytes at once */

#ifndef NT_X86_SHSTK
#define NT_X86_SHSTK 0x204 /* since Linux 6.6 */
#endif

/* What a borrowed thread was. */
struct loan {
	struct user_regs_struct regs;
	uint64_t blocked; /* signals */
};

static int died(const struct tracee *t, int err, struct skep_diag *d)
{
	return err == -ESRCH ? diag_set(d, err, SKEP_AT_NONE, 0, "process %d ended", t->pid)
	       : err == -ETIMEDOUT
		       ? diag_set(d, err, SKEP_AT_NONE, 0, "process %d does not return", t->pid)
		       : err;
}

/* --- code that is there ----------------------------------------------------------------------- */

static uint64_t find_in(const struct tracee *t, const struct image *i, const uint8_t *what,
			size_t n)
{
	uint8_t buf[SCAN];
	const uint8_t *p;

	for (uint64_t at = i->start; at < i->end; at += SCAN) {
		if (tracee_read(t, at, buf, sizeof(buf)))
			return 0;
		p = memmem(buf, sizeof(buf), what, n);
		if (p)
			return at + (uint64_t)(p - buf);
	}
	return 0;
}

/* Where both are first in the text of the process, the vdso's before others'; one is wanted. */
static int find_codes(struct tracee *t, const uint64_t *wanted, struct skep_diag *d)
{
	static const uint8_t syscall_insn[] = { 0x0f, 0x05 }, trap_insn[] = { 0xcc };
	struct images m;
	int err;

	if (*wanted)
		return 0;
	err = images_read(&m, t->pid, d);
	if (!err && !m.n)
		err = died(t, -ESRCH, d);
	if (err)
		return err;
	for (int other = 0; other <= 1; other++)
		vec_foreach (i, &m) {
			if (!i->exec || !!strcmp(i->name, "[vdso]") != other)
				continue;
			if (!t->syscall)
				t->syscall = find_in(t, i, syscall_insn, sizeof(syscall_insn));
			if (!t->trap)
				t->trap = find_in(t, i, trap_insn, sizeof(trap_insn));
		}
	images_fini(&m);
	return *wanted ? 0
		       : diag_set(d, -ENOENT, SKEP_AT_NONE, 0, "process %d has no %s", t->pid,
				  wanted == &t->syscall ? "system call instruction"
							: "byte 0xcc in its text");
}

/* --- borrowing -------------------------------------------------------------------------------- */

/* Signals that instructions raise must not be blocked: the kernel would kill. */
static uint64_t all_but_faults(void)
{
	static const uint8_t faults[] = { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS };
	uint64_t mask = ~UINT64_C(0);

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		mask &= ~(UINT64_C(1) << (faults[i] - 1));
	return mask;
}

static int borrow(struct tracee *t, struct tracee_thread *th, struct loan *l)
{
	uint64_t mask = all_but_faults();

	l->regs = th->regs;
	if (ptrace(PTRACE_GETSIGMASK, th->tid, sizeof(l->blocked), &l->blocked) < 0 ||
	    ptrace(PTRACE_SETSIGMASK, th->tid, sizeof(mask), &mask) < 0)
		return -ESRCH;
	th->regs.orig_rax = UINT64_MAX;
	th->regs.eflags &= ~FLAGS_CLEAR;
	return 0;
}

static int give_back(struct tracee *t, struct tracee_thread *th, struct loan *l)
{
	th->regs = l->regs;
	if (ptrace(PTRACE_SETSIGMASK, th->tid, sizeof(l->blocked), &l->blocked) < 0)
		return -ESRCH;
	return tracee_set(t, th);
}

/* Did the kernel raise the signal that the thread stands before, for what it executed? */
static bool is_fault(const struct tracee_thread *th)
{
	siginfo_t si;

	return !ptrace(PTRACE_GETSIGINFO, th->tid, 0, &si) && si.si_code > 0;
}

/*
 * Lets a borrowed thread go on until it stops as STOP_SYSCALL or with a signal that it raised
 * itself and has nobody for; others are held, to be sent again.
 */
static int run(struct tracee *t, struct tracee_thread *th, int how)
{
	const uint64_t deadline = tracee_deadline(t->ms);
	int st, sig = 0;

	for (;;) {
		if (ptrace(how, th->tid, 0, sig) < 0)
			return -ESRCH;
		sig = 0;
		st = tracee_await(t, th, deadline);
		if (st < 0 || st == STOP_SYSCALL)
			return st;
		if (STOP_EVENT(st))
			continue;
		if (is_fault(th) && t->catches && (st == SIGSEGV || st == SIGBUS))
			sig = st;
		else if (is_fault(th))
			return st;
		else
			th->held = st;
	}
}

/*
 * To a stop on the kernel's way out.  A thread that did not return in time is taken out of what it
 * does.
 */
static int come_out(struct tracee *t, struct tracee_thread *th)
{
	if (ptrace(PTRACE_INTERRUPT, th->tid, 0, 0) < 0 ||
	    (th->stopped && ptrace(PTRACE_CONT, th->tid, 0, 0) < 0))
		return -ESRCH;
	return tracee_settle(t, th, tracee_deadline(t->ms));
}

/* --- a system call ---------------------------------------------------------------------------- */

static void set_syscall(const struct tracee *t, struct user_regs_struct *r, long nr,
			const uint64_t args[6])
{
	r->rip = t->syscall;
	r->rax = (uint64_t)nr;
	r->rdi = args[0];
	r->rsi = args[1];
	r->rdx = args[2];
	r->r10 = args[3];
	r->r8 = args[4];
	r->r9 = args[5];
}

/* In and out: two stops. */
static int enter_and_leave(struct tracee *t, struct tracee_thread *th, struct skep_diag *d)
{
	int st = run(t, th, PTRACE_SYSCALL);

	if (st == STOP_SYSCALL)
		st = run(t, th, PTRACE_SYSCALL);
	if (st < 0)
		return st;
	if (st != STOP_SYSCALL)
		return diag_set(d, -EFAULT, SKEP_AT_NONE, 0,
				"process %d got signal %d instead of a system call", t->pid, st);
	return ptrace(PTRACE_GETREGS, th->tid, 0, &th->regs) < 0 ? -ESRCH : 0;
}

int tracee_syscall_alone(struct tracee *t, long nr, const uint64_t args[6], int64_t *ret,
			 struct skep_diag *reterr_diag)
{
	struct tracee_thread *th = &t->at[0];
	int64_t value;
	struct loan l;
	int err, out;

	memory_flush(t); /* it goes on for a moment */
	err = find_codes(t, &t->syscall, reterr_diag);
	if (err)
		return err;
	err = borrow(t, th, &l);
	if (err)
		return died(t, err, reterr_diag);
	set_syscall(t, &th->regs, nr, args);
	err = tracee_set(t, th);
	if (!err)
		err = enter_and_leave(t, th, reterr_diag);
	value = (int64_t)th->regs.rax;
	out = err == -ESRCH ? err : come_out(t, th);
	if (!out)
		out = give_back(t, th, &l);
	err = err ? err : out;
	if (err)
		return died(t, err, reterr_diag);
	*ret = value;
	return 0;
}

int tracee_syscall(struct tracee *t, long nr, const uint64_t args[6], int64_t *ret,
		   struct skep_diag *reterr_diag)
{
	struct tracee_op op = { .what = (uint64_t)nr };
	int err;

	if (!tracee_has_desk(t))
		return tracee_syscall_alone(t, nr, args, ret, reterr_diag);
	memcpy(op.args, args, sizeof(op.args));
	err = tracee_run(t, &op, 1, NULL, 0, reterr_diag);
	if (!err)
		*ret = op.ret;
	return err;
}

bool tracee_has_shadow_stack(const struct tracee *t)
{
	uint64_t top;
	struct iovec iov = { &top, sizeof(top) };

	return !ptrace(PTRACE_GETREGSET, t->at[0].tid, NT_X86_SHSTK, &iov);
}

/* --- running its code ---------------------------------------------------------------------------
 */

int tracee_to_trap(struct tracee *t, struct tracee_thread *th, uint64_t trap, struct skep_diag *d)
{
	int st = run(t, th, PTRACE_CONT);

	/* A signal's stop is on the way out already; one that still runs is made to stop. */
	if (st == -ETIMEDOUT && come_out(t, th))
		return -ESRCH;
	if (st < 0)
		return st;
	if (ptrace(PTRACE_GETREGS, th->tid, 0, &th->regs) < 0)
		return -ESRCH;
	return st == SIGTRAP && th->regs.rip == trap + 1
		       ? 0
		       : diag_set(d, -EFAULT, SKEP_AT_NONE, 0,
				  "the call got signal %d in process %d at 0x%llx", st, t->pid,
				  (unsigned long long)th->regs.rip);
}

int tracee_borrowed(struct tracee *t, borrowed_fn fn, void *arg, struct skep_diag *d)
{
	_cleanup_(skep_free_p) void *vectors = skep_alloc(XSTATE_MAX);
	struct iovec iov = { vectors, XSTATE_MAX };
	struct tracee_thread *th = &t->at[0];
	struct loan l;
	int err;

	if (!vectors)
		return diag_set(d, -ENOMEM, SKEP_AT_NONE, 0, "out of memory");
	memory_flush(t); /* it goes on for a moment */
	if (ptrace(PTRACE_GETREGSET, th->tid, NT_X86_XSTATE, &iov) < 0 || borrow(t, th, &l))
		return died(t, -ESRCH, d);
	err = fn(t, th, arg, d);
	if (err != -ESRCH &&
	    (ptrace(PTRACE_SETREGSET, th->tid, NT_X86_XSTATE, &iov) < 0 || give_back(t, th, &l)))
		err = -ESRCH;
	return err ? died(t, err, d) : 0;
}

uint64_t tracee_stack(const struct tracee *t, const struct tracee_thread *th)
{
	return (t->stack ? t->stack : th->regs.rsp - RED_ZONE) & ~UINT64_C(15);
}

int tracee_may_call(const struct tracee *t, struct skep_diag *d)
{
	return tracee_has_shadow_stack(t) ? diag_set(d, -EOPNOTSUPP, SKEP_AT_NONE, 0,
						     "process %d has shadow stacks", t->pid)
					  : 0;
}

/* --- a function ------------------------------------------------------------------------------- */

struct function_call {
	uint64_t fn, a, b, ret;
};

static int call(struct tracee *t, struct tracee_thread *th, void *arg, struct skep_diag *d)
{
	struct function_call *c = arg;
	int err;

	th->regs.rsp = tracee_stack(t, th) - sizeof(uint64_t);
	th->regs.rip = c->fn;
	th->regs.rdi = c->a;
	th->regs.rsi = c->b;
	th->regs.rax = 0;
	err = tracee_write(t, th->regs.rsp, &t->trap, sizeof(t->trap));
	if (err)
		return diag_set(d, err, SKEP_AT_NONE, 0, "process %d has no stack there", t->pid);
	err = tracee_set(t, th);
	if (!err)
		err = tracee_to_trap(t, th, t->trap, d);
	c->ret = th->regs.rax;
	return err;
}

int tracee_call(struct tracee *t, uint64_t fn, uint64_t a, uint64_t b, uint64_t *ret,
		struct skep_diag *reterr_diag)
{
	struct function_call c = { fn, a, b, 0 };
	int err;

	memory_flush(t);
	err = tracee_may_call(t, reterr_diag);
	if (!err)
		err = find_codes(t, &t->trap, reterr_diag);
	if (!err)
		err = tracee_borrowed(t, call, &c, reterr_diag);
	if (!err)
		*ret = c.ret;
	return err;
}
