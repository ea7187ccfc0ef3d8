/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task.c - who runs the program, and where.
 *
 * The ids of thread and process are asked once in a run, and what only /proc knows now and then
 * (process.c).  Nothing else is remembered: the thread may have changed its user or its name since.
 * A run for another process says whose it is (run->as), and no more is known of it.
 */
#include "helper/task.h"
#include "helper/files.h"
#include "helper/helper_int.h"
#include "map/storage.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define TASK_COMM_LEN 16

static uint32_t ask(long nr)
{
	return (uint32_t)sys_call6(nr, 0, 0, 0, 0, 0, 0);
}

void task_comm(const struct skep_run *run, char comm[TASK_COMM_LEN])
{
	if (run->as) {
		memcpy(comm, run->as->comm, TASK_COMM_LEN);
		return;
	}
	memset(comm, 0, TASK_COMM_LEN);
	sys_call6(SYS_prctl, PR_GET_NAME, (long)comm, 0, 0, 0, 0);
}

static uint32_t ask_tgid(void)
{
	uint32_t tgid = helper_process
				? atomic_load_explicit(&helper_process->tgid, memory_order_relaxed)
				: 0;

	if (!tgid) {
		tgid = ask(SYS_getpid);
		if (helper_process)
			atomic_store_explicit(&helper_process->tgid, tgid, memory_order_relaxed);
	}
	return tgid;
}

uint32_t task_tgid(struct skep_run *run)
{
	if (!run->tgid)
		run->tgid = ask_tgid();
	return run->tgid;
}

/* tgid << 32 | tid of the thread that runs. */
static uint64_t own_ids(struct skep_run *run)
{
	if (!run->tid)
		run->tid = ask(SYS_gettid);
	return (uint64_t)task_tgid(run) << 32 | run->tid;
}

/* The same of the task whose run it is. */
static uint64_t task_ids(struct skep_run *run)
{
	return run->as ? (uint64_t)run->as->tgid << 32 | run->as->tid : own_ids(run);
}

uint32_t task_tid(struct skep_run *run)
{
	return (uint32_t)task_ids(run);
}

HELPER_FN(get_current_pid_tgid)
{
	return task_ids(run);
}

