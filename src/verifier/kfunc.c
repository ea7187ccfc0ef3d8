/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc.c - calls of kfuncs: may it be made, what does it leave?  kfunc_table.c says which there
 * are, kfunc_args.c checks arguments, iter.c keeps iterators.
 */
#include "verifier/kfunc_int.h"

#define KIND(t) BTF_INFO_KIND((t)->info)

/* The FUNC that the call at i names, NULL: it names none. */
static const struct btf_type *func_at(const struct verifier *v, uint32_t i)
{
	const struct skep_btf *btf = v->opts->vmlinux;
	const struct btf_type *t = btf ? btf_type(btf, (uint32_t)v->insns[i].imm) : NULL;

	return v->aux[i].ref == INSN_REF_KFUNC && t && KIND(t) == BTF_KIND_FUNC ? t : NULL;
}

const char *kfunc_name(const struct verifier *v, uint32_t i)
{
	const struct btf_type *t = func_at(v, i);

	return t ? btf_str(v->opts->vmlinux, t->name_off) : NULL;
}

uint32_t kfunc_arg_count(const struct verifier *v, uint32_t i)
{
	const struct btf_type *t = func_at(v, i);
	const struct kfunc_facts *f = v->info[i].kfunc;

	/* Of a kfunc that must not be called nothing is known. */
	if (!t || !f || !kfunc_allowed(f, v->prog))
		return ARGS;
	return MIN(BTF_INFO_VLEN(btf_type(v->opts->vmlinux, t->type)->info), ARGS);
}

static bool has_flag(const struct verifier *v, uint32_t i, uint32_t flag)
{
	return v->info[i].kfunc && v->info[i].kfunc->flags & flag;
}

int kfunc_find(struct verifier *v)
{
	for (uint32_t i = 0; i < v->cnt; i++) {
		const char *name = kfunc_name(v, i);

		v->info[i].kfunc = name ? kfunc_facts(name) : NULL;
		if (has_flag(v, i, KF_DEVICE))
			return verifier_fail(v, -EINVAL, i,
					     "metadata kfuncs require device-bound program");
	}
	return 0;
}

bool kfunc_is_iter_next(const struct verifier *v, uint32_t i)
{
	return has_flag(v, i, KF_ITER_NEXT);
}

bool kfunc_opens_region(const struct verifier *v, uint32_t i)
{
	static const char *const names[] = { "bpf_rcu_read_lock", "bpf_preempt_disable",
					     "bpf_local_irq_save" };
	const char *name = kfunc_name(v, i);

	for (size_t n = 0; name && n < ARRAY_SIZE(names); n++)
		if (!strcmp(name, names[n]))
			return true;
	return false;
}

bool kfunc_may_sleep(const struct verifier *v, uint32_t i)
{
	return has_flag(v, i, KF_SLEEPABLE);
}

bool kfunc_moves_packet(const struct verifier *v, uint32_t i)
{
	return has_flag(v, i, KF_MOVES_PKT);
}

bool kfunc_throws(const struct verifier *v, uint32_t i)
{
	return has_flag(v, i, KF_THROWS);
}

bool kfunc_is_fastcall(const struct verifier *v, uint32_t i)
{
	return has_flag(v, i, KF_FASTCALL);
}

uint32_t kfunc_clobbers(const struct verifier *v, uint32_t i)
{
	const struct btf_type *proto = btf_type(v->opts->vmlinux, func_at(v, i)->type);

	return ((1u << kfunc_arg_count(v, i)) - 1) << BPF_REG_1 | (proto->type != 0);
}

/* --- results that BTF does not tell ----------------------------------------------------------- */

int kfunc_result_ctx(struct kcall *k)
{
	const char *name = ctx_type_kernel(k->v);
	const uint32_t id = *name ? btf_ptr_find(k->v, name) : 0;
	struct reg *r0 = &cur_regs(k->v)[BPF_REG_0];

	if (!id)
		return fail(k->v, -EINVAL, "kern ctx type of this program type is not a struct");
	reg_pointer(r0, PTR_TO_BTF_ID | PTR_TRUSTED);
	r0->btf_id = id;
	return 0;
}

int kfunc_result_cast(struct kcall *k)
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

/* Whatever memory belongs to: nobody holds it. */
int kfunc_result_cache(struct kcall *k)
{
	struct reg *r0 = &cur_regs(k->v)[BPF_REG_0];

	reg_pointer(r0, PTR_TO_BTF_ID | PTR_UNTRUSTED);
	r0->btf_id = btf_ptr_find(k->v, "kmem_cache");
	return 0;
}

int kfunc_session_cookie(struct kcall *k)
{
	k->buf_size = 8;
	return 0;
}

int kfunc_trap(struct kcall *k)
{
	return fail(k->v, -EFAULT, "unexpected __bpf_trap() due to uninitialized variable?");
}

/* --- the call --------------------------------------------------------------------------------- */

