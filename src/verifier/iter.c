/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iter.c - open-coded iterators: an object in a stack slot that new() makes, next() asks and
 * destroy() ends.
 *
 *	(nothing) --new--> ACTIVE --next: a value--> ACTIVE
 *	                      \------next: NULL----> DRAINED      destroy: from either
 *
 * The path that goes round the loop waits, with what changed since the last round widened; it
 * ends when a round adds nothing.
 */
#include "verifier/verifier_int.h"

/* The slot that r1 points at, for bpf_iter_num; NULL: it is no slot. */
static struct slot *iter_slot(struct verifier *v, bool grow)
{
	const struct reg *r = &cur_regs(v)[BPF_REG_1];
	struct frame *f = v->st->frame[r->frame];

	if (r->type != PTR_TO_STACK || !bounds_is_const(&r->n) || r->n.full.smin || r->off >= 0 ||
	    r->off < -SKEP_STACK_MAX || r->off % 8)
		return NULL;
	if (grow && frame_grow(f, (uint32_t)-r->off))
		return NULL;
	if ((uint32_t)-r->off > f->nr_slots * 8)
		return NULL;
	if (v->depth[f->sub] < -r->off)
		v->depth[f->sub] = (uint16_t)-r->off;
	return &f->slot[-r->off / 8 - 1];
}

static bool is_iter(const struct slot *s)
{
	return s && s->kind[0] == STACK_ITER;
}

int iter_new(struct verifier *v)
{
	struct slot *s;
	uint32_t id;
	int err = reg_read(v, BPF_REG_1);

	err = err ? err : reg_read(v, BPF_REG_2);
	err = err ? err : reg_read(v, BPF_REG_3);
	if (err)
		return err;
	s = iter_slot(v, true);
	if (!s || is_iter(s))
		return fail(v, -EINVAL, "expected uninitialized iter_num as arg #0");
	err = ref_acquire(v, v->i, &id);
	if (err)
		return err;
	reg_pointer(&s->reg, PTR_TO_STACK);
	s->reg.ref_id = id;
	s->reg.iter = ITER_ACTIVE;
	memset(s->kind, STACK_ITER, sizeof(s->kind));
	return 0;
}

int iter_next(struct verifier *v)
{
	struct slot *s;
	struct vstate *round;
	struct reg *r0;
	int err = reg_read(v, BPF_REG_1);

	if (err)
		return err;
	s = iter_slot(v, false);
	if (!is_iter(s))
		return fail(v, -EINVAL, "expected an initialized iter_num as arg #0");
	if (s->reg.iter == ITER_ACTIVE) {
		/* The round: r0 points to the number. */
		round = state_push(v, v->i + 1, v->i, false, &err);
		if (!round)
			return err;
		s = iter_slot(v, false);
		round->iter_depth++;
		prune_widen(v, round, v->i);
		r0 = &round->frame[round->cur]->reg[BPF_REG_0];
		reg_pointer(r0, PTR_TO_MEM | MEM_RDONLY);
		r0->mem_size = 4;
		r0->ref_id = s->reg.ref_id;
		for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
			reg_uninit(&round->frame[round->cur]->reg[r]);
		s->reg.iter = ITER_DRAINED;
	}
	reg_known(&cur_regs(v)[BPF_REG_0], 0);
	return 0;
}

int iter_destroy(struct verifier *v)
{
	struct slot *s;
	uint32_t id;
	int err = reg_read(v, BPF_REG_1);

	if (err)
		return err;
	s = iter_slot(v, false);
	if (!is_iter(s))
		return fail(v, -EINVAL, "expected an initialized iter_num as arg #0");
	id = s->reg.ref_id;
	reg_uninit(&s->reg);
	memset(s->kind, STACK_INVALID, sizeof(s->kind));
	return ref_release(v, id);
}
