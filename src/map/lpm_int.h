/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lpm_int.h - the trie behind BPF_MAP_TYPE_LPM_TRIE: four bits a step, paths compressed.
 *
 * A node stands at a position of the key (counted in steps of four bits) and has a slot for each of
 * the sixteen values that the key can have there.  Prefixes that end within those four bits are the
 * node's own: each stands in all slots that it covers, longer ones in front of shorter ones.  What
 * is longer hangs on the one slot where it belongs, as a node or, where it is alone, as a leaf.
 * Nothing hangs between: a node below may stand several steps further down.
 *
 *	slot  | kind 2 | step or hint 9 | leaf or node 26 | best 26 |    one 64-bit word
 *	elem  | link | up | prefixlen, data | value |
 *
 * `best` is the longest of the node's own prefixes that covers the slot, `up` of an element the
 * next shorter one of the same node.  A slot of no node, the root, has the prefix of length 0.
 * Beside a node stands its step, beside a leaf the eight bits that come next in its prefix, so that
 * most keys which it does not cover need no look at it.
 *
 * Invariants: every node but for a moment has two things or more (prefixes of its own, leaves,
 * nodes), so there are fewer nodes than elements; a node keeps its position until it is freed.
 *
 * Readers hold no lock.  A slot is one word, so they find each slot as it was or as it is; writers
 * (under the one lock) complete what they publish before they publish it.  What was taken out,
 * elements and nodes, stays untouched until every run that was under way then has ended
 * (lpm_mem.c), so who came upon it in a run may go on.  bpf(2), which is no run, looks up under
 * the lock.
 *
 * Most lookups do not begin at the root: the first steps of a key name a cell of the index, a slot
 * that has what those steps lead to (lpm_index.c).
 *
 * Elements and nodes are named by number and all lie in the map's area.  Members of a hive may
 * write there: numbers are looked at before they are followed, a way down only goes down, chains
 * end.
 */
#ifndef SKEP_MAP_LPM_INT_H
#define SKEP_MAP_LPM_INT_H

#include "base/hash.h"
#include "map/map_int.h"

#include <stdatomic.h>

#define LPM_STEP   4u  /* bits of the key for each node */
#define LPM_SLOTS  16u /* 1 << LPM_STEP */
#define LPM_SPREAD 8u  /* bits: a prefix stands in fewer than 1 << 8 cells of the index */
#define LPM_MAX	   ((1u << 26) - 1) /* elements, and nodes: what a slot can name */

typedef uint64_t lpm_slot;

/* What hangs on a slot. */
enum lpm_kind { LPM_NOTHING, LPM_LEAF, LPM_NODE };

struct lpm_node {
	_Atomic lpm_slot slot[LPM_SLOTS]; /* by the key's next four bits */
};
static_assert(sizeof(struct lpm_node) == 128, "two cache lines");

struct lpm_elem {
	uint32_t link;	     /* LPM_IN; while it is free, or waits to be: the next one */
	_Atomic uint32_t up; /* see above; 0: there is none */
	uint32_t prefixlen;  /* here the key begins, as in struct bpf_lpm_trie_key */
	uint8_t data[];	     /* and its bits, also those beyond prefixlen; then the value */
};

#define LPM_IN UINT32_MAX /* in the trie, or about to be */

/* Things of one size, numbered from 1; lists by their links, 0 ends.  Under the lock. */
struct lpm_pool {
	uint32_t free;	  /* may be taken */
	uint32_t fresh;	  /* those up to here were taken at least once */
	uint32_t dropped; /* out of the trie since `waiting` was closed */
	uint32_t waiting; /* out of the trie before the noted runs */
};

/* At the beginning of the area. */
struct lpm_shared {
	struct spinlock lock;  /* everything but the readers' look at slots */
	uint32_t entries;      /* prefixes in the trie */
	_Atomic lpm_slot root; /* best: the prefix of length 0 */
	struct lpm_pool elems, nodes;
	uint64_t seen[]; /* [vcpus] their runs when `waiting` was closed */
};

/* The geometry: m->priv, immutable. */
struct lpm {
	struct lpm_shared *sh;
	uint8_t *elems;		 /* element n is at elems + n * elem_size; there is no 0 */
	struct lpm_node *nodes;	 /* there is no 0 */
	uint32_t *node_link;	 /* beside the nodes, whose slots readers may still look at */
	struct vcpus *vcpus;	 /* NULL: nobody runs */
	_Atomic lpm_slot *index; /* its cells; NULL: there is none */
	uint32_t index_steps;	 /* of the key, which name a cell; 0: there is none */
	uint32_t elem_size;	 /* bytes */
	uint32_t value_off;	 /* in the element */
	uint32_t key_size;	 /* bytes, prefixlen included */
	uint32_t bits;		 /* of data */
	uint32_t total;		 /* of elements, and of nodes */
	uint32_t sound;		 /* as many were taken at most, if no run stands still */
};

