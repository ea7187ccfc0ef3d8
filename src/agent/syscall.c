/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syscall.c - what stubs call before and behind a system call: the programs of its number.
 *
 * Nothing of ours is on the thread's stack while it waits in the kernel.  So where the number is
 * not the site's own it is kept in a table by the stack pointer, which is the thread's and does not
 * change; a child that begins there on a new stack finds no row, nor does who comes to the end of
 * a call that another one's row has taken the place of.
 */
#include "agent/agent_int.h"
#include "agent/rows.h"
#include "base/sys.h"

#include <asm/ptrace.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* --- calls of the agent's own concern --------------------------------------------------------- */

const uint8_t agent_calls[HIVE_SYSCALLS] = {
	[SYS_execve] = AGENT_CALL_EXECS,       [SYS_execveat] = AGENT_CALL_EXECS,
	[SYS_fork] = AGENT_CALL_MAKES,	       [SYS_vfork] = AGENT_CALL_MAKES,
	[SYS_clone] = AGENT_CALL_MAKES,	       [SYS_clone3] = AGENT_CALL_MAKES,
	[SYS_prctl] = AGENT_CALL_FILTERS,      [SYS_seccomp] = AGENT_CALL_FILTERS,
	[SYS_mmap] = AGENT_CALL_MAPS,	       [SYS_mprotect] = AGENT_CALL_MAPS,
	[SYS_pkey_mprotect] = AGENT_CALL_MAPS,
#define SIGNAL_CALL(name, arg, size, begin, end) [SYS_##name] = AGENT_CALL_SIGNALS,
#include "agent/signals.def"
#undef SIGNAL_CALL
};

