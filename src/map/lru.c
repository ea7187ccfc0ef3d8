/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lru.c - which element an LRU hash gives up (the part of kernel/bpf/bpf_lru_list.c).
 *
 * A clock: the hand walks over the element array; an element that a program has looked up since
 * the hand last passed gets another round, the first other one goes.  A new element is behind
 * the hand and so the last to be looked at, which makes this approximately least recently used
 * without lists and without a lock of its own.  The work per eviction is bounded: after
 * LRU_SCANS second chances the next element goes whatever its mark says.
 *
 * Spares and free elements are met too; they are in no bucket and are passed by.
 */
#include "base/sys.h"
#include "map/hash_int.h"

#include <sys/syscall.h>
#include <time.h>

#define LRU_SCANS 128
/*
 * How long it waits for those who have elements in hand.  They have two at most; where there are
 * more elements than that, and all of them were looked at, somebody else has written there.
 */
#define LRU_WAIT_NS	20000000
#define LRU_WAIT_FEW_NS 250000000

bool hash_unlink_elem(const struct hash *h, struct bucket *b, uint32_t e, uint32_t cpu)
{
	uint64_t tags = atomic_load_explicit(&b->tags, memory_order_relaxed) & TAG_TOPS;
	_Atomic uint32_t *link;
	uint32_t left = h->total, n;

	for (; tags; tags &= tags - 1) {
		uint32_t s = tag_slot(tags);

		if (atomic_load_explicit(&b->slot[s], memory_order_relaxed) != e)
			continue;
		hash_unlink(h, b, (struct hash_pos){ e, s, &b->slot[s] }, cpu);
		return true;
	}
	for (link = &b->overflow; (n = atomic_load_explicit(link, memory_order_relaxed)) && left--;
	     link = &hash_elem(h, n)->next) {
		if (n != e)
			continue;
		hash_unlink(h, b, (struct hash_pos){ e, BUCKET_SLOTS, link }, cpu);
		return true;
	}
	return false;
}

/* The element under the hand.  Two threads may get the same one: only one unlinks it. */
static uint32_t hand_next(const struct hash *h)
{
	uint32_t n = atomic_load_explicit(&h->sh->hand, memory_order_relaxed);

	n = n < h->total ? n + 1 : 1;
	atomic_store_explicit(&h->sh->hand, n, memory_order_relaxed);
	return n;
}

static int64_t now(void)
{
	struct timespec t = { 0 };

	sys_call6(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&t, 0, 0, 0, 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Lets others run; false where that was so for long enough.  *until: 0 at the first time. */
static bool wait_more(const struct hash *h, int64_t *until)
{
	const bool few = h->total <= 4 * (h->nr_cpus + 1);
	const int64_t at = now();

	*until = *until ? *until : at + (few ? LRU_WAIT_FEW_NS : LRU_WAIT_NS);
	sys_rest();
	return at < *until;
}

uint32_t lru_take(struct hash *h, uint32_t cpu)
{
	const uint64_t all = LRU_SCANS + 2 * (uint64_t)h->total;
	int64_t until = 0;

	/* When nothing is free, all but a few elements are in buckets, unless others wrote there.
	 */
	for (uint64_t scans = 0; scans <= all || wait_more(h, &until); scans++) {
		uint32_t n = hash_take(h, cpu);
		struct bucket *b;
		struct elem *e;
		bool ours;

		if (n)
			return n;
		n = hand_next(h);
		e = hash_elem(h, n);
		if (scans < LRU_SCANS && atomic_load_explicit(&e->ref, memory_order_relaxed)) {
			atomic_store_explicit(&e->ref, 0, memory_order_relaxed);
			continue;
		}
		/* The hash may be stale: then e is not in that bucket. */
		b = hash_bucket(h, atomic_load_explicit(&e->hash, memory_order_relaxed));
		bucket_lock(h, b, cpu);
		ours = hash_unlink_elem(h, b, n, cpu);
		spin_unlock(&b->lock);
		if (ours) {
			atomic_store_explicit(&h->sh->row[hash_row_of(h, cpu)].taken, n,
					      memory_order_relaxed);
			return n;
		}
	}
	return 0;
}
