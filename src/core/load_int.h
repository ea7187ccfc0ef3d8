/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load_int.h - inside PROG_LOAD: the job, and the passes that stand in files of their own.
 */
#ifndef SKEP_CORE_LOAD_INT_H
#define SKEP_CORE_LOAD_INT_H

#include "core/attach.h"
#include "core/core_int.h"
#include "core/log.h"
#include "verifier/verifier.h"

/* One PROG_LOAD. */
struct load {
	struct call *c;
	struct skep_prog *prog; /* ours until it is published; NULL before "copy" */
	struct call_log log;
	bool logging;	       /* between "log" and "end of log" */
	bool checked;	       /* the verifier has had its say, and closed its part of the log */
	struct object_ref btf; /* of prog_btf_fd, while records are checked */
};

/* 0 or -errno; what failed is told to the log and the diagnostic. */
struct load_pass {
	const char *name;
	int (*run)(struct load *l);
};

/** Logs a message for the caller, fills the diagnostic, returns err; insn -1: no place. */
int load_fail(struct load *l, int err, int64_t insn, const char *fmt, ...) __printf(4, 5);

/* --- load_check.c ------------------------------------------------------------------------- */

/** Flags, rights, size, attach type (bpf_prog_load up to the allocation). */
int load_check(struct load *l);
/** Sleepable or not, by type (check_attach_btf_id). */
int load_check_place(struct load *l);
int load_log(struct load *l);
int load_log_end(struct load *l);
/** Hands the log out after err; what PROG_LOAD returns. */
int load_log_finish(struct load *l, int err);

/* --- load_btf.c --------------------------------------------------------------------------- */

int load_btf(struct load *l);
/** func_info and line_info against the subprograms, which the verifier found; arg: the load. */
int load_records(void *arg);

/* --- load_resolve.c ----------------------------------------------------------------------- */

int load_kfuncs(struct load *l);
/** What LD_IMM64 name: maps, values of maps, symbols; arg: the load. */
int load_resolve(void *arg);

#endif
