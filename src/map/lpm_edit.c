/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lpm_edit.c - what changes in a trie when a prefix comes or goes; all under the lock.
 *
 * A prefix is its node's own where there is a node at its step, and a leaf elsewhere.  A new one
 * goes onto the slot where the way down ends: into the node there, onto an empty slot, or, where
 * something else hangs on that slot, beside it in a new node at the step where both part.  A node
 * with one thing left gives way to that thing.
 */
#include "map/lpm_int.h"

uint32_t lpm_common(const uint8_t *a, const uint8_t *b, uint32_t limit)
{
	uint32_t bits = 0, n;
	uint64_t differ;

	for (; bits < limit; bits += 64) {
		n = MIN((limit - bits + 7) / 8, 8);
		differ = hash_load(a + bits / 8, n) ^ hash_load(b + bits / 8, n);
		/* The first byte is the lowest, and its first bit its highest. */
		if (differ) {
			n = (uint32_t)__builtin_ctzll(differ) / 8;
			differ = differ >> n * 8 & 255;
			bits += n * 8 + (uint32_t)__builtin_clz((uint32_t)differ) - 24;
			break;
		}
	}
	return MIN(bits, limit);
}

/* Where a prefix is, or belongs. */
struct place {
	_Atomic lpm_slot *slot;	  /* where the way down ends: the slot that changes */
	uint32_t next;		  /* the step behind that slot */
	_Atomic lpm_slot *parent; /* what names the node of that slot; NULL: slot is the root */
	uint32_t parent_next;	  /* the step behind the parent */
	uint32_t home;		  /* the node that slot names, if the prefix is one of its own */
	uint32_t exact;		  /* the element with this very prefix; 0: none */
	uint32_t part; /* else, if something hangs there: where a node must come between */
};

/* The slots of its node that a prefix covers. */
struct range {
	uint32_t first, end;
};

static struct range range_of(const uint8_t *data, uint32_t len)
{
	const uint32_t step = lpm_home(MAX(len, 1)), count = LPM_SLOTS >> (len - step * LPM_STEP);
	const uint32_t first = lpm_digit(data, step) & ~(count - 1);

	return (struct range){ first, first + count };
}

/* The node's own prefix of that length which covers the slot, or 0. */
static uint32_t own_prefix(const struct lpm *t, lpm_slot s, uint32_t len)
{
	uint32_t e = slot_best(s);

	for (uint32_t left = LPM_CHAIN; e && left && lpm_len(t, e) > len; left--)
		e = lpm_up(t, e);
	return e && lpm_len(t, e) == len ? e : 0;
}

/* What hangs on the slot is another way, or further down, than the prefix. */
static void part_from(const struct lpm *t, struct place *p, const uint8_t *data, uint32_t len,
		      uint32_t common)
{
	const lpm_slot s = slot_get(p->slot);

	const uint32_t leaf = slot_kind(s) == LPM_LEAF ? MAX(lpm_len(t, slot_name(s)), 1) : len;

	if (slot_kind(s) == LPM_LEAF && common == len && leaf == len)
		p->exact = slot_name(s);
	else
		p->part = MIN(common / LPM_STEP, MIN(lpm_home(len), lpm_home(leaf)));
}

static struct place find_place(const struct lpm *t, const uint8_t *data, uint32_t len)
{
	struct place p = { .slot = &t->sh->root };

	if (!len) {
		p.exact = slot_best(slot_get(p.slot));
		return p;
	}
	for (;;) {
		const lpm_slot s = slot_get(p.slot);
		const uint32_t step = slot_step(s);
		uint32_t some, common;

		if (slot_kind(s) == LPM_NOTHING ||
		    (slot_kind(s) == LPM_NODE && !lpm_goes_down(t, s, p.next)))
			return p;
		if (slot_kind(s) == LPM_LEAF || step != p.next || step > lpm_home(len)) {
			some = lpm_first_below(t, s);
			common = lpm_common(lpm_elem(t, some)->data, data,
					    MIN(len, lpm_len(t, some)));
			if (slot_kind(s) == LPM_LEAF || step > lpm_home(len) ||
			    common < step * LPM_STEP) {
				part_from(t, &p, data, len, common);
				return p;
			}
		}
		if (step == lpm_home(len)) {
			const struct range r = range_of(data, len);

			p.home = slot_name(s);
			p.exact = own_prefix(t, slot_get(&lpm_node(t, p.home)->slot[r.first]), len);
			return p;
		}
		p.parent = p.slot;
		p.parent_next = p.next;
		p.slot = &lpm_node(t, slot_name(s))->slot[lpm_digit(data, step)];
		p.next = step + 1;
	}
}

uint32_t lpm_exact(const struct lpm *t, const struct bpf_lpm_trie_key *key)
{
	return find_place(t, key->data, lpm_key_len(key)).exact;
}

/*
 * In the chains of the slots that e covers, `to` comes to stand where `from` stood: an element, or
 * 0, the end.  Chains share their elements, so in a later slot it may stand there already.
 */
static void put_own(const struct lpm *t, struct lpm_node *node, struct range r, uint32_t from,
		    uint32_t to)
{
	for (uint32_t i = r.first; i < r.end; i++) {
		const lpm_slot s = slot_get(&node->slot[i]);
		uint32_t at = slot_best(s), before = 0, left = LPM_CHAIN;

		for (; at != from && at != to && left; left--) {
			before = at;
			at = lpm_up(t, at);
		}
		if (at == to || !left)
			continue;
		if (before)
			atomic_store_explicit(&lpm_elem(t, before)->up, to, memory_order_release);
		else
			slot_set(&node->slot[i], slot_below(s) | to);
	}
}

