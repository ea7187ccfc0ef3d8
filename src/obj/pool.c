/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.c - blocks of memory for objects.  Hot.
 *
 *	| row 0 ............................ | row 1 ..... | ...	one copy of a pool
 *	  class 0 | class 1 | ... | class 15			ranges of 2^shift bytes
 *	  | block | block | ... | rest |
 *
 * Where a block is says of which class it is: that is nothing that anybody could change.  Each vCPU
 * has a row, and for each class a range of memory that was never used, and three lists: free,
 * waiting, dropped.  When nothing is free, and the runs that may look at what waits have ended, the
 * lists change roles: what waited is free, what was dropped waits.  That is one store, as is
 * everything that moves a block, and whoever has the row's lock notes which block moves.  So where
 * a run dies, its row is whole but for that block (pool_mend()).  Who finds nothing in its row
 * takes from another one.
 *
 * How long runs last is counted in grace periods: one begins with a note of where each vCPU stands,
 * and is over when all of those have ended that run.
 */
#include "obj/obj_int.h"

/* A ticket that nobody gave out: what waits has to be looked at. */
#define UNKNOWN UINT64_MAX

/* Blocks that are looked at for one that was never used: there is no other, but where a member
 * wrote. */
#define LOOKS 64

enum role { FREE, WAITING, DROPPED };

/* Bytes of a block, with its header; and to divide by them: exact for what is below 2^27. */
#define RECIP_SHIFT 40
#define SIZE(n)                                                 \
	{                                                       \
		n, ((UINT64_C(1) << RECIP_SHIFT) + (n)-1) / (n) \
	}
static const struct {
	uint32_t bytes;
	uint64_t recip;
} sizes[CLASSES] = {
	SIZE(32),  SIZE(48),  SIZE(64),	 SIZE(80),  SIZE(96),	SIZE(128),  SIZE(160),	SIZE(208),
	SIZE(272), SIZE(352), SIZE(464), SIZE(608), SIZE(1024), SIZE(1552), SIZE(2720), SIZE(4112),
};
static_assert(OBJ_SIZE_MAX + sizeof(struct block) <= 4112, "the largest block holds it");

