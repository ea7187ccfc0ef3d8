/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * global.c - global functions: verified once by themselves, for any arguments that their
 * prototype allows, instead of at every call (btf_prepare_func_args, btf_check_func_arg_match and
 * do_check_subprogs of the kernel).
 *
 * func_info and BTF say which functions are global and what their arguments are; tags
 * ("arg:nonnull") say what C cannot.  A call checks the arguments and gives an unknown number;
 * functions that some path calls are walked afterwards (step.c), one after the other.
 */
#include "verifier/objects.h"

#define KIND(t) BTF_INFO_KIND((t)->info)

static const struct btf_type *func_type(const struct verifier *v, uint32_t sub)
{
	return btf_type(v->prog->btf, v->facts[sub].func_id);
}

const char *sub_name(const struct verifier *v, uint32_t sub)
{
	return v->facts[sub].func_id ? btf_str(v->prog->btf, func_type(v, sub)->name_off) : "";
}

/* --- facts about all subprograms -------------------------------------------------------------- */

static void find_funcs(struct verifier *v)
{
	const struct bpf_func_info *recs = v->prog->func_info;

	for (uint32_t s = 0; recs && v->prog->btf && s < v->sub_cnt; s++) {
		v->facts[s].func_id = recs[s].type_id;
		v->facts[s].global = BTF_INFO_VLEN(func_type(v, s)->info) == BTF_FUNC_GLOBAL;
	}
}

/* What the call at i does to who made it: may it move the packet, may it sleep? */
static void find_effect(struct verifier *v, uint32_t i)
{
	const struct bpf_insn *insn = &v->insns[i];
	struct sub_facts *f = &v->facts[subprog_of(v, i)];
	const struct helper_proto *h = NULL;

	if (insn->code != (BPF_JMP | BPF_CALL))
		return;
	if (insn->src_reg == 0 && insn->imm > 0)
		h = helper_of_linux((uint32_t)insn->imm, v->prog->type);
	f->changes_pkt |= (h && h->changes_pkt) || kfunc_moves_packet(v, i);
	f->may_sleep |= (h && h->might_sleep) || kfunc_may_sleep(v, i);
}

/* Which subprograms may move the packet, or sleep, themselves or by those that they call. */
static void find_effects(struct verifier *v)
{
	bool again = true;

	for (uint32_t i = 0; i < v->cnt; i++)
		find_effect(v, i);
	while (again) {
		again = false;
		vec_foreach (ref, &v->refs) {
			const struct sub_facts *to = &v->facts[ref->to];
			struct sub_facts *from = &v->facts[ref->from];

			again |= (to->changes_pkt && !from->changes_pkt) ||
				 (to->may_sleep && !from->may_sleep);
			from->changes_pkt |= to->changes_pkt;
			from->may_sleep |= to->may_sleep;
		}
	}
}

int global_find(struct verifier *v)
{
	v->facts = skep_alloc_array(v->sub_cnt, sizeof(*v->facts));
	if (!v->facts)
		return -ENOMEM;
	find_funcs(v);
	v->facts[v->exception_sub].called |= v->exception_sub > 0;
	v->facts[v->exception_sub].callback |= v->exception_sub > 0;
	find_effects(v);
	return 0;
}

/* --- arguments from the prototype ------------------------------------------------------------- */

enum {
	TAG_CTX = 1,
	TAG_NONNULL = 2,
	TAG_TRUSTED = 4,
	TAG_NULLABLE = 8,
	TAG_ARENA = 16,
};

static const struct {
	const char *name;
	unsigned bit;
} tag_names[] = {
	{ "ctx", TAG_CTX },	      { "nonnull", TAG_NONNULL }, { "trusted", TAG_TRUSTED },
	{ "nullable", TAG_NULLABLE }, { "arena", TAG_ARENA },
};

/* The "arg:" tags of argument a, as a set. */
static int find_tags(struct verifier *v, uint32_t func, uint32_t a, unsigned *ret)
{
	const struct skep_btf *btf = v->prog->btf;

	*ret = 0;
	for (uint32_t id = 0; (id = btf_next_decl_tag(btf, func, (int32_t)a, "arg:", id));) {
		const char *tag = btf_str(btf, btf_type(btf, id)->name_off) + 4;
		size_t i = 0;

		while (i < ARRAY_SIZE(tag_names) && strcmp(tag_names[i].name, tag))
			i++;
		if (i == ARRAY_SIZE(tag_names))
			return fail(v, -EOPNOTSUPP, "arg#%u has unsupported set of tags", a);
		*ret |= tag_names[i].bit;
	}
	return 0;
}

