/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mend.c - what a run that died had of objects comes back.  Cold, in the kernel's process.
 *
 * Nobody else is in the vCPU's hand now, but those who say that they saw a change.  What stands
 * there members may have written: it is looked up in the store, or in the values of a map, before
 * it is followed.
 */
#include "obj/obj_int.h"

/* Was the change made that is noted there? */
static bool was_made(struct obj_store *s, const struct hand *h, obj_value_fn is_value, void *arg)
{
	const uint64_t at = atomic_load(&h->word);
	const uint32_t stamp = atomic_load(&h->stamp);

	if (!at || atomic_load(&h->done) == stamp)
		return true;
	if (at % sizeof(uint64_t) ||
	    !(at - (uintptr_t)s->pool[0].mem < s->pool[0].size + s->pool[1].size ||
	      is_value(arg, at, sizeof(uint64_t))))
		return false;
	return atomic_load((_Atomic uint64_t *)(uintptr_t)at) >> 32 == stamp ||
	       /* It may have been written over just now. */
	       atomic_load(&h->done) == stamp;
}

/* Whose node is it that the run was about to move? */
static void settle_node(struct obj_store *s, struct hand *h, uint32_t cpu, bool made)
{
	void *p = unit_at(s, atomic_load(&h->node));
	const uint64_t head = atomic_load(&h->head);
	const bool out = atomic_load(&h->out);
	uint64_t was = out ? head : node_claimed(cpu);
	const struct obj_type *t;
	_Atomic uint64_t *owner;
	struct block *b;

	if (!pool_has(&s->pool[0], (uintptr_t)p))
		return;
	b = pool_find(&s->pool[0], (uintptr_t)p);
	t = b ? block_type(s, b) : &s->type[0];
	for (uint32_t i = 0; t->record && i < t->record->cnt; i++) {
		const struct btf_field *f = &t->record->field[i];

		if ((uint8_t *)block_object(b) + f->off != p || !(f->type & FIELD_GRAPH_NODE))
			continue;
		owner = f->type == FIELD_LIST_NODE ? &((struct list_node *)p)->owner
						   : &((struct tree_node *)p)->owner;
		if (made || !out)
			atomic_compare_exchange_strong(owner, &was, made && !out ? head : 0);
	}
}

static void mend_change(struct obj_store *s, struct hand *h, uint32_t cpu, obj_value_fn is_value,
			void *arg)
{
	const bool open = atomic_load(&h->open), made = open && was_made(s, h, is_value, arg);

	/* A node whose change is noted no more arrived before that was so, or never left. */
	if (atomic_load(&h->node))
		settle_node(s, h, cpu, made);
	if (made)
		hand_apply(h);
	atomic_store(&h->open, 0);
	atomic_store(&h->node, 0);
}

/* An object that was held in hand is not any more. */
static void give_back(struct obj_store *s, struct hand *h, struct doom *d, uint32_t unit)
{
	struct block *b = pool_block(s, unit);

	if (!b || unit == atomic_load(&h->doom.now))
		return;
	if (block_count(b)) {
		obj_put(s, block_object(b), VCPU_NONE);
	} else if (unit != atomic_load(&h->doom.first)) {
		/* Its last reference went, and it was not among the doomed yet. */
		atomic_store(&b->next, atomic_load(&d->first));
		atomic_store(&d->first, unit);
	}
}

/* The doomed of the run, from where it was. */
static void go_on(struct obj_store *s, struct hand *h)
{
	struct doom d = { 0 };
	const uint32_t now = atomic_load(&h->doom.now), first = atomic_load(&h->doom.first);
	struct block *b = now ? pool_block(s, now) : NULL;

	atomic_store(&d.first, first);
	/* What its fields own is still in them; once more, from the beginning. */
	if (b && !block_count(b) && now != first) {
		atomic_store(&b->next, first);
		atomic_store(&d.first, now);
	}
	doom_all(s, &d, VCPU_NONE);
}

void obj_cpu_died(struct obj_store *s, uint32_t cpu, obj_value_fn is_value, void *arg)
{
	struct hand *h = &s->sh->row[cpu].hand;
	/* The run that died: the epoch has gone on since. */
	const uint32_t run = lock_word(s->vcpus, cpu) - (1u << LOCK_CPU_BITS);
	struct doom d = { 0 };
	uint32_t n;

	pool_mend(s, cpu);
	if (atomic_load(&h->run) != run)
		return;
	mend_change(s, h, cpu, is_value, arg);
	n = MIN(atomic_load(&h->n), (uint32_t)HELD_MAX);
	for (uint32_t i = 0; i < n; i++)
		give_back(s, h, &d, atomic_load(&h->held[i]));
	go_on(s, h);
	doom_all(s, &d, VCPU_NONE);
	atomic_store(&h->n, 0);
	atomic_store(&h->doom.first, 0);
	atomic_store(&h->doom.now, 0);
	atomic_store(&h->run, 0);
}