static inline uint8_t kind_of(int64_t nr)
{
	return (uint64_t)nr < HIVE_SYSCALLS ? agent_calls[nr] : 0;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void remember(uint64_t sp, uint64_t nr)
{
	struct agent_call *row = rows_take(ROWS(agent_process.call), sp);

	/* Of those that never came back, or wait: the first goes. */
	if (!row) {
		row = rows_place(ROWS(agent_process.call), sp, 0);
		atomic_store(&row->sp, sp);
	}
	row->nr = nr;
}

static int64_t recall(uint64_t sp)
{
	struct agent_call *row = rows_find(ROWS(agent_process.call), sp);
	const int64_t nr = row ? (int64_t)row->nr : -1;

	if (row)
		atomic_store_explicit(&row->sp, 0, memory_order_relaxed);
	return nr;
}

/* --- contexts --------------------------------------------------------------------------------- */

/* Registers of the kernel's own function, whose argument is where the caller's are. */
static void *call_ctx(const struct hit *h, struct sys_ctx *c)
{
	struct pt_regs *call = (struct pt_regs *)c->call;

	static_assert(sizeof(c->call) == sizeof(*call), "room for them");
	memset(call, 0, sizeof(*call));
	call->rdi = (uintptr_t)h->regs;
	call->orig_rax = UINT64_MAX;
	if (h->side == HIVE_EXIT)
		call->rax = ((const struct pt_regs *)h->regs)->rax;
	return call;
}

/* Its argument, and what it returned, if it has. */
static void *func_ctx(const struct hit *h, struct sys_ctx *c)
{
	const struct pt_regs *regs = h->regs;

	c->func.n = 1;
	c->func.arg[0] = (uintptr_t)regs;
	c->func.arg[1] = h->side == HIVE_EXIT ? regs->rax : 0;
	return c->func.arg;
}

/* What a field takes to fill is most of what such a call costs: so none that nobody looks at. */
void agent_sys_ctx(const struct hit *h, struct sys_ctx *c, void *ret[_HIVE_CTX])
{
	const struct pt_regs *regs = h->regs;

	c->record[0] = 0;
	c->record[1] = (uint64_t)h->nr;
	c->raw[0] = (uintptr_t)regs;
	if (h->side == HIVE_EXIT) {
		c->record[2] = c->raw[1] = regs->rax;
	} else {
		c->raw[1] = (uint64_t)h->nr;
		c->record[2] = regs->rdi;
		c->record[3] = regs->rsi;
		c->record[4] = regs->rdx;
		c->record[5] = regs->r10;
		c->record[6] = regs->r8;
		c->record[7] = regs->r9;
	}
	c->user = (struct run_frame){ .ip = regs->rip, .fp = regs->rbp, .sp = regs->rsp };
	/* Before it becomes another program a child of vfork() runs in its parent's memory. */
	c->tgid = kind_of(h->nr) & AGENT_CALL_EXECS
			  ? (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0)
			  : 0;
	ret[HIVE_RAW] = c->raw;
	ret[HIVE_RECORD] = c->record;
	ret[HIVE_CALL] = h->probes->ctxs & 1u << HIVE_CALL ? call_ctx(h, c) : NULL;
	if (unlikely(h->probes->ctxs & (1u << HIVE_FUNC | 1u << HIVE_MODIFY)))
		ret[HIVE_FUNC] = ret[HIVE_MODIFY] = func_ctx(h, c);
}

/* --- the stubs' ---------------------------------------------------------------------------------
 */

static const _Atomic(const struct hive_probes *) *list_of(enum hive_side side, int64_t nr)
{
	const struct hive_syscalls *all =
		(const struct hive_syscalls *)(uintptr_t)agent_process.meta->syscalls;
	const uint64_t row = MIN((uint64_t)nr, (uint64_t)HIVE_SYSCALLS);

	return &all->probes[side][row];
}

/* Where programs said so, what comes of the call instead of it. */
static bool run(struct pt_regs *regs, enum hive_side side, int64_t nr, uint64_t *ret_result)
{
	const _Atomic(const struct hive_probes *) *list = list_of(side, nr);
	struct hit h;

	if (!atomic_load_explicit(list, memory_order_relaxed))
		return false;
	hit_begin(&h, regs);
	h.side = side;
	h.nr = nr;
	agent_run_call(&h, list);
	*ret_result = h.acts.result;
	return h.acts.overrides;
}

#define FAILED(rax) ((rax) > (uint64_t)-4096)

/* What a call that makes a thread or a process says of it: flags, and where its stack begins. */
void agent_read_clone(const struct pt_regs *regs, int64_t nr, struct task_call *ret)
{
	const long me = sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
	struct clone_args a = { 0 };
	const struct iovec to = { &a, CLONE_ARGS_SIZE_VER0 };
	const struct iovec from = { (void *)regs->rdi, CLONE_ARGS_SIZE_VER0 };

	if (nr == SYS_clone3)
		sys_call6(SYS_process_vm_readv, me, (long)&to, 1, (long)&from, 1, 0);
	if (nr == SYS_clone)
		a = (struct clone_args){ .flags = regs->rdi, .stack = regs->rsi };
	if (nr == SYS_vfork)
		a.flags = CLONE_VM | CLONE_VFORK;
	ret->flags = a.flags;
	ret->sp = a.stack ? a.stack + a.stack_size : regs->rsp;
}

static bool is_lent(uint64_t flags)
{
	return flags & CLONE_VM && !(flags & CLONE_THREAD);
}

/* A child of vfork() gives the memory back before its parent goes on; others may never. */
static void take_back(const struct pt_regs *regs, uint64_t flags)
{
	uint32_t n = atomic_load(&agent_process.lent);

	if (!is_lent(flags) || (!(flags & CLONE_VFORK) && !FAILED(regs->rax)))
		return;
	while (n && !atomic_compare_exchange_weak(&agent_process.lent, &n, n - 1))
		;
}

/* The thread is about to make a thread or a process. */
static void begin_task(const struct pt_regs *regs, int64_t nr)
{
	struct task_call call;

	agent_read_clone(regs, nr, &call);
	if (call.flags & CLONE_CLEAR_SIGHAND)
		atomic_store(&agent_process.clears, true);
	agent_expect(&call);
	if (is_lent(call.flags))
		atomic_fetch_add(&agent_process.lent, 1);
}

/* Behind it parent and child come; what the call was given may be gone by then for the child. */
static void made_task(struct pt_regs *regs, int64_t nr)
{
	struct task_call call = { .sp = regs->rsp };

	if (regs->rax)
		agent_read_clone(regs, nr, &call);
	else if (unlikely(atomic_load_explicit(&agent_process.clears, memory_order_relaxed)))
		agent_signal_again();
	agent_born(regs, &call);
	if (regs->rax)
		take_back(regs, call.flags);
}

/* What the agent itself has to do before it, whoever looks. */
static void begin(struct pt_regs *regs, int64_t nr, uint8_t kind)
{
	if (kind & AGENT_CALL_EXECS) {
		agent_signal_exec(false);
		agent_follow(nr == SYS_execve ? regs->rdi : regs->rsi,
			     nr == SYS_execve ? AT_FDCWD : (int)regs->rdi);
	}
	if (kind & AGENT_CALL_MAKES)
		begin_task(regs, nr);
	if (kind & AGENT_CALL_SIGNALS)
		agent_signal_enter(regs, nr);
	if (kind & AGENT_CALL_FILTERS)
		agent_filter_enter(regs, nr);
}

/* Text that was mapped has system calls too, and so has what was made at run time. */
static void mapped(const struct pt_regs *regs, int64_t nr)
{
	const bool is_text = nr == SYS_mmap && !(regs->r10 & MAP_ANONYMOUS);

	if (!(regs->rdx & PROT_EXEC) || FAILED(regs->rax))
		return;
	if (is_text || agent_dispatch_lacks(nr == SYS_mmap ? regs->rax : regs->rdi, regs->rsi))
		agent_loaded();
}

/* ...and behind it. */
static void end(const struct pt_regs *regs, int64_t nr, uint8_t kind)
{
	if (kind & AGENT_CALL_MAPS)
		mapped(regs, nr);
	if (kind & AGENT_CALL_EXECS) {
		agent_signal_exec(true);
		agent_stays();
	}
}

/* Programs see the registers as Linux has them by then: of what they show nothing is restored. */
void agent_sys_enter(void *where, uint64_t cookie)
{
	struct pt_regs *regs = where;
	const uint64_t rax = regs->rax;
	const int64_t nr = cookie == HIVE_ANY ? (int32_t)rax : (int64_t)cookie;
	const uint8_t kind = kind_of(nr);
	uint64_t result;
	bool other;

	if (cookie == HIVE_ANY)
		remember(regs->rsp, (uint64_t)nr);
	if (unlikely(agent_muted(&agent_process))) {
		if (kind & AGENT_CALL_SIGNALS)
			agent_signal_enter(regs, nr);
		return;
	}
	regs->orig_rax = (uint64_t)nr;
	regs->rip += 2;
	regs->rax = (uint64_t)-ENOSYS;
	other = run(regs, HIVE_ENTER, nr, &result);
	regs->rax = rax;
	if (unlikely(other) && agent_replace(regs, nr, result))
		return;
	if (unlikely(agent_events_on()))
		agent_process_enter(regs, nr);
	if (unlikely(kind))
		begin(regs, nr, kind);
}

/* Who was in it when the jumps came had no beginning, and has no end. */
void agent_sys_exit(void *where, uint64_t cookie)
{
	struct pt_regs *regs = where;
	const int64_t nr = cookie == HIVE_ANY ? recall(regs->rsp) : (int64_t)cookie;
	const uint8_t kind = kind_of(nr);
	uint64_t result;

	/* Who is born is not told by a number that it does not know. */
	if (unlikely(atomic_load_explicit(&agent_process.dispatch.size, memory_order_relaxed)) &&
	    !regs->rax && (nr < 0 || kind & AGENT_CALL_MAKES))
		agent_dispatch_here();
	agent_replaced(regs, nr);
	if (unlikely(kind & AGENT_CALL_SIGNALS))
		agent_signal_exit(regs, nr);
	if (unlikely(kind & AGENT_CALL_FILTERS))
		agent_filter_exit(regs, nr);
	if (nr < 0 || agent_muted(&agent_process))
		return;
	regs->orig_rax = (uint64_t)nr;
	if (unlikely(kind & AGENT_CALL_MAKES))
		made_task(regs, nr);
	else if (unlikely(agent_events_on()))
		agent_process_exit(regs, nr);
	run(regs, HIVE_EXIT, nr, &result);
	if (unlikely(kind))
		end(regs, nr, kind);
}

/*
 * The thread unmaps its stack, and ends: all is told while it has one.  What programs write into
 * registers, or would have instead of the calls, is nobody's any more.
 */
void agent_sys_last(void *where, uint64_t cookie)
{
	struct pt_regs regs = *(struct pt_regs *)where;

	agent_sys_enter(&regs, SYS_munmap);
	regs.rax = 0;
	agent_sys_exit(&regs, SYS_munmap);
	regs.rax = SYS_exit;
	regs.rdi = 0;
	regs.rip = ((struct pt_regs *)where)->rip + cookie;
	agent_sys_enter(&regs, SYS_exit);
}