static int bad_tags(struct verifier *v, uint32_t a)
{
	return fail(v, -EINVAL, "arg#%u has invalid combination of tags", a);
}

static bool is_dynptr(const struct skep_btf *btf, const struct btf_type *t)
{
	return (KIND(t) == BTF_KIND_STRUCT ||
		(KIND(t) == BTF_KIND_FWD && !BTF_INFO_KFLAG(t->info))) &&
	       !strcmp(btf_str(btf, t->name_off), "bpf_dynptr");
}

static int arg_trusted(struct verifier *v, uint32_t a, unsigned tags, uint32_t id,
		       struct sub_arg *arg)
{
	const struct skep_btf *btf = v->prog->btf;
	const struct btf_type *t = btf_type(btf, id);
	int32_t kernel_id;

	if (tags & TAG_NONNULL)
		return bad_tags(v, a);
	kernel_id = btf_ptr_candidate(v, btf, id);
	if (kernel_id < 0)
		return fail(v, kernel_id, "arg#%u reference type('%s %s') %s", a,
			    btf_kind_name(KIND(t)), btf_str(btf, t->name_off),
			    kernel_id == -ENOENT ? "has no matches" : "is ambiguous");
	*arg = (struct sub_arg){ .kind = SUB_ARG_BTF_ID,
				 .null_ok = tags & TAG_NULLABLE,
				 .btf_id = (uint32_t)kernel_id };
	return 0;
}

/* A pointer to memory of the program's own, of the size of what it points to. */
static int arg_memory(struct verifier *v, uint32_t a, unsigned tags, uint32_t id,
		      struct sub_arg *arg)
{
	const struct skep_btf *btf = v->prog->btf;
	const struct btf_type *t = btf_type(btf, id);
	int64_t size = btf_size(btf, id);

	if (tags & TAG_NULLABLE)
		return bad_tags(v, a);
	if (size < 0)
		return fail(v, -EINVAL,
			    "arg#%u reference type('%s %s') size cannot be determined: %lld", a,
			    btf_kind_name(KIND(t)), btf_str(btf, t->name_off), (long long)size);
	*arg = (struct sub_arg){ .kind = SUB_ARG_MEM,
				 .null_ok = !(tags & TAG_NONNULL),
				 .size = (uint32_t)size };
	return 0;
}

static int arg_pointer(struct verifier *v, uint32_t a, unsigned tags, uint32_t ptr,
		       struct sub_arg *arg)
{
	const struct skep_btf *btf = v->prog->btf;
	const uint32_t id = btf_resolve(btf, btf_type(btf, ptr)->type);

	if (tags & TAG_CTX || ctx_type_is(v, btf, ptr)) {
		*arg = (struct sub_arg){ .kind = SUB_ARG_CTX };
		if (tags & ~TAG_CTX)
			return bad_tags(v, a);
		return tags ? ctx_type_check(v, ptr, a) : 0;
	}
	if (is_dynptr(btf, btf_type(btf, id))) {
		*arg = (struct sub_arg){ .kind = SUB_ARG_DYNPTR };
		return tags ? bad_tags(v, a) : 0;
	}
	if (tags & TAG_TRUSTED)
		return arg_trusted(v, a, tags, id, arg);
	if (tags & TAG_ARENA) {
		*arg = (struct sub_arg){ .kind = SUB_ARG_ARENA };
		if (tags & ~TAG_ARENA)
			return fail(v, -EINVAL,
				    "arg#%u arena cannot be combined with any other tags", a);
		return 0;
	}
	return arg_memory(v, a, tags, id, arg);
}

static bool is_scalar(const struct btf_type *t)
{
	return KIND(t) == BTF_KIND_INT || KIND(t) == BTF_KIND_ENUM || KIND(t) == BTF_KIND_ENUM64;
}

static int describe_arg(struct verifier *v, uint32_t sub, uint32_t a, uint32_t id)
{
	const struct skep_btf *btf = v->prog->btf;
	const struct btf_type *t;
	unsigned tags;
	int err = find_tags(v, v->facts[sub].func_id, a, &tags);

	if (err)
		return err;
	id = btf_resolve(btf, id);
	t = btf_type(btf, id);
	if (KIND(t) == BTF_KIND_PTR)
		return arg_pointer(v, a, tags, id, &v->facts[sub].arg[a]);
	if (tags)
		return fail(v, -EINVAL, "arg#%u has pointer tag, but is not a pointer type", a);
	if (!is_scalar(t))
		return fail(v, -EINVAL, "Arg#%u type %s in %s() is not supported yet.", a,
			    btf_kind_name(KIND(t)), sub_name(v, sub));
	v->facts[sub].arg[a] = (struct sub_arg){ .kind = SUB_ARG_ANYTHING };
	return 0;
}

