/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier.h - the door to the verifier.
 *
 * Today it checks structure: opcodes and their fields, registers, jump targets, reachability,
 * the call graph, stack depth.  The abstract interpreter will come behind the same door.
 */
#ifndef SKEP_VERIFIER_VERIFIER_H
#define SKEP_VERIFIER_VERIFIER_H

#include "prog/prog.h"

/* The verifier's log, with the kernel's levels and buffer rules (BPF_LOG_*). */
struct verifier_log {
	uint32_t level; /* log_level of PROG_LOAD; 0 is silent */
	char *buf;	/* the caller's buffer, may be NULL */
	uint32_t size;	/* its bytes */
	uint64_t len;	/* bytes that the whole text needs, with its NUL: log_true_size */
};

/** Appends to the log as bpf_verifier_log_write does; always NUL-terminated. */
void verifier_log(struct verifier_log *log, const char *fmt, ...) __printf(2, 3);

struct verifier_opts {
	bool privileged; /* the caller's right: limits and rules of the unprivileged otherwise */
};

/**
 * Checks prog->image, whose operands are resolved, and completes it: subprograms, stack depths,
 * aux marks (jump targets, constant maps), context accesses rewritten by the program type's
 * table.  The pass table stands in check.c.
 *
 * Returns 0, or -errno as Linux: -EINVAL for a malformed program, -EACCES for a forbidden
 * access, -E2BIG for limits, -EPERM for a missing right; the log and the diagnostic say why.
 */
int verifier_check(struct skep_prog *prog, const struct verifier_opts *opts,
		   struct verifier_log *log, struct skep_diag *reterr_diag);

#endif
