/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iter.c - open-coded iterators: an object in stack slots that new() makes, next() asks and
 * destroy() ends.
 *
 *	(nothing) --new--> ACTIVE --next: a value--> ACTIVE
 *	                      \------next: NULL----> DRAINED      destroy: from either
 *
 * The slot at the lowest address holds the iterator's reference, state and type; the others are
 * only known to be part of one.  The path that goes round the loop waits, with what changed since
 * the last round widened; it ends when a round adds nothing.
 */
#include "verifier/kfunc_int.h"

/* The slots of an iterator of so many: first is the one at the lowest address. */
struct place {
	struct frame *f;
	uint32_t first, n;
};

static bool is_whole(const struct slot *s)
{
	for (unsigned b = 0; b < 8; b++)
		if (s->kind[b] != STACK_ITER)
			return false;
	return true;
}

/* Where the register points: n whole slots, made if need be; false: it does not. */
static bool find(struct verifier *v, uint32_t reg, uint32_t n, struct place *p)
{
	const struct reg *r = &cur_regs(v)[reg];
	const int64_t bytes = -(int64_t)r->off;

	if (r->type != PTR_TO_STACK || !bounds_is_const(&r->n) || r->n.full.smin || bytes % 8 ||
	    bytes < (int64_t)n * 8 || bytes > SKEP_STACK_MAX)
		return false;
	*p = (struct place){ v->st->frame[r->frame], (uint32_t)bytes / 8 - 1, n };
	if (frame_grow(p->f, (uint32_t)bytes))
		return false;
	if (v->depth[p->f->sub] < bytes)
		v->depth[p->f->sub] = (uint16_t)bytes;
	return true;
}

static void touch_slots(struct verifier *v, const struct place *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		touch_slot(v, p->first - i);
}

static bool is_free(const struct place *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		for (unsigned b = 0; b < 8; b++)
			if (p->f->slot[p->first - i].kind[b] == STACK_ITER)
				return false;
	return true;
}

static bool is_iter(const struct place *p, uint32_t id)
{
	const struct reg *r = &p->f->slot[p->first].reg;

	for (uint32_t i = 0; i < p->n; i++)
		if (!is_whole(&p->f->slot[p->first - i]))
			return false;
	return r->ref_id && r->btf_id == id;
}

static int make(struct kcall *k, const struct place *p, uint32_t id)
{
	struct verifier *v = k->v;
	const bool rcu = v->st->rcu || !(v->prog->flags & BPF_F_SLEEPABLE);
	uint32_t ref;
	int err = ref_acquire(v, v->i, &ref);

	stack_live_write(v, p->f->no, p->first + 1 - p->n, p->n);
	touch_slots(v, p);
	for (uint32_t i = 0; i < p->n && !err; i++) {
		struct slot *s = &p->f->slot[p->first - i];

		reg_pointer(&s->reg, PTR_TO_STACK);
		memset(s->kind, STACK_ITER, sizeof(s->kind));
		if (i)
			continue;
		s->reg.ref_id = ref;
		s->reg.btf_id = id;
		s->reg.iter = ITER_ACTIVE;
		if (k->flags & KF_RCU_PROTECTED)
			s->reg.type |= rcu ? MEM_RCU : PTR_UNTRUSTED;
	}
	return err;
}

static int destroy(struct kcall *k, const struct place *p)
{
	const uint32_t ref = p->f->slot[p->first].reg.ref_id;

	stack_live_write(k->v, p->f->no, p->first + 1 - p->n, p->n);
	touch_slots(k->v, p);
	for (uint32_t i = 0; i < p->n; i++) {
		struct slot *s = &p->f->slot[p->first - i];

		reg_uninit(&s->reg);
		memset(s->kind, STACK_INVALID, sizeof(s->kind));
	}
	return ref_release(k->v, ref);
}

int iter_arg(struct kcall *k, uint32_t a, uint32_t id)
{
	const char *name = btf_ptr_name(k->v, id) + sizeof("bpf_") - 1;
	const uint32_t n = (uint32_t)btf_size(k->btf, id) / 8;
	struct place p;

	if (cur_regs(k->v)[BPF_REG_1 + a].type != PTR_TO_STACK)
		return fail(k->v, -EINVAL, "arg#%u expected pointer to an iterator on stack", a);
	if (k->flags & KF_ITER_NEW) {
		if (!find(k->v, BPF_REG_1 + a, n, &p) || !is_free(&p))
			return fail(k->v, -EINVAL, "expected uninitialized %s as arg #%u", name, a);
		return make(k, &p, id);
	}
	if (!find(k->v, BPF_REG_1 + a, n, &p) || !is_iter(&p, id))
		return fail(k->v, -EINVAL, "expected an initialized %s as arg #%u", name, a);
	if (stack_live_read(k->v, p.f->no, p.first + 1 - n, n))
		return -ENOMEM;
	touch_slots(k->v, &p);
	k->iter = &p.f->slot[p.first];
	k->iter_in = p.f;
	if (k->iter->reg.type & PTR_UNTRUSTED)
		return fail(k->v, -EINVAL, "expected an RCU CS when using %s", k->name);
	k->ref_id = k->iter->reg.ref_id;
	return k->flags & KF_ITER_DESTROY ? destroy(k, &p) : 0;
}

int iter_next(struct kcall *k)
{
	struct verifier *v = k->v;
	struct reg *iter = &k->iter->reg;
	struct vstate *round;
	int err;

	if (iter->iter == ITER_ACTIVE) {
		/* The round: r0 points to what there is. */
		round = state_push(v, v->i + 1, v->i, false, &err);
		if (!round)
			return err;
		round->iter_depth++;
		prune_widen(v, round, round->parent, v->i);
		reg_not_null(&round->frame[round->cur]->reg[BPF_REG_0]);
		iter->iter = ITER_DRAINED;
	}
	reg_known(&cur_regs(v)[BPF_REG_0], 0);
	return 0;
}
