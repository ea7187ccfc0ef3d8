/* SPDX-License-Identifier: BSD-2-Clause */
/* hand.c - what a run has in hand, and is about to change: see obj_int.h.  Hot. */
#include "obj/obj_int.h"

#define SEQ_BITS 20
#define SEQ_MASK ((UINT32_C(1) << SEQ_BITS) - 1)

static uint32_t get(const _Atomic uint32_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

/* In the order of the program: who looks at a hand looks when its run has died. */
static void set(_Atomic uint32_t *p, uint32_t v)
{
	atomic_store_explicit(p, v, memory_order_release);
}

struct hand *hand_of(struct obj_store *s, uint32_t cpu)
{
	struct hand *h;
	uint32_t run;

	if (!s->shared || cpu == VCPU_NONE)
		return NULL;
	h = &s->sh->row[cpu].hand;
	run = lock_word(s->vcpus, cpu);
	if (unlikely(get(&h->run) != run)) {
		/* Nobody ends a run with something in hand. */
		set(&h->open, 0);
		set(&h->node, 0);
		set(&h->doom.first, 0);
		set(&h->doom.now, 0);
		set(&h->n, 0);
		set(&h->stamp, (cpu + 1) << SEQ_BITS | (get(&h->stamp) & SEQ_MASK));
		set(&h->run, run);
	}
	return h;
}

/* Where the object is held; the last one is the most likely. */
static uint32_t place_of(const struct hand *h, uint32_t n, uint32_t obj)
{
	for (uint32_t i = n; obj && i--;)
		if (get(&h->held[i]) == obj)
			return i;
	return HELD_MAX;
}

uint64_t hand_note(struct hand *h, const struct change *c)
{
	uint32_t stamp, n;

	if (!h)
		return 0;
	stamp = get(&h->stamp);
	stamp = (stamp & ~SEQ_MASK) | ((stamp + 1) & SEQ_MASK);
	n = MIN(get(&h->n), (uint32_t)HELD_MAX);
	atomic_store_explicit(&h->word, (uintptr_t)c->word, memory_order_relaxed);
	set(&h->gains, c->gains);
	set(&h->at, place_of(h, n, c->loses));
	set(&h->n_then, n);
	set(&h->stamp, stamp);
	set(&h->open, 1);
	return (uint64_t)stamp << 32;
}

/*
 * What comes takes the place of what goes, the last one where nothing comes.  All that it reads,
 * it leaves as it is, or writes last.
 */
void hand_apply(struct hand *h)
{
	const uint32_t n = MIN(get(&h->n_then), (uint32_t)HELD_MAX);
	const uint32_t at = get(&h->at), gains = get(&h->gains);

	if (at < n) {
		set(&h->held[at], gains ? gains : get(&h->held[n - 1]));
		set(&h->n, gains ? n : n - 1);
	} else if (gains && n < HELD_MAX) {
		set(&h->held[n], gains);
		set(&h->n, n + 1);
	}
}

void hand_done(struct hand *h)
{
	if (!h)
		return;
	hand_apply(h);
	set(&h->open, 0);
}

void word_seen(struct obj_store *s, const struct hand *h, uint64_t word)
{
	const uint32_t stamp = (uint32_t)(word >> 32), cpu = (stamp >> SEQ_BITS) - 1;
	struct hand *other;
	uint32_t done;

	if (!stamp || cpu >= s->vcpus->nr)
		return;
	other = &s->sh->row[cpu].hand;
	if (other == h)
		return;
	/* In this order: if it goes on meanwhile, and others say so, ours is not what is kept. */
	done = atomic_load(&other->done);
	if (atomic_load(&other->stamp) == stamp && done != stamp)
		atomic_compare_exchange_strong(&other->done, &done, stamp);
}

void word_put(struct obj_store *s, const struct hand *h, _Atomic uint64_t *w, uint64_t to)
{
	word_seen(s, h, atomic_load_explicit(w, memory_order_relaxed));
	atomic_store_explicit(w, to, memory_order_release);
}

void word_change(struct obj_store *s, struct hand *h, const struct change *c, uint32_t to)
{
	word_put(s, h, c->word, to | hand_note(h, c));
}

/* --- nodes ------------------------------------------------------------------------------------ */

/* Whose owner is going to change, from nobody to head or back. */
static void note_node(struct obj_store *s, struct hand *h, void *node, void *head, bool out)
{
	if (!h)
		return;
	atomic_store_explicit(&h->head, (uintptr_t)head, memory_order_relaxed);
	set(&h->out, out);
	set(&h->node, unit_of(s, node));
}

bool node_claim(struct obj_store *s, struct hand *h, void *node, _Atomic uint64_t *owner,
		void *head, uint32_t cpu)
{
	uint64_t none = 0;
	bool ours;

	note_node(s, h, node, head, false);
	/* Another thread may hold the same object, and put it elsewhere just now. */
	ours = atomic_compare_exchange_strong_explicit(owner, &none, node_claimed(cpu),
						       memory_order_acquire, memory_order_relaxed);
	if (h && !ours)
		set(&h->node, 0);
	return ours;
}

void node_leave(struct obj_store *s, struct hand *h, void *node, void *head)
{
	note_node(s, h, node, head, true);
}

void node_settle(struct hand *h, _Atomic uint64_t *owner, void *head)
{
	/* Release pairs with the acquire of who puts it somewhere next. */
	atomic_store_explicit(owner, (uintptr_t)head, memory_order_release);
	if (!h)
		return;
	hand_done(h);
	set(&h->node, 0);
}
