/* SPDX-License-Identifier: BSD-2-Clause */
/* lock.c - the slow path of lock.h.  Hot. */
#include "hive/lock.h"
#include "base/sys.h"

#include <sys/syscall.h>

#define SPINS_BEFORE_YIELD 128

bool lock_is_left(const struct vcpus *v, uint32_t word)
{
	const uint32_t cpu = lock_cpu(word);

	if (!v || word == LOCK_KERNEL || word == 0)
		return false;
	if (cpu == VCPU_NONE || cpu >= v->nr)
		return true;
	/* Acquire: what the run did before it ended is seen by who takes over. */
	atomic_thread_fence(memory_order_acquire);
	return lock_word(v, cpu) != word;
}

bool lock_wait(struct spinlock *l, const struct vcpus *v, uint32_t word)
{
	for (unsigned spins = 0;; spins++) {
		uint32_t seen = atomic_load_explicit(&l->word, memory_order_relaxed);
		const bool left = lock_is_left(v, seen);

		if ((!seen || left) &&
		    atomic_compare_exchange_strong_explicit(
			    &l->word, &seen, word, memory_order_acquire, memory_order_relaxed))
			return left;
		if (spins < SPINS_BEFORE_YIELD)
			cpu_relax();
		else
			sys_call6(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	}
}
