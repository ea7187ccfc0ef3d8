/* SPDX-License-Identifier: BSD-2-Clause */
/* known.c - see known.h */
#include "core/known.h"

_Atomic int64_t known_positions[KNOWN_FDS];
atomic_bool known_on;

void known_start(void)
{
	atomic_store(&known_on, true);
}

void known_forget(unsigned first, unsigned last)
{
	if (!atomic_load_explicit(&known_on, memory_order_relaxed))
		return;
	for (unsigned fd = first; fd <= MIN(last, KNOWN_FDS - 1); fd++)
		if (atomic_load_explicit(&known_positions[fd], memory_order_relaxed))
			atomic_store_explicit(&known_positions[fd], 0, memory_order_relaxed);
}