/* Fills in the arguments of a global function from its prototype. */
static int describe(struct verifier *v, uint32_t sub)
{
	const struct skep_btf *btf = v->prog->btf;
	struct sub_facts *f = &v->facts[sub];
	const struct btf_type *proto;
	const struct btf_param *params;
	uint32_t n;

	if (f->described)
		return 0;
	proto = btf_type(btf, func_type(v, sub)->type);
	params = (const struct btf_param *)(proto + 1);
	n = BTF_INFO_VLEN(proto->info);
	if (n > ARGS)
		return fail(v, -EINVAL, "Global function %s() with %u > %u args. Buggy compiler.",
			    sub_name(v, sub), n, ARGS);
	if (!is_scalar(btf_type(btf, btf_resolve(btf, proto->type))))
		return fail(v, -EINVAL,
			    "Global function %s() doesn't return scalar. Only those are supported.",
			    sub_name(v, sub));
	for (uint32_t a = 0; a < n; a++) {
		int err = describe_arg(v, sub, a, params[a].type);

		if (err)
			return err;
	}
	f->arg_cnt = (uint8_t)n;
	f->described = true;
	return 0;
}

/* --- at a call -------------------------------------------------------------------------------- */

static int pass_anything(struct verifier *v, uint32_t a, const struct sub_arg *arg)
{
	const uint32_t n = BPF_REG_1 + a;

	return cur_regs(v)[n].type == SCALAR_VALUE ? 0 : fail(v, -EINVAL, "R%u is not a scalar", n);
}

static int pass_ctx(struct verifier *v, uint32_t a, const struct sub_arg *arg)
{
	const uint32_t n = BPF_REG_1 + a;
	int err = args_offset(v, n);

	if (err)
		return err;
	return cur_regs(v)[n].type == PTR_TO_CTX
		       ? 0
		       : fail(v, -EINVAL, "arg#%u expects pointer to ctx", a);
}

/* The function may read and write all of it.  NULL is refused also where it is a constant. */
static int pass_mem(struct verifier *v, uint32_t a, const struct sub_arg *arg)
{
	const uint32_t n = BPF_REG_1 + a;
	const struct reg *r = &cur_regs(v)[n];
	int err = args_offset(v, n);

	if (!err && args_mem(v, n, (int)arg->size))
		err = -EINVAL;
	if (!err && (may_be_null(r->type) || reg_is_null(r)) && !arg->null_ok)
		err = fail(v, -EINVAL, "arg#%u is expected to be non-NULL", a);
	return err;
}

static int pass_btf_id(struct verifier *v, uint32_t a, const struct sub_arg *arg)
{
	const uint32_t n = BPF_REG_1 + a;
	const struct reg *r = &cur_regs(v)[n];
	const uint32_t type = arg->null_ok ? r->type & ~PTR_MAYBE_NULL : r->type;

	if (arg->null_ok && reg_is_null(r))
		return 0;
	if (type != PTR_TO_BTF_ID && type != (PTR_TO_BTF_ID | PTR_TRUSTED))
		return fail(v, -EACCES, "R%u type=%s expected=ptr_, trusted_ptr_, rcu_ptr_", n,
			    TYPE_NAME(r->type));
	if (!btf_ptr_same(v, r->btf_id, r->off, arg->btf_id))
		return fail(v, -EACCES, "R%u is of type %s but %s is expected", n,
			    btf_ptr_name(v, r->btf_id), btf_ptr_name(v, arg->btf_id));
	return 0;
}

static int pass_arena(struct verifier *v, uint32_t a, const struct sub_arg *arg)
{
	const uint32_t type = cur_regs(v)[BPF_REG_1 + a].type;

	return type == SCALAR_VALUE || type == PTR_TO_ARENA
		       ? 0
		       : fail(v, -EINVAL, "R%u is not a pointer to arena or scalar.",
			      BPF_REG_1 + a);
}

static int pass_dynptr(struct verifier *v, uint32_t a, const struct sub_arg *arg)
{
	int err = args_offset(v, BPF_REG_1 + a);

	return err ? err : dynptr_arg(v, BPF_REG_1 + a, DYNPTR_READ, DYNPTR_NONE, 0);
}

