/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer_queue.h - which of many timers expires first: a heap, in memory of the kernel's own that is
 * reserved for as many as there can be.
 *
 * A timer is known by its row, and stands in a queue once.
 */
#ifndef SKEP_CORE_TIMER_QUEUE_H
#define SKEP_CORE_TIMER_QUEUE_H

#include "base/base.h"

struct timer_entry {
	int64_t expires;
	uint32_t row;
};

struct timer_queue {
	struct timer_entry *heap; /* [n], the first to expire at 0; its children at 2i+1, 2i+2 */
	uint32_t n;
	uint32_t *at; /* by row: where in heap it is, + 1; 0: nowhere */
	uint32_t max; /* rows */
};

/** For rows below max: 0 or -ENOMEM. */
int timer_queue_init(struct timer_queue *q, uint32_t max);
void timer_queue_fini(struct timer_queue *q);
/** The row expires then, whatever it did before. */
void timer_queue_put(struct timer_queue *q, uint32_t row, int64_t expires);
/** It does not any more. */
void timer_queue_drop(struct timer_queue *q, uint32_t row);
/** The first to expire, or NULL. */
static inline const struct timer_entry *timer_queue_first(const struct timer_queue *q)
{
	return q->n ? q->heap : NULL;
}

#endif
