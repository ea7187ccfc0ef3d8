/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lpm_repair.c - what is done when a run ended while it changed a trie.
 *
 * An element that was put in, or taken out, carries its mark from before the first to after the
 * last store of the change, so the change is either made or not.  While the trie is made anew,
 * runs that look something up may not find it; what they hold stays until they have ended.
 *
 * Where many more elements were taken than the trie may hold, somebody else has written there: to
 * look at all that there is room for takes a second, and the trie becomes empty instead.
 */
#include "map/lpm_int.h"

/* All that is not in the trie waits for the runs of this moment. */
static void drop_rest(const struct lpm *t)
{
	struct lpm_pool *p = &t->sh->elems;

	p->fresh = MIN(p->fresh, t->total);
	p->free = p->waiting = p->dropped = 0;
	for (uint32_t n = 1; n <= p->fresh; n++)
		if (lpm_elem(t, n)->link != LPM_IN)
			lpm_drop_elem(t, n);
}

static bool is_sound(const struct lpm *t)
{
	return t->sh->elems.fresh <= t->sound && t->sh->nodes.fresh <= t->sound;
}

void lpm_rebuild(const struct lpm *t)
{
	struct lpm_shared *sh = t->sh;
	uint32_t old;

	if (!is_sound(t))
		sh->elems = sh->nodes = (struct lpm_pool){ 0 };
	slot_set(&sh->root, 0);
	for (uint32_t i = 0; t->index_steps && i < 1u << t->index_steps * LPM_STEP; i++)
		slot_set(&t->index[i], 0);
	memset(t->nodes + 1, 0, MIN(sh->nodes.fresh, t->total) * sizeof(t->nodes[0]));
	sh->nodes = (struct lpm_pool){ 0 };
	sh->entries = 0;
	drop_rest(t);
	for (uint32_t n = 1; n <= sh->elems.fresh; n++) {
		struct lpm_elem *e = lpm_elem(t, n);

		if (e->link != LPM_IN)
			continue;
		if (e->prefixlen > t->bits || lpm_insert(t, n, &old)) {
			lpm_drop_elem(t, n);
			continue;
		}
		if (old)
			lpm_drop_elem(t, old);
		else
			sh->entries++;
	}
	lpm_index_rebuild(t);
}
