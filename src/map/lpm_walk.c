/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lpm_walk.c - the order of GET_NEXT_KEY in a trie, Linux's: what a prefix covers comes before it,
 * and else the lower address first.  So below a slot come first what hangs on it, then those of
 * the node's own prefixes that end with this slot, longest first.
 */
#include "map/lpm_int.h"

/* The first of the chain from elem on, if it ends with slot i; longer ones end before shorter. */
static uint32_t ends_at(const struct lpm *t, uint32_t elem, uint32_t i)
{
	uint32_t covers;

	if (!elem)
		return 0;
	covers = lpm_len(t, elem) - lpm_home(MAX(lpm_len(t, elem), 1)) * LPM_STEP;
	covers = LPM_SLOTS >> covers;
	return (i & (covers - 1)) == covers - 1 ? elem : 0;
}

/* A slot that has something to offer, or 0; *ret_elem: that itself, where it is an element. */
static lpm_slot first_slot(const struct lpm *t, const struct lpm_node *node, uint32_t from,
			   uint32_t *ret_elem)
{
	for (uint32_t i = from; i < LPM_SLOTS; i++) {
		const lpm_slot s = slot_get(&node->slot[i]);

		*ret_elem = slot_kind(s) == LPM_NODE   ? 0
			    : slot_kind(s) == LPM_LEAF ? slot_name(s)
						       : ends_at(t, slot_best(s), i);
		if (*ret_elem || slot_kind(s) == LPM_NODE)
			return s;
	}
	return 0;
}

/* The first element of a node from that slot on; 0: none. */
static uint32_t first_in(const struct lpm *t, const struct lpm_node *node, uint32_t from)
{
	uint32_t elem = 0, left = t->bits; /* steps down, more than there are */
	lpm_slot s = first_slot(t, node, from, &elem);

	/* A node is never empty. */
	while (s && !elem && left--)
		s = first_slot(t, lpm_node(t, slot_name(s)), 0, &elem);
	return elem;
}

uint32_t lpm_first_below(const struct lpm *t, lpm_slot s)
{
	switch (slot_kind(s)) {
	case LPM_LEAF:
		return slot_name(s);
	case LPM_NODE:
		return first_in(t, lpm_node(t, slot_name(s)), 0);
	default:
		return 0;
	}
}

uint32_t lpm_first(const struct lpm *t)
{
	const lpm_slot root = slot_get(&t->sh->root);
	const uint32_t below = lpm_first_below(t, root);

	return below ? below : slot_best(root);
}

/* What comes in a node after all that hangs on slot i; elem: the chain that then ends there. */
static uint32_t after_slot(const struct lpm *t, const struct lpm_node *node, uint32_t elem,
			   uint32_t i)
{
	const uint32_t own = ends_at(t, elem, i);

	return own ? own : first_in(t, node, i + 1);
}

uint32_t lpm_next(const struct lpm *t, uint32_t n)
{
	const struct lpm_elem *e = lpm_elem(t, n);
	lpm_slot s = slot_get(&t->sh->root);
	uint32_t next = slot_best(s), down = 0, found;

	if (!lpm_len(t, n))
		return 0;
	/* Down to e, with what comes next if nothing does further down. */
	while (lpm_goes_down(t, s, down)) {
		const struct lpm_node *node = lpm_node(t, slot_name(s));
		const uint32_t step = slot_step(s), own = lpm_len(t, n) - step * LPM_STEP;
		uint32_t i = lpm_digit(e->data, step);

		down = step + 1;
		if (own <= LPM_STEP) {
			i |= (LPM_SLOTS >> own) - 1;
			found = after_slot(t, node, lpm_up(t, n), i);
			return found ? found : next;
		}
		s = slot_get(&node->slot[i]);
		found = after_slot(t, node, slot_best(s), i);
		next = found ? found : next;
	}
	return next;
}
