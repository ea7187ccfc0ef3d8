/* SPDX-License-Identifier: BSD-2-Clause */
/* lock.c - the slow path of lock.h.  Hot. */
#include "hive/lock.h"
#include "base/sys.h"

#include <sys/syscall.h>
#include <time.h>

#define SPINS_BEFORE_REST 128
#define KERNEL_NS	  2000000000u /* as long as a run may stand still (server/reaper.c) */

bool lock_is_left(const struct vcpus *v, uint32_t word)
{
	const uint32_t cpu = lock_cpu(word);

	if (!v || word == LOCK_KERNEL || word == 0)
		return false;
	if (cpu == VCPU_NONE || cpu >= v->nr)
		return true;
	/*
	 * Acquire: what the run did before it ended is seen by who takes over.  A run that ended
	 * has gone on to the next epoch before its slot was free; where it has not, somebody wrote
	 * over the owner.
	 */
	atomic_thread_fence(memory_order_acquire);
	return lock_word(v, cpu) != word ||
	       !atomic_load_explicit(&v->slot[cpu].owner, memory_order_acquire);
}

static uint64_t now(void)
{
	struct timespec t = { 0 };

	sys_call6(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&t, 0, 0, 0, 0);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/*
 * Is it the kernel's, and has been for so long that no thread of the kernel has it?  Members can
 * write that too.  *since: when it was first seen, 0: it was not.
 */
static bool is_nobodys(const struct vcpus *v, uint32_t word, uint64_t *since)
{
	if (!v || !v->bell || word != LOCK_KERNEL) {
		*since = 0;
		return false;
	}
	*since = *since ? *since : now();
	return now() - *since > KERNEL_NS;
}

bool lock_wait(struct spinlock *l, const struct vcpus *v, uint32_t word)
{
	uint64_t since = 0;
	bool left = false;

	for (unsigned spins = 0;; spins++) {
		uint32_t seen = atomic_load_explicit(&l->word, memory_order_relaxed);

		left = lock_is_left(v, seen) ||
		       (spins >= SPINS_BEFORE_REST && is_nobodys(v, seen, &since));

		if ((!seen || left) &&
		    atomic_compare_exchange_strong_explicit(
			    &l->word, &seen, word, memory_order_acquire, memory_order_relaxed))
			return left;
		if (spins < SPINS_BEFORE_REST)
			cpu_relax();
		else
			sys_rest();
	}
}
