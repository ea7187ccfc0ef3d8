/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_view.c - lookups in a hash of another process, by bpf(2).
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

static int view_next_key(struct skep_map *m, const void *key, void *next)
{
	return -EAGAIN;
}

static const struct map_ops view_ops = {};

static const struct map_sys_ops view_sys = {
	.run = &view_ops,
	.sys_lookup = view_lookup,
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
