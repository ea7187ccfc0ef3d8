/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_view.c - bpf(2)'s reading in a hash of another process; what writes is far.c's.
 *
 * The memory is mapped for reading, so nothing is locked: the value counts if the bucket's version
 * after the copy is what it was before the search (hash_int.h).  The value was written before the
 * element went into the bucket, and is not written again before the version has moved on.
 *
 * Nothing that is read is believed: an element beyond the end, a chain without one and a bucket
 * that never rests are -EAGAIN, and the map's own process is asked.  So it is for everything else.
 */
#include "map/hash_int.h"

#define TRIES 8	 /* at one bucket */
#define CHAIN 64 /* elements on its overflow */

/* Is element n there, and has it that key? */
static bool is_key(const struct hash *h, uint32_t n, const void *key)
{
	return n - 1 < h->total && key_equal(hash_elem(h, n), key, h->key_size);
}

/* The element of key, 0: none, as far as the version does not move; -EAGAIN. */
static int64_t find(const struct hash *h, const struct bucket *b, const void *key, uint32_t hash)
{
	uint64_t match =
		tag_match(atomic_load_explicit(&b->tags, memory_order_acquire), hash_tag(hash));
	uint32_t n, steps = 0;

	for (; match; match &= match - 1) {
		n = atomic_load_explicit(&b->slot[tag_slot(match)], memory_order_acquire);
		if (is_key(h, n, key))
			return n;
	}
	n = atomic_load_explicit(&b->overflow, memory_order_acquire);
	for (; n; n = atomic_load_explicit(&hash_elem(h, n)->next, memory_order_acquire)) {
		if (n > h->total || ++steps > CHAIN)
			return -EAGAIN;
		if (is_key(h, n, key))
			return n;
	}
	return 0;
}

static int view_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	const struct hash *h = m->priv;
	const uint32_t hash = hash_key(h, key, 0);
	const struct bucket *b = hash_bucket(h, hash);

	for (int i = 0; i < TRIES; i++) {
		uint32_t version = atomic_load_explicit(&b->version, memory_order_acquire);
		int64_t n = find(h, b, key, hash);

		if (n > 0)
			value_get(value, elem_value(h, hash_elem(h, (uint32_t)n), 0),
				  m->value_size);
		/* Who has read a word of the element's next use also sees the new version. */
		atomic_thread_fence(memory_order_acquire);
		if (n >= 0 && atomic_load_explicit(&b->version, memory_order_relaxed) == version)
			return n ? 0 : -ENOENT;
	}
	return -EAGAIN;
}

/* The key of the next element of the bucket, if it has one: 1, 0 or -EAGAIN. */
static int next_of(const struct hash *h, const struct bucket *b, struct hash_walk *w, void *next)
{
	const uint32_t n = hash_walk_next(h, b, w);

	if (!n)
		return 0;
	if (n > h->total)
		return -EAGAIN;
	memcpy(next, elem_key(hash_elem(h, n)), h->key_size);
	return 1;
}

/* Brings w behind the element of key: 1, 0 where there is none, -EAGAIN. */
static int walk_to(const struct hash *h, const struct bucket *b, struct hash_walk *w,
		   const void *key)
{
	uint32_t n, steps = 0;

	while ((n = hash_walk_next(h, b, w))) {
		if (n > h->total || ++steps > BUCKET_SLOTS + CHAIN)
			return -EAGAIN;
		if (is_key(h, n, key))
			return 1;
	}
	return 0;
}

enum { GONE = 2 }; /* beside next_of()'s */

/* In one bucket, behind key (NULL: from its beginning): next_of()'s, or GONE. */
static int next_in(const struct hash *h, const struct bucket *b, const void *key, void *next)
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t version = atomic_load_explicit(&b->version, memory_order_acquire);
		struct hash_walk w = { 0 };
		int ret = key ? walk_to(h, b, &w, key) : 1;

		ret = ret > 0 ? next_of(h, b, &w, next) : ret < 0 ? ret : GONE;
		atomic_thread_fence(memory_order_acquire);
		if (ret >= 0 && atomic_load_explicit(&b->version, memory_order_relaxed) == version)
			return ret;
	}
	return -EAGAIN;
}

/* As hash_next_key(): a key that is gone begins anew. */
static int view_next_key(struct skep_map *m, const void *key, void *next)
{
	const struct hash *h = m->priv;
	const struct bucket *b = key ? hash_bucket(h, hash_key(h, key, 0)) : NULL;
	int ret = b ? next_in(h, b, key, next) : GONE;
	uint32_t i = b && ret != GONE ? (uint32_t)(b - h->buckets) + 1 : 0;

	for (; (ret == 0 || ret == GONE) && i <= h->mask; i++)
		ret = bucket_empty(&h->buckets[i]) ? 0 : next_in(h, &h->buckets[i], NULL, next);
	return ret < 0 ? ret : ret == 1 ? 0 : -ENOENT;
}

static const struct map_ops view_ops = {};

static const struct map_sys_ops view_sys = {
	.run = &view_ops,
	.sys_lookup = view_lookup,
	.sys_update = far_update,
	.sys_delete = far_delete,
	.sys_lookup_delete = far_take,
	.next_key = view_next_key,
};

int hash_view(struct skep_map *m, int fd, bool write)
{
	struct hash h;
	int err;

	static_assert(sizeof(h) <= sizeof(view_head(&m->area)->priv), "the geometry fits");
	if (write)
		return -EACCES;
	if (!hash_layout(m, &h))
		return -EINVAL;
	err = map_area_view(&m->area, fd, sizeof(struct view_head), hash_size(&h), false);
	if (err)
		return err;
	hash_place(&h, m->area.mem);
	m->sys = &view_sys;
	m->ops = &view_ops;
	m->priv = memcpy(view_head(&m->area)->priv, &h, sizeof(h));
	return 0;
}