static void get_anything(struct verifier *v, struct reg *r, const struct sub_arg *arg)
{
	reg_unknown(v, r);
}

static void get_ctx(struct verifier *v, struct reg *r, const struct sub_arg *arg)
{
	reg_pointer(r, PTR_TO_CTX);
}

static void get_mem(struct verifier *v, struct reg *r, const struct sub_arg *arg)
{
	reg_pointer(r, PTR_TO_MEM | (arg->null_ok ? PTR_MAYBE_NULL : 0));
	r->mem_size = arg->size;
	r->id = ++v->ids;
}

static void get_btf_id(struct verifier *v, struct reg *r, const struct sub_arg *arg)
{
	reg_pointer(r, PTR_TO_BTF_ID | PTR_TRUSTED | (arg->null_ok ? PTR_MAYBE_NULL : 0));
	r->btf_id = arg->btf_id;
	r->id = ++v->ids;
}

/* Nothing may be done with it. */
static void get_dynptr(struct verifier *v, struct reg *r, const struct sub_arg *arg)
{
	dynptr_const(v, r, DYNPTR_LOCAL);
}

/* Each kind of argument: what a caller may pass, and what the function then finds. */
static const struct {
	int (*pass)(struct verifier *v, uint32_t a, const struct sub_arg *arg);
	void (*get)(struct verifier *v, struct reg *r, const struct sub_arg *arg);
} kinds[_SUB_ARG_MAX] = {
	[SUB_ARG_ANYTHING] = { pass_anything, get_anything },
	[SUB_ARG_CTX] = { pass_ctx, get_ctx },
	[SUB_ARG_MEM] = { pass_mem, get_mem },
	[SUB_ARG_BTF_ID] = { pass_btf_id, get_btf_id },
	[SUB_ARG_ARENA] = { pass_arena, get_anything },
	[SUB_ARG_DYNPTR] = { pass_dynptr, get_dynptr },
};

/* The function, which is not walked here, may be called where the program is. */
static int check_place(struct verifier *v, const struct sub_facts *f)
{
	if (v->st->locks)
		return fail(v, -EINVAL,
			    "global function calls are not allowed while holding a lock,\n"
			    "use static function instead");
	if (f->may_sleep && (region_atomic(v) || !v->st->sleepable))
		return fail(v, -EINVAL,
			    "global functions that may sleep are not allowed in non-sleepable "
			    "context,\ni.e., in a RCU/IRQ/preempt-disabled section, or in\n"
			    "a non-sleepable BPF program context");
	return 0;
}

int global_call(struct verifier *v, uint16_t sub)
{
	struct sub_facts *f = &v->facts[sub];
	struct reg *regs;
	int args = describe(v, sub), err;

	for (uint32_t a = 0; a < f->arg_cnt && !args; a++)
		args = kinds[f->arg[a].kind].pass(v, a, &f->arg[a]);
	err = check_place(v, f);
	if (!err && args)
		err = fail(v, args, "Caller passes invalid args into func#%u ('%s')", sub,
			   sub_name(v, sub));
	if (err)
		return err;
	if (log_on(v))
		verifier_log(v->log, "Func#%u ('%s') is global and assumed valid.\n", sub,
			     sub_name(v, sub));
	if (f->changes_pkt)
		helper_forget_packet(v);
	f->called = true;
	regs = cur_regs(v);
	for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
		reg_uninit(&regs[r]);
	reg_unknown(v, &regs[BPF_REG_0]);
	v->i++;
	return 0;
}

/* --- the walk of one ----------------------------------------------------------------------------
 */

uint16_t global_next(struct verifier *v)
{
	for (uint32_t s = 1; s < v->sub_cnt; s++) {
		struct sub_facts *f = &v->facts[s];

		if (!f->global || !f->called || f->verified)
			continue;
		f->verified = true;
		return (uint16_t)s;
	}
	return 0;
}

int global_enter(struct verifier *v, uint16_t sub, struct frame *f)
{
	int err;

	if (log_on(v))
		verifier_log(v->log, "Validating %s() func#%u...\n", sub_name(v, sub), sub);
	err = describe(v, sub);
	err = err ? err : exception_check(v, sub);
	for (uint32_t a = 0; a < v->facts[sub].arg_cnt && !err; a++) {
		const struct sub_arg *arg = &v->facts[sub].arg[a];

		kinds[arg->kind].get(v, &f->reg[BPF_REG_1 + a], arg);
	}
	return err;
}
