/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage.c - local storage of tasks (kernel/bpf/bpf_task_storage.c): the helpers.  The elements
 * are map/storage.c's.
 *
 * A task is one of those that the run's slot holds (task.h).  Who it really is takes a look into
 * /proc, which a thread takes once for itself.
 */
#include "map/storage.h"
#include "helper/helper_int.h"
#include "helper/task.h"

/* The thread's own identity, if it ever asked: a fork has another thread id. */
static _Thread_local uint64_t own __attribute__((tls_model("initial-exec")));

static uint64_t own_identity(const struct skep_run *run, uint32_t tid)
{
	if (run->as)
		return run->as->identity;
	if (unlikely(!storage_is_of(own, tid)))
		own = storage_task(tid);
	return own;
}

/* The identity of a task of this run; 0: it is none, or is gone. */
static uint64_t identity(const struct skep_run *run, const struct skep_task *t)
{
	const struct task_slot *s = (const struct task_slot *)run->vcpu->task;
	uint32_t tid;

	if (t != &s->self && t != &s->leader && t != &s->parent)
		return 0;
	tid = (uint32_t)t->pid;
	return tid == (uint32_t)s->self.pid ? own_identity(run, tid) : storage_task(tid);
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
	return RET(owner ? storage_delete(PTR(r1), &owner) : -ENOENT);
}
