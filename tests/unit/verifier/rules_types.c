/* SPDX-License-Identifier: BSD-2-Clause */
/* rules_types.c - see rules_types.h */
#include "tests/unit/verifier/rules_types.h"

static uint32_t tagged_pointer(struct build *b, const char *tag, uint32_t to)
{
	return build_type(b, BTF_KIND_PTR, "", build_type(b, BTF_KIND_TYPE_TAG, tag, to));
}

/* A struct of that id, whose one part is opaque. */
static void opaque(struct build *b, uint32_t id, const char *name, uint32_t size)
{
	ASSERT_EQ(build_type(b, BTF_KIND_STRUCT, name, size), id);
	build_part(b, "opaque", OWN_INT, 0);
}

static void open_struct(struct build *b, uint32_t id, const char *name, uint32_t size)
{
	ASSERT_EQ(build_type(b, BTF_KIND_STRUCT, name, size), id);
}

/* The members of the owner are pointers, whose types follow. */
static void build_owner(struct build *b)
{
	const uint32_t first = OWN_SOLE + 1;

	open_struct(b, OWN_VALUE, "owner", OWNER_SIZE);
	build_part(b, "lock", OWN_LOCK, 0);
	build_part(b, "list", OWN_HEAD, 8 * 8);
	build_part(b, "tree", OWN_ROOT, 24 * 8);
	build_part(b, "plain", first + 1, 40 * 8);
	build_part(b, "task", first + 3, 48 * 8);
	build_part(b, "any_task", first + 5, 56 * 8);
	build_part(b, "percpu", first + 7, 64 * 8);
	build_part(b, "soles", OWN_HEAD, 72 * 8);
	build_part(b, "number", OWN_U64, 88 * 8);
}

void rules_types(struct build *b)
{
	ASSERT_EQ(build_int(b, "int", 4), (uint32_t)OWN_INT);
	ASSERT_EQ(build_int(b, "u64", 8), (uint32_t)OWN_U64);
	opaque(b, OWN_LOCK, "bpf_spin_lock", 4);
	opaque(b, OWN_HEAD, "bpf_list_head", 16);
	opaque(b, OWN_LIST_NODE, "bpf_list_node", 24);
	opaque(b, OWN_ROOT, "bpf_rb_root", 16);
	opaque(b, OWN_RB_NODE, "bpf_rb_node", 32);
	opaque(b, OWN_REFCOUNT, "bpf_refcount", 4);
	opaque(b, OWN_RES_LOCK, "bpf_res_spin_lock", 4);
	open_struct(b, OWN_NODE, "own_node", 72);
	build_part(b, "key", OWN_U64, 0);
	build_part(b, "rb", OWN_RB_NODE, 8 * 8);
	build_part(b, "l", OWN_LIST_NODE, 40 * 8);
	build_part(b, "r", OWN_REFCOUNT, 64 * 8);
	open_struct(b, OWN_PLAIN, "own_plain", 16);
	build_part(b, "a", OWN_U64, 0);
	build_part(b, "b", OWN_U64, 8 * 8);
	opaque(b, OWN_TASK, "task_struct", 8);
	build_owner(b);
	open_struct(b, OWN_GUARD, "guard", GUARD_SIZE);
	build_part(b, "lock", OWN_RES_LOCK, 0);
	build_part(b, "number", OWN_U64, 8 * 8);
	open_struct(b, OWN_SOLE, "own_sole", 32);
	build_part(b, "key", OWN_U64, 0);
	build_part(b, "l", OWN_LIST_NODE, 8 * 8);
	tagged_pointer(b, "kptr", OWN_PLAIN);
	tagged_pointer(b, "kptr", OWN_TASK);
	tagged_pointer(b, "kptr_untrusted", OWN_TASK);
	tagged_pointer(b, "percpu_kptr", OWN_PLAIN);
	build_decl_tag(b, "contains:own_node:l", OWN_VALUE, 1);
	build_decl_tag(b, "contains:own_node:rb", OWN_VALUE, 2);
	build_decl_tag(b, "contains:own_sole:l", OWN_VALUE, 7);
}
