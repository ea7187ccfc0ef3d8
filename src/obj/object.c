/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object.c - making, holding and dropping objects, and what their special fields own.
 *
 * An object that goes may own others, by kptrs, lists and trees, and those others again: what is
 * to be freed is kept in a chain through the blocks, not on the stack, and what comes out of a
 * field is in the run's hands until it is held elsewhere, or doomed.
 */
#include "hive/vcpu.h"
#include "obj/obj_int.h"

void obj_fields_init(const struct btf_record *r, void *mem)
{
	/* Empty lists, trees and nodes are zero, as locks are that nobody holds.  How often an
	 * object is held its block says; the field is what bpf(2) shows of a value. */
	if (btf_record_has(r, FIELD_REFCOUNT))
		memcpy((uint8_t *)mem + r->refcount_off, &(uint32_t){ 1 }, sizeof(uint32_t));
}

void *obj_new(struct obj_store *s, uint32_t type, uint32_t cpu)
{
	struct block *b = type ? pool_take(s, type, cpu) : NULL;
	const struct obj_type *t = &s->type[type];

	if (!b)
		return NULL;
	if (t->percpu)
		for (uint32_t i = 0; i < s->pool[1].copies; i++)
			memset(obj_of_cpu(s, block_object(b), i), 0, t->size);
	else
		memset(block_object(b), 0, t->size);
	obj_fields_init(t->record, block_object(b));
	/* Release: who finds a type finds what it says of the memory. */
	atomic_store_explicit(&b->type, type, memory_order_release);
	return block_object(b);
}

uint32_t obj_cpus(const struct obj_store *s)
{
	return s->pool[1].copies;
}

void *obj_of_cpu(const struct obj_store *s, void *obj, uint32_t cpu)
{
	return (uint8_t *)obj + s->pool[1].size * cpu;
}

void *obj_get(struct obj_store *s, void *obj, uint32_t cpu)
{
	struct hand *h = hand_of(s, cpu);
	struct block *b = block_of(obj);
	const struct change c = { .word = &b->count, .gains = unit_of(s, obj) };
	uint64_t seen = atomic_load_explicit(&b->count, memory_order_relaxed), to;

	do {
		if (!(uint32_t)seen)
			return NULL;
		word_seen(s, h, seen);
		to = hand_note(h, &c) | ((uint32_t)seen + 1);
	} while (!atomic_compare_exchange_weak_explicit(&b->count, &seen, to, memory_order_relaxed,
							memory_order_relaxed));
	hand_done(h);
	return obj;
}

void *obj_find(const struct obj_store *s, uintptr_t addr, size_t len, size_t *ret_size)
{
	for (int i = 0; i < 2; i++) {
		const struct obj_pool *p = &s->pool[i];
		const size_t off = addr - (uintptr_t)p->mem;
		/* Of the copy that the address is in. */
		const size_t copy = off < p->size * p->copies ? off / p->size * p->size : 0;
		struct block *b = pool_has(p, addr - copy) ? pool_find(p, addr - copy) : NULL;
		const uint32_t size = b ? block_type(s, b)->size : 0;
		const uintptr_t begin = (uintptr_t)b + sizeof(*b) + copy;

		if (size && addr >= begin && addr - begin <= size && len <= size - (addr - begin)) {
			*ret_size = size;
			return (void *)begin;
		}
	}
	return NULL;
}

bool obj_is_held(const struct obj_store *s, const void *obj)
{
	size_t size;

	return obj_find(s, (uintptr_t)obj, 0, &size) == obj && block_count(block_of(obj));
}

void *node_object(const struct obj_store *s, const void *node)
{
	size_t size;

	return obj_find(s, (uintptr_t)node, 1, &size);
}

/* --- kptrs ------------------------------------------------------------------------------------ */

uint64_t obj_kptr_load(const struct obj_store *s, const void *kptr)
{
	/* Acquire pairs with obj_kptr_xchg. */
	const uint32_t unit = word_unit((_Atomic uint64_t *)(uintptr_t)kptr);
	const uintptr_t obj = (uintptr_t)unit_at(s, unit);

	/* Where an object could be, there is memory that is as good as one. */
	return (pool_has(&s->pool[0], obj) || pool_has(&s->pool[1], obj)) &&
			       obj % sizeof(struct block) == 0
		       ? obj
		       : 0;
}

void *obj_kptr_xchg(struct obj_store *s, void *kptr, void *obj, uint32_t cpu)
{
	struct hand *h = hand_of(s, cpu);
	_Atomic uint64_t *w = kptr;
	struct change c = { .word = w, .loses = unit_of(s, obj) };
	uint64_t seen = atomic_load_explicit(w, memory_order_relaxed), to;
	struct block *b;

	do {
		/* What could not be an object is nothing. */
		b = pool_block(s, (uint32_t)seen);
		c.gains = b ? (uint32_t)seen : 0;
		word_seen(s, h, seen);
		to = hand_note(h, &c) | c.loses;
		/* Release: who loads the pointer sees the object. */
	} while (!atomic_compare_exchange_weak_explicit(w, &seen, to, memory_order_acq_rel,
							memory_order_relaxed));
	hand_done(h);
	return b ? block_object(b) : NULL;
}

/* --- freeing ---------------------------------------------------------------------------------- */

