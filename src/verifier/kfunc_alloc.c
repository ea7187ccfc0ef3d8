/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc_alloc.c - kfuncs that make objects of the program's own types, hold them once more, and
 * drop them: bpf_obj_new_impl, bpf_percpu_obj_new_impl, bpf_refcount_acquire_impl,
 * bpf_obj_drop_impl, bpf_percpu_obj_drop_impl.
 */
#include "verifier/kfunc_int.h"

#define KIND(t)	   BTF_INFO_KIND((t)->info)
#define PERCPU_MAX 512 /* BPF_GLOBAL_PERCPU_MA_MAX_SIZE */
#define DEPTH_MAX  4   /* structs in structs that are looked into */

static bool is_percpu(const struct kcall *k)
{
	return !strncmp(k->name, "bpf_percpu_", 11);
}

int alloc_drop_arg(struct kcall *k, uint32_t a)
{
	const struct reg *r = &cur_regs(k->v)[BPF_REG_1 + a];
	const bool percpu = r->type == (PTR_TO_BTF_ID | MEM_ALLOC | MEM_PERCPU);

	if (r->type != (PTR_TO_BTF_ID | MEM_ALLOC) && !percpu)
		return fail(k->v, -EINVAL, "arg#%u expected pointer to allocated object", a);
	if (percpu != is_percpu(k))
		return fail(k->v, -EINVAL, "arg#%u expected for bpf_%sobj_drop_impl()", a,
			    percpu ? "percpu_" : "");
	if (!r->ref_id)
		return fail(k->v, -EINVAL, "allocated object must be referenced");
	k->object = *r;
	return 0;
}

int alloc_refcounted_arg(struct kcall *k, uint32_t a)
{
	const struct reg *r = &cur_regs(k->v)[BPF_REG_1 + a];

	if (!type_is_alloc(r->type))
		return fail(k->v, -EINVAL, "arg#%u is neither owning or non-owning ref", a);
	if (!reg_record(r))
		return fail(k->v, -EFAULT, "verifier bug: Couldn't find btf_record");
	if (!btf_record_has(reg_record(r), FIELD_REFCOUNT))
		return fail(k->v, -EINVAL, "arg#%u doesn't point to a type with bpf_refcount field",
			    a);
	/* One more of what is held already cannot fail. */
	if (!type_is_borrowed(r->type) && r->ref_id)
		k->flags &= ~(uint32_t)KF_RET_NULL;
	k->object = *r;
	return 0;
}

/* Numbers all through: what is copied to each CPU has no pointers and nothing special. */
static bool only_numbers(struct verifier *v, const struct btf_type *t, unsigned depth)
{
	const struct skep_btf *btf = v->prog->btf;
	const struct btf_member *m = (const struct btf_member *)(t + 1);

	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
		const struct btf_type *mt = btf_type(btf, btf_resolve(btf, m[i].type));

		if (KIND(mt) == BTF_KIND_STRUCT || KIND(mt) == BTF_KIND_UNION) {
			if (depth + 1 == DEPTH_MAX) {
				verifier_log(v->log, "max struct nesting depth exceeded\n");
				return false;
			}
			if (!only_numbers(v, mt, depth + 1))
				return false;
			continue;
		}
		if (KIND(mt) == BTF_KIND_ARRAY) {
			const struct btf_array *a = (const struct btf_array *)(mt + 1);

			if (!a->nelems)
				return false;
			mt = btf_type(btf, btf_resolve(btf, a->type));
		}
		if (KIND(mt) != BTF_KIND_INT && KIND(mt) != BTF_KIND_ENUM &&
		    KIND(mt) != BTF_KIND_ENUM64)
			return false;
	}
	return true;
}

static int check_percpu(struct verifier *v, uint32_t id, const struct btf_type *t)
{
	if (t->size > PERCPU_MAX)
		return fail(v, -EINVAL, "bpf_percpu_obj_new type size (%u) is greater than %u",
			    t->size, PERCPU_MAX);
	if (!only_numbers(v, t, 0))
		return fail(v, -EINVAL,
			    "bpf_percpu_obj_new type ID argument must be of a struct of scalars");
	if (btf_struct_record(v->prog->btf, id))
		return fail(v, -EINVAL,
			    "bpf_percpu_obj_new type ID argument must not contain special fields");
	return 0;
}

/* The program says what it allocates: core knows it to the store before it runs. */
static int remember(struct skep_prog *p, uint32_t id, bool percpu)
{
	struct prog_alloc *a = p->allocs;

	for (uint32_t i = 0; i < p->alloc_cnt; i++)
		if (a[i].id == id && a[i].percpu == percpu)
			return 0;
	if (!p->alloc_cnt || IS_POW2(p->alloc_cnt))
		a = skep_realloc_array(a, p->alloc_cnt ? 2 * p->alloc_cnt : 1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a[p->alloc_cnt++] = (struct prog_alloc){ .id = id, .percpu = percpu };
	p->allocs = a;
	return 0;
}

int alloc_new_result(struct kcall *k)
{
	struct verifier *v = k->v;
	const uint32_t id = (uint32_t)k->value;
	struct reg *r0 = &cur_regs(v)[BPF_REG_0];
	const struct btf_type *t;
	int err = 0;

	if (k->value != id)
		return fail(v, -EINVAL, "local type ID argument must be in range [0, U32_MAX]");
	if (!v->prog->btf)
		return fail(v, -EINVAL, "bpf_obj_new/bpf_percpu_obj_new requires prog BTF");
	t = btf_type(v->prog->btf, id);
	if (!t || KIND(t) != BTF_KIND_STRUCT)
		return fail(v, -EINVAL,
			    "bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct");
	if (is_percpu(k))
		err = check_percpu(v, id, t);
	err = err ? err : remember(v->prog, id, is_percpu(k));
	if (err)
		return err;
	reg_pointer(r0, PTR_TO_BTF_ID | MEM_ALLOC | (is_percpu(k) ? MEM_PERCPU : 0));
	r0->btf = v->prog->btf;
	r0->btf_id = id;
	k->object = *r0;
	return 0;
}

int alloc_refcount_result(struct kcall *k)
{
	struct reg *r0 = &cur_regs(k->v)[BPF_REG_0];

	reg_pointer(r0, PTR_TO_BTF_ID | MEM_ALLOC);
	r0->btf = k->object.btf;
	r0->btf_id = k->object.btf_id;
	return 0;
}
