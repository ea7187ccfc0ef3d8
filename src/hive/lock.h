/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.h - locks that outlive who holds them: the word of a lock names the run that holds it.
 *
 *	0			     free
 *	LOCK_KERNEL		     held by the kernel's own threads (bpf(2)), which do not die
 *	epoch / 2 << 12 | 2 + cpu    held by that run of that vCPU
 *
 * A run ends when the vCPU's epoch goes on, whether it ended itself or was ended, because its
 * thread died (server/).  Who waits for a lock whose run has ended takes it over, and hears of it:
 * what the lock guards may be as no unlock would leave it.  Nothing is recorded when a lock is
 * taken.  A word that no run of ours could have written is taken over as well, and the kernel's
 * after two seconds, in a hive, where members can write it.
 *
 * Fits in the four bytes of struct bpf_spin_lock, as base/lock.h, which has the unlock.  Hot.
 */
#ifndef SKEP_HIVE_LOCK_H
#define SKEP_HIVE_LOCK_H

#include "base/lock.h"
#include "hive/vcpu.h"

#define LOCK_KERNEL    UINT32_C(1)
#define LOCK_FIRST_CPU UINT32_C(2)
#define LOCK_CPU_BITS  12

/** What the run on that vCPU, or the kernel for VCPU_NONE, writes into its locks. */
static inline uint32_t lock_word(const struct vcpus *v, uint32_t cpu)
{
	if (cpu == VCPU_NONE)
		return LOCK_KERNEL;
	return (LOCK_FIRST_CPU + cpu) |
	       (v ? (uint32_t)(atomic_load_explicit(&v->slot[cpu].epoch, memory_order_relaxed) / 2)
				<< LOCK_CPU_BITS
		  : 0);
}

/** The vCPU whose run such a word names; VCPU_NONE: none. */
static inline uint32_t lock_cpu(uint32_t word)
{
	const uint32_t cpu = word % (1u << LOCK_CPU_BITS);

	return cpu < LOCK_FIRST_CPU ? VCPU_NONE : cpu - LOCK_FIRST_CPU;
}

/** Has the run that such a word names ended without unlocking?  v NULL: never. */
bool lock_is_left(const struct vcpus *v, uint32_t word);

/* Out of line: waits for the lock and takes it; true where it was left. */
bool lock_wait(struct spinlock *l, const struct vcpus *v, uint32_t word);

/**
 * Takes the lock for the run on that vCPU: true where a run that ended had left it.
 * v: whose runs take it; NULL: of no hive, where nobody dies.
 */
static inline bool lock_take(struct spinlock *l, const struct vcpus *v, uint32_t cpu)
{
	const uint32_t word = lock_word(v, cpu);
	uint32_t unowned = 0;

	/* Pairs with the release in spin_unlock. */
	if (likely(atomic_compare_exchange_strong_explicit(
		    &l->word, &unowned, word, memory_order_acquire, memory_order_relaxed)))
		return false;
	return lock_wait(l, v, word);
}

/** The same where it is free, or was left: false where another run holds it. */
static inline bool lock_try(struct spinlock *l, const struct vcpus *v, uint32_t cpu)
{
	uint32_t seen = atomic_load_explicit(&l->word, memory_order_relaxed);

	return (!seen || lock_is_left(v, seen)) &&
	       atomic_compare_exchange_strong_explicit(&l->word, &seen, lock_word(v, cpu),
						       memory_order_acquire, memory_order_relaxed);
}

#endif
