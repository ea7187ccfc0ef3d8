/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct_ops.c - programs that are a member of a struct of the kernel's, by the struct's id and
 * the member's index (check_struct_ops_btf_id of the kernel).  target_helper.c says what they call.
 *
 * A kernel that has struct bpf_struct_ops_X lets programs be members of X.  The context is the
 * list of the member's arguments (target.c); a function X__MEMBER, where there is one, says by
 * its arguments' names which may be NULL (__nullable) and which are references (__ref).
 */
#include "verifier/verifier_int.h"

#include <stdio.h>

#define KIND(t)		BTF_INFO_KIND((t)->info)
#define ENOTSUPP_KERNEL 524

/* Members that the kernel has, and no program may be. */
static const struct {
	const char *of, *member;
	bool sleepable; /* only programs that may sleep may not */
	int err;
} unsupported[] = {
	{ "tcp_congestion_ops", "get_info", false, -ENOTSUPP_KERNEL },
	{ "bpf_dummy_ops", "test_1", true, -EINVAL },
	{ "bpf_dummy_ops", "test_2", true, -EINVAL },
};

static bool is_struct_ops(const struct verifier *v)
{
	return v->prog->type == BPF_PROG_TYPE_STRUCT_OPS;
}

bool struct_ops_is(const struct verifier *v, const char *of)
{
	return is_struct_ops(v) && v->target.of && !strcmp(v->target.of, of);
}

/* --- what it is a member of ------------------------------------------------------------------- */

/* FUNC_PROTO behind a member that is a pointer to functions, or NULL. */
static const struct btf_type *proto_of(const struct skep_btf *btf, uint32_t id)
{
	const struct btf_type *t = btf_type(btf, btf_resolve(btf, id));

	if (KIND(t) != BTF_KIND_PTR)
		return NULL;
	t = btf_type(btf, btf_resolve(btf, t->type));
	return KIND(t) == BTF_KIND_FUNC_PROTO ? t : NULL;
}

/* Arguments of the function X__MEMBER, NULL: there is none. */
static const struct btf_param *stub_of(const struct verifier *v, uint32_t arg_cnt)
{
	const struct skep_btf *btf = v->opts->vmlinux;
	const struct btf_type *proto;
	char name[128];
	int32_t id;

	snprintf(name, sizeof(name), "%s__%s", v->target.of, v->target.name);
	id = btf_find(btf, name, BTF_KIND_FUNC);
	if (id <= 0)
		return NULL;
	proto = btf_type(btf, btf_type(btf, (uint32_t)id)->type);
	return BTF_INFO_VLEN(proto->info) == arg_cnt ? (const struct btf_param *)(proto + 1) : NULL;
}

static int check_member(struct verifier *v)
{
	const struct target *to = &v->target;
	const bool sleepable = v->prog->flags & BPF_F_SLEEPABLE;

	for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
		if (!strcmp(unsupported[i].of, to->of) &&
		    !strcmp(unsupported[i].member, to->name) &&
		    (sleepable || !unsupported[i].sleepable))
			return fail(v, unsupported[i].err,
				    "attach to unsupported member %s of struct %s", to->name,
				    to->of);
	return 0;
}

/* Who owns an argument may give it away: not while the next program expects it too. */
static int check_refs(struct verifier *v)
{
	bool tail_calls = false;

	for (uint32_t s = 0; s < v->sub_cnt; s++)
		tail_calls |= v->sub[s].tail_calls;
	for (uint32_t a = 0; a < v->target.arg_cnt && tail_calls; a++)
		if (target_arg_has(v, a, "__ref"))
			return fail(v, -EINVAL, "program with __ref argument cannot tail call");
	return 0;
}

static int find_member(struct verifier *v, const struct btf_type *t)
{
	const struct skep_btf *btf = v->opts->vmlinux;
	const struct btf_member *m = (const struct btf_member *)(t + 1);
	const uint32_t at = v->prog->expected_attach_type;
	struct target *to = &v->target;
	const char *name;

	if (at >= BTF_INFO_VLEN(t->info))
		return fail(v, -EINVAL, "attach to invalid member idx %u of struct %s", at, to->of);
	name = btf_str(btf, m[at].name_off);
	to->proto = proto_of(btf, m[at].type);
	if (!to->proto)
		return fail(v, -EINVAL, "attach to invalid member %s(@idx %u) of struct %s", name,
			    at, to->of);
	to->name = name;
	to->arg = (const struct btf_param *)(to->proto + 1);
	to->arg_cnt = BTF_INFO_VLEN(to->proto->info);
	to->trusted = true;
	to->stub = stub_of(v, to->arg_cnt);
	return check_member(v);
}

int struct_ops_find(struct verifier *v)
{
	const struct skep_btf *btf = v->opts->vmlinux;
	const uint32_t id = v->prog->attach_btf_id;
	const struct btf_type *t = btf && id ? btf_type(btf, id) : NULL;
	char value[128];
	int err;

	v->i = 0;
	if (!v->prog->gpl_compatible)
		return fail(v, -EINVAL, "struct ops programs must have a GPL compatible license");
	if (!id)
		return diag_set(v->diag, -ENOTSUPP_KERNEL, SKEP_AT_NONE, 0,
				"a struct_ops program is a member of a struct of the kernel's");
	if (t)
		snprintf(value, sizeof(value), "bpf_struct_ops_%s", btf_str(btf, t->name_off));
	if (!t || KIND(t) != BTF_KIND_STRUCT || btf_find(btf, value, BTF_KIND_STRUCT) < 0)
		return fail(v, -ENOTSUPP_KERNEL, "attach_btf_id %u is not a supported struct", id);
	v->target.of = btf_str(btf, t->name_off);
	err = find_member(v, t);
	return err ? err : check_refs(v);
}

/* --- what it may do --------------------------------------------------------------------------- */

uint32_t struct_ops_arg(const struct verifier *v, uint32_t id)
{
	/* Sockets of congestion control are of TCP. */
	return struct_ops_is(v, "tcp_congestion_ops") && id == btf_ptr_find(v, "sock")
		       ? btf_ptr_find(v, "tcp_sock")
		       : id;
}

/* --- references that it is given, and may return ---------------------------------------------- */

int struct_ops_begin(struct verifier *v)
{
	for (uint32_t a = 0; a < v->target.arg_cnt && is_struct_ops(v); a++) {
		int err =
			target_arg_has(v, a, "__ref") ? ref_acquire(v, 0, &v->target.ref_id[a]) : 0;

		if (err)
			return err;
	}
	return 0;
}

bool struct_ops_returns_ref(const struct verifier *v)
{
	const struct reg *r0 = &v->st->frame[v->st->cur]->reg[BPF_REG_0];
	const struct skep_btf *btf = v->opts->vmlinux;
	const struct btf_type *t;

	if (!is_struct_ops(v) || !v->target.proto || !r0->ref_id ||
	    base_type(r0->type) != PTR_TO_BTF_ID)
		return false;
	t = btf_type(btf, btf_resolve(btf, v->target.proto->type));
	return KIND(t) == BTF_KIND_PTR && btf_resolve(btf, t->type) == r0->btf_id;
}
