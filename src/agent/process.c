/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.c - events of processes, where members come to them: births, ends, names; and the table
 * of tasks (hive/site.h), by which each birth and each end is told once.
 *
 *	clone(2) ─▶ parent ─┐ who is here first tells of the birth, on behalf of the parent;
 *	        └─▶ child ──┘ the other one waits ─▶ ... ─▶ exit(2): tells of its end
 *	                                             └──▶ killed: who waits for it tells, or the
 *							  server (hook/ends.c)
 *
 * So nothing of a child is seen before its birth, also where vfork(2) keeps the parent waiting.  A
 * child that tells of itself finds who made it by its stack pointer.
 */
#include "agent/agent_int.h"
#include "base/sys.h"
#include "helper/event.h"
#include "map/storage.h"

#include <asm/ptrace.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

static const struct hive_events *events(void)
{
	return (const struct hive_events *)(uintptr_t)agent_process.meta->events;
}

uint32_t agent_events_on(void)
{
	const struct hive_events *e = events();

	return e ? atomic_load_explicit(&e->on, memory_order_relaxed) : 0;
}

const struct hive_site *agent_event_site(enum hive_event what)
{
	return &events()->site[what];
}

/* --- the table -------------------------------------------------------------------------------- */

static struct skep_map *tasks(void)
{
	return (struct skep_map *)(uintptr_t)agent_process.meta->tasks;
}

static struct hive_task *task_row(uint32_t tid, uint32_t cpu)
{
	return tasks()->ops->lookup(tasks(), &tid, cpu);
}

/* Of end and meeting the later one forgets the task. */
static void mark(struct hive_task *t, uint32_t tid, uint32_t bit, uint32_t other, uint32_t cpu)
{
	if (atomic_fetch_or(&t->state, bit) & other)
		tasks()->ops->delete (tasks(), &tid, cpu);
}

void agent_self(struct run_task *ret)
{
	*ret = (struct run_task){
		.tid = (uint32_t)sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0),
		.tgid = (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0),
		.ppid = (uint32_t)sys_call6(SYS_getppid, 0, 0, 0, 0, 0, 0),
		.uid = (uint32_t)sys_call6(SYS_getuid, 0, 0, 0, 0, 0, 0),
		.gid = (uint32_t)sys_call6(SYS_getgid, 0, 0, 0, 0, 0, 0),
	};
	sys_call6(SYS_prctl, PR_GET_NAME, (long)ret->comm, 0, 0, 0, 0);
}

/* --- births ----------------------------------------------------------------------------------- */

struct birth {
	struct run_task parent, child;
	uint64_t flags;
	bool met;		/* the parent tells */
	struct hive_task *wait; /* the row, where the other one was first */
};

static struct agent_birth *birth_row(uint64_t sp)
{
	const uint64_t hash = (sp >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	return &agent_process.birth[hash % AGENT_BIRTHS];
}

/*
 * What was left there by whom makes the task with that stack; false: nothing.  The child takes it:
 * it may come later than its parent.
 */
static bool read_birth(uint64_t sp, bool take, struct birth *ret)
{
	struct agent_birth *b = birth_row(sp);
	const struct agent_birth copy = { .flags = b->flags, .parent = b->parent };
	uint64_t is = sp;

	if (!atomic_compare_exchange_strong(&b->sp, &is, take ? 0 : sp))
		return false;
	ret->parent = copy.parent;
	ret->flags = copy.flags;
	return true;
}

void agent_expect(const struct task_call *c)
{
	struct agent_birth *b = birth_row(c->sp);
	uint64_t had = atomic_load(&b->sp);

	if (!(agent_events_on() & HIVE_TASKS_ON))
		return;
	/* 1: another thread writes there; else nobody comes for it any more, or the parent tells.
	 */
	if (had == 1 || !atomic_compare_exchange_strong(&b->sp, &had, 1))
		return;
	agent_self(&b->parent);
	b->parent.identity = storage_task(b->parent.tid);
	b->flags = c->flags;
	atomic_store(&b->sp, c->sp);
}

/* The row of a task that nobody has told of yet, ours to tell; NULL: there is none. */
static struct hive_task *claim(struct skep_run *run, struct birth *b)
{
	const struct run_task *c = &b->child;
	struct hive_task new = { .state = b->met ? HIVE_TASK_MET : 0,
				 .tgid = c->tgid,
				 .ppid = c->ppid,
				 .uid = c->uid,
				 .gid = c->gid,
				 .by = b->parent.tid,
				 .flags = b->flags & ~(uint64_t)CSIGNAL };
	struct hive_task *row;
	long err;

