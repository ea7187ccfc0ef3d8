/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cost.c - where the verifier's time went, by source line.
 *
 * The verifier's work is the number of instructions that it walks.  A line that costs much is
 * walked often: it stands in a loop that is walked round by round, or behind jumps of which both
 * ways had to be walked.  So three small tables: lines, loops, jumps, the costliest first.
 */
#include "verifier/explain.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "isa/isa.h"
#include "verifier/source.h"

#define ROWS 8 /* of each table */

/* A row of any of the tables. */
struct cost {
	uint32_t insn;	 /* the first instruction of it */
	uint32_t to;	 /* loops: the last */
	uint64_t count;	 /* by what rows are ordered */
	uint32_t rounds; /* loops: times that the end was walked */
};

static int by_count(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;

	return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
				    : (x->insn > y->insn) - (x->insn < y->insn);
}

/* "  file.c:12  text", or the number of the instruction where no source is known. */
static void print_place(FILE *out, const struct verifier_lines *lines, uint32_t insn)
{
	struct source_line s;
	char text[80];

	if (!source_of(lines, insn, &s)) {
		fprintf(out, "instruction %u\n", insn);
		return;
	}
	source_trim(s.text, text, sizeof(text));
	fprintf(out, "line %-4u %s\n", s.line, text);
}

static bool same_line(const struct verifier_lines *lines, uint32_t a, uint32_t b)
{
	struct source_line x, y;

	return source_of(lines, a, &x) && source_of(lines, b, &y) && x.line == y.line &&
	       !strcmp(x.file, y.file);
}

/* Adds up instructions of one line; without source each stands for itself. */
static uint32_t sum_lines(const struct skep_prog *p, const struct verifier_lines *lines,
			  const struct walk_count *walk, struct cost *ret)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->image.insn_cnt; i++) {
		uint32_t at = 0;

		if (!walk[i].visits)
			continue;
		while (at < n && !same_line(lines, ret[at].insn, i))
			at++;
		if (at == n)
			ret[n++] = (struct cost){ .insn = i };
		ret[at].count += walk[i].visits;
	}
	return n;
}

static bool is_jump(const struct bpf_insn *insn)
{
	const uint8_t class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_CALL && op != BPF_EXIT;
}

/* Loops: a jump backwards, and all between it and where it leads. */
static uint32_t sum_loops(const struct skep_prog *p, const struct walk_count *walk,
			  struct cost *ret)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->image.insn_cnt; i++) {
		const struct bpf_insn *insn = &p->image.insns[i];
		const int64_t to = (int64_t)i + 1 +
				   (insn->code == (BPF_JMP32 | BPF_JA) ? insn->imm : insn->off);

		if (!is_jump(insn) || to > i || to < 0 || !walk[i].visits)
			continue;
		ret[n] = (struct cost){ (uint32_t)to, i, 0, walk[i].visits };
		for (uint32_t j = (uint32_t)to; j <= i; j++)
			ret[n].count += walk[j].visits;
		n++;
	}
	return n;
}

static uint32_t sum_jumps(const struct skep_prog *p, const struct walk_count *walk,
			  struct cost *ret)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->image.insn_cnt; i++)
		if (walk[i].forks)
			ret[n++] = (struct cost){ .insn = i, .count = walk[i].forks };
	return n;
}

void explain_cost(FILE *out, const struct skep_prog *prog, const struct verifier_lines *lines,
		  const struct verifier_report *r)
{
	struct cost *rows = skep_alloc_array(prog->image.insn_cnt, sizeof(*rows));
	uint32_t n;

	if (!rows || !r->walk)
		goto out;
	n = sum_lines(prog, lines, r->walk, rows);
	qsort(rows, n, sizeof(*rows), by_count);
	fprintf(out, "%u instructions walked; by line:\n", r->processed);
	for (uint32_t i = 0; i < MIN(n, ROWS); i++) {
		fprintf(out, "%9llu  %4.1f%%  ", (unsigned long long)rows[i].count,
			(double)rows[i].count * 100 / r->processed);
		print_place(out, lines, rows[i].insn);
	}
	n = sum_loops(prog, r->walk, rows);
	qsort(rows, n, sizeof(*rows), by_count);
	for (uint32_t i = 0; i < MIN(n, ROWS); i++) {
		fprintf(out, "%s%9llu  in %u rounds of the loop at ", i ? "" : "loops:\n",
			(unsigned long long)rows[i].count, rows[i].rounds);
		print_place(out, lines, rows[i].insn);
	}
	n = sum_jumps(prog, r->walk, rows);
	qsort(rows, n, sizeof(*rows), by_count);
	for (uint32_t i = 0; i < MIN(n, ROWS); i++) {
		fprintf(out, "%s%9llu  times both ways of ", i ? "" : "branches:\n",
			(unsigned long long)rows[i].count);
		print_place(out, lines, rows[i].insn);
	}
out:
	skep_free(rows);
}
