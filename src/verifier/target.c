/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * target.c - the function that a program is attached to, by its id in the kernel's BTF: its
 * arguments are the program's context (bpf_check_attach_target, btf_ctx_access of the kernel).
 *
 *	context	 argument 0 | argument 1 | ... | what the function returned
 *		 8 bytes each; the last for fexit and for LSM hooks only
 */
#include "verifier/verifier_int.h"

#define KIND(t)	  BTF_INFO_KIND((t)->info)
#define RAW_TP	  "btf_trace_"
#define MAX_ERRNO 4095
#define CTX_ARGS  12 /* MAX_BPF_FUNC_ARGS */

/* Program types whose context is a list of arguments, by attach type, and what BTF names. */
static const struct {
	uint32_t type, attach;
	uint32_t kind; /* BTF_KIND_* of attach_btf_id */
	bool trusted;  /* arguments are; of LSM hooks: see lsm.c */
	bool retval;   /* the result stands behind the arguments */
} rows[] = {
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, BTF_KIND_TYPEDEF, true, false },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, BTF_KIND_FUNC, true, false },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, BTF_KIND_FUNC, false, false },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, BTF_KIND_FUNC, false, true },
	{ BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, BTF_KIND_FUNC, false, true },
	{ BPF_PROG_TYPE_LSM, BPF_LSM_MAC, BTF_KIND_FUNC, true, true },
	{ BPF_PROG_TYPE_LSM, BPF_LSM_CGROUP, BTF_KIND_FUNC, true, true },
};

static int row_of(const struct verifier *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].type == v->prog->type &&
		    rows[i].attach == v->prog->expected_attach_type)
			return (int)i;
	return -1;
}

/* What the function returned stands behind its arguments. */
static bool has_retval(const struct verifier *v)
{
	const int row = row_of(v);

	return row >= 0 && rows[row].retval;
}

static bool is_lsm(const struct verifier *v)
{
	return v->prog->type == BPF_PROG_TYPE_LSM;
}

/* The prototype behind a FUNC, or behind the typedef of a tracepoint's callback. */
static const struct btf_type *proto_of(const struct skep_btf *btf, const struct btf_type *t)
{
	t = btf_type(btf, t->type);
	if (KIND(t) == BTF_KIND_PTR)
		t = btf_type(btf, t->type);
	return KIND(t) == BTF_KIND_FUNC_PROTO ? t : NULL;
}

int target_find(struct verifier *v)
{
	const struct skep_btf *btf = v->opts->vmlinux;
	const uint32_t id = v->prog->attach_btf_id;
	const struct btf_type *t;
	struct target *to = &v->target;
	const int row = row_of(v);
	const char *name;

	if (v->prog->type == BPF_PROG_TYPE_STRUCT_OPS)
		return struct_ops_find(v);
	if (row < 0)
		return 0;
	v->i = 0;
	if (!id)
		return fail(v, -EINVAL, "Tracing programs must provide btf_id");
	t = btf ? btf_type(btf, id) : NULL;
	if (!t)
		return fail(v, -EINVAL, "attach_btf_id %u is invalid", id);
	name = btf_str(btf, t->name_off);
	if (!*name)
		return fail(v, -EINVAL, "attach_btf_id %u doesn't have a name", id);
	if (KIND(t) != rows[row].kind)
		return fail(v, -EINVAL, "attach_btf_id %u is not a %s", id,
			    rows[row].kind == BTF_KIND_FUNC ? "function" : "typedef");
	if (rows[row].kind == BTF_KIND_TYPEDEF) {
		if (strncmp(name, RAW_TP, sizeof(RAW_TP) - 1))
			return fail(v, -EINVAL, "attach_btf_id %u points to wrong type name %s", id,
				    name);
		name += sizeof(RAW_TP) - 1;
	}
	to->proto = proto_of(btf, t);
	if (!to->proto)
		return fail(v, -EINVAL, "attach_btf_id %u is not a function", id);
	to->name = name;
	to->arg = (const struct btf_param *)(to->proto + 1);
	to->arg_cnt = BTF_INFO_VLEN(to->proto->info);
	to->trusted = rows[row].trusted && (!is_lsm(v) || lsm_is_trusted(name));
	/* The first argument of a tracepoint's callback is its own. */
	if (rows[row].kind == BTF_KIND_TYPEDEF && to->arg_cnt) {
		to->arg++;
		to->arg_cnt--;
	}
	if (v->prog->expected_attach_type == BPF_TRACE_ITER && !iter_ctx_known(v))
		return diag_set(v->diag, -EINVAL, SKEP_AT_NONE, 0, "%s is no iterator", name);
	return is_lsm(v) ? lsm_check(v, name) : 0;
}

bool target_is_void(const struct verifier *v)
{
	const bool hook = is_lsm(v) && v->prog->expected_attach_type != BPF_LSM_CGROUP;

	return (hook || v->target.of) && v->target.proto && !v->target.proto->type;
}

bool target_returns(const struct verifier *v, int *ret_min, int *ret_max)
{
	const struct skep_btf *btf = v->opts->vmlinux;

	/* A member that gives a pointer: an object, or NULL. */
	*ret_min = *ret_max = 0;
	if (v->target.of)
		return KIND(btf_type(btf, btf_resolve(btf, v->target.proto->type))) == BTF_KIND_PTR;
	if (!is_lsm(v) || !v->target.name)
		return false;
	if (v->prog->expected_attach_type == BPF_LSM_CGROUP) {
		*ret_min = !v->target.proto->type;
		*ret_max = 1;
	} else {
		*ret_min = lsm_is_bool(v->target.name) ? 0 : -MAX_ERRNO;
		*ret_max = lsm_is_bool(v->target.name);
	}
	return true;
}