	memcpy(new.comm, c->comm, sizeof(new.comm));
	err = tasks()->ops->update(tasks(), &c->tid, &new, BPF_NOEXIST, run->cpu);
	row = task_row(c->tid, run->cpu);
	if (!err)
		return row;
	b->wait = row;
	if (row && b->met)
		mark(row, c->tid, HIVE_TASK_MET, HIVE_TASK_GONE, run->cpu);
	return NULL;
}

#define TOLD_LOOKS 20 /* of 5 ms: who tells may be killed meanwhile */

/* False: nobody has. */
static bool wait_until_told(_Atomic uint32_t *state)
{
	const struct timespec t = { .tv_nsec = 5000000 };
	uint32_t is = atomic_load(state);

	for (int i = 0; i < TOLD_LOOKS && !(is & (HIVE_TASK_TOLD | HIVE_TASK_GONE)); i++) {
		sys_call6(SYS_futex, (long)state, FUTEX_WAIT, is, (long)&t, 0, 0);
		is = atomic_load(state);
	}
	return is & (HIVE_TASK_TOLD | HIVE_TASK_GONE);
}

static void tell_birth(struct skep_run *run, void *arg)
{
	struct birth *b = arg;
	const uint32_t on = agent_events_on();
	struct hive_task *row = claim(run, b);

	if (!row)
		return;
	if (b->child.tid == b->child.tgid)
		agent_ring_births();
	run->as = &b->parent;
	if (on & 1u << HIVE_NEWTASK)
		event_newtask(run, agent_event_site(HIVE_NEWTASK), &b->child, row->flags);
	atomic_fetch_or(&row->state, HIVE_TASK_NEW);
	if (on & 1u << HIVE_FORK)
		event_fork(run, agent_event_site(HIVE_FORK), &b->child);
	atomic_fetch_or(&row->state, HIVE_TASK_TOLD);
	sys_call6(SYS_futex, (long)&row->state, FUTEX_WAKE, 1, 0, 0, 0);
}

/* In place of who was killed before it could. */
static void tell_late(struct skep_run *run, void *arg)
{
	const struct birth *b = arg;
	struct hive_task *row = task_row(b->child.tid, run->cpu);

	if (row)
		event_late_birth(run, events(), row, b->child.tid);
}

/* A child knows since when it is; who made it, it may not know. */
static void tell_own_birth(struct skep_run *run, void *arg)
{
	struct birth *b = arg;
	struct hive_task *row;

	if (b->parent.tid)
		tell_birth(run, b);
	row = task_row(b->child.tid, run->cpu);
	if (!row)
		return;
	row->identity = storage_task(b->child.tid);
	b->wait = row;
}

void agent_born(struct pt_regs *regs, const struct task_call *c)
{
	struct birth b = { .flags = c->flags, .met = regs->rax != 0 };
	bool left;

	if (!(agent_events_on() & HIVE_TASKS_ON))
		return;
	left = read_birth(c->sp, !b.met, &b);
	/* A child in namespaces of its own has a number there that nobody else knows. */
	if (regs->rax > (uint64_t)-4096 || (!b.met && b.flags & CLONE_NEWPID))
		return;
	if (!left && b.met)
		agent_self(&b.parent);
	b.child = b.parent;
	b.child.identity = 0;
	b.child.tid =
		b.met ? (uint32_t)regs->rax : (uint32_t)sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);
	if (!(b.flags & CLONE_THREAD)) {
		b.child.tgid = b.child.tid;
		b.child.ppid = b.flags & CLONE_PARENT ? b.parent.ppid : b.parent.tgid;
	}
	agent_tell(regs, b.met ? tell_birth : tell_own_birth, &b);
	if (b.wait && !wait_until_told(&b.wait->state))
		agent_tell(regs, tell_late, &b);
}

