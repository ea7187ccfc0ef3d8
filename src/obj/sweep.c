/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep.c - blocks that are in no list, as somebody wrote over one: they are found, and free again.
 * Cold, in the kernel's process, some thousand at a time.
 *
 *	MARK	whose count is 0 gets a word that only who takes the block writes over
 *	WAIT	for the runs under way: what they had dropped is in a list now, or a dead hand
 *	LISTS	who is in a list, or in a hand, is met
 *	GIVE	who was not met, and has the word still, was in one place all the time: in none
 *
 * A walk through a long list rests at a block that has another such word: while it is there, so is
 * all that comes behind, as lists change at their heads alone.
 */
#include "base/alloc.h"
#include "obj/obj_int.h"

#include <errno.h>

/* Words with a count of 0 and nobody's stamp. */
#define LOST  (UINT64_C(0xffffffff) << 32)
#define RESTS (UINT64_C(0xfffffffe) << 32)

#define PIECE 65536 /* blocks that are looked at in one call: some ms */
#define STEPS 16384 /* through a list, with its row's lock held: some 100 us */

enum step { MARK, WAIT, LISTS, GIVE };

/* Blocks of one class in a row's memory. */
struct range {
	uint32_t first; /* bit of the first one */
	uint32_t used;	/* as of the beginning */
};

struct obj_sweep {
	enum step step;
	uint32_t ranges; /* of both pools */
	uint32_t at;	 /* range, or row and class, that comes next... */
	uint32_t n;	 /* ...and its block, or list */
	uint32_t cursor; /* LISTS: the walk rests there, 0: it begins */
	uint64_t left;	 /* steps that lists may still take */
	uint32_t found;
	uint64_t *run;	      /* WAIT: [vcpus] that was under way, 0: none */
	uint8_t *met;	      /* a bit for each block */
	struct range range[]; /* [ranges] */
};

/* Ranges of one pool. */
static uint32_t half_of(const struct obj_store *s)
{
	return (s->vcpus->nr + 1) * CLASSES;
}

static struct blocks *blocks_of(struct obj_store *s, uint32_t range)
{
	const uint32_t in = range % half_of(s);

	return &s->sh->row[in / CLASSES].blocks[range / half_of(s)][in % CLASSES];
}

void obj_sweep_free(struct obj_sweep *w)
{
	if (w) {
		skep_free(w->run);
		skep_free(w->met);
	}
	skep_free(w);
}

static struct obj_sweep *sweep_new(struct obj_store *s)
{
	const uint32_t ranges = 2 * half_of(s);
	struct obj_sweep *w = skep_alloc(sizeof(*w) + ranges * sizeof(w->range[0]));
	uint32_t bits = 0;

	if (!w)
		return NULL;
	w->ranges = ranges;
	for (uint32_t i = 0; i < ranges; i++) {
		w->range[i] = (struct range){ bits, pool_used(s, i) };
		bits += w->range[i].used;
	}
	w->left = 2 * (uint64_t)bits + STEPS;
	w->run = skep_alloc_array(s->vcpus->nr, sizeof(*w->run));
	w->met = skep_alloc(bits / 8 + 1);
	if (!w->run || !w->met) {
		obj_sweep_free(w);
		return NULL;
	}
	/* What is found to be damaged from here on is for the next one. */
	atomic_store(&s->sh->damaged, DAMAGE_LOOKED_AT);
	return w;
}

static void meet(struct obj_store *s, struct obj_sweep *w, const struct block *b)
{
	uint32_t n;
	const uint32_t range = pool_place(s, b, &n);

	if (range < w->ranges && n < w->range[range].used) {
		n += w->range[range].first;
		w->met[n / 8] |= (uint8_t)(1u << n % 8);
	}
}

static bool is_met(const struct obj_sweep *w, uint32_t range, uint32_t n)
{
	n += w->range[range].first;
	return w->met[n / 8] >> n % 8 & 1;
}

/* --- all blocks ------------------------------------------------------------------------------- */

static void mark(struct obj_store *s, struct block *b)
{
	uint64_t word = atomic_load(&b->count);

	if ((uint32_t)word || word == LOST)
		return;
	word_seen(s, NULL, word);
	atomic_compare_exchange_strong(&b->count, &word, LOST);
}

static void give(struct obj_store *s, struct obj_sweep *w, struct block *b)
{
	uint64_t word = LOST;
	struct doom d = { 0 };

	if (!atomic_compare_exchange_strong(&b->count, &word, 0))
		return;
	pool_drop(s, b, &d, VCPU_NONE);
	w->found++;
}

/* Some blocks; true: those were the last. */
static bool each(struct obj_store *s, struct obj_sweep *w)
{
	for (uint32_t i = 0; i < PIECE && w->at < w->ranges; i++) {
		struct block *b;

		if (w->n == w->range[w->at].used) {
			w->at++;
			w->n = 0;
			continue;
		}
		b = pool_nth(s, w->at, w->n);
		/* What is behind `used` is nobody's yet, whatever it was. */
		if (w->n >= pool_used(s, w->at))
			;
		else if (w->step == MARK)
			mark(s, b);
		else if (!is_met(w, w->at, w->n))
			give(s, w, b);
		w->n++;
	}
	return w->at == w->ranges;
}

