/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * region.c - regions of the program that two calls enclose: RCU, no preemption, no interrupts.
 * What is valid inside alone is forgotten at the end; inside nothing may sleep.
 */
#include "verifier/kfunc_int.h"

bool region_in_rcu(const struct verifier *v)
{
	return v->st->rcu || v->st->locks || !v->st->sleepable;
}

const char *region_atomic(const struct verifier *v)
{
	const struct vstate *st = v->st;

	return st->rcu	     ? "rcu_read_lock"
	       : st->preempt ? "non-preemptible"
	       : st->irq_id  ? "IRQ-disabled"
			     : NULL;
}

int region_rcu_lock(struct kcall *k)
{
	if (k->v->st->rcu)
		return fail(k->v, -EINVAL, "nested rcu read lock (kernel function %s)", k->name);
	k->v->st->rcu = true;
	return 0;
}

/* What was only valid inside the region is so no more. */
int region_rcu_unlock(struct kcall *k)
{
	struct verifier *v = k->v;

	if (!v->st->rcu)
		return fail(v, -EINVAL, "unmatched rcu read unlock (kernel function %s)", k->name);
	v->st->rcu = false;
	for (uint32_t no = 0; no <= v->st->cur; no++) {
		struct frame *f = v->st->frame[no];

		for (uint32_t n = 0; n < f->nr_slots; n++)
			if (f->slot[n].kind[0] == STACK_ITER && f->slot[n].reg.type & MEM_RCU)
				f->slot[n].reg.type ^= MEM_RCU | PTR_UNTRUSTED;
	}
	for_each_reg_in(v->st, f, r, {
		if (r->type & MEM_RCU)
			r->type = (r->type & ~(MEM_RCU | PTR_MAYBE_NULL)) | PTR_UNTRUSTED;
	});
	return 0;
}

int region_preempt_disable(struct kcall *k)
{
	k->v->st->preempt++;
	return 0;
}

int region_preempt_enable(struct kcall *k)
{
	if (!k->v->st->preempt)
		return fail(k->v, -EINVAL,
			    "unmatched attempt to enable preemption (kernel function %s)", k->name);
	k->v->st->preempt--;
	return 0;
}

/* --- interrupts ------------------------------------------------------------------------------- */

enum { IRQ_NATIVE, IRQ_LOCK };
static const char *const irq_classes[] = { "native", "lock" };

/* Saves and restores belong together: those of interrupts alone, and those of locks. */
static uint64_t irq_class(const struct karg *a)
{
	return strstr(a->k->name, "spin") ? IRQ_LOCK : IRQ_NATIVE;
}

/* The flag that a save made: a reference, restored in the order opposite to that of the saves. */
static int irq_save(struct karg *a)
{
	struct verifier *v = a->v;
	struct object_place p;
	struct reg r;
	int err = object_place(v, a->n, "irq_flag", 1, &p);

	if ((err && err != -ERANGE) || (!err && object_overlaps(&p, STACK_IRQ)))
		return fail(v, -EINVAL, "expected uninitialized irq flag as arg#%u", a->a);
	err = object_write(v, a->n, 1);
	err = err ? err : object_place(v, a->n, "irq_flag", 1, &p);
	reg_pointer(&r, PTR_TO_STACK);
	err = err ? err : ref_acquire(v, v->i, &r.ref_id);
	if (err)
		return err;
	v->st->refs.at[v->st->refs.n - 1].kind = REF_IRQ;
	v->st->irq_id = r.ref_id;
	r.raw = irq_class(a);
	object_mark(v, &p, STACK_IRQ, &r);
	return 0;
}

static int out_of_order(struct verifier *v)
{
	uint32_t insn = 0;

	vec_foreach (ref, &v->st->refs)
		if (ref->id == v->st->irq_id)
			insn = ref->insn;
	return fail(v, -EACCES,
		    "cannot restore irq state out of order, expected id=%u acquired at "
		    "insn_idx=%u",
		    v->st->irq_id, insn);
}

static int irq_restore(struct karg *a)
{
	struct verifier *v = a->v;
	struct object_place p;
	const struct reg *r;

	if (object_place(v, a->n, "irq_flag", 1, &p) || !object_is(v, &p, STACK_IRQ))
		return fail(v, -EINVAL, "expected an initialized irq flag as arg#%u", a->a);
	r = &p.f->slot[p.first].reg;
	if (r->raw != irq_class(a))
		return fail(v, -EINVAL,
			    "irq flag acquired by %s kfuncs cannot be restored with %s kfuncs",
			    irq_classes[r->raw], irq_classes[irq_class(a)]);
	if (r->ref_id != v->st->irq_id)
		return out_of_order(v);
	if (object_read(v, &p))
		return -ENOMEM;
	ref_drop(v->st, REF_IRQ, v->st->irq_id);
	object_wipe(v, &p);
	v->st->irq_id = 0;
	vec_foreach (ref, &v->st->refs)
		if (ref->kind == REF_IRQ)
			v->st->irq_id = ref->id;
	return 0;
}

bool kfunc_is_irq_flag(const struct karg *a)
{
	return kfunc_arg_has(a->k, a->a, "__irq_flag");
}

int kfunc_check_irq_flag(struct karg *a)
{
	if (a->r->type != PTR_TO_STACK)
		return fail(a->v, -EINVAL, "arg#%u doesn't point to an irq flag on stack", a->a);
	return strstr(a->k->name, "save") ? irq_save(a) : irq_restore(a);
}