/* --- ends ------------------------------------------------------------------------------------- */

/* As task_struct has it: below 100 for who runs in real time. */
static int32_t priority(void)
{
	struct sched_attr a = { 0 };

	if (sys_call6(SYS_sched_getattr, 0, (long)&a, sizeof(a), 0, 0, 0) < 0)
		return 120;
	if (a.sched_policy == SCHED_DEADLINE)
		return -1;
	if (a.sched_policy == SCHED_FIFO || a.sched_policy == SCHED_RR)
		return 99 - (int32_t)a.sched_priority;
	return 120 + a.sched_nice;
}

struct ending {
	uint32_t tgid;
	int32_t code;
	bool group; /* other threads end too, without a word */
};

static uint64_t note_code(void *arg, const void *key, void *value)
{
	const struct ending *e = arg;
	struct hive_task *row = value;

	if (row->tgid == e->tgid) {
		row->code = e->code;
		atomic_fetch_or(&row->state, HIVE_TASK_CODE);
	}
	return 0;
}

static void tell_end(struct skep_run *run, void *arg)
{
	const uint32_t tid = (uint32_t)sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);
	struct hive_task *row = task_row(tid, run->cpu);
	struct ending *e = arg;

	run->exit_code = e->code;
	event_exit(run, agent_event_site(HIVE_EXIT_TASK), priority());
	if (e->group)
		tasks()->ops->for_each(tasks(), run->cpu, note_code, e);
	if (row)
		mark(row, tid, HIVE_TASK_GONE, HIVE_TASK_MET, run->cpu);
}

