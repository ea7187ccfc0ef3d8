/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rows.h - rows of the process that a thread finds again by a number of its own: which thread it
 * is, or its stack pointer, which does not change while it waits in the kernel, where nothing of
 * ours is on its stack.
 *
 *	array | set 0: row, row, ... row | set 1: ... |
 *
 * A row begins with the number; 0: it is free.
 *
 * A row is in one of the ROWS_SET places of its set.  Nobody waits for anybody: who wants one takes
 * it by a compare-and-exchange.  Hot.
 */
#ifndef SKEP_AGENT_ROWS_H
#define SKEP_AGENT_ROWS_H

#include "base/base.h"

#include <stdatomic.h>

#define ROWS_SET 8

struct rows {
	uint8_t *at;
	size_t n, size;
};
#define ROWS(array) ((struct rows){ (uint8_t *)(array), ARRAY_SIZE(array), sizeof((array)[0]) })

#define ROWS_INLINE static inline __attribute__((always_inline))

/** Place i of the number's set. */
ROWS_INLINE void *rows_place(struct rows r, uint64_t number, size_t i)
{
	const uint64_t hash = number * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	return r.at + (hash % (r.n / ROWS_SET) * ROWS_SET + i) * r.size;
}

/** The row that has the number; NULL: none does. */
ROWS_INLINE void *rows_find(struct rows r, uint64_t number)
{
	for (size_t i = 0; i < ROWS_SET; i++) {
		_Atomic uint64_t *row = rows_place(r, number, i);

		if (atomic_load_explicit(row, memory_order_relaxed) == number)
			return row;
	}
	return NULL;
}

/** The row that has it, or a free one, which has it from now on; NULL: all are others'. */
ROWS_INLINE void *rows_take(struct rows r, uint64_t number)
{
	void *ret = rows_find(r, number);

	for (size_t i = 0; !ret && i < ROWS_SET; i++) {
		_Atomic uint64_t *row = rows_place(r, number, i);
		uint64_t nobodys = 0;

		if (atomic_load_explicit(row, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_strong(row, &nobodys, number))
			ret = row;
	}
	return ret;
}

#endif
