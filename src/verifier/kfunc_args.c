/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc_args.c - the arguments of kfuncs: what each must be follows from its type and the suffix
 * of its name (check_kfunc_args of the kernel).
 *
 *	__sz	the size of the memory that the argument before points to; __szk: a constant
 *	__k	a constant		__ign	whatever it is
 *	__map	a map			__nullable, __opt	may be NULL
 */
#include "verifier/kfunc_int.h"

#define KIND(t) BTF_INFO_KIND((t)->info)

bool kfunc_arg_has(const struct kcall *k, uint32_t a, const char *suffix)
{
	const char *name = btf_str(k->btf, k->arg[a].name_off);
	const size_t n = strlen(name), m = strlen(suffix);

	return n > m && !strcmp(name + n - m, suffix);
}

bool kfunc_arg_points_to(const struct karg *a, const char *name)
{
	return BTF_INFO_KIND(a->t->info) == BTF_KIND_STRUCT &&
	       !strcmp(btf_str(a->k->btf, a->t->name_off), name);
}

static bool is_scalar(const struct btf_type *t)
{
	return KIND(t) == BTF_KIND_INT || KIND(t) == BTF_KIND_ENUM || KIND(t) == BTF_KIND_ENUM64;
}

static bool is_struct(const struct btf_type *t)
{
	return KIND(t) == BTF_KIND_STRUCT || KIND(t) == BTF_KIND_UNION;
}

static const char *str(const struct kcall *k, const struct btf_type *t)
{
	return btf_str(k->btf, t->name_off);
}

static int constant(struct kcall *k, uint32_t n)
{
	const struct reg *r = &cur_regs(k->v)[n];

	if (!bounds_is_const(&r->n))
		return fail(k->v, -EINVAL, "R%u must be a known constant", n);
	k->has_const = true;
	k->value = r->n.bits.value;
	return precise_mark(k->v, n);
}

static int scalar_arg(struct kcall *k, uint32_t a)
{
	if (cur_regs(k->v)[BPF_REG_1 + a].type != SCALAR_VALUE)
		return fail(k->v, -EINVAL, "R%u is not a scalar", BPF_REG_1 + a);
	return kfunc_arg_has(k, a, "__k") ? constant(k, BPF_REG_1 + a) : 0;
}

/* --- objects of the kernel ------------------------------------------------------------------- */

/* Registers that are no BTF pointers, but known to point to a struct of the kernel. */
static const char *const reg_structs[_REG_TYPE_MAX] = {
	[CONST_PTR_TO_MAP] = "bpf_map",
	[PTR_TO_SOCKET] = "sock",
	[PTR_TO_SOCK_COMMON] = "sock_common",
	[PTR_TO_TCP_SOCK] = "tcp_sock",
};

static bool is_object(const struct reg *r)
{
	return base_type(r->type) == PTR_TO_BTF_ID || reg_structs[base_type(r->type)];
}

/* The object in the register: where its type is told. */
static struct reg object_of(const struct verifier *v, const struct reg *r)
{
	struct reg is = *r;

	if (base_type(r->type) == PTR_TO_BTF_ID)
		return is;
	is.btf = NULL;
	is.btf_id = btf_ptr_find(v, reg_structs[base_type(r->type)]);
	return is;
}

static bool is_trusted(const struct reg *r)
{
	return (reg_structs[base_type(r->type)] && !(r->type & ~TYPE_MASK)) || btf_ptr_trusted(r);
}

static bool wants_trusted(const struct kcall *k)
{
	return k->flags & (KF_TRUSTED_ARGS | KF_RELEASE | KF_RCU);
}

static int trusted(const struct karg *a)
{
	if (!wants_trusted(a->k) || is_trusted(a->r))
		return 0;
	if (!(a->k->flags & KF_RCU))
		return fail(a->v, -EINVAL, "R%u must be referenced or trusted", a->n);
	return a->r->type & MEM_RCU ? 0 : fail(a->v, -EINVAL, "R%u must be a rcu pointer", a->n);
}

static int offset(const struct karg *a)
{
	return a->k->flags & KF_RELEASE && a->r->ref_id ? args_release_offset(a->v, a->n)
							: args_offset(a->v, a->n);
}

/* "nf_conn___init" is laid out as "nf_conn", but is not one yet. */
static bool is_stage_of(const char *stage, const char *name)
{
	const size_t n = strlen(name);

	return *name && !strncmp(stage, name, n) && !strcmp(stage + n, "___init");
}

