/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signal.c - what a program says about the signals that fault.c takes first.
 *
 * Its own actions for them are kept here, and the kernel has ours.  A thread that held such a
 * signal back would be ended by the first one that the agent raises, so masks go to the kernel
 * without them, whichever way they get there:
 *
 *	rt_sigaction ------ ours, with the program's flags; others' masks without the four
 *	rt_sigprocmask ---- the mask without them; that they are held back is kept by thread
 *	ppoll, ... -------- the mask without them
 *
 * For that an argument of the system call is another one until it ends (struct agent_swap), and
 * what the call says of earlier actions and masks is mended then.  The row is found by the stack
 * pointer, as in syscall.c.  Where there is no room for one the agent catches no faults any more.
 */
#include "agent/agent_int.h"
#include "agent/rows.h"
#include "base/sys.h"

#include <asm/ptrace.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>

const uint8_t agent_fault_signal[AGENT_FAULTS] = { SIGTRAP, SIGBUS, SIGSEGV, SIGSYS };
#define BIT(sig)    (UINT64_C(1) << ((sig)-1))
#define FAULTS	    (BIT(SIGTRAP) | BIT(SIGBUS) | BIT(SIGSEGV) | BIT(SIGSYS))
#define SA_RESTORER UINT64_C(0x04000000)

int agent_fault_of(int sig)
{
	for (int i = 0; i < AGENT_FAULTS; i++)
		if (agent_fault_signal[i] == sig)
			return i;
	return -1;
}

/* A mask's faults, by index, and back. */
static uint32_t faults_in(uint64_t mask)
{
	uint32_t ret = 0;

	for (int i = 0; i < AGENT_FAULTS; i++)
		ret |= mask & BIT(agent_fault_signal[i]) ? 1u << i : 0;
	return ret;
}

static uint64_t mask_of(uint32_t faults)
{
	uint64_t ret = 0;

	for (int i = 0; i < AGENT_FAULTS; i++)
		ret |= faults >> i & 1 ? BIT(agent_fault_signal[i]) : 0;
	return ret;
}

/* --- threads ---------------------------------------------------------------------------------- */

struct agent_thread *agent_thread_row(bool make)
{
	const uint64_t who = vcpu_who(&agent_process.vcpus, 0);

	return make ? rows_take(ROWS(agent_process.thread), who)
		    : rows_find(ROWS(agent_process.thread), who);
}

static uint32_t held_by(const struct agent_thread *t)
{
	return t ? atomic_load(&t->held) : 0;
}

/* Was it left to a handler of the program's? */
static bool was_left(const struct agent_thread *t)
{
	bool ret = false;

	for (int i = 0; i < AGENT_FAULTS; i++)
		ret |= t->frame[i].at != 0;
	return ret;
}

static void hold(uint32_t faults)
{
	struct agent_thread *t = agent_thread_row(faults != 0);
	uint32_t came;

	if (!t)
		return;
	atomic_store(&t->held, faults);
	came = atomic_fetch_and(&t->waits, faults) & ~faults;
	for (int i = 0; i < AGENT_FAULTS; i++)
		if (came >> i & 1)
			sys_call6(SYS_tgkill, sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0),
				  sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0), agent_fault_signal[i], 0,
				  0, 0);
	/* Nothing is known of it any more. */
	if (!faults && !atomic_load(&t->waits) && !was_left(t))
		atomic_store(&t->who, 0);
}

/* --- actions ---------------------------------------------------------------------------------- */

const struct agent_act *agent_act_of(int fault)
{
	const struct agent_fault *f = &agent_process.fault[fault];

	return &f->act[atomic_load(&f->now)];
}

void agent_act_set(int fault, const struct agent_act *act)
{
	struct agent_fault *f = &agent_process.fault[fault];
	const uint32_t row = atomic_fetch_add(&f->acts, 1) % AGENT_ACTS;

	f->act[row] = *act;
	atomic_store(&f->now, row);
}

static bool is_handler(const struct agent_act *act)
{
	return act->handler != (uintptr_t)SIG_DFL && act->handler != (uintptr_t)SIG_IGN;
}