/* --- slots ------------------------------------------------------------------------------------ */

#define LPM_NAME_BITS 26
#define LPM_NAME      LPM_MAX /* mask of a name */

MAP_ALWAYS_INLINE uint32_t slot_best(lpm_slot s)
{
	return (uint32_t)s & LPM_NAME;
}

MAP_ALWAYS_INLINE enum lpm_kind slot_kind(lpm_slot s)
{
	return (enum lpm_kind)(s >> 61);
}

/* The leaf or node that hangs there. */
MAP_ALWAYS_INLINE uint32_t slot_name(lpm_slot s)
{
	return (uint32_t)(s >> LPM_NAME_BITS) & LPM_NAME;
}

/* Where that node stands, in steps; of a leaf the hint. */
MAP_ALWAYS_INLINE uint32_t slot_step(lpm_slot s)
{
	return (uint32_t)(s >> 2 * LPM_NAME_BITS) & 511;
}

static inline lpm_slot slot_node(uint32_t node, uint32_t step)
{
	return (lpm_slot)LPM_NODE << 61 | (lpm_slot)step << 2 * LPM_NAME_BITS |
	       (lpm_slot)node << LPM_NAME_BITS;
}

/* The slot without its best. */
static inline lpm_slot slot_below(lpm_slot s)
{
	return s & ~(lpm_slot)LPM_NAME;
}

/* Acquire pairs with slot_set: what the slot names is complete. */
MAP_ALWAYS_INLINE lpm_slot slot_get(const _Atomic lpm_slot *s)
{
	return atomic_load_explicit(s, memory_order_acquire);
}

static inline void slot_set(_Atomic lpm_slot *s, lpm_slot to)
{
	atomic_store_explicit(s, to, memory_order_release);
}

/* --- elements --------------------------------------------------------------------------------- */

MAP_ALWAYS_INLINE struct lpm_elem *lpm_elem(const struct lpm *t, uint32_t n)
{
	return (struct lpm_elem *)(t->elems + (uint64_t)(n <= t->total ? n : 0) * t->elem_size);
}

MAP_ALWAYS_INLINE struct lpm_node *lpm_node(const struct lpm *t, uint32_t n)
{
	return &t->nodes[n <= t->total ? n : 0];
}

/* Does the slot lead down to a node at step `next` or behind it? */
MAP_ALWAYS_INLINE bool lpm_goes_down(const struct lpm *t, lpm_slot s, uint32_t next)
{
	return slot_kind(s) == LPM_NODE &&
	       likely(slot_step(s) >= next && slot_step(s) * LPM_STEP < t->bits);
}

MAP_ALWAYS_INLINE void *lpm_value(const struct lpm *t, uint32_t n)
{
	return (uint8_t *)lpm_elem(t, n) + t->value_off;
}

static inline uint32_t lpm_len(const struct lpm *t, uint32_t n)
{
	return MIN(lpm_elem(t, n)->prefixlen, t->bits);
}

static inline uint32_t lpm_up(const struct lpm *t, uint32_t n)
{
	return atomic_load_explicit(&lpm_elem(t, n)->up, memory_order_acquire);
}

/* Keys of callers stand anywhere. */
MAP_ALWAYS_INLINE uint32_t lpm_key_len(const struct bpf_lpm_trie_key *key)
{
	return array_index(key);
}

#define LPM_CHAIN 8u /* elements of a chain, at most: its lengths differ, within one step */

/* The four bits of data at a step. */
MAP_ALWAYS_INLINE uint32_t lpm_digit(const uint8_t *data, uint32_t step)
{
	return data[step / 2] >> (step % 2 ? 0 : 4) & 15;
}

/* The step at which a prefix of that length (not 0) is its node's own. */
static inline uint32_t lpm_home(uint32_t len)
{
	return (len - 1) / LPM_STEP;
}

/* How many bits a and b have in common, at most limit. */
uint32_t lpm_common(const uint8_t *a, const uint8_t *b, uint32_t limit);

/* Eight bits of data from a step on. */
MAP_ALWAYS_INLINE uint32_t lpm_hint(const uint8_t *data, uint32_t step)
{
	return lpm_digit(data, step) << LPM_STEP | lpm_digit(data, step + 1);
}

#define LPM_HINTED 256u /* the hint is there: the prefix is that long */