/* A new prefix among the node's own. */
static void add_own(const struct lpm *t, struct lpm_node *node, uint32_t e)
{
	struct lpm_elem *elem = lpm_elem(t, e);
	const struct range r = range_of(elem->data, lpm_len(t, e));
	uint32_t shorter = slot_best(slot_get(&node->slot[r.first]));

	for (uint32_t left = LPM_CHAIN; shorter && left && lpm_len(t, shorter) > lpm_len(t, e);
	     left--)
		shorter = lpm_up(t, shorter);
	atomic_store_explicit(&elem->up, shorter, memory_order_relaxed);
	put_own(t, node, r, shorter, e);
}

/* Into a node that nobody sees yet, at that step: an element... */
static void hang_elem(const struct lpm *t, struct lpm_node *node, uint32_t step, uint32_t e)
{
	const struct lpm_elem *elem = lpm_elem(t, e);
	_Atomic lpm_slot *slot = &node->slot[lpm_digit(elem->data, step)];

	if (lpm_home(MAX(lpm_len(t, e), 1)) == step)
		add_own(t, node, e);
	else
		slot_set(slot, slot_best(slot_get(slot)) | slot_leaf(t, e, step + 1));
}

/* ... or what hangs on another slot. */
static void hang_slot(const struct lpm *t, struct lpm_node *node, uint32_t step, lpm_slot s)
{
	const uint32_t some = lpm_first_below(t, s);

	if (slot_kind(s) == LPM_LEAF)
		hang_elem(t, node, step, some);
	else
		slot_set(&node->slot[lpm_digit(lpm_elem(t, some)->data, step)], slot_below(s));
}

/* The element `to` of the same key takes the place of `from`. */
static void replace(const struct lpm *t, const struct place *p, uint32_t from, uint32_t to)
{
	struct lpm_elem *e = lpm_elem(t, to);
	const lpm_slot s = slot_get(p->slot);

	if (!lpm_len(t, to)) {
		slot_set(p->slot, slot_below(s) | to);
	} else if (p->home) {
		atomic_store_explicit(&e->up, lpm_up(t, from), memory_order_relaxed);
		put_own(t, lpm_node(t, p->home), range_of(e->data, lpm_len(t, to)), from, to);
	} else {
		slot_set(p->slot, slot_best(s) | slot_leaf(t, to, p->next));
	}
}

int lpm_insert(const struct lpm *t, uint32_t e, uint32_t *ret_old)
{
	const struct lpm_elem *elem = lpm_elem(t, e);
	const struct place p = find_place(t, elem->data, lpm_len(t, e));
	const lpm_slot s = slot_get(p.slot);
	uint32_t node;

	*ret_old = p.exact;
	atomic_store_explicit(&lpm_elem(t, e)->up, 0, memory_order_relaxed);
	if (p.exact) {
		replace(t, &p, p.exact, e);
	} else if (!lpm_len(t, e)) {
		slot_set(p.slot, slot_below(s) | e);
	} else if (p.home) {
		add_own(t, lpm_node(t, p.home), e);
	} else if (slot_kind(s) == LPM_NOTHING) {
		slot_set(p.slot, s | slot_leaf(t, e, p.next));
	} else {
		node = lpm_take_node(t);
		if (!node)
			return -ENOMEM;
		hang_slot(t, lpm_node(t, node), p.part, s);
		hang_elem(t, lpm_node(t, node), p.part, e);
		slot_set(p.slot, slot_best(s) | slot_node(node, p.part));
	}
	return 0;
}

/* What a node has, if that is one thing alone: what then hangs in its place, on a slot behind which
 * comes step `next`.  0: it has more. */
static lpm_slot only_thing(const struct lpm *t, const struct lpm_node *node, uint32_t next)
{
	uint32_t things = 0, own = 0;
	lpm_slot only = 0;

	for (uint32_t i = 0; i < LPM_SLOTS; i++) {
		const lpm_slot s = slot_get(&node->slot[i]);
		const uint32_t best = slot_best(s);

		if (slot_kind(s) != LPM_NOTHING) {
			things++;
			only = slot_kind(s) == LPM_LEAF ? slot_leaf(t, slot_name(s), next)
							: slot_below(s);
		}
		if (best && best != own) {
			things += lpm_up(t, best) ? 2 : 1;
			own = best;
			only = slot_leaf(t, best, next);
		}
	}
	return things == 1 ? only : 0;
}

/* After something left the node that the slot names; `next`: the step behind the slot. */
static void settle(const struct lpm *t, _Atomic lpm_slot *slot, uint32_t next)
{
	const lpm_slot s = slot_get(slot);
	const lpm_slot only = only_thing(t, lpm_node(t, slot_name(s)), next);

	if (!only)
		return;
	slot_set(slot, slot_best(s) | only);
	lpm_drop_node(t, slot_name(s));
}

uint32_t lpm_remove(const struct lpm *t, const struct bpf_lpm_trie_key *key)
{
	const struct place p = find_place(t, key->data, lpm_key_len(key));
	const lpm_slot s = slot_get(p.slot);

	if (!p.exact)
		return 0;
	if (!lpm_key_len(key)) {
		slot_set(p.slot, slot_below(s));
	} else if (p.home) {
		put_own(t, lpm_node(t, p.home), range_of(key->data, lpm_key_len(key)), p.exact,
			lpm_up(t, p.exact));
		settle(t, p.slot, p.next);
	} else {
		slot_set(p.slot, slot_best(s));
		if (p.parent)
			settle(t, p.parent, p.parent_next);
	}
	return p.exact;
}