/* --- the context ----------------------------------------------------------------------------- */

static bool is_number(const struct btf_type *t)
{
	return (KIND(t) == BTF_KIND_INT && t->size <= 8) || KIND(t) == BTF_KIND_ENUM ||
	       KIND(t) == BTF_KIND_ENUM64 || KIND(t) == BTF_KIND_STRUCT;
}

/* What a hook returned: within what it may return. */
static void returned(struct verifier *v, struct reg *ret)
{
	int min, max;

	if (!is_lsm(v) || v->prog->expected_attach_type != BPF_LSM_MAC ||
	    !target_returns(v, &min, &max))
		return;
	ret->n.low.smin = min;
	ret->n.low.smax = max;
	bounds_sync(&ret->n);
}

static uint32_t tag_flags(const struct skep_btf *btf, const struct btf_type *t)
{
	const char *tag = KIND(t) == BTF_KIND_TYPE_TAG ? btf_str(btf, t->name_off) : "";

	return !strcmp(tag, "user") ? MEM_USER : !strcmp(tag, "percpu") ? MEM_PERCPU : 0;
}

static bool ends_with(const char *s, const char *end)
{
	const size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

bool target_arg_has(const struct verifier *v, uint32_t a, const char *suffix)
{
	const struct skep_btf *btf = v->opts->vmlinux;

	return ends_with(btf_str(btf, v->target.arg[a].name_off), suffix) ||
	       (v->target.stub && ends_with(btf_str(btf, v->target.stub[a].name_off), suffix));
}

/* A pointer to a struct becomes a typed one, other pointers are numbers. */
static int pointer_arg(struct verifier *v, uint32_t arg, const struct btf_type *ptr,
		       struct reg *ret)
{
	const struct skep_btf *btf = v->opts->vmlinux;
	const uint32_t to = btf_resolve(btf, ptr->type);
	const struct btf_type *t = btf_type(btf, to);
	const uint32_t iter = iter_ctx_arg(v, btf_str(btf, v->target.arg[arg].name_off));

	if (base_type(iter) == PTR_TO_BUF) {
		reg_pointer(ret, iter);
		ret->id = ++v->ids;
		return 0;
	}
	if (KIND(t) == BTF_KIND_UNKN || KIND(t) == BTF_KIND_INT)
		return 0;
	if (KIND(t) != BTF_KIND_STRUCT && KIND(t) != BTF_KIND_UNION)
		return fail(v, -EACCES, "func '%s' arg%u type %s is not a struct", v->target.name,
			    arg, btf_kind_name(KIND(t)));
	reg_pointer(ret,
		    iter ? iter
			 : PTR_TO_BTF_ID | tag_flags(btf, btf_type(btf, ptr->type)) |
				    (v->target.trusted ? PTR_TRUSTED : 0) |
				    (target_arg_has(v, arg, "__nullable") ? PTR_MAYBE_NULL : 0));
	ret->btf_id = struct_ops_arg(v, to);
	ret->ref_id = v->target.ref_id[arg];
	if (may_be_null(ret->type))
		ret->id = ++v->ids;
	if (log_on(v) && !iter && !(v->target.stub && may_be_null(ret->type)))
		verifier_log(v->log, "func '%s' arg%u has btf_id %u type %s '%s'\n", v->target.name,
			     arg, to, btf_kind_name(KIND(t)), btf_str(btf, t->name_off));
	return 0;
}

static int argument(struct verifier *v, int off, unsigned size, struct reg *ret)
{
	const struct skep_btf *btf = v->opts->vmlinux;
	const uint32_t arg = (uint32_t)off / 8;
	const struct btf_type *t;

	if (off % 8)
		return fail(v, -EACCES, "func '%s' offset %d is not multiple of 8", v->target.name,
			    off);
	if (arg > v->target.arg_cnt || (arg == v->target.arg_cnt && !has_retval(v)))
		return fail(v, -EACCES, "func '%s' doesn't have %u-th argument", v->target.name,
			    arg + 1);
	t = btf_type(btf, btf_resolve(btf, arg == v->target.arg_cnt ? v->target.proto->type
								    : v->target.arg[arg].type));
	if (is_number(t)) {
		if (arg == v->target.arg_cnt)
			returned(v, ret);
		return 0;
	}
	if (arg < v->target.arg_cnt && v->target.ref_id[arg] && !ref_held(v, v->target.ref_id[arg]))
		return fail(v, -EACCES,
			    "invalid bpf_context access off=%d. Reference may already be released",
			    off);
	if (KIND(t) != BTF_KIND_PTR)
		return fail(v, -EACCES,
			    "func '%s' arg%u '%s' has type %s. Only pointer access is allowed",
			    v->target.name, arg, btf_str(btf, t->name_off), btf_kind_name(KIND(t)));
	if (size != 8)
		return fail(v, -EACCES, "func '%s' size %u must be 8", v->target.name, size);
	return arg == v->target.arg_cnt ? 0 : pointer_arg(v, arg, t, ret);
}

int target_access(struct verifier *v, int off, unsigned size, bool write, struct reg *ret)
{
	reg_unknown(v, ret);
	if (off < 0 || off >= 8 * CTX_ARGS || write || off % (int)size ||
	    argument(v, off, size, ret))
		return fail(v, -EACCES, "invalid bpf_context access off=%d size=%u", off, size);
	return 0;
}