/* Device and inode of the namespace of process ids that the process is in. */
static bool own_namespace(uint64_t ret[2])
{
	struct stat st = { 0 };

	if (sys_call6(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/ns/pid", (long)&st, 0, 0, 0))
		return false;
	ret[0] = st.st_dev;
	ret[1] = st.st_ino;
	return true;
}

HELPER_FN(get_ns_current_pid_tgid)
{
	struct bpf_pidns_info *to = PTR(r3);
	const uint64_t ids = task_ids(run);
	uint64_t ns[2];

	if ((uint32_t)r4 == sizeof(*to) && own_namespace(ns) && ns[0] == r1 && ns[1] == r2) {
		*to = (struct bpf_pidns_info){ .pid = (uint32_t)ids,
					       .tgid = (uint32_t)(ids >> 32) };
		return 0;
	}
	memset(to, 0, (uint32_t)r4);
	return RET(-EINVAL);
}

HELPER_FN(get_func_ip)
{
	return run->func;
}

HELPER_FN(get_current_uid_gid)
{
	if (run->as)
		return (uint64_t)run->as->gid << 32 | run->as->uid;
	return (uint64_t)ask(SYS_getgid) << 32 | ask(SYS_getuid);
}

HELPER_FN(get_current_comm)
{
	uint32_t size = (uint32_t)r2;
	char comm[TASK_COMM_LEN], *dst = PTR(r1);
	uint32_t n = MIN(size, TASK_COMM_LEN);

	if (!size)
		return 0;
	task_comm(run, comm);
	memcpy(dst, comm, n);
	memset(dst + n, 0, size - n);
	dst[n - 1] = '\0';
	return 0;
}

static void fill_cred(struct skep_cred *c, const struct run_task *as)
{
	if (as) {
		c->uid = c->euid = c->suid = c->fsuid = as->uid;
		c->gid = c->egid = c->sgid = c->fsgid = as->gid;
		return;
	}
	sys_call6(SYS_getresuid, (long)&c->uid, (long)&c->euid, (long)&c->suid, 0, 0, 0);
	sys_call6(SYS_getresgid, (long)&c->gid, (long)&c->egid, (long)&c->sgid, 0, 0, 0);
	/* The file system's ids can be asked for by setting them to what is never valid. */
	c->fsuid = (uint32_t)sys_call6(SYS_setfsuid, -1, 0, 0, 0, 0, 0);
	c->fsgid = (uint32_t)sys_call6(SYS_setfsgid, -1, 0, 0, 0, 0, 0);
}

/* /proc counts from boot on, sleep included, in ticks of USER_HZ. */
static void fill_start(struct skep_task *t, uint64_t identity)
{
	if (!identity)
		return;
	t->start_boottime = (identity >> STORAGE_TID_BITS) * (1000000000u / 100);
	t->start_time = t->start_boottime - (clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC));
}

static void fill_pid(struct skep_task *t, struct skep_pid *pid)
{
	*pid = (struct skep_pid){ .numbers[0].nr = t->pid };
	t->thread_pid = pid;
}

static void fill_namespaces(struct task_slot *s)
{
	struct skep_ns *at[TASK_NS];
	uint32_t inum[TASK_NS];

	process_namespaces((uint32_t)s->self.pid, inum);
	for (int i = 0; i < TASK_NS; i++) {
		s->ns[i] = (struct skep_ns){ .inum = inum[i] };
		at[i] = inum[i] ? &s->ns[i] : NULL;
	}
	s->ns[NS_PID_FOR_CHILDREN].level = inum[NS_PID_FOR_CHILDREN] != inum[NS_PID];
	s->nsproxy = (struct skep_nsproxy){
		.uts_ns = at[NS_UTS],
		.ipc_ns = at[NS_IPC],
		.mnt_ns = at[NS_MNT],
		.pid_ns_for_children = at[NS_PID_FOR_CHILDREN],
		.net_ns = at[NS_NET],
		.time_ns = at[NS_TIME],
		.time_ns_for_children = at[NS_TIME_FOR_CHILDREN],
		.cgroup_ns = at[NS_CGROUP],
	};
	s->self_pid.numbers[0].ns = s->leader_pid.numbers[0].ns = at[NS_PID];
	s->self.nsproxy = &s->nsproxy;
}

static void fill_task(struct task_slot *s, struct skep_run *run)
{
	int32_t ppid = (int32_t)(run->as ? run->as->ppid : ask(SYS_getppid));
	uint64_t ids = task_ids(run);
	struct skep_task *t = &s->self;

	memset(s, 0, offsetof(struct task_slot, self_pid));
	fill_cred(&s->cred, run->as);
	s->parent.pid = s->parent.tgid = ppid;
	s->parent.group_leader = &s->parent;
	fill_pid(&s->parent, &s->parent_pid);

	t->pid = (int32_t)ids;
	t->tgid = (int32_t)(ids >> 32);
	t->exit_code = run->exit_code;
	fill_start(t, task_identity(run));
	t->real_parent = t->parent = &s->parent;
	t->real_cred = t->cred = &s->cred;
	task_comm(run, t->comm);
	t->mm = run->as ? NULL : process_mm(run);
	t->files = run->as ? NULL : PTR(FILES_AT);
	t->cgroups = PTR(CGROUPS_AT);
	s->leader = *t;
	s->leader.pid = t->tgid;
	fill_pid(t, &s->self_pid);
	fill_pid(&s->leader, &s->leader_pid);
	if (!run->as)
		fill_namespaces(s);
	if (t->pid != t->tgid) {
		/* Its own name is not known, nor since when it is. */
		memset(s->leader.comm, 0, sizeof(s->leader.comm));
		s->leader.start_time = s->leader.start_boottime = 0;
	}
	s->leader.group_leader = &s->leader;
	t->group_leader = t->pid == t->tgid ? t : &s->leader;
}

struct skep_task *task_current(struct skep_run *run)
{
	struct task_slot *s = (struct task_slot *)run->task;

	/* Once a run: the region's row remembers that it is filled. */
	if (!run_region_has(run, (uintptr_t)s, sizeof(*s))) {
		fill_task(s, run);
		run_region_add(run, s, sizeof(*s));
	}
	return &s->self;
}

struct skep_task *task_other(struct skep_run *run, const struct run_task *from)
{
	struct task_slot *s = (struct task_slot *)run->task;
	struct skep_task *self = task_current(run), *t = &s->other;

	*t = (struct skep_task){ .pid = (int32_t)from->tid, .tgid = (int32_t)from->tgid };
	fill_pid(t, &s->other_pid);
	memcpy(t->comm, from->comm, sizeof(t->comm));
	t->group_leader = t->tgid == self->tgid ? self->group_leader : t;
	if (from->ppid == (uint32_t)self->tgid)
		t->real_parent = t->parent = self->group_leader;
	else if (from->ppid == (uint32_t)s->parent.tgid)
		t->real_parent = t->parent = &s->parent;
	if (from->ppid)
		t->real_cred = t->cred = &s->cred; /* a child's are its parent's */
	return t;
}

HELPER_FN(get_current_task)
{
	return (uintptr_t)task_current(run);
}

HELPER_FN(get_attach_cookie)
{
	return run->cookie;
}

HELPER_FN(get_smp_processor_id)
{
	return run->cpu;
}

HELPER_FN(get_numa_node_id)
{
	uint32_t node = 0;

	sys_call6(SYS_getcpu, 0, (long)&node, 0, 0, 0, 0);
	return node;
}

/* xorshift128+ on the slot's own state: no atomics, no two runs share it. */
HELPER_FN(get_prandom_u32)
{
	uint64_t *s = run->vcpu->prandom;
	uint64_t a = s[0], b = s[1];

	s[0] = b;
	a ^= a << 23;
	s[1] = a ^ b ^ a >> 18 ^ b >> 5;
	return (uint32_t)((s[1] + b) >> 32);
}
