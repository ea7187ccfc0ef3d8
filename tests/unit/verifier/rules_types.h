/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_types.h - types with special fields, for rules that use these words:
 *
 *	OWNER	a hash of struct owner		ONE	the address of another struct owner
 *	GUARD	the address of a struct guard
 *
 * They come first in the BTF of program and map, which is the same, so that the ids below hold.
 */
#ifndef SKEP_TESTS_VERIFIER_RULES_TYPES_H
#define SKEP_TESTS_VERIFIER_RULES_TYPES_H

#include "tests/unit/btf/build.h"

enum rules_type {
	OWN_INT = 1,
	OWN_U64,
	OWN_LOCK,
	OWN_HEAD,
	OWN_LIST_NODE,
	OWN_ROOT,
	OWN_RB_NODE,
	OWN_REFCOUNT,
	OWN_RES_LOCK,
	OWN_NODE,  /* 10: { u64 key; rb at 8; list at 40; refcount at 64 }, 72 bytes */
	OWN_PLAIN, /* 11: { u64 a, b } */
	OWN_TASK,  /* 12: task_struct */
	OWN_VALUE, /* 13: struct owner */
	OWN_GUARD, /* 14: { bpf_res_spin_lock; u64 at 8 } */
	OWN_SOLE,  /* 15: { u64 key; list at 8 }, 32 bytes: no reference count */
};

/*
 * struct owner, 96 bytes:
 *	0 bpf_spin_lock		8 list of node		24 tree of node
 *	40 plain __kptr		48 task __kptr		56 task __kptr_untrusted
 *	64 plain __percpu_kptr	72 list of sole		88 u64
 */
#define OWNER_SIZE 96
#define GUARD_SIZE 16

/** Adds them to an empty b. */
void rules_types(struct build *b);

#endif
