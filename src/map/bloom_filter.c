/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bloom_filter.c - BPF_MAP_TYPE_BLOOM_FILTER (kernel/bpf/bloom_filter.c): a set of values that
 * says "perhaps" or "no".
 *
 * The area is the bits: as many as Linux takes, n * k * 7 / 5 rounded up to a power of two.  The k
 * bits of a value are h, h + d, h + 2d + 1, ... with h and d two hashes of it (enhanced double
 * hashing), so hashing costs the same for any k; seeds are the map's own.  Bits are only ever set,
 * one atomic or each: no lock, and who pushed finds.
 */
#include "base/hash.h"
#include "map/map_int.h"

#include <stdatomic.h>

#define HASHES_DEFAULT 5
#define WORD_BITS      64u

static uint32_t bloom_hashes(uint64_t extra)
{
	return extra ? (uint32_t)extra : HASHES_DEFAULT;
}

/* Bits - 1; where Linux's 32-bit product runs over, 2^32 bits. */
static uint32_t bloom_mask(const union bpf_attr *attr)
{
	uint32_t bits;

	if (__builtin_mul_overflow(attr->max_entries, bloom_hashes(attr->map_extra), &bits) ||
	    __builtin_mul_overflow(bits / 5, 7u, &bits) || bits > 1u << 31)
		return UINT32_MAX;
	return (uint32_t)round_up_pow2(MAX(bits, WORD_BITS)) - 1;
}

static int bloom_create(struct skep_map *m, const union bpf_attr *attr,
			struct skep_diag *reterr_diag)
{
	const uint32_t mask = bloom_mask(attr);
	int err = map_area_of(m, 0, ((uint64_t)mask + 1) / 8);

	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0,
				"no memory for a bloom filter of %u values", attr->max_entries);
	m->index_mask = mask;
	return 0;
}

/* The bits of one value: starts with bloom_first, `bit` is the one at hand. */
struct bloom_walk {
	uint32_t bit, step; /* not yet masked */
	uint32_t left;	    /* bits still to come */
};

static inline struct bloom_walk bloom_first(const struct skep_map *m, const void *value)
{
	return (struct bloom_walk){
		.bit = hash_bytes(value, m->value_size, m->seed),
		.step = hash_bytes(value, m->value_size, m->seed ^ HASH_K0),
		.left = bloom_hashes(m->extra),
	};
}

static inline void bloom_next(struct bloom_walk *w)
{
	w->bit += w->step;
	w->step += --w->left;
}

static inline _Atomic uint64_t *bloom_word(const struct skep_map *m, const struct bloom_walk *w)
{
	return (_Atomic uint64_t *)m->area.mem + (w->bit & m->index_mask) / WORD_BITS;
}

static inline uint64_t bloom_bit(const struct bloom_walk *w)
{
	return UINT64_C(1) << w->bit % WORD_BITS;
}

static long bloom_push(struct skep_map *m, const void *value, uint64_t flags, uint32_t cpu)
{
	if (unlikely(flags != BPF_ANY))
		return -EINVAL;
	for (struct bloom_walk w = bloom_first(m, value); w.left; bloom_next(&w)) {
		_Atomic uint64_t *word = bloom_word(m, &w);

		/* Look first: most bits of a full filter are set, and the line stays shared. */
		if (!(atomic_load_explicit(word, memory_order_relaxed) & bloom_bit(&w)))
			atomic_fetch_or_explicit(word, bloom_bit(&w), memory_order_relaxed);
	}
	return 0;
}

static long bloom_peek(struct skep_map *m, void *value, uint32_t cpu)
{
	for (struct bloom_walk w = bloom_first(m, value); w.left; bloom_next(&w))
		if (!(atomic_load_explicit(bloom_word(m, &w), memory_order_relaxed) &
		      bloom_bit(&w)))
			return -ENOENT;
	return 0;
}

static long bloom_pop(struct skep_map *m, void *value, uint32_t cpu)
{
	(void)m, (void)value;
	return -EOPNOTSUPP;
}

/* --- bpf(2): a lookup asks for the value that the caller gives ---------------------------------
 */

static int bloom_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)key, (void)flags;
	return (int)bloom_peek(m, value, VCPU_NONE);
}

static int bloom_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	(void)key;
	return (int)bloom_push(m, value, flags, VCPU_NONE);
}

static int bloom_sys_delete(struct skep_map *m, const void *key)
{
	(void)m, (void)key;
	return -EOPNOTSUPP;
}

static int bloom_next_key(struct skep_map *m, const void *key, void *next)
{
	(void)m, (void)key, (void)next;
	return -EOPNOTSUPP;
}

const struct map_ops bloom_filter_map_ops = {
	.push = bloom_push,
	.pop = bloom_pop,
	.peek = bloom_peek,
};

const struct map_sys_ops bloom_filter_map_sys = {
	.run = &bloom_filter_map_ops,
	.check = map_rule_check,
	.create = bloom_create,
	.next_key = bloom_next_key,
	.view = far_view,
	.sys_lookup = bloom_sys_lookup,
	.sys_update = bloom_sys_update,
	.sys_delete = bloom_sys_delete,
};