static int object(const struct karg *a, uint32_t want)
{
	struct verifier *v = a->v;
	const struct kcall *k = a->k;
	const struct btf_type *t = btf_type(k->btf, want), *has;
	const uint32_t unsafe = a->r->type & ~(TYPE_MASK | TRUSTED);
	const struct skep_btf *btf;
	const char *name;
	struct reg is;
	bool strict;

	if (!is_object(a->r) ||
	    (unsafe && !(a->r->type & MEM_RCU) && !reg_structs[base_type(a->r->type)]))
		return fail(v, -EINVAL, "arg#%u is %s expected %s or socket", a->a,
			    TYPE_NAME(a->r->type), TYPE_NAME(a->r->type & (TYPE_MASK | TRUSTED)));
	is = object_of(v, a->r);
	name = btf_ptr_reg_name(v, &is);
	strict = (k->flags & KF_RELEASE && a->r->ref_id) || is_stage_of(str(k, t), name) ||
		 is_stage_of(name, str(k, t));
	if (btf_ptr_is(v, &is, NULL, want, strict) || ctx_type_projects(str(k, t), name))
		return 0;
	btf = is.btf ? is.btf : k->btf;
	has = btf_type(btf, btf_resolve(btf, is.btf_id));
	return fail(v, -EINVAL,
		    "kernel function %s args#%u expected pointer to %s %s but R%u has a pointer "
		    "to %s %s",
		    k->name, a->a, btf_kind_name(KIND(t)), str(k, t), a->n,
		    btf_kind_name(KIND(has)), btf_str(btf, has->name_off));
}

/* --- what an argument may be ------------------------------------------------------------------ */

static bool is_null_arg(const struct karg *a)
{
	return kfunc_arg_has(a->k, a->a, "__nullable") && reg_is_null(a->r);
}

static int check_null(struct karg *a)
{
	return precise_mark(a->v, a->n);
}

static bool is_ctx_arg(const struct karg *a)
{
	return !strcmp(a->k->name, "bpf_cast_to_kern_ctx") || ctx_type_is(a->v, a->k->btf, a->ptr);
}

static int check_ctx(struct karg *a)
{
	int err = args_offset(a->v, a->n);

	if (!err && a->r->type != PTR_TO_CTX)
		err = fail(a->v, -EINVAL, "arg#%u expected pointer to ctx, but got %s", a->a,
			   TYPE_NAME(a->r->type));
	return err;
}

static bool is_iter_arg(const struct karg *a)
{
	return a->k->flags & KF_ITER ? a->a == 0 : kfunc_arg_has(a->k, a->a, "__iter");
}

static int check_iter(struct karg *a)
{
	return iter_arg(a->k, a->a, a->to);
}

static bool is_map_arg(const struct karg *a)
{
	return kfunc_arg_has(a->k, a->a, "__map");
}

static int check_map(struct karg *a)
{
	int err = 0;

	if (!a->r->map && base_type(a->r->type) != PTR_TO_BTF_ID)
		return fail(a->v, -EINVAL, "pointer in R%u isn't map pointer", a->n);
	err = a->r->map ? kfunc_same_map(a) : 0;
	if (err)
		return err;
	a->k->map = a->r->map;
	a->k->map_uid = a->r->map_uid;
	err = trusted(a);
	err = err ? err : offset(a);
	return err ? err : object(a, btf_ptr_find(a->v, "bpf_map"));
}

/* Objects of the program: by suffix, or by the type of what is in them. */
static const struct part {
	const char *suffix, *type; /* one of them */
	bool trusted;
	int (*check)(struct kcall *k, uint32_t a);
} parts[] = {
	{ "__alloc", NULL, true, alloc_drop_arg },
	{ "__refcounted_kptr", NULL, false, alloc_refcounted_arg },
	{ NULL, "bpf_list_head", false, graph_list_arg },
	{ NULL, "bpf_list_node", false, graph_list_node_arg },
	{ NULL, "bpf_rb_root", false, graph_tree_arg },
	{ NULL, "bpf_rb_node", false, graph_tree_node_arg },
	{ NULL, "bpf_res_spin_lock", false, lock_arg },
};

static const struct part *part_of(const struct karg *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].suffix ? kfunc_arg_has(a->k, a->a, parts[i].suffix)
				    : kfunc_arg_points_to(a, parts[i].type))
			return &parts[i];
	return NULL;
}

static bool is_part_arg(const struct karg *a)
{
	return part_of(a);
}

static int check_part(struct karg *a)
{
	const struct part *p = part_of(a);
	int err = p->trusted ? trusted(a) : 0;

	err = err ? err : offset(a);
	return err ? err : p->check(a->k, a->a);
}

static int check_unknown(struct karg *a)
{
	return fail(a->v, -EINVAL, "kernel function %s args#%u pointer type %s %s is not supported",
		    a->k->name, a->a, btf_kind_name(KIND(a->t)), str(a->k, a->t));
}

static bool is_str_arg(const struct karg *a)
{
	return kfunc_arg_has(a->k, a->a, "__str");
}

static int check_str(struct karg *a)
{
	if (a->r->type != PTR_TO_MAP_VALUE)
		return fail(a->v, -EINVAL, "arg#%u doesn't point to a const string", a->a);
	return args_const_str(a->v, a->n);
}

static bool is_object_arg(const struct karg *a)
{
	return is_object(a->r);
}

static int check_object(struct karg *a)
{
	int err;

	if (!is_struct(a->t))
		return check_unknown(a);
	err = trusted(a);
	if (err)
		return err;
	err = offset(a);
	if (err)
		return err;
	return object(a, a->to);
}

