/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.c - blocks of memory for objects.
 *
 *	| classes of chunks | chunk 0 | chunk 1 | ...	one copy of the pool
 *	chunk: | block | block | ... | rest |		all of one class of sizes
 *
 * Free blocks of a class are a stack without a lock: its head counts in the upper half, so that a
 * head which was there before is not taken for the same.  Dropped blocks wait in two groups: one
 * that grows, and one that was closed with a note of where each vCPU stood.  When all of those
 * have ended that run, the blocks of the second are free, and the first is closed.
 */
#include "hive/vcpu.h"
#include "obj/obj_int.h"

#define UNIT  16u
#define CHUNK (32u << 10)

/* Bytes of a block, with its header. */
static const uint16_t sizes[CLASSES] = { 32,  48,  64,	80,  96,   128,	 160,  208,
					 272, 352, 464, 608, 1024, 1552, 2720, 4112 };
static_assert(OBJ_SIZE_MAX + sizeof(struct block) <= 4112, "the largest block holds it");

static size_t head_size(const struct obj_pool *p)
{
	return ALIGN_UP(p->size / CHUNK, (size_t)CHUNK);
}

static uint8_t *chunk_at(const struct obj_pool *p, uint32_t n)
{
	return p->mem + head_size(p) + (size_t)n * CHUNK;
}

static struct block *block_at(const struct obj_pool *p, uint32_t unit)
{
	return (struct block *)(p->mem + (size_t)unit * UNIT);
}

static uint32_t unit_of(const struct obj_pool *p, const struct block *b)
{
	return (uint32_t)(((const uint8_t *)b - p->mem) / UNIT);
}

/* --- stacks of blocks ------------------------------------------------------------------------- */

static void push(struct obj_pool *p, _Atomic uint64_t *stack, struct block *b)
{
	uint64_t head = atomic_load_explicit(stack, memory_order_relaxed), next;

	do {
		atomic_store_explicit(&b->next, (uint32_t)head, memory_order_relaxed);
		next = unit_of(p, b) | ((head >> 32) + 1) << 32;
		/* Release pairs with pop, and with the closing of a group. */
	} while (!atomic_compare_exchange_weak_explicit(stack, &head, next, memory_order_release,
							memory_order_relaxed));
}

static struct block *pop(struct obj_pool *p, _Atomic uint64_t *stack)
{
	uint64_t head = atomic_load_explicit(stack, memory_order_acquire);

	while ((uint32_t)head) {
		struct block *b = block_at(p, (uint32_t)head);
		uint64_t next = atomic_load_explicit(&b->next, memory_order_relaxed);

		next |= ((head >> 32) + 1) << 32;
		if (atomic_compare_exchange_weak_explicit(stack, &head, next, memory_order_acquire,
							  memory_order_acquire))
			return b;
	}
	return NULL;
}

/* --- what was dropped ------------------------------------------------------------------------- */

/* No run that was under way when the group was closed still is. */
static bool all_ended(const struct obj_pool *p)
{
	for (uint32_t i = 0; i < p->vcpus->nr; i++)
		if (!vcpu_run_over(&p->vcpus->slot[i], p->seen[i]))
			return false;
	return true;
}

static void free_waiting(struct obj_pool *p)
{
	uint32_t unit = p->waiting;

	while (unit) {
		struct block *b = block_at(p, unit);

		unit = atomic_load_explicit(&b->next, memory_order_relaxed);
		atomic_store_explicit(&b->state, BLOCK_FREE, memory_order_relaxed);
		push(p, &p->free[b->class], b);
	}
	p->waiting = 0;
}

/* Under the lock. */
static void reclaim(struct obj_pool *p)
{
	if (p->waiting && all_ended(p))
		free_waiting(p);
	if (p->waiting)
		return;
	p->waiting = (uint32_t)atomic_exchange(&p->dropped, 0);
	/* Whoever begins a run after this finds nothing that leads to the blocks. */
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < p->vcpus->nr; i++)
		p->seen[i] = vcpu_run(&p->vcpus->slot[i]);
	if (p->waiting && all_ended(p))
		free_waiting(p);
}

void pool_drop(struct obj_pool *p, struct block *b)
{
	atomic_store_explicit(&b->state, BLOCK_DROPPED, memory_order_relaxed);
	atomic_fetch_sub_explicit(&p->live, 1, memory_order_relaxed);
	push(p, &p->dropped, b);
}

/* --- taking ----------------------------------------------------------------------------------- */

/* A new chunk of that class; false when all are given out. */
static bool grow(struct obj_pool *p, uint8_t class)
{
	const uint32_t n = atomic_load_explicit(&p->chunks, memory_order_relaxed);
	uint8_t *at = chunk_at(p, n);

	if (at + CHUNK > p->mem + p->size)
		return false;
	p->mem[n] = class + 1;
	/* Release pairs with pool_find: who finds the chunk knows its class. */
	atomic_store_explicit(&p->chunks, n + 1, memory_order_release);
	for (uint32_t i = CHUNK / sizes[class]; i--;) {
		struct block *b = (struct block *)(at + (size_t)i * sizes[class]);

		b->class = class;
		push(p, &p->free[class], b);
	}
	return true;
}

struct block *pool_take(struct obj_pool *p, uint32_t size)
{
	uint8_t class = 0;
	struct block *b;

	if (size > OBJ_SIZE_MAX)
		return NULL;
	while (sizes[class] < size + sizeof(*b))
		class ++;
	b = pop(p, &p->free[class]);
	if (unlikely(!b)) {
		spin_lock(&p->lock);
		reclaim(p);
		while (!(b = pop(p, &p->free[class])) && grow(p, class))
			;
		spin_unlock(&p->lock);
	}
	if (!b)
		return NULL;
	b->size = (uint16_t)size;
	b->record = NULL;
	atomic_store_explicit(&b->state, BLOCK_LIVE, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->live, 1, memory_order_relaxed);
	return b;
}

struct block *pool_find(const struct obj_pool *p, uintptr_t addr)
{
	const size_t off = (addr - (uintptr_t)p->mem) % p->size;
	size_t in_chunk, n;
	uint32_t bytes;

	if (off < head_size(p))
		return NULL;
	n = (off - head_size(p)) / CHUNK;
	if (n >= atomic_load_explicit(&p->chunks, memory_order_acquire))
		return NULL;
	in_chunk = (off - head_size(p)) % CHUNK;
	bytes = sizes[p->mem[n] - 1];
	if (in_chunk / bytes >= CHUNK / bytes)
		return NULL;
	return (struct block *)(chunk_at(p, (uint32_t)n) + in_chunk / bytes * bytes);
}
