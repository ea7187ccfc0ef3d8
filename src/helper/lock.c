/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.c - bpf_res_spin_lock: a lock that says when it cannot be had (kernel/bpf/rqspinlock.c).
 *
 * The word is hive/lock.h's: a run that ended has left its locks.
 * Who waits says so in its slot, so two runs that each hold what the other waits for see that.
 */
#include "hive/lock.h"
#include "helper/helper_int.h"

#define TIMEOUT 250000000u /* nanoseconds, as the kernel's RES_DEF_TIMEOUT */

static uint64_t now(void)
{
	struct timespec t = { 0 };

	helper_clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Does the holder wait for a lock that we hold? */
static bool waits_for_us(const struct vcpus *v, uint32_t holder, uint32_t mine)
{
	const uint32_t cpu = lock_cpu(holder);
	_Atomic uint32_t *other;

	if (!v || cpu >= v->nr)
		return false;
	/* Its memory is there: nothing is freed under the run that waits, nor under ours. */
	other = atomic_load(&v->slot[cpu].waits);
	return other && atomic_load(other) == mine;
}

static long wait_for(const struct skep_run *run, struct spinlock *lock, uint32_t mine)
{
	const uint64_t since = now();

	for (unsigned spins = 0; !lock_try(lock, run->env->vcpus, run->cpu); spins++) {
		if (waits_for_us(run->env->vcpus, atomic_load(&lock->word), mine))
			return -EDEADLK;
		if (spins % 128 < 127) {
			cpu_relax();
			continue;
		}
		if (now() - since > TIMEOUT)
			return -ETIMEDOUT;
		sys_rest();
	}
	return 0;
}

KFUNC_FN(bpf_res_spin_lock)
{
	const uint32_t mine = lock_word(run->env->vcpus, run->cpu);
	struct spinlock *lock = PTR(r1);
	long err;

	if (likely(lock_try(lock, run->env->vcpus, run->cpu)))
		return 0;
	if (atomic_load(&lock->word) == mine)
		return RET(-EDEADLK);
	atomic_store(&run->vcpu->waits, &lock->word);
	err = wait_for(run, lock, mine);
	atomic_store(&run->vcpu->waits, NULL);
	return RET(err);
}

KFUNC_FN(bpf_res_spin_unlock)
{
	spin_unlock(PTR(r1));
	return 0;
}

/* A run has no interrupts to keep away. */
KFUNC_FN(bpf_res_spin_lock_irqsave)
{
	*(uint64_t *)PTR(r2) = 0;
	return kfunc_bpf_res_spin_lock(r1, 0, 0, 0, 0, run);
}

KFUNC_FN(bpf_res_spin_unlock_irqrestore)
{
	return kfunc_bpf_res_spin_unlock(r1, 0, 0, 0, 0, run);
}
