/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.h - a spin lock of one word, for hot rooms and for bpf_spin_lock in map values.
 *
 * Fits in the four bytes of struct bpf_spin_lock.  The holder never sleeps, so spinning is short;
 * where it has no CPU, a waiter rests.  For the kernel's own data: what members of a hive
 * lock too has the locks of hive/lock.h, which outlive their holders.
 */
#ifndef SKEP_BASE_LOCK_H
#define SKEP_BASE_LOCK_H

#include "base/base.h"

#include <stdatomic.h>

struct spinlock {
	_Atomic uint32_t word; /* 0 free, 1 held */
};

/* Out of line: waits until the lock may be free (lock.c). */
void spinlock_wait(struct spinlock *l);

/* Pairs with the release in spin_unlock. */
static inline bool spin_trylock(struct spinlock *l)
{
	return !atomic_exchange_explicit(&l->word, 1, memory_order_acquire);
}

static inline void spin_lock(struct spinlock *l)
{
	while (unlikely(!spin_trylock(l)))
		spinlock_wait(l);
}

static inline void spin_unlock(struct spinlock *l)
{
	atomic_store_explicit(&l->word, 0, memory_order_release);
}

#endif
