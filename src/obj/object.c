/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object.c - making, holding and dropping objects, and what their special fields own.
 *
 * An object that goes may own others, by kptrs, lists and trees, and those others again: what is
 * to be freed is kept in a chain through the blocks, not on the stack.
 */
#include "hive/vcpu.h"
#include "obj/obj_int.h"
#include "obj/timer.h"

static _Atomic uint32_t *count_of(const struct btf_record *r, void *obj)
{
	if (!btf_record_has(r, FIELD_REFCOUNT))
		return NULL;
	return (_Atomic uint32_t *)((uint8_t *)obj + r->refcount_off);
}

void obj_fields_init(const struct btf_record *r, void *mem)
{
	_Atomic uint32_t *count = count_of(r, mem);

	/* Empty lists, trees and nodes are zero, as locks are that nobody holds. */
	if (count)
		atomic_store_explicit(count, 1, memory_order_relaxed);
}

void *obj_new(struct obj_store *s, uint32_t size, const struct btf_record *record)
{
	struct block *b = pool_take(&s->plain, size);

	if (!b)
		return NULL;
	b->record = record;
	memset(block_object(b), 0, size);
	obj_fields_init(record, block_object(b));
	return block_object(b);
}

void *obj_new_percpu(struct obj_store *s, uint32_t size)
{
	struct block *b = pool_take(&s->percpu, size);

	for (uint32_t cpu = 0; b && cpu < s->percpu.copies; cpu++)
		memset(obj_of_cpu(s, block_object(b), cpu), 0, size);
	return b ? block_object(b) : NULL;
}

uint32_t obj_cpus(const struct obj_store *s)
{
	return s->percpu.copies;
}

void *obj_of_cpu(const struct obj_store *s, void *obj, uint32_t cpu)
{
	return (uint8_t *)obj + s->percpu.size * cpu;
}

void *obj_get(void *obj)
{
	_Atomic uint32_t *count = count_of(block_of(obj)->record, obj);
	uint32_t n = atomic_load_explicit(count, memory_order_relaxed);

	while (n && !atomic_compare_exchange_weak_explicit(count, &n, n + 1, memory_order_relaxed,
							   memory_order_relaxed))
		;
	return n ? obj : NULL;
}

void *obj_find(const struct obj_store *s, uintptr_t addr, size_t len, size_t *ret_size)
{
	const struct obj_pool *p = pool_has(&s->plain, addr)	? &s->plain
				   : pool_has(&s->percpu, addr) ? &s->percpu
								: NULL;
	struct block *b = p ? pool_find(p, addr) : NULL;
	uintptr_t begin;

	if (!b || atomic_load_explicit(&b->state, memory_order_relaxed) == BLOCK_FREE)
		return NULL;
	/* In the copy that the address is in. */
	begin = (uintptr_t)block_object(b) + (addr - (uintptr_t)p->mem) / p->size * p->size;
	if (addr < begin || addr - begin > b->size || len > b->size - (addr - begin))
		return NULL;
	*ret_size = b->size;
	return (void *)begin;
}

bool obj_is_held(const struct obj_store *s, const void *obj)
{
	size_t size;

	return obj_find(s, (uintptr_t)obj, 0, &size) == obj &&
	       atomic_load_explicit(&block_of(obj)->state, memory_order_relaxed) == BLOCK_LIVE;
}

void *node_object(const struct obj_store *s, void *node)
{
	size_t size;

	return obj_find(s, (uintptr_t)node, 1, &size);
}

/* --- freeing ---------------------------------------------------------------------------------- */

/* Objects whose last reference is gone; chained by struct block's next, which nobody else uses. */
struct doomed {
	struct obj_store *s;
	struct obj_pool *pool; /* that the chain is of */
	uint32_t first;	       /* as struct block.next */
};

static bool is_last(struct block *b)
{
	_Atomic uint32_t *count = count_of(b->record, block_object(b));

	/* Release before the last, acquire by the last: it sees what the others did. */
	return !count || atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) == 1;
}

/* Gives a reference back; what nobody holds any more is doomed. */
static void put(struct doomed *d, void *obj)
{
	struct block *b = obj ? block_of(obj) : NULL;

	if (!b || !is_last(b))
		return;
	if (!pool_has(&d->s->plain, (uintptr_t)b)) {
		pool_drop(&d->s->percpu, b); /* owns nothing */
		return;
	}
	atomic_store_explicit(&b->next, d->first, memory_order_relaxed);
	d->first = (uint32_t)(((uintptr_t)b - (uintptr_t)d->s->plain.mem) / sizeof(*b));
}

/* The lock beside the list or tree: runs may hold it. */
static _Atomic uint32_t *lock_of(const struct btf_record *r, void *mem)
{
	const int32_t off =
		btf_record_has(r, FIELD_SPIN_LOCK) ? r->spin_lock_off : r->res_spin_lock_off;

	return (_Atomic uint32_t *)((uint8_t *)mem + off);
}

/* Unlike spin_lock(), it leaves the word of another holder as it is: that may be its name. */
static void hold(_Atomic uint32_t *lock)
{
	uint32_t unheld = 0;

	while (!atomic_compare_exchange_weak_explicit(lock, &unheld, 1, memory_order_acquire,
						      memory_order_relaxed)) {
		spinlock_wait((struct spinlock *)lock);
		unheld = 0;
	}
}

/* Everything in the list, or tree, goes. */
static void empty(struct doomed *d, const struct btf_record *r, const struct btf_field *f,
		  void *mem)
{
	_Atomic uint32_t *lock = lock_of(r, mem);
	void *field = (uint8_t *)mem + f->off, *node;

	do {
		hold(lock);
		node = f->type == FIELD_LIST_HEAD ? list_take(field) : tree_take(field);
		spin_unlock((struct spinlock *)lock);
		put(d, node ? (uint8_t *)node - f->node_off : NULL);
	} while (node);
}

static void free_fields(struct doomed *d, const struct btf_record *r, void *mem, uint32_t cpu)
{
	for (uint32_t i = 0; r && i < r->cnt; i++) {
		const struct btf_field *f = &r->field[i];
		void *at = (uint8_t *)mem + f->off;

		if (f->type & FIELD_GRAPH_ROOT)
			empty(d, r, f, mem);
		else if (f->type & (FIELD_TIMER | FIELD_WORKQUEUE))
			obj_timer_free(d->s, at, cpu);
		else if (f->type & FIELD_KPTR_UNREF)
			obj_kptr_xchg(at, NULL);
		else if (f->type & FIELD_KPTR)
			put(d, obj_kptr_xchg(at, NULL));
	}
}

static void free_doomed(struct doomed *d)
{
	while (d->first) {
		struct block *b = (struct block *)(uintptr_t)d->s->plain.mem + d->first;

		d->first = atomic_load_explicit(&b->next, memory_order_relaxed);
		free_fields(d, b->record, block_object(b), VCPU_NONE);
		pool_drop(&d->s->plain, b);
	}
}

void obj_put(struct obj_store *s, void *obj)
{
	struct doomed d = { .s = s };

	put(&d, obj);
	free_doomed(&d);
}

void obj_fields_free(struct obj_store *s, const struct btf_record *r, void *mem, uint32_t cpu)
{
	struct doomed d = { .s = s };

	free_fields(&d, r, mem, cpu);
	free_doomed(&d);
}
