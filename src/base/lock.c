/* SPDX-License-Identifier: BSD-2-Clause */
/* lock.c - the slow path of lock.h.  Hot: no libc, and what rests is a bare system call. */
#include "base/lock.h"
#include "base/sys.h"

#define SPINS_BEFORE_REST 128

void spinlock_wait(struct spinlock *l)
{
	unsigned spins = 0;

	while (atomic_load_explicit(&l->word, memory_order_relaxed)) {
		if (++spins < SPINS_BEFORE_REST)
			cpu_relax();
		else
			sys_rest();
	}
}
