/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lpm_repair.c - what is done when a run ended while it changed a trie.
 *
 * An element that was put in, or taken out, carries its mark from before the first to after the
 * last store of the change, so the change is either made or not.  While the trie is made anew,
 * runs that look something up may not find it; what they hold stays until they have ended.
 *
 * How many were ever taken may be what somebody else has written there, and there is room for many:
 * beyond what is plausible only elements count that are in the trie, and memory that is there.
 */
#include "base/sys.h"
#include "map/lpm_int.h"

#include <sys/syscall.h>

#define PAGE  4096u
#define PAGES 64 /* in a question */

typedef void (*page_fn)(const struct lpm *t, uintptr_t from, uintptr_t to, void *arg);

/* What there is memory for between the two addresses, page by page. */
static void each_page(const struct lpm *t, uintptr_t from, uintptr_t to, page_fn fn, void *arg)
{
	uint8_t there[PAGES] = { 0 };
	uint32_t n, i = 0;

	for (uintptr_t page = from & ~(uintptr_t)(PAGE - 1); page < to; page += PAGE, i++) {
		if (i % PAGES == 0) {
			n = (uint32_t)MIN((to - page + PAGE - 1) / PAGE, (uintptr_t)PAGES);
			if (sys_call6(SYS_mincore, (long)page, (long)n * PAGE, (long)there, 0, 0,
				      0))
				memset(there, 1, sizeof(there));
		}
		if (there[i % PAGES] & 1)
			fn(t, MAX(page, from), MIN(page + PAGE, to), arg);
	}
}

static void zero(const struct lpm *t, uintptr_t from, uintptr_t to, void *arg)
{
	(void)t, (void)arg;
	memset((void *)from, 0, to - from);
}

/* The last element that begins there and is in the trie. */
static void find_in(const struct lpm *t, uintptr_t from, uintptr_t to, void *ret_last)
{
	uint32_t n = (uint32_t)((from - (uintptr_t)t->elems + t->elem_size - 1) / t->elem_size);

	for (; (uintptr_t)lpm_elem(t, n) < to && n <= t->total; n++)
		if (lpm_elem(t, n)->link == LPM_IN)
			*(uint32_t *)ret_last = n;
}

static uint32_t fresh_of(const struct lpm *t)
{
	const uint32_t fresh = MIN(t->sh->elems.fresh, t->total);
	uint32_t ret = MIN(fresh, t->sound);

	if (fresh > ret)
		each_page(t, (uintptr_t)lpm_elem(t, ret) + t->elem_size,
			  (uintptr_t)lpm_elem(t, fresh) + t->elem_size, find_in, &ret);
	return ret;
}

/* All that is not in the trie waits for the runs of this moment. */
static void drop_rest(const struct lpm *t)
{
	struct lpm_pool *p = &t->sh->elems;

	p->fresh = fresh_of(t);
	p->free = p->waiting = p->dropped = 0;
	for (uint32_t n = 1; n <= p->fresh; n++)
		if (lpm_elem(t, n)->link != LPM_IN)
			lpm_drop_elem(t, n);
}

void lpm_rebuild(const struct lpm *t)
{
	struct lpm_shared *sh = t->sh;
	uint32_t nodes, old;

	slot_set(&sh->root, 0);
	for (uint32_t i = 0; t->index_steps && i < 1u << t->index_steps * LPM_STEP; i++)
		slot_set(&t->index[i], 0);
	nodes = MIN(sh->nodes.fresh, t->sound);
	memset(t->nodes + 1, 0, nodes * sizeof(t->nodes[0]));
	each_page(t, (uintptr_t)(t->nodes + 1 + nodes),
		  (uintptr_t)(t->nodes + 1 + MIN(sh->nodes.fresh, t->total)), zero, NULL);
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

#define SCRUB_SOME 256 /* elements */

/* Each element that says it is in the trie is found there, by its own key. */
bool lpm_scrub(struct skep_map *m, uint64_t *pos)
{
	const struct lpm *t = m->priv;
	bool sound;
	uint32_t n;

	lpm_lock(t, VCPU_NONE);
	sound = t->sh->elems.fresh <= t->total && t->sh->nodes.fresh <= t->total;
	for (n = (uint32_t)*pos + 1;
	     n <= MIN(*pos + SCRUB_SOME, (uint64_t)t->sh->elems.fresh) && sound; n++) {
		const struct lpm_elem *e = lpm_elem(t, n);

		sound = e->link != LPM_IN ||
			(e->prefixlen <= t->bits &&
			 lpm_exact(t, (const struct bpf_lpm_trie_key *)&e->prefixlen) == n);
	}
	*pos = sound && n <= t->sh->elems.fresh ? n - 1 : 0;
	if (!sound)
		lpm_rebuild(t);
	spin_unlock(&t->sh->lock);
	return !sound;
}