static bool sized(const struct karg *a)
{
	return a->a + 1 < a->k->arg_cnt &&
	       (kfunc_arg_has(a->k, a->a + 1, "__sz") || kfunc_arg_has(a->k, a->a + 1, "__szk"));
}

/* Numbers all through: what a program may have written itself. */
static bool only_scalars(const struct kcall *k, uint32_t id, unsigned depth)
{
	const struct btf_type *t = btf_type(k->btf, btf_resolve(k->btf, id));
	const struct btf_member *m = (const struct btf_member *)(t + 1);

	if (KIND(t) == BTF_KIND_ARRAY)
		return only_scalars(k, ((const struct btf_array *)(t + 1))->type, depth);
	if (!is_struct(t))
		return is_scalar(t);
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++)
		if (depth == 4 || !only_scalars(k, m[i].type, depth + 1))
			return false;
	return true;
}

static bool is_any_arg(const struct karg *a)
{
	return true;
}

static int check_mem(struct karg *a)
{
	const bool size = sized(a);
	int err;

	if (!only_scalars(a->k, a->to, 0) && !(size && KIND(a->t) == BTF_KIND_UNKN))
		return fail(
			a->v, -EINVAL,
			"arg#%u pointer type %s %s must point to %sscalar, or struct with scalar",
			a->a, btf_kind_name(KIND(a->t)), str(a->k, a->t), size ? "void, " : "");
	err = args_offset(a->v, a->n);
	if (err)
		return err;
	if (!size)
		return args_mem(a->v, a->n, (int)btf_size(a->k->btf, a->to)) ? -EINVAL : 0;
	if (!reg_is_null(a->r) || !kfunc_arg_has(a->k, a->a, "__opt"))
		err = args_mem_size(a->v, a->n + 1);
	if (err)
		return fail(a->v, err,
			    "arg#%u arg#%u memory, len pair leads to invalid memory access", a->a,
			    a->a + 1);
	return kfunc_arg_has(a->k, a->a + 1, "__szk") ? constant(a->k, a->n + 1) : 0;
}

/* The first row that fits says what is checked. */
static const struct {
	bool (*is)(const struct karg *a);
	int (*check)(struct karg *a);
} kinds[] = {
	{ is_ctx_arg, check_ctx },
	{ is_null_arg, check_null },
	{ is_part_arg, check_part },
	{ kfunc_is_dynptr, kfunc_check_dynptr },
	{ is_iter_arg, check_iter },
	{ is_str_arg, check_str },
	{ is_map_arg, check_map },
	{ kfunc_is_async, kfunc_check_async },
	{ kfunc_is_irq_flag, kfunc_check_irq_flag },
	{ is_object_arg, check_object },
	{ kfunc_is_callback, kfunc_check_callback },
	{ is_any_arg, check_mem },
};

static int pointer_arg(struct kcall *k, uint32_t i, uint32_t ptr)
{
	struct reg *r = &cur_regs(k->v)[BPF_REG_1 + i];
	const uint32_t to = btf_resolve(k->btf, btf_type(k->btf, ptr)->type);
	struct karg a = { k, k->v, i, BPF_REG_1 + i, r, ptr, to, btf_type(k->btf, to) };
	size_t kind = 0;

	if (wants_trusted(k) && (reg_is_null(r) || may_be_null(r->type)) &&
	    !kfunc_arg_has(k, i, "__nullable"))
		return fail(k->v, -EACCES, "Possibly NULL pointer passed to trusted arg%u", i);
	if (r->ref_id) {
		k->ref_id = r->ref_id;
		if (k->flags & KF_RELEASE)
			k->release = a.n;
	}
	while (!kinds[kind].is(&a))
		kind++;
	return kinds[kind].check(&a);
}

int kfunc_args(struct kcall *k)
{
	struct verifier *v = k->v;

	if (k->arg_cnt > ARGS)
		return fail(v, -EINVAL, "Function %s has %u > %u args", k->name, k->arg_cnt, ARGS);
	for (uint32_t a = 0; a < k->arg_cnt; a++) {
		const uint32_t id = btf_resolve(k->btf, k->arg[a].type);
		const struct btf_type *t = btf_type(k->btf, id);
		int err;

		if (kfunc_arg_has(k, a, "__ign") || kfunc_arg_has(k, a, "__prog"))
			continue;
		if (is_scalar(t))
			err = scalar_arg(k, a);
		else if (KIND(t) == BTF_KIND_PTR)
			err = pointer_arg(k, a, id);
		else
			err = fail(v, -EINVAL, "Unrecognized arg#%u type %s", a,
				   btf_kind_name(KIND(t)));
		if (err)
			return err;
	}
	if (k->flags & KF_RELEASE && !k->release)
		return fail(v, -EINVAL,
			    "release kernel function %s expects refcounted PTR_TO_BTF_ID", k->name);
	return 0;
}
