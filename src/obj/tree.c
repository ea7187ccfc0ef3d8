/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree.c - red-black trees of objects.
 *
 *	A red node has no red child, and every way from a node down to a leaf meets as many black
 *	ones.  A node that is put in is red; one that is taken out, where it was black, leaves a way
 *	that is one short.  Both are mended upwards.
 *
 * Sides are 0, left, and 1, right: what is said of one holds for the other.
 */
#include "obj/obj_int.h"

#define RED ((uintptr_t)1)

static struct tree_node *up(const struct tree_node *n)
{
	return (struct tree_node *)((uintptr_t)n->up & ~RED);
}

/* A leaf, NULL, is black. */
static bool is_red(const struct tree_node *n)
{
	return n && (uintptr_t)n->up & RED;
}

static void set_up(struct tree_node *n, struct tree_node *parent)
{
	n->up = (struct tree_node *)((uintptr_t)parent | ((uintptr_t)n->up & RED));
}

static void set_red(struct tree_node *n, bool red)
{
	n->up = (struct tree_node *)((uintptr_t)up(n) | (red ? RED : 0));
}

static unsigned side_of(const struct tree_node *n, const struct tree_node *parent)
{
	return parent->child[1] == n;
}

/* Where the tree leads to n, it leads to `to`, which may be NULL. */
static void replace(struct tree *t, struct tree_node *n, struct tree_node *to)
{
	struct tree_node *parent = up(n);

	if (parent)
		parent->child[side_of(n, parent)] = to;
	else
		t->top = to;
	if (to)
		set_up(to, parent);
}

/* n goes down to that side; its child of the other side takes its place. */
static void rotate(struct tree *t, struct tree_node *n, unsigned side)
{
	struct tree_node *c = n->child[!side], *inner = c->child[side];

	replace(t, n, c);
	n->child[!side] = inner;
	if (inner)
		set_up(inner, n);
	c->child[side] = n;
	set_up(n, c);
}

/* n is red, and perhaps its parent too. */
static void mend_red(struct tree *t, struct tree_node *n)
{
	struct tree_node *parent, *grand, *uncle;
	unsigned side;

	while ((parent = up(n)) && is_red(parent)) {
		grand = up(parent); /* the top is black, so there is one */
		side = side_of(parent, grand);
		uncle = grand->child[!side];
		if (is_red(uncle)) {
			set_red(parent, false);
			set_red(uncle, false);
			set_red(grand, true);
			n = grand;
			continue;
		}
		if (side_of(n, parent) != side) {
			rotate(t, parent, side);
			n = parent;
			parent = up(n);
		}
		set_red(parent, false);
		set_red(grand, true);
		rotate(t, grand, !side);
		break;
	}
	set_red(t->top, false);
}

/* Ways through that side of parent are one black node short. */
static void mend_black(struct tree *t, struct tree_node *parent, unsigned side)
{
	struct tree_node *n, *brother;

	while (parent && !is_red(parent->child[side])) {
		brother = parent->child[!side]; /* there is one: its ways are longer */
		if (is_red(brother)) {
			set_red(brother, false);
			set_red(parent, true);
			rotate(t, parent, side);
			brother = parent->child[!side];
		}
		if (!is_red(brother->child[0]) && !is_red(brother->child[1])) {
			/* Its ways become as short, and so do all of parent. */
			set_red(brother, true);
			n = parent;
			parent = up(n);
			side = parent ? side_of(n, parent) : 0;
			continue;
		}
		if (!is_red(brother->child[!side])) {
			set_red(brother->child[side], false);
			set_red(brother, true);
			rotate(t, brother, !side);
			brother = parent->child[!side];
		}
		set_red(brother, is_red(parent));
		set_red(parent, false);
		set_red(brother->child[!side], false);
		rotate(t, parent, side);
		return;
	}
	n = parent ? parent->child[side] : t->top;
	if (n)
		set_red(n, false);
}

static struct tree_node *leftmost(struct tree_node *n)
{
	while (n && n->child[0])
		n = n->child[0];
	return n;
}

static struct tree_node *next(struct tree_node *n)
{
	struct tree_node *parent;

	if (n->child[1])
		return leftmost(n->child[1]);
	while ((parent = up(n)) && side_of(n, parent) == 1)
		n = parent;
	return parent;
}

/* Takes n out.  A node with two children is replaced by the next one, which has no left child. */
static void erase(struct tree *t, struct tree_node *n)
{
	struct tree_node *gone = n->child[0] && n->child[1] ? next(n) : n;
	struct tree_node *child = gone->child[0] ? gone->child[0] : gone->child[1];
	struct tree_node *parent = up(gone);
	const unsigned side = parent ? side_of(gone, parent) : 0;
	const bool was_red = is_red(gone);

	if (t->first == n)
		t->first = next(n);
	replace(t, gone, child);
	if (gone != n) {
		if (parent == n)
			parent = gone;
		gone->child[0] = n->child[0];
		gone->child[1] = n->child[1];
		gone->up = n->up;
		replace(t, n, gone);
		for (unsigned i = 0; i < 2; i++)
			if (gone->child[i])
				set_up(gone->child[i], gone);
	}
	if (!was_red)
		mend_black(t, parent, side);
}

int obj_tree_add(struct obj_store *s, void *root, void *node,
		 bool (*less)(void *arg, void *a, void *b), void *arg)
{
	struct tree *t = root;
	struct tree_node *n = node, *parent = NULL, *at = t->top;
	void *none = NULL;
	bool first = true;
	unsigned side = 0;

	/* As in obj_list_push. */
	if (!atomic_compare_exchange_strong_explicit(&n->owner, &none, root, memory_order_acquire,
						     memory_order_relaxed)) {
		obj_put(s, node_object(s, node));
		return -EINVAL;
	}
	while (at) {
		parent = at;
		side = !less(arg, node, at);
		first &= !side;
		at = at->child[side];
	}
	n->child[0] = n->child[1] = NULL;
	n->up = (struct tree_node *)((uintptr_t)parent | RED);
	if (parent)
		parent->child[side] = n;
	else
		t->top = n;
	if (first)
		t->first = n;
	mend_red(t, n);
	return 0;
}

static bool is_in(void *root, const struct tree_node *n)
{
	return atomic_load_explicit(&n->owner, memory_order_relaxed) == root;
}

void *obj_tree_remove(void *root, void *node)
{
	struct tree_node *n = node;

	if (!is_in(root, n))
		return NULL;
	erase(root, n);
	n->up = n->child[0] = n->child[1] = NULL;
	/* Release, as in obj_list_pop. */
	atomic_store_explicit(&n->owner, NULL, memory_order_release);
	return n;
}

void *obj_tree_first(void *root)
{
	return ((struct tree *)root)->first;
}

void *obj_tree_root(void *root)
{
	return ((struct tree *)root)->top;
}

void *obj_tree_child(void *root, void *node, bool right)
{
	const struct tree_node *n = node;

	return is_in(root, n) ? n->child[right] : NULL;
}

void *tree_take(struct tree *t)
{
	return t->first ? obj_tree_remove(t, t->first) : NULL;
}
