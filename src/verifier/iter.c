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
#include "verifier/objects.h"

const char *iter_text(const struct verifier *v, uint32_t id)
{
	return btf_ptr_name(v, id) + sizeof("bpf_iter_") - 1;
}

/* An iterator of that struct stands there: 0, -EINVAL none, -EPROTO outside of its RCU region. */
static int is_iter(struct verifier *v, const struct object_place *p, uint32_t id)
{
	if (!object_is(v, p, STACK_ITER))
		return -EINVAL;
	for (uint32_t i = 0; i < p->n; i++) {
		const struct reg *r = &p->f->slot[p->first - i].reg;

		if (r->type & PTR_UNTRUSTED)
			return -EPROTO;
		if (!r->ref_id != (i > 0) || r->btf_id != id)
			return -EINVAL;
	}
	return 0;
}

static int make(struct kcall *k, uint32_t reg, uint32_t id, uint32_t n)
{
	struct verifier *v = k->v;
	struct object_place p;
	struct reg r;
	uint32_t ref;
	int err = object_place(v, reg, "iter", n, &p);

	if ((err && err != -ERANGE) || (!err && object_overlaps(&p, STACK_ITER)))
		return fail(v, -EINVAL, "expected uninitialized iter_%s as arg #%u",
			    iter_text(v, id), reg - 1);
	err = object_write(v, reg, n);
	err = err ? err : object_place(v, reg, "iter", n, &p);
	err = err ? err : ref_acquire(v, v->i, &ref);
	if (err)
		return err;
	reg_pointer(&r, PTR_TO_STACK);
	if (k->flags & KF_RCU_PROTECTED)
		r.type |= region_in_rcu(v) ? MEM_RCU : PTR_UNTRUSTED;
	r.btf_id = id;
	r.iter = ITER_ACTIVE;
	object_mark(v, &p, STACK_ITER, &r);
	p.f->slot[p.first].reg.ref_id = ref;
	return 0;
}

/* The tasks of a css are walked under a lock that others may hold where the program runs. */
static bool may_lock_css(const struct verifier *v)
{
	return v->prog->type == BPF_PROG_TYPE_LSM || v->st->sleepable ||
	       (v->prog->type == BPF_PROG_TYPE_TRACING &&
		v->prog->expected_attach_type == BPF_TRACE_ITER);
}

int iter_arg(struct kcall *k, uint32_t a, uint32_t id)
{
	const uint32_t n = (uint32_t)btf_size(k->btf, id) / 8, reg = BPF_REG_1 + a;
	struct verifier *v = k->v;
	struct object_place p;
	int err;

	if (!strcmp(k->name, "bpf_iter_css_task_new") && !may_lock_css(v))
		return fail(v, -EINVAL,
			    "css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable "
			    "progs");
	if (cur_regs(v)[reg].type != PTR_TO_STACK)
		return fail(v, -EINVAL, "arg#%u expected pointer to an iterator on stack", a);
	if (k->flags & KF_ITER_NEW)
		return make(k, reg, id, n);
	err = object_place(v, reg, "iter", n, &p) ? -EINVAL : is_iter(v, &p, id);
	if (err == -EPROTO)
		return fail(v, err, "expected an RCU CS when using %s", k->name);
	if (err)
		return fail(v, err, "expected an initialized iter_%s as arg #%u", iter_text(v, id),
			    a);
	k->iter = &p.f->slot[p.first];
	k->iter_in = p.f;
	k->ref_id = k->iter->reg.ref_id;
	if (!(k->flags & KF_ITER_DESTROY))
		return 0;
	object_wipe(v, &p);
	return ref_release(v, k->ref_id);
}

bool iter_depths_differ(const struct vstate *old, const struct vstate *cur)
{
	for (uint32_t no = 0; no <= old->cur; no++) {
		const struct frame *o = old->frame[no], *c = cur->frame[no];

		for (uint32_t n = 0; n < o->nr_slots; n++) {
			const struct slot *s = &o->slot[n];

			if (s->kind[0] == STACK_ITER && s->reg.iter == ITER_ACTIVE &&
			    (n >= c->nr_slots || c->slot[n].reg.iter_depth != s->reg.iter_depth))
				return true;
		}
	}
	return false;
}

int iter_next(struct kcall *k)
{
	struct verifier *v = k->v;
	struct reg *iter = &k->iter->reg;
	const uint32_t first = (uint32_t)(k->iter - k->iter_in->slot);
	struct vstate *round;
	int err;

	if (iter->iter == ITER_ACTIVE) {
		/* The round: r0 points to what there is. */
		round = state_push(v, v->i + 1, v->i, false, &err);
		if (!round)
			return err;
		round->frame[k->iter_in->no]->slot[first].reg.iter_depth++;
		prune_widen(v, round, round->parent, v->i);
		reg_not_null(&round->frame[round->cur]->reg[BPF_REG_0]);
		iter->iter = ITER_DRAINED;
	}
	reg_known(&cur_regs(v)[BPF_REG_0], 0);
	return 0;
}