extern const uint8_t agent_fault_restorer[] __attribute__((visibility("hidden")));

/* What the kernel is given where the program wants `act`: ours, that its own comes out of. */
static struct agent_act ours(int fault, const struct agent_act *act)
{
	const bool has = is_handler(act);
	struct agent_act ret = { (uintptr_t)agent_fault_entry, SA_SIGINFO | SA_RESTORER,
				 (uintptr_t)agent_fault_restorer, 0 };

	if (!has) {
		ret.flags |= SA_NODEFER | SA_ONSTACK | SA_RESTART;
		return ret;
	}
	ret.flags |= act->flags & (SA_ONSTACK | SA_RESTART | SA_NODEFER);
	if (act->flags & SA_RESTORER)
		ret.restorer = act->restorer;
	/* Ours come in handlers of the program's, too. */
	if (agent_fault_signal[fault] == SIGTRAP || agent_fault_signal[fault] == SIGSYS)
		ret.flags |= SA_NODEFER;
	ret.mask = act->mask & ~FAULTS;
	return ret;
}

static long kernels(int sig, const struct agent_act *act, struct agent_act *old)
{
	return sys_call6(SYS_rt_sigaction, sig, (long)act, (long)old, 8, 0, 0);
}

static void install(int fault)
{
	const struct agent_act act = ours(fault, agent_act_of(fault));

	kernels(agent_fault_signal[fault], &act, NULL);
}

/* --- arguments for a while ---------------------------------------------------------------------
 */

static void drop(struct agent_swap *s)
{
	if (s)
		atomic_store(&s->sp, 0);
}

/* A row for the call; one that is there already is of a call that never came back. */
static struct agent_swap *claim(const struct pt_regs *regs, int64_t nr)
{
	struct agent_swap *s = rows_take(ROWS(agent_process.swap), regs->rsp);

	/* Whatever the call does then, nobody relies on it any more. */
	if (!s) {
		atomic_store(&helper_copy, NULL);
		return NULL;
	}
	s->nr = (uint32_t)nr;
	s->old_at = 0;
	memset(s->held, 0, sizeof(s->held));
	return s;
}

/* --- the calls -------------------------------------------------------------------------------- */

static uint64_t *arg(struct pt_regs *regs, uint32_t i)
{
	return (uint64_t *)((uint8_t *)regs + agent_arg_at(i));
}
static_assert(offsetof(struct pt_regs, rdi) == 14 * 8 && offsetof(struct pt_regs, r10) == 7 * 8,
	      "agent_arg_at()");

static bool get(void *to, uint64_t from, size_t n)
{
	return from && !agent_copy_here(to, (const void *)from, n);
}

static bool put(uint64_t to, const void *from, size_t n)
{
	return to && !agent_copy_here((void *)to, from, n);
}

struct signal_call {
	uint16_t nr;
	uint8_t arg;  /* the mask or action */
	uint8_t size; /* ...and its size; by a pair of both where it is the same argument */
	/* Fills the row, and says what the argument is to be: false, as it is. */
	bool (*begin)(struct pt_regs *regs, const struct signal_call *c, struct agent_swap *s,
		      uint64_t *value);
	void (*end)(struct pt_regs *regs, struct agent_swap *s); /* or NULL */
};

static bool begin_wait(struct pt_regs *regs, const struct signal_call *c, struct agent_swap *s,
		       uint64_t *value)
{
	const bool paired = c->size == c->arg;
	uint64_t pair[2] = { *value, *arg(regs, c->size) };

	if ((paired && !get(pair, *value, sizeof(pair))) || pair[1] != 8 ||
	    !get(&s->mask, pair[0], sizeof(s->mask)) || !(s->mask & FAULTS))
		return false;
	s->mask &= ~FAULTS;
	s->pair[0] = (uintptr_t)&s->mask;
	s->pair[1] = 8;
	*value = paired ? (uintptr_t)s->pair : (uintptr_t)&s->mask;
	return true;
}

