/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules.h - programs with a verdict, judged for Linux by the verifier and by the host kernel, who
 * must agree in errno and message.
 *
 * Texts are those of isa_asm, and calls are by name: of helpers without bpf_, of kfuncs with it.
 * These words stand for maps:
 *
 *	RING	a ring buffer		USER	a user ring buffer
 *	MAP	an array of one value	VALUE	the address of that value
 *	LATER	an array of one value with a bpf_timer at 0, a bpf_wq at 16, a bpf_task_work at 32
 *	PLAIN	an array of one value, whose BTF has none of these
 *	OWNER, ONE, GUARD	see rules_types.h
 *
 * Functions are called main, f1, f2, ... in the order of their places; each takes and gives a
 * number.
 */
#ifndef SKEP_TESTS_VERIFIER_RULES_H
#define SKEP_TESTS_VERIFIER_RULES_H

#include "tests/unit/program.h"

#define RULES_VALUE_SIZE 64

struct rule {
	const char *name;
	uint32_t type; /* BPF_PROG_TYPE_* */
	int err;
	const char *msg; /* in the log; NULL for a program that is accepted */
	const char *text;
	uint32_t flags;	 /* prog_flags */
	uint32_t global; /* bit n: fn is a global function */
	const char *tag; /* a declaration tag of main, NULL: none */
	uint32_t entry;	 /* where a function begins that nothing refers to, 0: there is none */
	const char *of, *member; /* struct_ops: what it is a member of */
};

/** Each rule by the verifier; the kernel that is judged for has what rules.c lists. */
void rules_ours(const struct rule *rules, size_t n);
/** By the host; ends the test as skipped where it may not be asked. */
void rules_host(const struct rule *rules, size_t n);

#endif
