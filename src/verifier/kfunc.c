/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc.c - calls of kfuncs: a row for each that the emulated kernel has (helper/kfuncs.def), with
 * what it wants and what it leaves.  Iterators are in iter.c.
 */
#include "verifier/verifier_int.h"

static const char *kfunc_name(const struct verifier *v)
{
	const struct kfunc *k;

	for (uint32_t i = 0; (k = kfunc_at(i)); i++)
		if (k->fn == v->aux[v->i].fn)
			return k->name;
	return NULL;
}

/* --- regions -------------------------------------------------------------------------------- */

static int rcu_lock(struct verifier *v)
{
	if (v->st->rcu)
		return fail(v, -EINVAL, "nested rcu read lock (kernel function bpf_rcu_read_lock)");
	v->st->rcu = true;
	return 0;
}

/* What was only valid inside the region is so no more. */
static int rcu_unlock(struct verifier *v)
{
	if (!v->st->rcu)
		return fail(v, -EINVAL,
			    "unmatched rcu read unlock (kernel function bpf_rcu_read_unlock)");
	v->st->rcu = false;
	return 0;
}

static int preempt_disable(struct verifier *v)
{
	v->st->preempt++;
	return 0;
}

static int preempt_enable(struct verifier *v)
{
	if (!v->st->preempt)
		return fail(v, -EINVAL,
			    "unmatched attempt to enable preemption (kernel function "
			    "bpf_preempt_enable)");
	v->st->preempt--;
	return 0;
}

/* --- references to kernel objects ------------------------------------------------------------ */

static int kernel_object(struct verifier *v)
{
	const struct reg *r = &cur_regs(v)[BPF_REG_1];
	int err = reg_read(v, BPF_REG_1);

	if (err)
		return err;
	if (may_be_null(r->type))
		return fail(v, -EACCES, "Possibly NULL pointer passed to trusted arg0");
	if (base_type(r->type) != PTR_TO_BTF_ID)
		return fail(v, -EINVAL,
			    "arg#0 expected pointer to STRUCT task_struct but R1 has a "
			    "pointer to UNKNOWN ");
	if (!(r->type & PTR_TRUSTED) && !r->ref_id)
		return fail(v, -EINVAL, "R1 must be referenced or trusted");
	return 0;
}

static int task_acquire(struct verifier *v)
{
	struct reg *r0 = &cur_regs(v)[BPF_REG_0];
	int err = kernel_object(v);
	uint32_t id;

	err = err ? err : ref_acquire(v, v->i, &id);
	if (err)
		return err;
	reg_pointer(r0, PTR_TO_BTF_ID | PTR_TRUSTED | PTR_MAYBE_NULL);
	r0->id = r0->ref_id = id;
	return 0;
}

static int task_release(struct verifier *v)
{
	const uint32_t id = cur_regs(v)[BPF_REG_1].ref_id;
	int err = kernel_object(v);

	if (err)
		return err;
	if (!id)
		return fail(v, -EINVAL,
			    "release kernel function bpf_task_release expects refcounted "
			    "PTR_TO_BTF_ID");
	return ref_release(v, id);
}

static const struct kfunc_row {
	const char *name;
	int (*step)(struct verifier *v);
	bool sets_r0;
} rows[] = {
	{ "bpf_iter_num_new", iter_new, false },
	{ "bpf_iter_num_next", iter_next, true },
	{ "bpf_iter_num_destroy", iter_destroy, false },
	{ "bpf_rcu_read_lock", rcu_lock, false },
	{ "bpf_rcu_read_unlock", rcu_unlock, false },
	{ "bpf_preempt_disable", preempt_disable, false },
	{ "bpf_preempt_enable", preempt_enable, false },
	{ "bpf_task_acquire", task_acquire, true },
	{ "bpf_task_release", task_release, false },
};

int kfunc_step(struct verifier *v)
{
	const char *name = kfunc_name(v);
	const struct kfunc_row *row = NULL;
	struct reg *regs = cur_regs(v);
	int err;

	for (size_t i = 0; name && i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			row = &rows[i];
	if (!row)
		return fail(v, -EACCES, "calling kernel function %s is not allowed",
			    name ? name : "<unknown>");
	err = row->step(v);
	if (err)
		return err;
	if (!row->sets_r0)
		reg_unknown(v, &regs[BPF_REG_0]);
	for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
		reg_uninit(&regs[r]);
	return 0;
}