static bool begin_mask(struct pt_regs *regs, const struct signal_call *c, struct agent_swap *s,
		       uint64_t *value)
{
	const uint32_t held = held_by(agent_thread_row(false));
	uint64_t mask = 0;
	uint32_t faults;

	if (regs->r10 != 8 || (*value && !get(&mask, *value, sizeof(mask))))
		return false;
	faults = faults_in(mask);
	if (!faults && !held)
		return false;
	s->old_at = regs->rdx;
	s->held[0] = s->held[1] = held;
	if (!*value)
		return true;
	if (regs->rdi == SIG_BLOCK)
		s->held[1] |= faults;
	else if (regs->rdi == SIG_UNBLOCK)
		s->held[1] &= ~faults;
	else
		s->held[1] = faults;
	s->mask = mask & ~FAULTS;
	*value = (uintptr_t)&s->mask;
	return true;
}

static void end_mask(struct pt_regs *regs, struct agent_swap *s)
{
	uint64_t old;

	if (s->held[0] && get(&old, s->old_at, sizeof(old))) {
		old |= mask_of(s->held[0]);
		put(s->old_at, &old, sizeof(old));
	}
	if (s->held[0] != s->held[1])
		hold(s->held[1]);
}

/* Does the child have the memory of who made it, but actions of its own? */
static bool is_borrower(void)
{
	return atomic_load(&agent_process.lent) && agent_child.pid &&
	       (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0) != agent_child.pid;
}

static bool begin_action(struct pt_regs *regs, const struct signal_call *c, struct agent_swap *s,
			 uint64_t *value)
{
	const int sig = (int)regs->rdi, fault = agent_fault_of(sig);
	struct agent_act act = { 0 };

	if (regs->r10 != 8 || sig < 1 || sig > 64 || (*value && !get(&act, *value, sizeof(act))) ||
	    (fault < 0 && !(act.mask & FAULTS) && !agent_process.masked[sig]))
		return false;
	s->old_at = regs->rdx;
	s->held[0] = agent_process.masked[sig];
	if (fault >= 0)
		s->old = *agent_act_of(fault);
	if (!*value)
		return true;
	if (fault < 0) {
		agent_process.masked[sig] = (uint8_t)(is_handler(&act) ? faults_in(act.mask) : 0);
		s->act = act;
		s->act.mask &= ~FAULTS;
	} else if (is_borrower()) {
		*value = 0; /* until it becomes another program, which begins with its defaults */
		return true;
	} else {
		act.mask &= ~(BIT(SIGKILL) | BIT(SIGSTOP));
		agent_act_set(fault, &act);
		s->act = ours(fault, &act);
	}
	*value = (uintptr_t)&s->act;
	return true;
}

static void end_action(struct pt_regs *regs, struct agent_swap *s)
{
	const int fault = agent_fault_of((int)regs->rdi);
	struct agent_act old;

	if (fault >= 0) {
		put(s->old_at, &s->old, sizeof(s->old));
	} else if (s->held[0] && get(&old, s->old_at, sizeof(old))) {
		old.mask |= mask_of(s->held[0]);
		put(s->old_at, &old, sizeof(old));
	}
}

/*
 * The handler of a call that was trapped returns to where the program thinks that it made it, and
 * SIGSYS is held back no more.
 */
static bool begin_return(struct pt_regs *regs, const struct signal_call *c, struct agent_swap *s,
			 uint64_t *value)
{
	const uint64_t frame = regs->rsp - 8;
	struct agent_thread *t = agent_thread_row(false);
	const int fault = agent_fault_of(SIGSYS);

	agent_untrapped(frame);
	if (t && t->frame[fault].at == frame) {
		t->frame[fault].at = 0;
		hold(held_by(t) & ~(1u << fault));
	}
	return false;
}

static const struct signal_call calls[] = {
#define SIGNAL_CALL(name, arg, size, begin, end) { SYS_##name, arg, size, begin, end },
#include "agent/signals.def"
#undef SIGNAL_CALL
};

static const struct signal_call *call_of(int64_t nr)
{
	const struct signal_call *c = calls;

	while (c->nr != nr)
		c++;
	return c;
}

