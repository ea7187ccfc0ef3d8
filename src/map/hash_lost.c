/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_lost.c - elements of a large hash that are nowhere, as somebody wrote over the head of a
 * list or a bucket's tags: they are found, and free again.  Cold.
 *
 * Nothing is held for long, so elements move while they are looked for, and one that is not met may
 * have gone where the search had been.  It takes two rounds:
 *
 *	1	who is in no hand, no bucket and no list gets a mark for its holder
 *	2	who is met loses it; who moved has lost it, as each move is by a hand; who has it
 * still was in one place all the time, and that is none
 *
 * Lists change at their heads alone.  The walk through one rests at an element that it marks too:
 * while the mark is there, so is all that comes behind.
 */
#include "base/alloc.h"
#include "map/hash_int.h"

#define STEPS 8192 /* elements of a list, with its lock held: some 100 us */

struct hash_lost {
	uint32_t fresh;	 /* elements up to there are looked for */
	uint32_t row;	 /* whose list is walked; nr_cpus + 1: all were */
	uint32_t cursor; /* the walk rests there; 0: it begins */
	uint64_t left;	 /* steps that lists may still take */
	bool marked;	 /* the second round */
	uint8_t met[];	 /* a bit for each */
};

void hash_lost_free(struct skep_map *m)
{
	skep_free(m->lost);
	m->lost = NULL;
}

void hash_lost_begin(struct skep_map *m)
{
	const struct hash *h = m->priv;
	const uint32_t fresh = MIN(atomic_load(&h->sh->fresh), h->total);
	struct hash_lost *l = m->lost;

	/* A second round is about those of the first. */
	if (!l)
		l = skep_alloc(sizeof(*l) + fresh / 8 + 1);
	if (!l)
		return;
	if (l->marked)
		memset(l->met, 0, l->fresh / 8 + 1);
	else
		l->fresh = fresh;
	l->row = l->cursor = 0;
	l->left = (uint64_t)h->total * 2;
	m->lost = l;
}

void hash_lost_meet(struct skep_map *m, uint32_t n)
{
	struct hash_lost *l = m->lost;

	if (l && n <= l->fresh)
		l->met[n / 8] |= (uint8_t)(1u << n % 8);
}

/* Some steps through the list of a row, whose lock is held; false: there are more. */
static bool walk_list(struct skep_map *m, struct hash_lost *l)
{
	const struct hash *h = m->priv;
	struct hash_row *r = &h->sh->row[l->row];
	uint32_t n = atomic_load(&r->free), steps = 0;

	if (l->cursor && atomic_load(&hash_elem(h, l->cursor)->holder) == HASH_RESTS) {
		atomic_store(&hash_elem(h, l->cursor)->holder, 0);
		n = l->cursor;
	}
	l->cursor = 0;
	for (; n && n <= h->total && steps < STEPS && l->left; steps++, l->left--) {
		hash_lost_meet(m, n);
		n = atomic_load(&hash_elem(h, n)->next);
	}
	if (steps < STEPS || !n || n > h->total)
		return true;
	l->cursor = n;
	atomic_store(&hash_elem(h, n)->holder, HASH_RESTS);
	return false;
}

/* The first round's: who was not met. */
static bool mark(struct skep_map *m, struct hash_lost *l, uint32_t n)
{
	uint32_t holder = 0;

	return !(l->met[n / 8] >> n % 8 & 1) &&
	       (atomic_compare_exchange_strong(&hash_elem(m->priv, n)->holder, &holder,
					       HASH_LOST) ||
		holder == HASH_LOST);
}

/* The second round's. */
static bool settle(struct skep_map *m, struct hash_lost *l, uint32_t n)
{
	const struct hash *h = m->priv;
	const bool met = l->met[n / 8] >> n % 8 & 1;
	uint32_t lost = HASH_LOST;

	/* From now on it is in the hands of bpf(2), as any that is given back. */
	if (!atomic_compare_exchange_strong(&hash_elem(h, n)->holder, &lost,
					    met ? 0 : 1 + h->nr_cpus) ||
	    met)
		return false;
	if (m->objects)
		hash_drop(m, n, HASH_USER);
	hash_give(h, n, HASH_USER);
	return true;
}

bool hash_lost_lists(struct skep_map *m)
{
	const struct hash *h = m->priv;
	struct hash_lost *l = m->lost;
	uint32_t found = 0;

	if (!l)
		return true;
	if (l->row <= h->nr_cpus) {
		struct hash_row *r = &h->sh->row[l->row];

		lock_take(&r->lock, h->vcpus, HASH_USER);
		l->row += walk_list(m, l);
		spin_unlock(&r->lock);
		return false;
	}
	/* Lists that have no end were written over, and are none to judge by. */
	for (uint32_t n = 1; n <= l->fresh && l->left; n++)
		found += l->marked ? settle(m, l, n) : mark(m, l, n);
	l->marked = !l->marked && found;
	if (!l->marked)
		hash_lost_free(m);
	return true;
}
