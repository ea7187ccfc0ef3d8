/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lpm_mem.c - elements and nodes of a trie: which are free, and when.
 *
 * What is dropped waits in two groups: one that grows, and one that was closed with a note of
 * where each vCPU stood.  When all of those have ended that run, the second group is free and the
 * first is closed.  That is looked at when something is taken and nothing is free; only when
 * nothing becomes free either is memory used that never was.
 */
#include "hive/vcpu.h"
#include "map/lpm_int.h"

/* The link of thing n of a pool. */
static uint32_t *link_of(const struct lpm *t, const struct lpm_pool *p, uint32_t n)
{
	return p == &t->sh->elems ? &lpm_elem(t, n)->link : &t->node_link[n <= t->total ? n : 0];
}

static void push(const struct lpm *t, struct lpm_pool *p, uint32_t *list, uint32_t n)
{
	*link_of(t, p, n) = *list;
	*list = n;
}

/* No run that was under way when the groups were closed still is. */
static bool all_ended(const struct lpm *t)
{
	for (uint32_t i = 0; t->vcpus && i < t->vcpus->nr; i++)
		if (!vcpu_run_over(&t->vcpus->slot[i], t->sh->seen[i]))
			return false;
	return true;
}

static void free_waiting(const struct lpm *t, struct lpm_pool *p)
{
	uint32_t left = t->total;

	for (uint32_t n = p->waiting, next; n && left; n = next, left--) {
		next = *link_of(t, p, n);
		push(t, p, &p->free, n);
	}
	p->waiting = 0;
}

static void close_group(struct lpm_pool *p)
{
	p->waiting = p->dropped;
	p->dropped = 0;
}

/* Frees what nobody can see any more; true when it closed a new group. */
static bool reclaim_once(const struct lpm *t)
{
	struct lpm_shared *sh = t->sh;

	if (!all_ended(t))
		return false;
	free_waiting(t, &sh->elems);
	free_waiting(t, &sh->nodes);
	if (!sh->elems.dropped && !sh->nodes.dropped)
		return false;
	close_group(&sh->elems);
	close_group(&sh->nodes);
	/* Whoever begins a run after this finds nothing that leads there. */
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; t->vcpus && i < t->vcpus->nr; i++)
		sh->seen[i] = vcpu_run(&t->vcpus->slot[i]);
	return true;
}

static uint32_t take(const struct lpm *t, struct lpm_pool *p)
{
	uint32_t n;

	/* The second round is for when nobody runs. */
	if (!p->free && reclaim_once(t))
		reclaim_once(t);
	n = p->free;
	if (n)
		p->free = *link_of(t, p, n);
	else if (p->fresh < t->total)
		n = ++p->fresh;
	return n <= t->total ? n : 0;
}

uint32_t lpm_take_elem(const struct lpm *t)
{
	return take(t, &t->sh->elems);
}

uint32_t lpm_take_node(const struct lpm *t)
{
	uint32_t n = take(t, &t->sh->nodes);

	if (n)
		memset(&t->nodes[n], 0, sizeof(t->nodes[n]));
	return n;
}

void lpm_drop_elem(const struct lpm *t, uint32_t n)
{
	push(t, &t->sh->elems, &t->sh->elems.dropped, n);
}

void lpm_drop_node(const struct lpm *t, uint32_t n)
{
	push(t, &t->sh->nodes, &t->sh->nodes.dropped, n);
}

void lpm_untake_elem(const struct lpm *t, uint32_t n)
{
	push(t, &t->sh->elems, &t->sh->elems.free, n);
}
