/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc.c - calls of kfuncs: may it be made, what does it leave?  kfunc_table.c says which there
 * are, kfunc_args.c checks arguments, iter.c keeps iterators.
 */
#include "verifier/kfunc_int.h"

#define KIND(t) BTF_INFO_KIND((t)->info)

const char *kfunc_name(const struct verifier *v, uint32_t i)
{
	const struct skep_btf *btf = v->opts->vmlinux;
	const struct btf_type *t = btf ? btf_type(btf, (uint32_t)v->insns[i].imm) : NULL;

	if (v->aux[i].ref != INSN_REF_KFUNC || !t || KIND(t) != BTF_KIND_FUNC)
		return NULL;
	return btf_str(btf, t->name_off);
}

bool kfunc_is_iter_next(const struct verifier *v, uint32_t i)
{
	const char *name = kfunc_name(v, i);
	const struct kfunc_facts *f = name ? kfunc_facts(name) : NULL;

	return f && f->flags & KF_ITER_NEXT;
}

/* --- regions -------------------------------------------------------------------------------- */

static int rcu_lock(struct kcall *k)
{
	if (k->v->st->rcu)
		return fail(k->v, -EINVAL, "nested rcu read lock (kernel function %s)", k->name);
	k->v->st->rcu = true;
	return 0;
}

/* What was only valid inside the region is so no more. */
static int rcu_unlock(struct kcall *k)
{
	if (!k->v->st->rcu)
		return fail(k->v, -EINVAL, "unmatched rcu read unlock (kernel function %s)",
			    k->name);
	k->v->st->rcu = false;
	for_each_reg_in(k->v->st, f, r, {
		if (r->type & MEM_RCU)
			r->type = (r->type & ~(MEM_RCU | PTR_MAYBE_NULL)) | PTR_UNTRUSTED;
	});
	return 0;
}

static int preempt_disable(struct kcall *k)
{
	k->v->st->preempt++;
	return 0;
}

static int preempt_enable(struct kcall *k)
{
	if (!k->v->st->preempt)
		return fail(k->v, -EINVAL,
			    "unmatched attempt to enable preemption (kernel function %s)", k->name);
	k->v->st->preempt--;
	return 0;
}

/* --- results that BTF does not tell ----------------------------------------------------------- */

static int result_ctx(struct kcall *k)
{
	const uint32_t id = btf_ptr_find(k->v, ctx_type_kernel(k->v));
	struct reg *r0 = &cur_regs(k->v)[BPF_REG_0];

	if (!id)
		return fail(k->v, -EINVAL, "the context of this program type is no struct");
	reg_pointer(r0, PTR_TO_BTF_ID | PTR_TRUSTED);
	r0->btf_id = id;
	return 0;
}

static int result_cast(struct kcall *k)
{
	const struct btf_type *t = btf_type(k->btf, (uint32_t)k->value);
	struct reg *r0 = &cur_regs(k->v)[BPF_REG_0];

	if (!t)
		return fail(k->v, -EINVAL, "Unknown type ID %lld passed to kfunc bpf_rdonly_cast",
			    (long long)k->value);
	if (KIND(t) == BTF_KIND_STRUCT || KIND(t) == BTF_KIND_UNION) {
		reg_pointer(r0, PTR_TO_BTF_ID | PTR_UNTRUSTED);
		r0->btf_id = (uint32_t)k->value;
		return 0;
	}
	if (KIND(t) != BTF_KIND_UNKN)
		return fail(k->v, -EINVAL,
			    "kfunc bpf_rdonly_cast type ID argument must be of a struct or void");
	reg_pointer(r0, PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED);
	return 0;
}

static int tree_add(struct kcall *k)
{
	const int err = graph_less(k);

	return err ? err : graph_give(k);
}

/* Kfuncs that do more than their prototype says; any may be NULL. */
static const struct special {
	const char *name;
	int (*before_args)(struct kcall *k);
	int (*after_args)(struct kcall *k);
	int (*result)(struct kcall *k);
} specials[] = {
	{ "bpf_rcu_read_lock", NULL, rcu_lock, NULL },
	{ "bpf_rcu_read_unlock", NULL, rcu_unlock, NULL },
	{ "bpf_preempt_disable", NULL, preempt_disable, NULL },
	{ "bpf_preempt_enable", NULL, preempt_enable, NULL },
	{ "bpf_cast_to_kern_ctx", NULL, NULL, result_ctx },
	{ "bpf_rdonly_cast", NULL, NULL, result_cast },
	{ "bpf_obj_new_impl", NULL, NULL, alloc_new_result },
	{ "bpf_percpu_obj_new_impl", NULL, NULL, alloc_new_result },
	{ "bpf_refcount_acquire_impl", NULL, NULL, alloc_refcount_result },
	{ "bpf_list_push_front_impl", NULL, graph_give, NULL },
	{ "bpf_list_push_back_impl", NULL, graph_give, NULL },
	{ "bpf_list_pop_front", NULL, NULL, graph_result },
	{ "bpf_list_pop_back", NULL, NULL, graph_result },
	{ "bpf_list_front", NULL, NULL, graph_result },
	{ "bpf_list_back", NULL, NULL, graph_result },
	{ "bpf_rbtree_add_impl", NULL, tree_add, NULL },
	{ "bpf_rbtree_remove", NULL, NULL, graph_result },
	{ "bpf_rbtree_first", NULL, NULL, graph_result },
	{ "bpf_rbtree_root", NULL, NULL, graph_result },
	{ "bpf_rbtree_left", NULL, NULL, graph_result },
	{ "bpf_rbtree_right", NULL, NULL, graph_result },
	{ "bpf_res_spin_lock", lock_fork, NULL, lock_result },
	{ "bpf_res_spin_lock_irqsave", lock_fork, NULL, lock_result },
};

