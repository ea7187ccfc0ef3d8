/* SPDX-License-Identifier: BSD-2-Clause */
/* list.c - linked lists of objects, in a ring through their head. */
#include "obj/obj_int.h"

/* A head in memory that is zero is an empty list. */
static bool is_empty(const struct links *head)
{
	return !head->next || head->next == head;
}

static void take_out(struct links *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = NULL;
}

int obj_list_push(struct obj_store *s, void *head, void *node, bool back)
{
	struct links *h = head, *after;
	struct list_node *n = node;
	void *none = NULL;

	/* Another thread may hold the same object, and put it elsewhere just now. */
	if (!atomic_compare_exchange_strong_explicit(&n->owner, &none, head, memory_order_acquire,
						     memory_order_relaxed)) {
		obj_put(s, node_object(s, node));
		return -EINVAL;
	}
	if (is_empty(h))
		h->next = h->prev = h;
	after = back ? h->prev : h;
	n->links = (struct links){ after->next, after };
	after->next->prev = &n->links;
	after->next = &n->links;
	return 0;
}

void *obj_list_pop(void *head, bool back)
{
	struct list_node *n = obj_list_peek(head, back);

	if (!n)
		return NULL;
	take_out(&n->links);
	/* Release pairs with the acquire of who puts it somewhere next. */
	atomic_store_explicit(&n->owner, NULL, memory_order_release);
	return n;
}

void *obj_list_peek(void *head, bool back)
{
	const struct links *h = head;

	if (is_empty(h))
		return NULL;
	return back ? h->prev : h->next;
}

void *list_take(struct links *head)
{
	return obj_list_pop(head, false);
}
