/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage.c - local storage of tasks, cgroups and sockets (kernel/bpf/bpf_task_storage.c,
 * bpf_cgrp_storage.c, net/core/bpf_sk_storage.c): the helpers.  The elements are map/storage.c's.
 *
 * A task is one of those that the run's room for it holds (task.h).  Who it really is takes a look
 * into /proc, which is remembered for a while.  A cgroup is one that the task is in (cgroup.h), a
 * socket that of the run's packet (prog/ctx_skb.h).
 */
#include "map/storage.h"
#include "helper/helper_int.h"
#include "helper/task.h"
#include "prog/ctx_skb.h"

/* Of a thread of this process: asked once a second. */
static uint64_t remembered(uint32_t tid)
{
	const uint64_t now = clock_ns(CLOCK_MONOTONIC_COARSE);
	__typeof__(&helper_process->task[0]) t = &helper_process->task[tid % OWN_TASKS];
	uint64_t identity = atomic_load_explicit(&t->identity, memory_order_relaxed);

	if (storage_is_of(identity, tid) &&
	    now - atomic_load_explicit(&t->since, memory_order_relaxed) < OWN_TASKS_FRESH)
		return identity;
	identity = storage_task(tid);
	atomic_store_explicit(&t->since, now, memory_order_relaxed);
	atomic_store_explicit(&t->identity, identity, memory_order_relaxed);
	return identity;
}

uint64_t task_identity(struct skep_run *run)
{
	const uint32_t tid = task_tid(run);

	if (run->as)
		return run->as->identity;
	return helper_process ? remembered(tid) : storage_task(tid);
}

/* The identity of a task of this run; 0: it is none, or is gone. */
static uint64_t identity(struct skep_run *run, const struct skep_task *t)
{
	const struct task_slot *s = (const struct task_slot *)run->task;
	uint32_t tid;

	if (t != &s->self && t != &s->leader && t != &s->parent)
		return 0;
	tid = (uint32_t)t->pid;
	return tid == (uint32_t)s->self.pid ? task_identity(run) : storage_task(tid);
}

HELPER_FN(task_storage_get)
{
	uint64_t owner;

	if (r4 & ~(uint64_t)BPF_LOCAL_STORAGE_GET_F_CREATE || !r2)
		return 0;
	owner = identity(run, PTR(r2));
	return owner ? (uintptr_t)storage_get(PTR(r1), &owner, PTR(r3), r4, run->cpu) : 0;
}

HELPER_FN(task_storage_delete)
{
	uint64_t owner;

	if (!r2)
		return RET(-EINVAL);
	owner = identity(run, PTR(r2));
	return RET(owner ? storage_delete(PTR(r1), &owner, run->cpu) : -ENOENT);
}

/* --- cgroups ---------------------------------------------------------------------------------- */

HELPER_FN(cgrp_storage_get)
{
	uint64_t owner[2];

	if (r4 & ~(uint64_t)BPF_LOCAL_STORAGE_GET_F_CREATE || !cgroup_owner(run, r2, owner))
		return 0;
	return (uintptr_t)storage_get(PTR(r1), owner, PTR(r3), r4, run->cpu);
}

HELPER_FN(cgrp_storage_delete)
{
	uint64_t owner[2];

	if (!r2)
		return RET(-EINVAL);
	return RET(cgroup_owner(run, r2, owner) ? storage_delete(PTR(r1), owner, run->cpu)
						: -ENOENT);
}

/* --- sockets ---------------------------------------------------------------------------------- */

HELPER_FN(sk_storage_get)
{
	struct skb_sock *sk = PTR(r2);

	if (!sk || r4 > BPF_SK_STORAGE_GET_F_CREATE)
		return 0;
	sk->stored |= r4;
	return (uintptr_t)storage_get(PTR(r1), &sk->cookie, PTR(r3), r4, run->cpu);
}

HELPER_FN(sk_storage_delete)
{
	const struct skb_sock *sk = PTR(r2);

	return RET(sk ? storage_delete(PTR(r1), &sk->cookie, run->cpu) : -EINVAL);
}

/* It is no small one (of a connection that begins, or waits for its end)... */
HELPER_FN(sk_fullsock)
{
	return r1;
}

/* ...and none of TCP. */
HELPER_FN(tcp_sock)
{
	return 0;
}
