/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_load.c - what a BPF_PROG_LOAD costs, beside the host kernel's, and the compiler's part.
 *
 * Two shapes: straight-line arithmetic, and a mix of stack accesses, arithmetic and diamonds.
 */
#include "bench/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "core/core.h"
#include "jit/jit.h"

#define INSN(op, d, s, o, i) \
	((struct bpf_insn){ .code = (op), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

/* n instructions of which all but the first three and the last are the body's. */
static struct bpf_insn *make(unsigned n, bool mixed)
{
	static const struct bpf_insn straight[] = {
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 0, .imm = 7 },
		{ .code = BPF_ALU64 | BPF_XOR | BPF_X, .dst_reg = 0, .src_reg = 2 },
		{ .code = BPF_ALU64 | BPF_MUL | BPF_K, .dst_reg = 2, .imm = 5 },
		{ .code = BPF_ALU | BPF_ADD | BPF_X, .dst_reg = 2, .src_reg = 0 },
	};
	static const struct bpf_insn diamond[] = {
		{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 10, .src_reg = 0, .off = -8 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 0, .imm = 3 },
		{ .code = BPF_JMP | BPF_JGT | BPF_K, .dst_reg = 0, .off = 2, .imm = 99 },
		{ .code = BPF_ALU64 | BPF_XOR | BPF_K, .dst_reg = 2, .imm = 1 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 2, .src_reg = 0 },
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 3, .src_reg = 10, .off = -8 },
		{ .code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = 3, .imm = 255 },
		{ .code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = 0, .src_reg = 3 },
	};
	const struct bpf_insn *body = mixed ? diamond : straight;
	unsigned len = mixed ? 8 : 4, i = 0;
	struct bpf_insn *p = calloc(n, sizeof(*p));

	if (!p)
		return NULL;
	if (n > 2) {
		p[i++] = INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0); /* skb->len */
		p[i++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, 0, 2, 0, 0);
	} else {
		p[i++] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	}
	while (i + len < n)
		for (unsigned j = 0; j < len; j++)
			p[i++] = body[j];
	while (i + 1 < n)
		p[i++] = INSN(BPF_ALU64 | BPF_ADD | BPF_K, 0, 0, 0, 1);
	p[i] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return p;
}

static const struct load_case {
	const char *name;
	unsigned insns;
	bool mixed;
} cases[] = {
	{ "load_2", 2, false },
	{ "load_1000", 1000, false },
	{ "load_10000", 10000, false },
	{ "load_mixed_10000", 10000, true },
};
#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

/* Loads that make a sample: short ones come in rows, so that they are not those of a cold cache. */
#define SAMPLE_INSNS 128

/*
 * us of a load on target t, of as many as make a sample, without the time that close(2) takes;
 * negative errno as a double on failure.
 */
static double load_once(const struct load_case *c, const struct bpf_insn *insns, enum target t)
{
	const unsigned loads = c->insns < SAMPLE_INSNS ? SAMPLE_INSNS / c->insns : 1;
	uint64_t ns = 0;

	target_use(t);
	for (unsigned i = 0; i < loads; i++) {
		const uint64_t start = now_ns();
		const int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "bench", "GPL", insns,
					     c->insns, NULL);

		ns += now_ns() - start;
		if (fd < 0)
			return -errno;
		close(fd);
	}
	return (double)ns / 1000 / loads;
}

/* ns per instruction of the compiler alone, on the image that a load left. */
static double compile_once(const struct load_case *c, const struct bpf_insn *insns)
{
	struct skep_kernel *k = target_kernel(TARGET_JIT);
	struct skep_prog *prog, copy;
	uint64_t start, end;
	int fd, r;

	target_use(TARGET_JIT);
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "bench", "GPL", insns, c->insns, NULL);
	r = fd < 0 ? -errno : core_prog_by_fd(k, fd, &prog);
	if (r)
		return r;
	memset(&copy, 0, sizeof(copy));
	copy.image = prog->image;
	copy.kind = prog->kind;
	copy.type = prog->type;
	copy.engine = &jit_engine;
	start = now_ns();
	r = jit_engine.compile(&copy, NULL);
	end = now_ns();
	if (r == 0)
		jit_engine.release(&copy);
	close(fd);
	return r ? r : (double)(end - start) / c->insns;
}

static int bench_loads(const struct bench_opts *o, const struct load_case *c,
		       const struct bpf_insn *insns)
{
	struct report_row row = { .suite = "load", .name = c->name, .unit = "us" };
	struct series s[_TARGET_MAX] = { 0 };

	for (unsigned round = 0; round < 2 * o->rounds; round++) {
		for (unsigned i = 0; i < _TARGET_MAX; i++) {
			enum target t = (i + round) % _TARGET_MAX;
			double us;

			if (!target_available(t))
				continue;
			us = load_once(c, insns, t);
			if (us < 0)
				return (int)us;
			series_add(&s[t], us);
		}
	}
	report_add_targets(&row, s);
	return 0;
}

static int bench_compile(const struct bench_opts *o, const struct load_case *c,
			 const struct bpf_insn *insns)
{
	static char names[NR_CASES][32];
	char *name = names[c - cases];
	struct report_row row = { .suite = "compile", .name = name, .unit = "ns" };
	struct series s = { .n = 0 };

	snprintf(name, sizeof(names[0]), "%s/insn", c->name + strlen("load_"));
	for (unsigned round = 0; round < 2 * o->rounds; round++) {
		double ns = compile_once(c, insns);

		if (ns < 0)
			return (int)ns;
		series_add(&s, ns);
	}
	row.skep = series_median(&s);
	row.spread = series_spread(&s);
	report_add(&row);
	return 0;
}

int suite_load(const struct bench_opts *o)
{
	int r = 0;

	for (unsigned i = 0; i < NR_CASES && r == 0; i++) {
		const struct load_case *c = &cases[i];
		struct bpf_insn *insns;

		if (o->only && strcmp(o->only, c->name))
			continue;
		insns = make(c->insns, c->mixed);
		if (!insns)
			return -ENOMEM;
		r = bench_loads(o, c, insns);
		r = r ?: bench_compile(o, c, insns);
		free(insns);
	}
	return r;
}