static int find(struct kcall *k)
{
	struct verifier *v = k->v;
	const struct kfunc_facts *f = v->info[v->i].kfunc;

	if (!v->insns[v->i].imm)
		return fail(v, -EINVAL,
			    "invalid kernel function call not eliminated in verifier pass");
	k->name = kfunc_name(v, v->i);
	if (!f || !kfunc_allowed(f, v->prog))
		return fail(v, -EACCES, "calling kernel function %s is not allowed",
			    k->name ? k->name : "<unknown>");
	k->btf = v->opts->vmlinux;
	k->facts = f;
	k->flags = f->flags;
	k->proto = btf_type(k->btf, btf_type(k->btf, (uint32_t)v->insns[v->i].imm)->type);
	k->arg = (const struct btf_param *)(k->proto + 1);
	k->arg_cnt = BTF_INFO_VLEN(k->proto->info);
	return 0;
}

static int may_sleep(const struct kcall *k)
{
	if (!(k->flags & KF_SLEEPABLE) || k->v->st->sleepable)
		return 0;
	return fail(k->v, -EACCES, "program must be sleepable to call sleepable kfunc %s", k->name);
}

static int may_sleep_here(const struct kcall *k)
{
	const char *region = k->flags & KF_SLEEPABLE ? region_atomic(k->v) : NULL;

	return region ? fail(k->v, -EACCES, "kernel func %s is sleepable within %s region", k->name,
			     region)
		      : 0;
}

/* A pointer result: to a struct of the kernel, or to numbers that may be read. */
static int pointer_result(struct kcall *k, const struct btf_type *ptr)
{
	struct verifier *v = k->v;
	struct reg *r0 = &cur_regs(v)[BPF_REG_0];
	const uint32_t to = btf_resolve(k->btf, ptr->type);
	const struct btf_type *t = btf_type(k->btf, to);
	const int64_t size = k->buf_size ? (int64_t)k->buf_size : btf_size(k->btf, to);

	if (KIND(t) == BTF_KIND_UNKN)
		return 0;
	if (KIND(t) == BTF_KIND_STRUCT || KIND(t) == BTF_KIND_UNION) {
		reg_pointer(r0, PTR_TO_BTF_ID);
		r0->btf_id = to;
		if (k->iter)
			r0->type |= k->iter->reg.type & MEM_RCU ? MEM_RCU : PTR_TRUSTED;
	} else if (size > 0) {
		reg_pointer(r0, PTR_TO_MEM | (k->buf_size && !k->buf_rdonly ? 0 : MEM_RDONLY));
		r0->mem_size = (uint32_t)size;
		r0->ref_id = k->ref_id;
	} else {
		return fail(v, -EINVAL,
			    "kernel function %s returns pointer type %s %s is not supported",
			    k->name, btf_kind_name(KIND(t)), btf_str(k->btf, t->name_off));
	}
	return 0;
}

/* What the flags say of r0. */
static int flag_result(struct kcall *k)
{
	struct verifier *v = k->v;
	struct reg *r0 = &cur_regs(v)[BPF_REG_0];
	int err = 0;

	if (k->flags & KF_RET_NULL && r0->type != SCALAR_VALUE) {
		r0->type |= PTR_MAYBE_NULL;
		r0->id = ++v->ids;
	}
	if (k->flags & KF_ACQUIRE) {
		err = ref_acquire(v, v->i, &r0->ref_id);
		if (k->flags & KF_RET_NULL)
			r0->id = r0->ref_id;
	}
	/* Pointers to what has a lock keep an id of their own. */
	if (reg_has_lock(r0) && !r0->id)
		r0->id = ++v->ids;
	return err;
}

static int result(struct kcall *k)
{
	struct reg *regs = cur_regs(k->v);
	const struct btf_type *t = btf_type(k->btf, btf_resolve(k->btf, k->proto->type));
	int err = 0;

	for (unsigned r = BPF_REG_0; r <= BPF_REG_5; r++)
		reg_uninit(&regs[r]);
	if (KIND(t) == BTF_KIND_UNKN)
		return 0;
	reg_unknown(k->v, &regs[BPF_REG_0]);
	if (k->facts->result)
		err = k->facts->result(k);
	else if (KIND(t) == BTF_KIND_PTR)
		err = pointer_result(k, t);
	return err || KIND(t) != BTF_KIND_PTR ? err : flag_result(k);
}

int kfunc_step(struct verifier *v)
{
	static const struct kfunc_facts none;
	struct kcall k = { .v = v, .facts = &none };
	int err = find(&k);

	err = err ? err : may_sleep(&k);
	if (!err && k.facts->before_args)
		err = k.facts->before_args(&k);
	err = err ? err : kfunc_args(&k);
	if (!err && k.facts->after_args)
		err = k.facts->after_args(&k);
	err = err ? err : may_sleep_here(&k);
	if (!err && k.release && ref_release(v, cur_regs(v)[k.release].ref_id))
		err = fail(v, -EINVAL, "kfunc %s#%d reference has not been acquired before", k.name,
			   v->insns[v->i].imm);
	err = err ? err : result(&k);
	if (!err && k.flags & KF_MOVES_PKT)
		helper_forget_packet(v);
	return !err && k.flags & KF_ITER_NEXT ? iter_next(&k) : err;
}
