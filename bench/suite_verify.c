/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_verify.c - how long verification takes, beside the host kernel's verifier.
 *
 * Each program is one kind of work for a verifier, and is made here: no compiler smooths it.  Real
 * programs are the kernel's selftests, where `make verdicts` has built them.  The time is what the
 * verifier itself says at the end of its log, so neither the JIT nor the copying of a load is in
 * it.
 */
#include "bench/bench.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/alloc.h"
#include "isa/isa.h"

#define LOG_STATS 4 /* BPF_LOG_STATS, which the UAPI lacks */

/* A program in the making: text for isa_asm. */
struct text {
	FILE *out;
	char *at;
	size_t len;
};

/* n times the same lines. */
static void repeat(struct text *t, unsigned n, const char *lines)
{
	while (n--)
		fputs(lines, t->out);
}

static void make_straight(struct text *t)
{
	fputs("r2 = *(u32 *)(r1 +0)\nr0 = r2\n", t->out);
	repeat(t, 2500, "r0 += 7\nr0 ^= r2\nr2 *= 5\nw2 += w0\n");
}

static void make_spill(struct text *t)
{
	fputs("r0 = *(u32 *)(r1 +0)\n", t->out);
	repeat(t, 2500,
	       "*(u64 *)(r10 -8) = r0\nr2 = *(u64 *)(r10 -8)\n"
	       "*(u64 *)(r10 -16) = r2\nr0 = *(u64 *)(r10 -16)\n");
}

/* Both ways of each jump, meeting again at once. */
static void make_diamonds(struct text *t)
{
	fputs("r0 = 0\n", t->out);
	repeat(t, 2500, "r6 = *(u32 *)(r1 +0)\nif r6 > 99 goto +1\nr0 = 1\nr2 = r0\n");
}

static void make_calls(struct text *t)
{
	repeat(t, 5000, "call 5\nr6 = r0\n"); /* ktime_get_ns */
}

static void make_packet(struct text *t)
{
	fputs("r2 = *(u32 *)(r1 +76)\nr3 = *(u32 *)(r1 +80)\nr0 = 0\n", t->out);
	repeat(t, 1400,
	       "r4 = r2\nr4 += 14\nif r4 > r3 goto +3\n"
	       "r0 = *(u8 *)(r2 +13)\nr5 = *(u16 *)(r2 +10)\nr0 += r5\nr0 &= 255\n");
}

static void make_loop(struct text *t)
{
	fputs("r6 = 0\nr0 = 0\n"
	      "r0 += 3\nr0 ^= r6\nr0 &= 4095\nr1 = r0\nr1 <<= 2\nr0 += r1\nr0 &= 65535\n"
	      "r6 += 1\nif r6 < 10000 goto -9\n",
	      t->out);
}

/* A branch in each round that nobody can foresee: the rounds meet, or they multiply. */
static void make_loop_branch(struct text *t)
{
	fputs("r6 = 0\nr7 = 0\n"
	      "call 7\nif r0 > 99 goto +1\nr7 = 1\nr6 += 1\nif r6 < 4000 goto -5\n",
	      t->out);
}

static const struct verify_case {
	const char *name;
	void (*make)(struct text *t);
} cases[] = {
	{ "verify_straight", make_straight },	    { "verify_spill", make_spill },
	{ "verify_diamonds", make_diamonds },	    { "verify_calls", make_calls },
	{ "verify_packet", make_packet },	    { "verify_loop", make_loop },
	{ "verify_loop_branch", make_loop_branch },
};
#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

/* The program's instructions, from skep_alloc; NULL and -errno in *ret_err. */
static struct bpf_insn *assemble(const struct verify_case *c, uint32_t *ret_cnt, int *ret_err)
{
	struct skep_diag diag = { 0 };
	struct bpf_insn *insns = NULL;
	struct text t = { 0 };

	t.out = open_memstream(&t.at, &t.len);
	*ret_err = -ENOMEM;
	if (!t.out)
		return NULL;
	c->make(&t);
	fputs("r0 = 0\nexit\n", t.out);
	fclose(t.out);
	*ret_err = isa_asm(t.at, t.len, NULL, &insns, ret_cnt, &diag);
	if (*ret_err)
		fprintf(stderr, "%s: line %llu: %s\n", c->name, (unsigned long long)diag.index,
			diag.msg);
	free(t.at);
	return insns;
}

/* us of one verification on target t; negative errno as a double on failure. */
static double verify_once(const struct bpf_insn *insns, uint32_t n, enum target t)
{
	static const char key[] = "verification time ";
	char log[1024] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_level = LOG_STATS, .log_buf = log,
		    .log_size = sizeof(log));
	const char *at;
	int fd;

	target_use(t);
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "bench", "GPL", insns, n, &opts);
	if (fd < 0) {
		const int err = errno;

		fprintf(stderr, "%s\n", log);
		return -err;
	}
	close(fd);
	at = strstr(log, key);
	return at ? strtod(at + strlen(key), NULL) : -EPROTO;
}

static int bench_case(const struct bench_opts *o, const struct verify_case *c)
{
	/* The verifier is the same for both of Skep's engines. */
	static const enum target targets[] = { TARGET_JIT, TARGET_KERNEL };
	struct report_row row = { .suite = "verify", .name = c->name, .unit = "us" };
	struct series s[_TARGET_MAX] = { 0 };
	uint32_t n = 0;
	int err;
	struct bpf_insn *insns = assemble(c, &n, &err);

	for (unsigned round = 0; round < o->rounds && !err; round++) {
		for (unsigned i = 0; i < 2 && !err; i++) {
			const enum target t = targets[(i + round) % 2];
			const double us = target_available(t) ? verify_once(insns, n, t) : 0;

			if (us < 0)
				err = (int)us;
			else if (target_available(t))
				series_add(&s[t], us);
		}
	}
	skep_free(insns);
	if (err)
		return err;
	report_add_targets(&row, s);
	return 0;
}

/* What tools/verdicts measures of the kernel's selftests, where they are built. */
static const struct {
	const char *said, *name;
} selftests[] = {
	{ "suite", "verify_selftests" },       /* all programs together */
	{ "top10", "verify_selftests_top10" }, /* the ten longest walks */
};

static int bench_selftests(const struct bench_opts *o)
{
	struct report_row row = { .suite = "verify", .unit = "us", .nr_peers = 1 };
	char said[16];
	FILE *in;

	if (!target_available(TARGET_KERNEL) || (o->only && strcmp(o->only, selftests[0].name)))
		return 0;
	in = popen(VERDICTS " --times --cached " BENCH_BUILD, "r");
	if (!in)
		return -errno;
	row.spread = NAN;
	row.peer[0].name = "kernel";
	while (fscanf(in, "%15s %lf %lf %*d", said, &row.skep, &row.peer[0].value) == 3) {
		for (size_t i = 0; i < sizeof(selftests) / sizeof(selftests[0]); i++)
			if (!strcmp(said, selftests[i].said))
				row.name = selftests[i].name;
		report_add(&row);
	}
	if (pclose(in))
		fprintf(stderr, "%s: not measured\n", selftests[0].name);
	return 0;
}

int suite_verify(const struct bench_opts *o)
{
	int r = bench_selftests(o);

	for (unsigned i = 0; i < NR_CASES && !r; i++)
		if (!o->only || !strcmp(o->only, cases[i].name))
			r = bench_case(o, &cases[i]);
	return r;
}
