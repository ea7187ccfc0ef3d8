/* SPDX-License-Identifier: BSD-2-Clause */
/* timer_queue.c - see timer_queue.h */
#include "core/timer_queue.h"

#include <sys/mman.h>

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int timer_queue_init(struct timer_queue *q, uint32_t max)
{
	q->max = max;
	q->heap = reserve(max * sizeof(*q->heap));
	q->at = reserve(max * sizeof(*q->at));
	return q->heap && q->at ? 0 : -ENOMEM;
}

void timer_queue_fini(struct timer_queue *q)
{
	if (q->heap)
		munmap(q->heap, q->max * sizeof(*q->heap));
	if (q->at)
		munmap(q->at, q->max * sizeof(*q->at));
	*q = (struct timer_queue){ 0 };
}

static void place(struct timer_queue *q, uint32_t i, struct timer_entry e)
{
	q->heap[i] = e;
	q->at[e.row] = i + 1;
}

/* Where e belongs, if i is a hole: moves what is in the way. */
static void settle(struct timer_queue *q, uint32_t i, struct timer_entry e)
{
	for (uint32_t up; i > 0 && e.expires < q->heap[up = (i - 1) / 2].expires; i = up)
		place(q, i, q->heap[up]);
	for (uint32_t down; (down = 2 * i + 1) < q->n; i = down) {
		if (down + 1 < q->n && q->heap[down + 1].expires < q->heap[down].expires)
			down++;
		if (e.expires <= q->heap[down].expires)
			break;
		place(q, i, q->heap[down]);
	}
	place(q, i, e);
}

void timer_queue_put(struct timer_queue *q, uint32_t row, int64_t expires)
{
	if (!q->at[row])
		q->at[row] = ++q->n;
	settle(q, q->at[row] - 1, (struct timer_entry){ expires, row });
}

void timer_queue_drop(struct timer_queue *q, uint32_t row)
{
	const uint32_t at = q->at[row];

	if (!at)
		return;
	q->at[row] = 0;
	if (at != q->n--)
		settle(q, at - 1, q->heap[q->n]);
}
