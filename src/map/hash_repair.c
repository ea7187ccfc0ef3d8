/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_repair.c - what a run that died had of a hash's elements.  Cold.
 *
 * An element is the dead one's while `holder` says so and it is nowhere else: it may have arrived
 * in a bucket or a list, or not have left the tail, with the run dead before it could say so.  All
 * of that changes under locks, which we take; nobody else sets `holder` to this CPU now.
 */
#include "map/hash_int.h"

static bool in_bucket(const struct hash *h, uint32_t n)
{
	const uint32_t hash = atomic_load_explicit(&hash_elem(h, n)->hash, memory_order_relaxed);
	struct bucket *b = hash_bucket(h, hash);
	struct hash_walk w = { 0 };
	uint32_t left = h->total, e;

	bucket_lock(h, b, HASH_USER);
	while ((e = hash_walk_next(h, b, &w)) && e != n && left--)
		;
	if (e == n)
		hash_settle(h, n);
	spin_unlock(&b->lock);
	return e == n;
}

static bool in_list(const struct hash *h, uint32_t n)
{
	bool found = false;

	for (uint32_t i = 0; i <= h->nr_cpus && !found; i++) {
		struct hash_row *r = &h->sh->row[i];
		uint32_t left = h->total, e;

		lock_take(&r->lock, h->vcpus, HASH_USER);
		e = atomic_load_explicit(&r->free, memory_order_relaxed);
		for (; e && e != n && left--; e = atomic_load(&hash_elem(h, e)->next))
			;
		found = e == n;
		if (found)
			hash_settle(h, n);
		spin_unlock(&r->lock);
	}
	return found;
}

static bool in_tail(const struct hash *h, uint32_t n)
{
	bool fresh;

	lock_take(&h->sh->lock, h->vcpus, HASH_USER);
	fresh = n > atomic_load_explicit(&h->sh->fresh, memory_order_relaxed);
	if (fresh)
		hash_settle(h, n);
	spin_unlock(&h->sh->lock);
	return fresh;
}

/* Is element n in the hands of that dead CPU, and nowhere else? */
static bool in_hand(const struct hash *h, uint32_t n, uint32_t cpu)
{
	return n && n <= h->total &&
	       atomic_load_explicit(&hash_elem(h, n)->holder, memory_order_acquire) == 1 + cpu &&
	       !in_tail(h, n) && !in_bucket(h, n) && !in_list(h, n);
}

void hash_cpu_died(struct skep_map *m, uint32_t cpu)
{
	const struct hash *h = m->priv;
	struct hash_row *r = &h->sh->row[cpu];
	const uint32_t hints[] = { atomic_load(&r->taken), atomic_load(&r->removed) };
	const bool spares = !(h->kind & HASH_PERCPU);
	bool spare = spares && in_hand(h, r->spare, cpu);

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
		if ((spare && hints[i] == r->spare) || !in_hand(h, hints[i], cpu))
			continue;
		if (m->objects)
			hash_drop(m, hints[i], HASH_USER);
		/* One of them was about to become the spare. */
		if (spares && !spare) {
			r->spare = hints[i];
			spare = true;
		} else {
			hash_give(h, hints[i], cpu);
		}
	}
	if (spares && !spare)
		r->spare = hash_take(h, cpu);
}