/* --- lists ------------------------------------------------------------------------------------ */

/* A block of that range's class that is free; NULL: nobody of ours wrote that. */
static struct block *free_block(struct obj_store *s, struct obj_sweep *w, uint32_t unit)
{
	struct block *b = pool_block(s, unit + sizeof(*b) / UNIT);
	const uint32_t half = half_of(s);
	uint32_t n, range;

	if (!b || block_count(b))
		return NULL;
	range = pool_place(s, b, &n);
	return range / half == w->at / half && range % CLASSES == w->at % CLASSES ? b : NULL;
}

static void meet_object(struct obj_store *s, struct obj_sweep *w, uint32_t unit)
{
	struct block *b = pool_block(s, unit);

	if (b)
		meet(s, w, b);
}

/* What a run that died had dropped, and its kernel has not freed yet (mend.c). */
static void meet_hand(struct obj_store *s, struct obj_sweep *w, const struct hand *h)
{
	const uint32_t n = MIN(atomic_load(&h->n), (uint32_t)HELD_MAX);
	struct block *b = pool_block(s, atomic_load(&h->doom.first));
	uint32_t left = STEPS;

	meet_object(s, w, atomic_load(&h->doom.now));
	for (; b && left--; b = pool_block(s, atomic_load(&b->next)))
		meet(s, w, b);
	for (uint32_t i = 0; i < n; i++)
		meet_object(s, w, atomic_load(&h->held[i]));
}

static void meet_hands(struct obj_store *s, struct obj_sweep *w)
{
	for (uint32_t i = 0; i <= s->vcpus->nr; i++)
		meet_hand(s, w, &s->sh->row[i].hand);
}

/* The row is locked.  True: that was the last of list n. */
static bool walk(struct obj_store *s, struct obj_sweep *w)
{
	_Atomic uint32_t *link = &blocks_of(s, w->at)->list[w->n];
	struct block *b = w->cursor ? free_block(s, w, w->cursor) : NULL;
	uint64_t word = RESTS;
	uint32_t steps = 0, unit;

	if (b && atomic_compare_exchange_strong(&b->count, &word, LOST)) {
		meet(s, w, b);
		link = &b->next;
	}
	w->cursor = 0;
	for (; (unit = atomic_load(link)) && w->left; link = &b->next, w->left--) {
		b = free_block(s, w, unit);
		/* Nobody gets behind that any more. */
		if (!b) {
			atomic_store(link, 0);
			return true;
		}
		if (steps++ == STEPS) {
			word = atomic_load(&b->count);
			word_seen(s, NULL, word);
			atomic_store(&b->count, RESTS);
			w->cursor = unit;
			return false;
		}
		meet(s, w, b);
	}
	return true;
}

/* Some steps; true: all lists were walked through. */
static bool lists(struct obj_store *s, struct obj_sweep *w)
{
	const uint32_t row = w->at % half_of(s) / CLASSES;
	bool over;

	pool_lock(s, row);
	over = walk(s, w);
	pool_unlock(s, row);
	if (over && ++w->n == ARRAY_SIZE(blocks_of(s, w->at)->list)) {
		w->n = 0;
		w->at++;
	}
	return w->at == w->ranges;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void begin_wait(const struct obj_store *s, struct obj_sweep *w)
{
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < s->vcpus->nr; i++)
		w->run[i] = vcpu_run(&s->vcpus->slot[i]);
}

/* A process that is stopped may keep its run for long: nobody waits here. */
static bool waited(const struct obj_store *s, const struct obj_sweep *w)
{
	for (uint32_t i = 0; i < s->vcpus->nr; i++)
		if (!vcpu_run_over(&s->vcpus->slot[i], w->run[i]))
			return false;
	return true;
}

static bool some_lists(struct obj_store *s, struct obj_sweep *w)
{
	bool over = false;

	for (uint32_t i = 0; i < PIECE / STEPS * CLASSES && !over; i++)
		over = lists(s, w);
	return over;
}

/* True: the step is over. */
static bool go_on(struct obj_store *s, struct obj_sweep *w)
{
	switch (w->step) {
	case WAIT:
		return waited(s, w);
	case LISTS:
		return some_lists(s, w);
	default:
		return each(s, w);
	}
}

int obj_sweep(struct obj_store *s, struct obj_sweep **state)
{
	struct obj_sweep *w = *state;
	int found;

	if (!w)
		w = *state = sweep_new(s);
	if (!w)
		return -ENOMEM;
	if (!go_on(s, w))
		return -EAGAIN;
	w->at = w->n = 0;
	/* Lists without end are none to judge by. */
	if (w->step != GIVE && w->left) {
		w->step++;
		if (w->step == WAIT)
			begin_wait(s, w);
		else if (w->step == LISTS)
			meet_hands(s, w);
		return -EAGAIN;
	}
	found = (int)w->found;
	obj_sweep_free(w);
	*state = NULL;
	return found;
}
