/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exception.c - bpf_throw(): the program ends where it stands, frames and all, and its exception
 * callback tells what it returns.  A declaration tag of the main function names the callback:
 *
 *	exception_callback:NAME		a global function of one number
 *
 * Without one the program returns what was thrown.
 */
#include "verifier/kfunc_int.h"

#define TAG  "exception_callback:"
#define K(t) BTF_INFO_KIND((t)->info)

/* The instruction where function `id` begins, by func_info. */
static int find_start(struct verifier *v, uint32_t id, uint32_t *ret)
{
	const struct bpf_func_info *recs = v->prog->func_info;
	bool found = false;

	for (uint32_t i = 0; i < v->prog->func_info_cnt; i++) {
		if (recs[i].type_id != id)
			continue;
		if (!recs[i].insn_off)
			return verifier_fail(v, -EINVAL, 0,
					     "invalid exception callback insn_off in func_info: 0");
		*ret = recs[i].insn_off;
		found = true;
	}
	return found ? 0
		     : verifier_fail(v, -EINVAL, 0,
				     "exception callback type id not found in func_info");
}

int exception_find(struct verifier *v, uint32_t *ret_insn)
{
	const struct skep_btf *btf = v->prog->btf;
	const struct bpf_func_info *recs = v->prog->func_info;
	uint32_t tag;
	const char *name;
	int32_t id;

	*ret_insn = 0;
	if (!btf || !recs || !v->prog->func_info_cnt)
		return 0;
	tag = btf_next_decl_tag(btf, recs[0].type_id, -1, TAG, 0);
	if (!tag)
		return 0;
	if (btf_next_decl_tag(btf, recs[0].type_id, -1, TAG, tag))
		return verifier_fail(v, -EEXIST, 0,
				     "multiple exception callback tags for main subprog");
	name = btf_str(btf, btf_type(btf, tag)->name_off) + sizeof(TAG) - 1;
	id = btf_find(btf, name, BTF_KIND_FUNC);
	if (id < 0)
		return verifier_fail(v, id, 0, "exception callback '%s' could not be found in BTF",
				     name);
	if (BTF_INFO_VLEN(btf_type(btf, (uint32_t)id)->info) != BTF_FUNC_GLOBAL)
		return verifier_fail(v, -EINVAL, 0,
				     "exception callback '%s' must have global linkage", name);
	return find_start(v, (uint32_t)id, ret_insn);
}

int exception_check(struct verifier *v, uint16_t sub)
{
	const struct sub_facts *f = &v->facts[sub];
	const struct skep_btf *btf = v->prog->btf;
	const struct btf_type *proto;

	if (!sub || sub != v->exception_sub)
		return 0;
	proto = btf_type(btf, btf_type(btf, f->func_id)->type);
	if (K(btf_type(btf, btf_resolve(btf, proto->type))) == BTF_KIND_UNKN)
		return fail(v, -EINVAL, "exception cb cannot return void");
	if (f->arg_cnt != 1 || f->arg[0].kind != SUB_ARG_ANYTHING)
		return fail(v, -EINVAL, "exception cb only supports single integer argument");
	return 0;
}

int exception_throw(struct kcall *k)
{
	/* Without a callback what is thrown is what the program returns. */
	return k->v->exception_sub ? 0 : call_returns(k->v, BPF_REG_1);
}
