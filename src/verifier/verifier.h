/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier.h - the door to the verifier.
 *
 * It checks structure (opcodes and their fields, jump targets, reachability, the call graph, stack
 * depth) and walks every path with what is known of every value (step.c), as Linux does.
 */
#ifndef SKEP_VERIFIER_VERIFIER_H
#define SKEP_VERIFIER_VERIFIER_H

#include "prog/prog.h"
#include "verifier/report.h"

struct vstate;

/*
 * The verifier's log, with the kernel's levels and buffer rules (BPF_LOG_*).  Zeroed but for
 * level, buf and size it is empty.  Without BPF_LOG_FIXED the buffer holds the end of the text:
 * it is a ring until verifier_log_finish() turns it into a string.
 */
struct verifier_log {
	uint32_t level; /* log_level of PROG_LOAD; 0 is silent */
	char *buf;	/* the caller's buffer, may be NULL */
	uint32_t size;	/* its bytes */
	uint64_t len;	/* bytes of the whole text, with its NUL */
	uint64_t max;	/* the most that they ever were: log_true_size */
	uint64_t start; /* ring: position in the text of the first byte that is still held */
	uint64_t base;	/* ring: position in the text of buf[0] */
};

/** Appends to the log as bpf_verifier_log_write does. */
void verifier_log(struct verifier_log *log, const char *fmt, ...) __printf(2, 3);

/**
 * Makes the buffer a NUL-terminated string, whatever was written.  verifier_check() ends with
 * it; who logs elsewhere calls it before the buffer goes out.  Writing may go on afterwards.
 * max > size then says that text was lost (-ENOSPC of PROG_LOAD).
 */
void verifier_log_finish(struct verifier_log *log);

/**
 * What Linux writes last, for a program that is refused before verifier_check() sees it: its
 * bpf_check() also resolves descriptors and checks BTF, and ends with statistics whatever failed.
 */
void verifier_log_unchecked(struct verifier_log *log);

/* What the caller may do (struct bpf_verifier_env has the same bits). */
struct verifier_rights {
	bool bpf_capable;	 /* CAP_BPF: large programs, loops, subprograms, precision */
	bool allow_ptr_leaks;	 /* CAP_PERFMON: may learn addresses */
	bool allow_uninit_stack; /* CAP_PERFMON: may read stack that was never written */
	bool bypass_spec_v1;	 /* CAP_PERFMON: no walk of mispredicted branches */
	bool bypass_spec_v4;	 /* CAP_PERFMON: no barriers behind stores to the stack */
};
#define VERIFIER_RIGHTS_ALL                  \
	{                                    \
		true, true, true, true, true \
	}
#define VERIFIER_RIGHTS_BPF         \
	{                           \
		.bpf_capable = true \
	} /* CAP_BPF alone */
#define VERIFIER_RIGHTS_NONE \
	{                    \
		0            \
	}

struct verifier_opts {
	struct verifier_rights rights;
	/*
	 * For a Linux kernel: helpers that Skep knows but does not run may be called.  Such a
	 * program is fit for judgement only.
	 */
	bool judge;
	uint16_t release; /* what it has is what that release of Linux has (release.h) */
	const struct skep_btf *vmlinux; /* of the kernel that is judged for; NULL: unknown */
	/*
	 * Resolves what LD_IMM64 name (maps, symbols) into aux, as far as that is not done: 0 or
	 * -errno, logged.  Linux does so after the subprograms are known.  NULL: all is resolved.
	 */
	int (*resolve)(void *arg);
	/*
	 * Checks func_info and line_info against prog->image.sub, which is filled by then, and
	 * stores func_info in prog: 0 or -errno, logged.  NULL: what prog holds is right.
	 */
	int (*records)(void *arg);
	void *arg; /* of resolve and records */
	/* For tools rather than PROG_LOAD; Linux refuses these. */
	bool callx;	/* what no Linux takes: ISA_ALL, calls through registers above all */
	bool dead_code; /* code that cannot be reached */
	bool no_btf;	/* callbacks without func_info */
	/*
	 * What values are is not followed: no rules about memory, registers or loops, no context
	 * rewriting.  For programs that run on the interpreter, or that the caller vouches for.
	 */
	bool trusted;
	struct verifier_report *report; /* filled where it is not NULL; the caller frees it */
	/*
	 * For tests.  Every path is walked to its end, and observe() sees each state before its
	 * instruction (struct vstate of verifier_int.h).  It names what it saw: `from` is the name
	 * of the same path's state one instruction earlier, 0 at the beginning.
	 */
	bool no_prune;
	uint32_t (*observe)(void *arg, const struct vstate *st, uint32_t insn, uint32_t from);
	void *observe_arg;
};

/* What observe() gives to end it all: -E2BIG. */
#define OBSERVED_ENOUGH UINT32_MAX

/**
 * Checks prog->image, whose maps, addresses and kfuncs are resolved (aux), and completes it:
 * helpers and subprograms resolved, stack depths, aux marks (jump targets, constant maps),
 * context accesses rewritten by the program type's table, code that cannot run replaced by traps
 * as the kernel does (sanitize_dead_code).  The pass table stands in check.c.
 *
 * Returns 0, or -errno as Linux: -EINVAL for a malformed program, -EACCES for a forbidden
 * access, -E2BIG for limits, -EPERM for a missing right; the log and the diagnostic say why.
 * After a failure the image is fit for prog_put() only.
 *
 * @param log  never NULL; level 0 is silent
 */
int verifier_check(struct skep_prog *prog, const struct verifier_opts *opts,
		   struct verifier_log *log, struct skep_diag *reterr_diag);

#endif
