/* SPDX-License-Identifier: BSD-2-Clause */
/* walk.h - what walk.bpf.c tells of a stack. */
#ifndef TESTS_HOOK_WALK_H
#define TESTS_HOOK_WALK_H

#include <linux/bpf.h>

#define WALK_DEPTH 64
#define WALK_IDS   16

/* Stacks that have numbers of their own, above those of walked.c. */
#define WALK_BY_ID 90
#define WALK_CALL  91

struct walk {
	__u32 pid, tag;
	__s32 nr, nr_ids; /* bytes, or -errno */
	__s64 stack;	  /* its number in the map by build ids; negative: none */
	__u64 ip[WALK_DEPTH];
	struct bpf_stack_build_id id[WALK_IDS];
};

#endif
