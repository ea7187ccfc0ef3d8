/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list.c - linked lists of objects.  Hot.
 *
 * What `first` and `next` lead to is the list, and changes by one word at a time; `prev` and `last`
 * follow.  Where a run died before they did, or what they say cannot be, they are made anew.
 */
#include "obj/obj_int.h"

static uint32_t get(const _Atomic uint32_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static void set(_Atomic uint32_t *p, uint32_t v)
{
	atomic_store_explicit(p, v, memory_order_release);
}

static uint64_t owner_of(const struct list_node *n)
{
	return atomic_load_explicit(&n->owner, memory_order_relaxed);
}

/* The word that leads to the node behind prev. */
static _Atomic uint64_t *word_behind(const struct obj_store *s, struct list *l, uint32_t prev)
{
	return prev ? &((struct list_node *)node_at(s, prev))->next : &l->first;
}

/* Is it in the list, or about to be? */
static bool is_of(const struct obj_store *s, const struct list *l, const struct list_node *n)
{
	return (void *)n != s->sh->nothing && (owner_of(n) == (uintptr_t)l || owner_of(n) & 1);
}

/* What follows from first and next; what cannot be in the list, and all behind it, is not. */
static void mend(struct obj_store *s, struct list *l)
{
	struct circle circle = { 0 };
	uint32_t prev = 0, unit;

	for (; (unit = word_unit(word_behind(s, l, prev))); prev = unit) {
		struct list_node *n = node_at(s, unit);

		if (!is_of(s, l, n) || circle_closes(&circle, unit)) {
			store_damaged(s);
			word_put(s, NULL, word_behind(s, l, prev), 0);
			break;
		}
		atomic_store_explicit(&n->owner, (uintptr_t)l, memory_order_relaxed);
		set(&n->prev, prev);
	}
	set(&l->last, prev);
	set(&l->busy, 0);
}

static void enter(struct obj_store *s, struct list *l)
{
	if (unlikely(get(&l->busy)))
		mend(s, l);
}

/* Do the node's neighbours know it as one? */
static bool fits(const struct obj_store *s, struct list *l, uint32_t unit)
{
	const struct list_node *n = node_at(s, unit);
	const uint32_t next = word_unit((_Atomic uint64_t *)&n->next);

	return owner_of(n) == (uintptr_t)l && word_unit(word_behind(s, l, get(&n->prev))) == unit &&
	       (next ? get(&((struct list_node *)node_at(s, next))->prev) : get(&l->last)) == unit;
}

/* The first node, or the last; 0: there is none. */
static uint32_t end_of(struct obj_store *s, struct list *l, bool back)
{
	uint32_t unit;

	enter(s, l);
	for (int i = 0; i < 2; i++) {
		unit = back ? get(&l->last) : word_unit(&l->first);
		if (likely(unit ? fits(s, l, unit) : !word_unit(&l->first) && !get(&l->last)))
			break;
		mend(s, l);
		unit = 0;
	}
	return unit;
}

int obj_list_push(struct obj_store *s, void *head, void *node, bool back, uint32_t cpu)
{
	struct hand *h = hand_of(s, cpu);
	struct list_node *n = node;
	struct list *l = head;
	const uint32_t unit = unit_of(s, node);
	void *obj = node_object(s, node);
	uint32_t prev, next;
	struct change c;

	if (!node_claim(s, h, node, &n->owner, head, cpu)) {
		obj_put(s, obj, cpu);
		return -EINVAL;
	}
	prev = back ? end_of(s, l, true) : 0;
	next = back ? 0 : end_of(s, l, false);
	set(&l->busy, 1);
	word_put(s, h, &n->next, next);
	set(&n->prev, prev);
	c = (struct change){ .word = word_behind(s, l, prev), .loses = unit_of(s, obj) };
	word_change(s, h, &c, unit);
	node_settle(h, &n->owner, head);
	set(next ? &((struct list_node *)node_at(s, next))->prev : &l->last, unit);
	set(&l->busy, 0);
	return 0;
}

void *obj_list_pop(struct obj_store *s, void *head, bool back, uint32_t cpu)
{
	struct hand *h = hand_of(s, cpu);
	struct list *l = head;
	const uint32_t unit = end_of(s, l, back);
	struct list_node *n = node_at(s, unit);
	uint32_t prev, next;
	struct change c;

	if (!unit)
		return NULL;
	prev = get(&n->prev);
	next = word_unit(&n->next);
	set(&l->busy, 1);
	node_leave(s, h, n, head);
	c = (struct change){ .word = word_behind(s, l, prev),
			     .gains = unit_of(s, node_object(s, n)) };
	word_change(s, h, &c, next);
	node_settle(h, &n->owner, NULL);
	set(next ? &((struct list_node *)node_at(s, next))->prev : &l->last, prev);
	set(&l->busy, 0);
	return n;
}

void *obj_list_peek(struct obj_store *s, void *head, bool back)
{
	const uint32_t unit = end_of(s, head, back);

	return unit ? node_at(s, unit) : NULL;
}

void *list_take(struct obj_store *s, struct list *l, uint32_t cpu)
{
	return obj_list_pop(s, l, false, cpu);
}
