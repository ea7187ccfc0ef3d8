/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lpm_index.c - where lookups enter a trie: what its way down from the root comes to, for each
 * value that the first steps of a key can have.
 *
 * With five steps, cell 0x0a012 has what is longer than 20 bits and begins with those of 10.1.32.0
 * (a leaf, a node, nothing) and, as best, the longest prefix of 13 to 20 bits that covers them.
 *
 * A cell is a slot.  It is made from the trie whenever a prefix of its own comes or goes, so the
 * trie is what is true, and changes and walks know nothing of cells.  Prefixes that would stand
 * in 1 << LPM_SPREAD cells or more are in none: where a cell leads to nothing, lookups go the way
 * down for those.
 *
 * Each key is looked up by way of one cell, so it finds a change as soon as that cell has it; a
 * prefix that covers many cells comes to them one after the other, as it does to the slots of a
 * node.
 */
#include "map/lpm_int.h"

#define STEPS_MIN (LPM_SPREAD / LPM_STEP)
#define STEPS_MAX 5u /* 8 MiB of cells, where all are used */
#define ROOM	  4u /* cells for each prefix: most are then alone in theirs */

uint32_t lpm_index_steps(uint32_t bits, uint32_t max_entries)
{
	uint32_t steps = STEPS_MIN;

	/* lpm_cell() reads four bytes. */
	if (bits < 32)
		return 0;
	while (steps < STEPS_MAX && 1u << steps * LPM_STEP < ROOM * (uint64_t)max_entries)
		steps++;
	return steps;
}

/* May the element be the best of the cell that data is in? */
static bool is_best_of(const struct lpm *t, uint32_t e, const uint8_t *data)
{
	return lpm_len(t, e) > lpm_unindexed(t) && lpm_covers(t, e, data);
}

/* What has to stand in a cell, by the trie. */
static lpm_slot cell_of(const struct lpm *t, uint32_t cell)
{
	const uint32_t steps = t->index_steps, bits = steps * LPM_STEP;
	const uint32_t first = __builtin_bswap32(cell << (32 - bits));
	const uint8_t *data = (const uint8_t *)&first;
	lpm_slot s = slot_get(&t->sh->root);
	uint32_t best = 0, next = 0, e;

	while (lpm_goes_down(t, s, next) && slot_step(s) < steps) {
		next = slot_step(s) + 1;
		s = slot_get(&lpm_node(t, slot_name(s))->slot[lpm_digit(data, slot_step(s))]);
		e = slot_best(s);
		if (e && is_best_of(t, e, data))
			best = e;
	}
	e = lpm_first_below(t, s);
	if (!e)
		return best;
	/* Only a leaf can be as short as that. */
	if (lpm_len(t, e) <= bits)
		return is_best_of(t, e, data) ? e : best;
	if (lpm_common(lpm_elem(t, e)->data, data, bits) < bits)
		return best;
	return best | (slot_kind(s) == LPM_LEAF ? slot_leaf(t, e, steps) : slot_below(s));
}

void lpm_index_update(const struct lpm *t, const struct bpf_lpm_trie_key *key)
{
	const uint32_t len = lpm_key_len(key), bits = t->index_steps * LPM_STEP;
	uint32_t first, count;

	if (!t->index_steps || len <= lpm_unindexed(t))
		return;
	count = 1u << (len < bits ? bits - len : 0);
	first = lpm_cell(t, key->data) & ~(count - 1);
	for (uint32_t i = first; i < first + count; i++)
		slot_set(&t->index[i], cell_of(t, i));
}

void lpm_index_rebuild(const struct lpm *t)
{
	const uint32_t cells = t->index_steps ? 1u << t->index_steps * LPM_STEP : 0;

	for (uint32_t i = 0; i < cells; i++)
		slot_set(&t->index[i], cell_of(t, i));
}