static uint32_t get(const _Atomic uint32_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

/* In the order of the program, as in hand.c. */
static void set(_Atomic uint32_t *p, uint32_t v)
{
	atomic_store_explicit(p, v, memory_order_release);
}

/* --- where blocks are ------------------------------------------------------------------------- */

static uint8_t *range_of(const struct obj_pool *p, uint32_t row, uint32_t class)
{
	return p->mem + (((size_t)row * CLASSES + class) << p->shift);
}

/* One fewer than fit, perhaps. */
static uint32_t blocks_in(const struct obj_pool *p, uint32_t class)
{
	return (uint32_t)((sizes[class].recip << p->shift) >> RECIP_SHIFT) - 1;
}

static struct block *nth_block(const struct obj_pool *p, uint32_t row, uint32_t class, uint32_t n)
{
	return (struct block *)(range_of(p, row, class) + (size_t)n * sizes[class].bytes);
}

/* The block that addr, which is in the pool, is in; NULL: behind the last of its range. */
static struct block *block_in(const struct obj_pool *p, uintptr_t addr, uint32_t *ret_class)
{
	const size_t off = addr - (uintptr_t)p->mem;
	const uint32_t class = (uint32_t)(off >> p->shift) % CLASSES;
	const uint64_t in = off & (((size_t)1 << p->shift) - 1);
	const uint64_t n = in * sizes[class].recip >> RECIP_SHIFT;

	*ret_class = class;
	return n < blocks_in(p, class) ? (struct block *)(addr - (in - n * sizes[class].bytes))
				       : NULL;
}

struct block *pool_find(const struct obj_pool *p, uintptr_t addr)
{
	uint32_t class;

	return block_in(p, addr, &class);
}

/* As number of a block, of either pool; NULL: none begins there. */
static struct block *block_at(const struct obj_store *s, uint32_t unit, uint32_t *ret_pool,
			      uint32_t *ret_class)
{
	const uintptr_t at = (uintptr_t)unit_at(s, unit);

	*ret_class = CLASSES;
	for (*ret_pool = 0; *ret_pool < 2; ++*ret_pool) {
		const struct obj_pool *p = &s->pool[*ret_pool];

		if (pool_has(p, at)) {
			struct block *b = block_in(p, at, ret_class);

			return (uintptr_t)b == at ? b : NULL;
		}
	}
	return NULL;
}

struct block *pool_block(const struct obj_store *s, uint32_t unit)
{
	uint32_t pool, class;

	return unit ? block_at(s, unit - sizeof(struct block) / UNIT, &pool, &class) : NULL;
}

uint32_t pool_most(const struct obj_store *s)
{
	return (uint32_t)((s->pool[0].size + s->pool[1].size) / sizes[0].bytes);
}

static uint32_t half_of(const struct obj_store *s)
{
	return (s->vcpus->nr + 1) * CLASSES;
}

uint32_t pool_used(const struct obj_store *s, uint32_t range)
{
	const struct obj_pool *p = &s->pool[range / half_of(s)];
	const uint32_t in = range % half_of(s), class = in % CLASSES;

	return MIN(get(&s->sh->row[in / CLASSES].blocks[p->nr][class].used), blocks_in(p, class));
}

struct block *pool_nth(const struct obj_store *s, uint32_t range, uint32_t n)
{
	const uint32_t in = range % half_of(s);

	return nth_block(&s->pool[range / half_of(s)], in / CLASSES, in % CLASSES, n);
}

uint32_t pool_place(const struct obj_store *s, const struct block *b, uint32_t *ret_n)
{
	const struct obj_pool *p = &s->pool[!pool_has(&s->pool[0], (uintptr_t)b)];
	const size_t off = (uintptr_t)b - (uintptr_t)p->mem;
	const uint32_t in = (uint32_t)(off >> p->shift);

	*ret_n = (uint32_t)((off & (((size_t)1 << p->shift) - 1)) / sizes[in % CLASSES].bytes);
	return p->nr * half_of(s) + in;
}

void pool_each(const struct obj_store *s, void (*fn)(void *arg, struct block *b), void *arg)
{
	for (uint32_t i = 0; i < 2 * half_of(s); i++)
		for (uint32_t n = 0; n < pool_used(s, i); n++) {
			struct block *b = pool_nth(s, i, n);

			if (block_count(b))
				fn(arg, b);
		}
}

/* --- grace periods ---------------------------------------------------------------------------- */

/* What was unpublished before is unseen when that period is over. */
static uint64_t grace_ticket(const struct obj_store *s)
{
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load(&s->sh->grace.started) + 1;
}

/* No run that was under way when it began still is. */
static bool all_ended(const struct obj_store *s)
{
	for (uint32_t i = 0; i < s->vcpus->nr; i++)
		if (!vcpu_run_over(&s->vcpus->slot[i], s->seen[i]))
			return false;
	return true;
}

static void grace_step(struct obj_store *s)
{
	struct grace *g = &s->sh->grace;
	uint64_t n = atomic_load(&g->started);

	if (atomic_load(&g->over) == n)
		atomic_store(&g->started, ++n);
	/* After that: tickets of this period are of what was unpublished before. */
	if (atomic_load(&g->noted) != n) {
		atomic_thread_fence(memory_order_seq_cst);
		for (uint32_t i = 0; i < s->vcpus->nr; i++)
			s->seen[i] = vcpu_run(&s->vcpus->slot[i]);
		atomic_store(&g->noted, n);
	}
	if (all_ended(s))
		atomic_store(&g->over, n);
}

static bool grace_over(struct obj_store *s, uint64_t ticket, uint32_t cpu)
{
	struct grace *g = &s->sh->grace;

	/* The one that is under way, then the one after it. */
	for (int i = 0; i < 2 && atomic_load(&g->over) < ticket; i++) {
		if (!lock_try(&g->lock, s->vcpus, cpu))
			return false;
		grace_step(s);
		spin_unlock(&g->lock);
	}
	return atomic_load(&g->over) >= ticket;
}

/* --- rows ------------------------------------------------------------------------------------- */

static uint32_t row_of(const struct obj_store *s, uint32_t cpu)
{
	return cpu == VCPU_NONE ? s->vcpus->nr : cpu;
}

static _Atomic uint32_t *list_of(struct blocks *l, enum role role)
{
	return &l->list[(get(&l->phase) % 3 + role) % 3];
}

static void push(struct obj_store *s, _Atomic uint32_t *list, struct block *b)
{
	set(&b->next, get(list));
	set(list, unit_of(s, b));
}

/* The block that was on its way when a run ended: here, or there. */
static void mend_moves(struct obj_store *s, struct row *r)
{
	const uint32_t take = get(&r->take), give = get(&r->give);
	uint32_t pool, class;
	struct block *b = take ? block_at(s, take, &pool, &class) : NULL;
	struct blocks *l = b ? &r->blocks[pool][class] : NULL;

	/* It left, and came to nobody. */
	if (b && !block_count(b) && get(list_of(l, FREE)) != take &&
	    b != nth_block(&s->pool[pool], (uint32_t)(r - s->sh->row), class, get(&l->used)))
		push(s, list_of(l, FREE), b);
	set(&r->take, 0);
	b = give ? block_at(s, give, &pool, &class) : NULL;
	if (b && get(list_of(&r->blocks[pool][class], DROPPED)) != give)
		push(s, list_of(&r->blocks[pool][class], DROPPED), b);
	if (give && get(&r->hand.doom.now) == give + sizeof(*b) / UNIT)
		set(&r->hand.doom.now, 0);
	set(&r->give, 0);
}

static void mend_locked(struct obj_store *s, struct row *r)
{
	mend_moves(s, r);
	for (uint32_t i = 0; i < 2 * CLASSES; i++) {
		struct blocks *l = &r->blocks[i / CLASSES][i % CLASSES];

		if (atomic_load(&l->ticket) == UNKNOWN)
			atomic_store(&l->ticket, grace_ticket(s));
	}
}

static void row_lock(struct obj_store *s, struct row *r, uint32_t cpu)
{
	if (unlikely(lock_take(&r->lock, s->vcpus, cpu)))
		mend_locked(s, r);
}

void pool_mend(struct obj_store *s, uint32_t row)
{
	struct row *r = &s->sh->row[row];

	lock_take(&r->lock, s->vcpus, VCPU_NONE);
	mend_locked(s, r);
	spin_unlock(&r->lock);
}

void pool_lock(struct obj_store *s, uint32_t row)
{
	row_lock(s, &s->sh->row[row], VCPU_NONE);
}

void pool_unlock(struct obj_store *s, uint32_t row)
{
	spin_unlock(&s->sh->row[row].lock);
}

/* --- taking ----------------------------------------------------------------------------------- */

/* Under the lock: the lists change roles, if that makes some block free. */
static bool turn(struct obj_store *s, struct blocks *l, uint32_t cpu)
{
	if (get(list_of(l, WAITING))) {
		if (!grace_over(s, atomic_load(&l->ticket), cpu))
			return false;
	} else if (!get(list_of(l, DROPPED))) {
		return false;
	}
	atomic_store(&l->ticket, UNKNOWN);
	set(&l->phase, (get(&l->phase) % 3 + 1) % 3);
	atomic_store(&l->ticket, grace_ticket(s));
	return true;
}

/* Takes the first of the free list: NULL where there is none, or nothing to trust. */
static struct block *from_list(struct obj_store *s, struct row *r, const struct obj_pool *p,
			       uint32_t class)
{
	_Atomic uint32_t *list = list_of(&r->blocks[p->nr][class], FREE);
	const uint32_t unit = get(list);
	uint32_t pool, c;
	struct block *b = unit ? block_at(s, unit, &pool, &c) : NULL;

	if (likely(b && pool == p->nr && c == class && !block_count(b))) {
		set(&r->take, unit);
		set(list, get(&b->next));
		return b;
	}
	/* What it leads to is no free block: nobody of ours wrote that. */
	if (unit)
		store_damaged(s);
	set(list, 0);
	return NULL;
}

/* The first block that was never used. */
static struct block *from_range(struct obj_store *s, struct row *r, const struct obj_pool *p,
				uint32_t class)
{
	struct blocks *l = &r->blocks[p->nr][class];
	const uint32_t row = (uint32_t)(r - s->sh->row), most = blocks_in(p, class);

	for (uint32_t i = 0; i < LOOKS && get(&l->used) < most; i++) {
		struct block *b = nth_block(p, row, class, get(&l->used));
		const bool fresh = !block_count(b) && !get(&b->type);

		set(&r->take, fresh ? unit_of(s, b) : 0);
		set(&l->used, get(&l->used) + 1);
		if (likely(fresh))
			return b;
	}
	return NULL;
}

/* From that row: NULL where nothing is free. */
static struct block *take_from(struct obj_store *s, struct row *r, const struct obj_pool *p,
			       uint32_t class, uint32_t cpu)
{
	struct hand *h = hand_of(s, cpu);
	struct block *b;

	row_lock(s, r, cpu);
	b = from_list(s, r, p, class);
	/* Turned twice, what was dropped last is free. */
	for (int i = 0; unlikely(!b) && i < 3 && turn(s, &r->blocks[p->nr][class], cpu); i++)
		b = from_list(s, r, p, class);
	if (unlikely(!b))
		b = from_range(s, r, p, class);
	if (likely(b)) {
		const struct change c = {
			.word = &b->count,
			.gains = unit_of(s, block_object(b)),
		};

		word_change(s, h, &c, 1);
		hand_done(h);
		set(&b->type, 0); /* until what it will be is ready */
		set(&r->take, 0);
	}
	spin_unlock(&r->lock);
	return b;
}

struct block *pool_take(struct obj_store *s, uint32_t type, uint32_t cpu)
{
	const struct obj_pool *p = &s->pool[s->type[type].percpu];
	const uint32_t row = row_of(s, cpu), rows = s->vcpus->nr + 1;
	uint8_t class = 0;
	struct block *b;

	while (sizes[class].bytes < s->type[type].size + sizeof(*b))
		class ++;
	b = take_from(s, &s->sh->row[row], p, class, cpu);
	for (uint32_t i = 1; unlikely(!b) && i < rows; i++)
		b = take_from(s, &s->sh->row[(row + i) % rows], p, class, cpu);
	if (unlikely(!b))
		store_damaged(s);
	return b;
}

void pool_drop(struct obj_store *s, struct block *b, struct doom *d, uint32_t cpu)
{
	struct row *r = &s->sh->row[row_of(s, cpu)];
	const uint32_t unit = unit_of(s, b);
	uint32_t pool, class;

	if (block_at(s, unit, &pool, &class) != b)
		return;
	row_lock(s, r, cpu);
	set(&r->give, unit);
	push(s, list_of(&r->blocks[pool][class], DROPPED), b);
	set(&d->now, 0);
	set(&r->give, 0);
	spin_unlock(&r->lock);
}