/* Gives a reference back, which is in hand; what nobody holds any more is doomed. */
static void put(struct obj_store *s, struct doom *d, void *obj, uint32_t cpu)
{
	struct hand *h = hand_of(s, cpu);
	struct block *b = obj ? block_of(obj) : NULL;
	struct change c = { .word = b ? &b->count : NULL };
	uint64_t seen, to;

	if (!b)
		return;
	seen = atomic_load_explicit(&b->count, memory_order_relaxed);
	do {
		if (!(uint32_t)seen)
			return;
		/* The last one stays in hand until it is doomed. */
		c.loses = (uint32_t)seen > 1 ? unit_of(s, obj) : 0;
		word_seen(s, h, seen);
		to = hand_note(h, &c) | ((uint32_t)seen - 1);
		/* Release before the last, acquire by the last: it sees what the others did. */
	} while (!atomic_compare_exchange_weak_explicit(&b->count, &seen, to, memory_order_acq_rel,
							memory_order_relaxed));
	hand_done(h);
	if ((uint32_t)to)
		return;
	atomic_store_explicit(&b->next, atomic_load_explicit(&d->first, memory_order_relaxed),
			      memory_order_release);
	atomic_store_explicit(&d->first, unit_of(s, obj), memory_order_release);
	hand_note(h, &(struct change){ .loses = unit_of(s, obj) });
	hand_done(h);
}

/* The lock beside the list or tree: runs may hold it. */
static struct spinlock *lock_of(const struct btf_record *r, void *mem)
{
	const int32_t off =
		btf_record_has(r, FIELD_SPIN_LOCK) ? r->spin_lock_off : r->res_spin_lock_off;

	return (struct spinlock *)((uint8_t *)mem + off);
}

#define TAKEOVERS 16

/* Everything in the list, or tree, goes. */
static void empty(struct obj_store *s, struct doom *d, const struct btf_record *r,
		  const struct btf_field *f, void *mem, uint32_t cpu)
{
	struct spinlock *lock = lock_of(r, mem);
	void *field = (uint8_t *)mem + f->off, *node;
	uint32_t left = pool_most(s), takeovers = 0;

	do {
		/* More often than runs die while we look it is no run that wrote there. */
		if (lock_take(lock, s->vcpus, cpu) && ++takeovers > TAKEOVERS)
			store_damaged(s), left = 0;
		node = f->type == FIELD_LIST_HEAD ? list_take(s, field, cpu)
						  : tree_take(s, field, cpu);
		spin_unlock(lock);
		put(s, d, node ? node_object(s, node) : NULL, cpu);
	} while (node && left--);
}

static void free_field(struct obj_store *s, struct doom *d, const struct btf_record *r,
		       const struct btf_field *f, void *mem, uint32_t cpu)
{
	void *at = (uint8_t *)mem + f->off;

	if (f->type & FIELD_GRAPH_ROOT)
		empty(s, d, r, f, mem, cpu);
	else if (f->type & FIELD_GRAPH_NODE)
		word_put(s, hand_of(s, cpu), at,
			 0); /* the first of a node: nobody loses sight of it */
	else if (f->type & (FIELD_TIMER | FIELD_WORKQUEUE))
		obj_timer_free(s, at, cpu);
	else if (f->type & FIELD_KPTR_UNREF)
		atomic_store_explicit((_Atomic uint64_t *)at, 0, memory_order_relaxed);
	else if (f->type & FIELD_KPTR && word_unit(at))
		put(s, d, obj_kptr_xchg(s, at, NULL, cpu), cpu);
}

static void free_fields(struct obj_store *s, struct doom *d, const struct btf_record *r, void *mem,
			uint32_t cpu)
{
	for (uint32_t i = 0; r && i < r->cnt; i++)
		free_field(s, d, r, &r->field[i], mem, cpu);
}

void doom_all(struct obj_store *s, struct doom *d, uint32_t cpu)
{
	uint32_t left = pool_most(s), unit;

	while ((unit = atomic_load_explicit(&d->first, memory_order_relaxed)) && left--) {
		struct block *b = pool_block(s, unit);

		/* Whatever the chain leads to that is none of the doomed, members have written. */
		if (unlikely(!b || block_count(b))) {
			store_damaged(s);
			break;
		}
		atomic_store_explicit(&d->now, unit, memory_order_release);
		atomic_store_explicit(&d->first,
				      atomic_load_explicit(&b->next, memory_order_relaxed),
				      memory_order_release);
		free_fields(s, d, block_type(s, b)->record, block_object(b), cpu);
		pool_drop(s, b, d, cpu);
	}
	atomic_store_explicit(&d->first, 0, memory_order_relaxed);
}

void obj_put(struct obj_store *s, void *obj, uint32_t cpu)
{
	struct hand *h = hand_of(s, cpu);
	struct doom own = { 0 }, *d = h ? &h->doom : &own;

	put(s, d, obj, cpu);
	doom_all(s, d, cpu);
}

void obj_fields_free(struct obj_store *s, const struct btf_record *r, void *mem, uint32_t cpu)
{
	struct hand *h = hand_of(s, cpu);
	struct doom own = { 0 }, *d = h ? &h->doom : &own;

	free_fields(s, d, r, mem, cpu);
	doom_all(s, d, cpu);
}