/* The folder has a link of each thread's, and two of its own. */
static bool is_alone(void)
{
	struct stat st = { 0 };

	return sys_call6(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/task", (long)&st, 0, 0, 0) ||
	       st.st_nlink <= 3;
}

static void ends(struct pt_regs *regs, int64_t nr)
{
	struct ending e = { .tgid = (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0),
			    .code = (int32_t)(regs->rdi & 0xff) << 8 };

	if (!(agent_events_on() & HIVE_TASKS_ON))
		return;
	e.group = nr == SYS_exit_group && !is_alone();
	agent_tell(regs, tell_end, &e);
}

/* A child that was killed, and all of its threads: who waits for it learns how. */
struct waited {
	uint32_t tgid;
	int32_t code;
	struct skep_run *run;
};

static uint64_t tell_killed(void *arg, const void *key, void *value)
{
	const struct waited *w = arg;
	struct hive_task *row = value, t;
	uint32_t tid, had;

	if (row->tgid != w->tgid)
		return 0;
	memcpy(&tid, key, sizeof(tid));
	memcpy(&t, row, sizeof(t));
	had = atomic_fetch_or(&row->state, HIVE_TASK_GONE);
	if (!(had & HIVE_TASK_GONE))
		event_killed(w->run, events(), &t, tid, w->code, 120);
	if (had & HIVE_TASK_MET)
		tasks()->ops->delete (tasks(), &tid, w->run->cpu);
	return 0;
}

static void tell_waited(struct skep_run *run, void *arg)
{
	struct waited *w = arg;

	/* Nobody's any more, if it told itself. */
	if (!task_row(w->tgid, run->cpu))
		return;
	w->run = run;
	tasks()->ops->for_each(tasks(), run->cpu, tell_killed, w);
}

static bool read_here(uint64_t at, void *to, size_t n)
{
	const long me = sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
	const struct iovec local = { to, n }, remote = { (void *)(uintptr_t)at, n };

	return at &&
	       sys_call6(SYS_process_vm_readv, me, (long)&local, 1, (long)&remote, 1, 0) == (long)n;
}

/* What the call says of a child that is gone; false: of none, or not how. */
static bool read_wait(const struct pt_regs *regs, int64_t nr, struct waited *ret)
{
	siginfo_t info = { 0 };
	int32_t status = 0;

	if (nr == SYS_wait4) {
		if ((int64_t)regs->rax <= 0 || !read_here(regs->rsi, &status, sizeof(status)))
			return false;
		*ret = (struct waited){ .tgid = (uint32_t)regs->rax, .code = status };
		return WIFEXITED(status) || WIFSIGNALED(status);
	}
	if (regs->rax || !read_here(regs->rdx, &info, sizeof(info)))
		return false;
	*ret = (struct waited){ .tgid = (uint32_t)info.si_pid, .code = info.si_status };
	if (info.si_code == CLD_EXITED)
		ret->code <<= 8;
	if (info.si_code == CLD_DUMPED)
		ret->code |= 0x80;
	return info.si_code == CLD_EXITED || info.si_code == CLD_KILLED ||
	       info.si_code == CLD_DUMPED;
}

void agent_process_exit(struct pt_regs *regs, int64_t nr)
{
	struct waited w;

	if ((nr == SYS_wait4 || nr == SYS_waitid) && agent_events_on() & HIVE_TASKS_ON &&
	    read_wait(regs, nr, &w))
		agent_tell(regs, tell_waited, &w);
}

/* --- names ------------------------------------------------------------------------------------ */

static void tell_name(struct skep_run *run, void *arg)
{
	const uint32_t on = agent_events_on();
	struct hive_task *row = on & HIVE_TASKS_ON ? task_row(task_tid(run), run->cpu) : NULL;

	if (on & 1u << HIVE_RENAME)
		event_rename(run, agent_event_site(HIVE_RENAME), arg);
	if (row)
		memcpy(row->comm, arg, sizeof(row->comm));
}

/* As the call will read it; what cannot be read changes nothing. */
static bool read_name(uint64_t at, char ret[16])
{
	const long me = sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
	const struct iovec to = { ret, 15 }, from = { (void *)(uintptr_t)at, 15 };
	const long n = sys_call6(SYS_process_vm_readv, me, (long)&to, 1, (long)&from, 1, 0);
	long len = 0;

	while (len < n && ret[len])
		len++;
	if (n <= 0 || (len == n && n < 15))
		return false;
	memset(ret + len, 0, (size_t)(16 - len));
	return true;
}

static void renames(struct pt_regs *regs, int64_t nr)
{
	char name[16] = "";

	if (regs->rdi == PR_SET_NAME && read_name(regs->rsi, name))
		agent_tell(regs, tell_name, name);
}

/* --- other programs --------------------------------------------------------------------------- */

static void tell_exec(struct skep_run *run, void *arg)
{
	const struct agent_exec *e = arg;
	const uint32_t on = agent_events_on();
	struct run_task before;
	char name[16];

	if (on & 1u << HIVE_RENAME) {
		agent_self(&before);
		memcpy(name, before.comm, sizeof(name));
		memcpy(before.comm, e->comm, sizeof(before.comm));
		before.identity = storage_task(before.tid);
		run->as = &before;
		event_rename(run, agent_event_site(HIVE_RENAME), name);
		run->as = NULL;
		run_region_drop(run, run->task); /* its name is another one now */
	}
	if (on & 1u << HIVE_EXEC)
		event_exec(run, agent_event_site(HIVE_EXEC), e->old_pid, e->path);
}

void agent_became(void *regs, uint64_t exec)
{
	agent_tell(regs, tell_exec, (void *)(uintptr_t)exec);
}

/* --- system calls ----------------------------------------------------------------------------- */

static const struct {
	int32_t nr;
	void (*fn)(struct pt_regs *regs, int64_t nr);
} before[] = {
	{ SYS_exit, ends },
	{ SYS_exit_group, ends },
	{ SYS_prctl, renames },
	{ SYS_kill, agent_generates },
	{ SYS_tkill, agent_generates },
	{ SYS_tgkill, agent_generates },
	{ SYS_rt_sigqueueinfo, agent_generates },
	{ SYS_rt_tgsigqueueinfo, agent_generates },
	{ SYS_pidfd_send_signal, agent_generates },
};

void agent_process_enter(struct pt_regs *regs, int64_t nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if (before[i].nr == nr)
			before[i].fn(regs, nr);
}