void agent_signal_enter(struct pt_regs *regs, int64_t nr)
{
	const struct signal_call *c = call_of(nr);
	struct agent_swap *s = NULL;
	uint64_t value;

	if (atomic_load_explicit(&agent_process.guarded, memory_order_relaxed))
		s = claim(regs, nr);
	if (!s)
		return;
	s->arg = c->arg;
	value = s->was = *arg(regs, c->arg);
	if (c->begin(regs, c, s, &value))
		*arg(regs, c->arg) = value;
	else
		drop(s);
}

void agent_signal_exit(struct pt_regs *regs, int64_t nr)
{
	const struct signal_call *c = call_of(nr);
	struct agent_swap *s = rows_find(ROWS(agent_process.swap), regs->rsp);

	if (!s)
		return;
	if (s->nr == nr) {
		*arg(regs, s->arg) = s->was;
		if (c->end && !regs->rax)
			c->end(regs, s);
	}
	drop(s);
}

/* --- results ---------------------------------------------------------------------------------- */

/* One that does nothing is made instead, so that the thread goes the way that it always goes. */
bool agent_replace(struct pt_regs *regs, int64_t nr, uint64_t result)
{
	struct agent_swap *s = claim(regs, nr);

	if (!s)
		return false;
	s->arg = SWAP_RESULT;
	s->was = result;
	atomic_store(&agent_process.replaced, true);
	regs->rax = SYS_getpid;
	return true;
}

void agent_replaced(struct pt_regs *regs, int64_t nr)
{
	struct agent_swap *s;

	if (likely(!atomic_load_explicit(&agent_process.replaced, memory_order_relaxed)))
		return;
	s = rows_find(ROWS(agent_process.swap), regs->rsp);
	if (!s || s->arg != SWAP_RESULT)
		return;
	if (s->nr == nr)
		regs->rax = s->was;
	drop(s);
}

/* --- beginning and end -------------------------------------------------------------------------
 */

int agent_guard(void)
{
	struct agent_act act = { 0 };

	if (atomic_load(&agent_process.guarded))
		return 0;
	for (int sig = 1; sig <= 64; sig++) {
		const int fault = agent_fault_of(sig);

		if (kernels(sig, NULL, &act))
			continue;
		if (fault >= 0) {
			agent_act_set(fault, &act);
			install(fault);
		} else if (is_handler(&act) && act.mask & FAULTS) {
			agent_process.masked[sig] = (uint8_t)faults_in(act.mask);
			act.mask &= ~FAULTS;
			kernels(sig, &act, NULL);
		}
	}
	atomic_store(&agent_process.guarded, true);
	atomic_store(&helper_copy, agent_copy);
	return 0;
}

int agent_unguard(void)
{
	struct agent_act act = { 0 };

	if (!atomic_exchange(&agent_process.guarded, false))
		return 0;
	atomic_store(&helper_copy, NULL);
	for (int i = 0; i < AGENT_FAULTS; i++)
		kernels(agent_fault_signal[i], agent_act_of(i), NULL);
	for (int sig = 1; sig <= 64; sig++) {
		if (!agent_process.masked[sig] || kernels(sig, NULL, &act))
			continue;
		act.mask |= mask_of(agent_process.masked[sig]);
		kernels(sig, &act, NULL);
		agent_process.masked[sig] = 0;
	}
	return 0;
}

void agent_signal_again(void)
{
	struct agent_act act = { 0 };

	for (int i = 0; i < AGENT_FAULTS && atomic_load(&agent_process.guarded); i++) {
		if (kernels(agent_fault_signal[i], NULL, &act) || is_handler(&act))
			continue;
		if (!is_borrower())
			agent_act_set(i, &act);
		install(i);
	}
}

/* What is ignored stays so in the new program. */
void agent_signal_exec(bool failed)
{
	for (int i = 0; i < AGENT_FAULTS; i++) {
		if (!atomic_load(&agent_process.guarded) ||
		    agent_act_of(i)->handler != (uintptr_t)SIG_IGN)
			continue;
		if (failed)
			install(i);
		else
			kernels(agent_fault_signal[i], agent_act_of(i), NULL);
	}
}