static const struct special *special_of(const char *name)
{
	static const struct special none;

	for (size_t i = 0; i < ARRAY_SIZE(specials); i++)
		if (name && !strcmp(specials[i].name, name))
			return &specials[i];
	return &none;
}

/* --- the call --------------------------------------------------------------------------------- */

static int find(struct kcall *k)
{
	struct verifier *v = k->v;
	const struct kfunc_facts *f;

	if (!v->insns[v->i].imm)
		return fail(v, -EINVAL,
			    "invalid kernel function call not eliminated in verifier pass");
	k->name = kfunc_name(v, v->i);
	f = k->name ? kfunc_facts(k->name) : NULL;
	if (!f || !kfunc_allowed(f, v->prog->type))
		return fail(v, -EACCES, "calling kernel function %s is not allowed",
			    k->name ? k->name : "<unknown>");
	k->btf = v->opts->vmlinux;
	k->flags = f->flags;
	k->proto = btf_type(k->btf, btf_type(k->btf, (uint32_t)v->insns[v->i].imm)->type);
	k->arg = (const struct btf_param *)(k->proto + 1);
	k->arg_cnt = BTF_INFO_VLEN(k->proto->info);
	return 0;
}

static int may_sleep(const struct kcall *k)
{
	struct verifier *v = k->v;

	if (!(k->flags & KF_SLEEPABLE))
		return 0;
	if (!(v->prog->flags & BPF_F_SLEEPABLE))
		return fail(v, -EACCES, "program must be sleepable to call sleepable kfunc %s",
			    k->name);
	if (v->st->rcu)
		return fail(v, -EACCES, "kernel func %s is sleepable within rcu_read_lock region",
			    k->name);
	if (v->st->preempt)
		return fail(v, -EACCES, "kernel func %s is sleepable within non-preemptible region",
			    k->name);
	return 0;
}

/* A pointer result: to a struct of the kernel, or to numbers that may be read. */
static int pointer_result(struct kcall *k, const struct btf_type *ptr)
{
	struct verifier *v = k->v;
	struct reg *r0 = &cur_regs(v)[BPF_REG_0];
	const uint32_t to = btf_resolve(k->btf, ptr->type);
	const struct btf_type *t = btf_type(k->btf, to);
	const int64_t size = btf_size(k->btf, to);

	if (KIND(t) == BTF_KIND_UNKN)
		return 0;
	if (KIND(t) == BTF_KIND_STRUCT || KIND(t) == BTF_KIND_UNION) {
		reg_pointer(r0, PTR_TO_BTF_ID);
		r0->btf_id = to;
		if (k->iter)
			r0->type |= k->iter->reg.type & MEM_RCU ? MEM_RCU : PTR_TRUSTED;
	} else if (size > 0) {
		reg_pointer(r0, PTR_TO_MEM | MEM_RDONLY);
		r0->mem_size = (uint32_t)size;
		r0->ref_id = k->ref_id;
	} else {
		return fail(v, -EINVAL,
			    "kernel function %s returns pointer type %s %s is not supported",
			    k->name, btf_kind_name(KIND(t)), btf_str(k->btf, t->name_off));
	}
	return 0;
}

/* What the kfunc's flags say of the pointer in r0. */
static int flag_result(struct kcall *k)
{
	struct verifier *v = k->v;
	struct reg *r0 = &cur_regs(v)[BPF_REG_0];
	int err = 0;

	if (r0->type == SCALAR_VALUE)
		return 0;
	if (k->flags & KF_RET_NULL) {
		r0->type |= PTR_MAYBE_NULL;
		r0->id = ++v->ids;
	}
	if (k->flags & KF_ACQUIRE) {
		err = ref_acquire(v, v->i, &r0->ref_id);
		if (k->flags & KF_RET_NULL)
			r0->id = r0->ref_id;
	}
	if (reg_has_lock(r0) && !r0->id)
		r0->id = ++v->ids;
	return err;
}

static int result(struct kcall *k, const struct special *s)
{
	struct reg *regs = cur_regs(k->v);
	const struct btf_type *t = btf_type(k->btf, btf_resolve(k->btf, k->proto->type));
	int err = 0;

	for (unsigned r = BPF_REG_0; r <= BPF_REG_5; r++)
		reg_uninit(&regs[r]);
	if (KIND(t) == BTF_KIND_UNKN)
		return 0;
	reg_unknown(k->v, &regs[BPF_REG_0]);
	if (s->result)
		err = s->result(k);
	else if (KIND(t) == BTF_KIND_PTR)
		err = pointer_result(k, t);
	return err ? err : flag_result(k);
}

int kfunc_step(struct verifier *v)
{
	struct kcall k = { .v = v };
	const struct special *s;
	int err = find(&k);

	err = err ? err : may_sleep(&k);
	if (err)
		return err;
	s = special_of(k.name);
	err = s->before_args ? s->before_args(&k) : 0;
	err = err ? err : kfunc_args(&k);
	if (!err && s->after_args)
		err = s->after_args(&k);
	if (!err && k.release && ref_release(v, cur_regs(v)[k.release].ref_id))
		err = fail(v, -EINVAL, "kfunc %s#%d reference has not been acquired before", k.name,
			   v->insns[v->i].imm);
	err = err ? err : result(&k, s);
	return !err && k.flags & KF_ITER_NEXT ? iter_next(&k) : err;
}
