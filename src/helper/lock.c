/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.c - bpf_res_spin_lock: a lock that says when it cannot be had (kernel/bpf/rqspinlock.c).
 *
 *	word: 0 free, 1 held by bpf(2) for a while, FIRST_CPU + n held by the run on CPU n
 *
 * Who waits says so in its slot, so two runs that each hold what the other waits for see that.
 */
#include "base/lock.h"
#include "helper/helper_int.h"

#include <sys/syscall.h>

#define FIRST_CPU 2u
#define TIMEOUT	  250000000u /* nanoseconds, as the kernel's RES_DEF_TIMEOUT */

static uint64_t now(void)
{
	struct timespec t = { 0 };

	helper_clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool try_lock(_Atomic uint32_t *lock, uint32_t mine, uint32_t *ret_holder)
{
	*ret_holder = 0;
	/* Acquire pairs with the release of the unlock. */
	return atomic_compare_exchange_strong_explicit(lock, ret_holder, mine, memory_order_acquire,
						       memory_order_relaxed);
}

/* Does the holder wait for a lock that we hold? */
static bool waits_for_us(const struct skep_run *run, uint32_t holder, uint32_t mine)
{
	const struct vcpu *slots = run->vcpu - run->vcpu->id;
	_Atomic uint32_t *other;

	if (holder < FIRST_CPU)
		return false;
	/* Its memory is there: nothing is freed under the run that waits, nor under ours. */
	other = atomic_load(&slots[holder - FIRST_CPU].waits);
	return other && atomic_load(other) == mine;
}

static long wait_for(const struct skep_run *run, _Atomic uint32_t *lock, uint32_t mine)
{
	const uint64_t since = now();
	uint32_t holder;

	for (unsigned spins = 0; !try_lock(lock, mine, &holder); spins++) {
		if (waits_for_us(run, holder, mine))
			return -EDEADLK;
		if (spins % 128 < 127) {
			cpu_relax();
			continue;
		}
		if (now() - since > TIMEOUT)
			return -ETIMEDOUT;
		sys_call6(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	}
	return 0;
}

KFUNC_FN(bpf_res_spin_lock)
{
	const uint32_t mine = FIRST_CPU + run->cpu;
	_Atomic uint32_t *lock = PTR(r1);
	uint32_t holder;
	long err;

	if (try_lock(lock, mine, &holder))
		return 0;
	if (holder == mine)
		return RET(-EDEADLK);
	atomic_store(&run->vcpu->waits, lock);
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