/* A leaf on a slot behind which the key goes on at step `next`. */
static inline lpm_slot slot_leaf(const struct lpm *t, uint32_t elem, uint32_t next)
{
	const struct lpm_elem *e = lpm_elem(t, elem);
	lpm_slot hint = 0;

	if (e->prefixlen >= (next + 2) * LPM_STEP)
		hint = LPM_HINTED | lpm_hint(e->data, next);
	return (lpm_slot)LPM_LEAF << 61 | hint << 2 * LPM_NAME_BITS |
	       (lpm_slot)elem << LPM_NAME_BITS;
}

/* May the leaf on that slot cover data? */
MAP_ALWAYS_INLINE bool slot_hints_at(lpm_slot s, const uint8_t *data, uint32_t next)
{
	const uint32_t hint = slot_step(s);

	return !(hint & LPM_HINTED) || (hint & 255) == lpm_hint(data, next);
}

/* Does the element's prefix, which is not of length 0, cover data? */
MAP_ALWAYS_INLINE bool lpm_covers(const struct lpm *t, uint32_t n, const uint8_t *data)
{
	const struct lpm_elem *e = lpm_elem(t, n);
	uint32_t differ;

	/* IPv4 in a few instructions. */
	if (t->bits == 32) {
		differ = (uint32_t)(hash_load(e->data, 4) ^ hash_load(data, 4));
		return !((uint64_t)__builtin_bswap32(differ) >> (32 - lpm_len(t, n)));
	}
	return lpm_common(e->data, data, lpm_len(t, n)) == lpm_len(t, n);
}

/* The cell that data is in. */
MAP_ALWAYS_INLINE uint32_t lpm_cell(const struct lpm *t, const uint8_t *data)
{
	const uint32_t first = __builtin_bswap32((uint32_t)hash_load(data, 4));

	return first >> (32 - t->index_steps * LPM_STEP);
}

/* Where there is an index, prefixes of at most so many bits are not in it. */
static inline uint32_t lpm_unindexed(const struct lpm *t)
{
	return t->index_steps * LPM_STEP - LPM_SPREAD;
}

/* -- lpm_index.c -- */
/* How many steps of its keys the index of a trie has; 0: it gets none. */
uint32_t lpm_index_steps(uint32_t bits, uint32_t max_entries);
/* A prefix came, went or was replaced: under the lock, and before what it replaces is dropped. */
void lpm_index_update(const struct lpm *t, const struct bpf_lpm_trie_key *key);
/* All cells. */
void lpm_index_rebuild(const struct lpm *t);

/* -- lpm_mem.c: all under the lock -- */
/* A free element, or node: its number, or 0 where memory is out. */
uint32_t lpm_take_elem(const struct lpm *t);
uint32_t lpm_take_node(const struct lpm *t);
/* It is out of the trie. */
void lpm_drop_elem(const struct lpm *t, uint32_t n);
void lpm_drop_node(const struct lpm *t, uint32_t n);
/* It never was in it. */
void lpm_untake_elem(const struct lpm *t, uint32_t n);

/* -- lpm_repair.c -- */
/* Makes the trie anew of its elements: who left the lock left it in the middle of a change. */
void lpm_rebuild(const struct lpm *t);
/* Is it what it must be? */
bool lpm_scrub(struct skep_map *m, uint64_t *pos);

MAP_ALWAYS_INLINE void lpm_lock(const struct lpm *t, uint32_t cpu)
{
	if (unlikely(lock_take(&t->sh->lock, t->vcpus, cpu)))
		lpm_rebuild(t);
}

/* -- lpm_edit.c: under the lock -- */
/* The element with exactly that key, or 0. */
uint32_t lpm_exact(const struct lpm *t, const struct bpf_lpm_trie_key *key);
/* Puts the complete element e in; an element with the same key comes out and is in *ret_old, else
 * 0 is.  0 or -ENOMEM. */
int lpm_insert(const struct lpm *t, uint32_t e, uint32_t *ret_old);
/* Takes the element with that key out: its number, or 0 where there is none. */
uint32_t lpm_remove(const struct lpm *t, const struct bpf_lpm_trie_key *key);

/* -- lpm_walk.c: under the lock -- */
/* Some element that hangs below the slot: the first one in the order of walks; 0: nothing does. */
uint32_t lpm_first_below(const struct lpm *t, lpm_slot s);
/* The first element of all, and the one after e, which is in the trie; 0: there is none. */
uint32_t lpm_first(const struct lpm *t);
uint32_t lpm_next(const struct lpm *t, uint32_t e);

#endif
