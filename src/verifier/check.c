/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.c - the verifier's passes and their order, which is the kernel's (bpf_check() of
 * kernel/bpf/verifier.c), so that the first error is the same.
 */
#include "verifier/verifier_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define OLD_COMPLEXITY_MAX 131072 /* BPF_COMPLEXITY_LIMIT_INSNS before RELEASE_LARGE */

/* The records that say what subprograms are: where they begin is known by now. */
static int check_records(struct verifier *v)
{
	return v->opts->records ? v->opts->records(v->opts->arg) : 0;
}

static int resolve_names(struct verifier *v)
{
	return v->opts->resolve ? v->opts->resolve(v->opts->arg) : 0;
}

static const struct pass {
	const char *name;
	int (*run)(struct verifier *v);	  /* 0 or -errno, logged */
	int (*trust)(struct verifier *v); /* for a trusted program, NULL: nothing */
} passes[] = {
	{ "subprog", subprog_find, subprog_find }, /* where subprograms begin, who refers to whom */
	{ "jumps", subprog_check_jumps,
	  subprog_check_jumps },		     /* jumps stay inside their subprogram */
	{ "records", check_records, check_records }, /* func_info, line_info */
	{ "names", resolve_names, resolve_names },   /* maps and symbols */
	{ "kfuncs", kfunc_find, NULL },		     /* what calls of the kernel name */
	{ "global", global_find, global_find },	     /* which subprograms stand for themselves */
	{ "target", target_find, target_find },	     /* what it is attached to */
	{ "resolve", resolve_check, resolve_check }, /* opcodes, second slots */
	{ "cfg", cfg_check, cfg_check },	     /* everything can be reached */
	{ "fastcall", fastcall_find, NULL },	     /* spills that Linux takes out */
	{ "prune", prune_points, NULL },	     /* where states are compared */
	{ "graph", graph_run, NULL },		     /* loops, and an order for data flow */
	{ "liveness", liveness_run, NULL },	     /* which registers are read later */
	{ "step", step_run, trust_run },	     /* every path, with every value */
	{ "depth", depth_check, NULL },		     /* of the call chains */
	{ "spec", spec_finish, NULL },		     /* barriers */
	{ "dead", fixup_dead, fixup_dead }, /* traps where no path leads; rewrites begin here */
	{ "ctx", ctx_rewrite, NULL },	    /* context accesses */
	{ "arena", arena_rewrite, NULL },   /* pointers into the arena stay such */
	{ "describe", subprog_describe,
	  subprog_describe }, /* what engines want to know of each subprogram */
};

int verifier_fail_diag(struct verifier *v, int err)
{
	verifier_log(v->log, "%s\n", v->diag->msg);
	return err;
}

int verifier_fail(struct verifier *v, int err, uint32_t insn, const char *fmt, ...)
{
	char msg[sizeof(v->diag->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (v->report) {
		va_start(ap, fmt);
		fault_note(v, insn, fmt, ap);
		va_end(ap);
	}
	verifier_log(v->log, "%s\n", msg);
	return diag_set(v->diag, err, SKEP_AT_INSN, insn, "%s", msg);
}

int verifier_too_new(struct verifier *v, uint16_t since, int err)
{
	if (v->report)
		v->report->fault.since = since;
	return err;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int check_run(struct verifier *v)
{
	const bool large = v->opts->rights.bpf_capable && v->release >= RELEASE_LARGE;
	const uint32_t limit = large ? SKEP_INSNS_MAX : BPF_MAXINSNS;
	int err = 0;

	if (v->cnt == 0 || v->cnt > limit)
		return diag_set(v->diag, -E2BIG, SKEP_AT_NONE, 0,
				"a program has 1 to %u instructions, this one %u", limit, v->cnt);
	v->processed_max = v->release < RELEASE_LARGE ? OLD_COMPLEXITY_MAX : SKEP_INSNS_MAX;
	v->info = skep_alloc_array(v->cnt, sizeof(*v->info));
	v->explored = skep_alloc_array(v->cnt, sizeof(*v->explored));
	if (!v->info || !v->explored)
		return -ENOMEM;
	if (v->report && v->report->count) {
		v->report->walk = v->walk = skep_alloc_array(v->cnt, sizeof(*v->walk));
		if (!v->walk)
			return -ENOMEM;
	}
	for (size_t p = 0; p < ARRAY_SIZE(passes) && !err; p++) {
		int (*run)(struct verifier *) = v->opts->trusted ? passes[p].trust : passes[p].run;

		err = run ? run(v) : 0;
	}
	return err;
}

static void report_fill(struct verifier *v, int err, uint64_t ns)
{
	struct verifier_report *r = v->report;

	r->processed = v->processed;
	r->total_states = v->total_states;
	r->peak_states = v->peak_states;
	r->max_states_per_insn = v->max_states_per_insn;
	r->ns = ns;
	for (uint32_t s = 0; s < v->sub_cnt && v->depth; s++)
		r->stack += v->depth[s];
	if (err)
		fault_finish(v, err);
}

void verifier_report_fini(struct verifier_report *r)
{
	skep_free(TAKE_PTR(r->walk));
	skep_free(TAKE_PTR(r->fault.step));
	r->fault.nr_steps = 0;
}

int verifier_check(struct skep_prog *prog, const struct verifier_opts *opts,
		   struct verifier_log *log, struct skep_diag *reterr_diag)
{
	struct skep_diag diag = { 0 };
	struct verifier v = {
		.prog = prog,
		.opts = opts,
		.log = log,
		.diag = reterr_diag ? reterr_diag : &diag,
		.insns = prog->image.insns,
		.aux = prog->image.aux,
		.cnt = prog->image.insn_cnt,
		.strict_align = prog->flags & BPF_F_STRICT_ALIGNMENT,
		.release = opts->release ? opts->release : RELEASE_NEWEST,
		.isa = opts->callx     ? ISA_ALL
		       : opts->release ? opts->release
				       : ISA_LINUX_LATEST,
		.report = opts->report,
	};
	uint64_t start = log->level || opts->report ? now_ns() : 0;
	int err = check_run(&v);

	if (v.report)
		report_fill(&v, err, now_ns() - start);

	if (log->level) {
		log_stats(&v, now_ns() - start);
		verifier_log_finish(log);
	}
	prog->verified_insns = v.processed;
	state_free_all(&v);
	skep_free(v.info);
	skep_free(v.explored);
	skep_free(v.postorder);
	skep_free(v.facts);
	skep_free(v.depth);
	vec_free(&v.refs);
	return err;
}
