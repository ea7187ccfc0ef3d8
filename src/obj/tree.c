/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree.c - red-black trees of objects.  Hot.
 *
 *	A red node has no red child, and every way from a node down to a leaf meets as many black
 *	ones.  A node that is put in is red; one that is taken out, where it was black, leaves a way
 *	that is one short.  Both are mended upwards.
 *
 * Sides are 0, left, and 1, right: what is said of one holds for the other.
 *
 * The nodes are a list too, in their order, as those of list.c: what its words say is what is in
 * the tree, and where a run died in the midst of a change the rest is made anew from it.  Nobody
 * has to be asked for the order then.  Links may be anything in a hive: ways end, and a node that
 * is not there reads as one that nobody has.
 */
#include "obj/obj_int.h"

#define RED   (UINT32_C(1) << 31)
#define DEPTH 96 /* no way is longer */

/* A tree at work. */
struct work {
	struct obj_store *s;
	struct tree *t;
};

static uint32_t get(const _Atomic uint32_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static void set(_Atomic uint32_t *p, uint32_t v)
{
	atomic_store_explicit(p, v, memory_order_release);
}

static struct tree_node *at(const struct work *w, uint32_t n)
{
	return node_at(w->s, n);
}

static uint64_t owner_of(const struct tree_node *n)
{
	return atomic_load_explicit(&n->owner, memory_order_relaxed);
}

static uint32_t up(const struct work *w, uint32_t n)
{
	return get(&at(w, n)->up) & ~RED;
}

static uint32_t child(const struct work *w, uint32_t n, unsigned side)
{
	return get(&at(w, n)->child[side]);
}

static void set_child(const struct work *w, uint32_t n, unsigned side, uint32_t to)
{
	set(&at(w, n)->child[side], to);
}

/* A leaf, 0, is black. */
static bool is_red(const struct work *w, uint32_t n)
{
	return n && get(&at(w, n)->up) & RED;
}

static void set_up(const struct work *w, uint32_t n, uint32_t parent)
{
	set(&at(w, n)->up, parent | (get(&at(w, n)->up) & RED));
}

static void set_red(const struct work *w, uint32_t n, bool red)
{
	set(&at(w, n)->up, up(w, n) | (red ? RED : 0));
}

static unsigned side_of(const struct work *w, uint32_t n, uint32_t parent)
{
	return child(w, parent, 1) == n;
}

/* Where the tree leads to n, it leads to `to`, which may be 0. */
static void replace(const struct work *w, uint32_t n, uint32_t to)
{
	const uint32_t parent = up(w, n);

	if (parent)
		set_child(w, parent, side_of(w, n, parent), to);
	else
		set(&w->t->top, to);
	if (to)
		set_up(w, to, parent);
}

/* n goes down to that side; its child of the other side takes its place. */
static void rotate(const struct work *w, uint32_t n, unsigned side)
{
	const uint32_t c = child(w, n, !side), inner = child(w, c, side);

	replace(w, n, c);
	set_child(w, n, !side, inner);
	if (inner)
		set_up(w, inner, n);
	set_child(w, c, side, n);
	set_up(w, n, c);
}

/* n is red, and perhaps its parent too. */
static void mend_red(const struct work *w, uint32_t n)
{
	uint32_t parent, grand, uncle;
	unsigned side;

	for (int left = DEPTH; (parent = up(w, n)) && is_red(w, parent) && left--;) {
		grand = up(w, parent); /* the top is black, so there is one */
		side = side_of(w, parent, grand);
		uncle = child(w, grand, !side);
		if (is_red(w, uncle)) {
			set_red(w, parent, false);
			set_red(w, uncle, false);
			set_red(w, grand, true);
			n = grand;
			continue;
		}
		if (side_of(w, n, parent) != side) {
			rotate(w, parent, side);
			n = parent;
			parent = up(w, n);
		}
		set_red(w, parent, false);
		set_red(w, grand, true);
		rotate(w, grand, !side);
		break;
	}
	set_red(w, get(&w->t->top), false);
}

/* Ways through that side of parent are one black node short. */
static void mend_black(const struct work *w, uint32_t parent, unsigned side)
{
	uint32_t n, brother;

	for (int left = DEPTH; parent && !is_red(w, child(w, parent, side)) && left--;) {
		brother = child(w, parent, !side); /* there is one: its ways are longer */
		if (is_red(w, brother)) {
			set_red(w, brother, false);
			set_red(w, parent, true);
			rotate(w, parent, side);
			brother = child(w, parent, !side);
		}
		if (!is_red(w, child(w, brother, 0)) && !is_red(w, child(w, brother, 1))) {
			/* Its ways become as short, and so do all of parent. */
			set_red(w, brother, true);
			n = parent;
			parent = up(w, n);
			side = parent ? side_of(w, n, parent) : 0;
			continue;
		}
		if (!is_red(w, child(w, brother, !side))) {
			set_red(w, child(w, brother, side), false);
			set_red(w, brother, true);
			rotate(w, brother, !side);
			brother = child(w, parent, !side);
		}
		set_red(w, brother, is_red(w, parent));
		set_red(w, parent, false);
		set_red(w, child(w, brother, !side), false);
		rotate(w, parent, side);
		return;
	}
	n = parent ? child(w, parent, side) : get(&w->t->top);
	if (n)
		set_red(w, n, false);
}

/* Takes n out.  One with two children is replaced by the next one, which has no left child. */
static void erase(const struct work *w, uint32_t n, uint32_t next)
{
	const uint32_t gone = child(w, n, 0) && child(w, n, 1) ? next : n;
	const uint32_t below = child(w, gone, 0) ? child(w, gone, 0) : child(w, gone, 1);
	uint32_t parent = up(w, gone);
	const unsigned side = parent ? side_of(w, gone, parent) : 0;
	const bool was_red = is_red(w, gone);

	replace(w, gone, below);
	if (gone != n) {
		if (parent == n)
			parent = gone;
		for (unsigned i = 0; i < 2; i++)
			set_child(w, gone, i, child(w, n, i));
		set(&at(w, gone)->up, get(&at(w, n)->up));
		replace(w, n, gone);
		for (unsigned i = 0; i < 2; i++)
			if (child(w, gone, i))
				set_up(w, child(w, gone, i), gone);
	}
	if (!was_red)
		mend_black(w, parent, side);
}

/* n becomes a leaf there. */
static void hang(const struct work *w, uint32_t n, uint32_t parent, unsigned side)
{
	set_child(w, n, 0, 0);
	set_child(w, n, 1, 0);
	set(&at(w, n)->up, parent | RED);
	if (parent)
		set_child(w, parent, side, n);
	else
		set(&w->t->top, n);
	mend_red(w, n);
}

/* --- the list --------------------------------------------------------------------------------- */

/* The word that leads to the node behind prev. */
static _Atomic uint64_t *word_behind(const struct work *w, uint32_t prev)
{
	return prev ? &at(w, prev)->next : &w->t->first;
}

/* Is it in the tree, or about to be? */
static bool is_of(const struct work *w, const struct tree_node *n)
{
	return (void *)n != w->s->sh->nothing &&
	       (owner_of(n) == (uintptr_t)w->t || owner_of(n) & 1);
}

/* The tree of its list, as if all of that were added in its order. */
static void mend(const struct work *w)
{
	struct circle circle = { 0 };
	uint32_t prev = 0, unit;

	set(&w->t->top, 0);
	for (; (unit = word_unit(word_behind(w, prev))); prev = unit) {
		struct tree_node *n = at(w, unit);

		if (!is_of(w, n) || circle_closes(&circle, unit)) {
			store_damaged(w->s);
			word_put(w->s, NULL, word_behind(w, prev), 0);
			break;
		}
		atomic_store_explicit(&n->owner, (uintptr_t)w->t, memory_order_relaxed);
		set(&n->prev, prev);
		hang(w, unit, prev, 1);
	}
	set(&w->t->busy, 0);
}

static struct work enter(struct obj_store *s, void *root)
{
	const struct work w = { s, root };

	if (unlikely(get(&w.t->busy)))
		mend(&w);
	return w;
}

/* Does the one before it know the node? */
static bool fits(const struct work *w, const struct tree_node *n)
{
	return word_unit(word_behind(w, get(&n->prev))) == unit_of(w->s, n);
}

/* A place for a node, by the program's own order. */
struct place {
	uint32_t parent;
	unsigned side;
};

/* False: it is none, as the way has no end. */
static bool find(const struct work *w, void *node, bool (*less)(void *arg, void *a, void *b),
		 void *arg, struct place *ret)
{
	uint32_t n = get(&w->t->top);

	*ret = (struct place){ 0 };
	for (int left = DEPTH; n; left--) {
		if (!left || !is_of(w, at(w, n)))
			return false;
		*ret = (struct place){ n, !less(arg, node, at(w, n)) };
		n = child(w, n, ret->side);
	}
	return true;
}

int obj_tree_add(struct obj_store *s, void *root, void *node,
		 bool (*less)(void *arg, void *a, void *b), void *arg, uint32_t cpu)
{
	const struct work w = enter(s, root);
	struct hand *h = hand_of(s, cpu);
	struct tree_node *n = node;
	const uint32_t unit = unit_of(s, node);
	void *obj = node_object(s, node);
	struct place p;
	struct change c;
	uint32_t prev, next;

	if (!node_claim(s, h, node, &n->owner, root, cpu)) {
		obj_put(s, obj, cpu);
		return -EINVAL;
	}
	if (unlikely(!find(&w, node, less, arg, &p))) {
		mend(&w);
		find(&w, node, less, arg, &p);
	}
	prev = p.side ? p.parent : get(&at(&w, p.parent)->prev);
	next = p.side ? word_unit(&at(&w, p.parent)->next) : p.parent;
	set(&w.t->busy, 1);
	word_put(s, h, &n->next, next);
	set(&n->prev, prev);
	c = (struct change){ .word = word_behind(&w, prev), .loses = unit_of(s, obj) };
	word_change(s, h, &c, unit);
	node_settle(h, &n->owner, root);
	if (next)
		set(&at(&w, next)->prev, unit);
	hang(&w, unit, p.parent, p.side);
	set(&w.t->busy, 0);
	return 0;
}

void *obj_tree_remove(struct obj_store *s, void *root, void *node, uint32_t cpu)
{
	struct work w;
	struct hand *h = hand_of(s, cpu);
	struct tree_node *n = node;
	struct change c;
	uint32_t next;

	if (owner_of(n) != (uintptr_t)root)
		return NULL;
	w = enter(s, root);
	if (unlikely(!fits(&w, n))) {
		mend(&w);
		if (!fits(&w, n))
			return NULL;
	}
	next = word_unit(&n->next);
	set(&w.t->busy, 1);
	node_leave(s, h, n, root);
	c = (struct change){ .word = word_behind(&w, get(&n->prev)),
			     .gains = unit_of(s, node_object(s, n)) };
	word_change(s, h, &c, next);
	node_settle(h, &n->owner, NULL);
	if (next)
		set(&at(&w, next)->prev, get(&n->prev));
	erase(&w, unit_of(s, n), next);
	set(&w.t->busy, 0);
	return n;
}

/* The node with that number, if it is in the tree. */
static void *known(const struct work *w, uint32_t unit)
{
	struct tree_node *n = at(w, unit);

	return unit && owner_of(n) == (uintptr_t)w->t && (void *)n != w->s->sh->nothing ? n : NULL;
}

void *obj_tree_first(struct obj_store *s, void *root)
{
	const struct work w = enter(s, root);
	const uint32_t first = word_unit(&w.t->first);
	void *n = known(&w, first);

	if (unlikely(first && !n)) {
		mend(&w);
		n = known(&w, word_unit(&w.t->first));
	}
	return n;
}

void *obj_tree_root(struct obj_store *s, void *root)
{
	const struct work w = enter(s, root);

	return known(&w, get(&w.t->top));
}

void *obj_tree_child(struct obj_store *s, void *root, void *node, bool right)
{
	const struct work w = enter(s, root);

	return owner_of(node) == (uintptr_t)root ? known(&w, child(&w, unit_of(s, node), right))
						 : NULL;
}

void *tree_take(struct obj_store *s, struct tree *t, uint32_t cpu)
{
	void *first = obj_tree_first(s, t);

	return first ? obj_tree_remove(s, t, first, cpu) : NULL;
}
