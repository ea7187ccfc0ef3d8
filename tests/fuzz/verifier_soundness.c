/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_soundness.c - long runs of verifier_check.h on programs of verifier_gen.h.
 *
 *	verifier-soundness [--seed S] [--count N] [--seconds T] [--runs R] [--print] [--host]
 *
 * Programs are numbered from S on; each number is a program.  What is wrong is reduced, printed,
 * and the end is 1.  --host puts every program to the host kernel's verifier as well, which never
 * runs it, and prints where the verdicts differ.
 */
#include "helper/helper.h"
#include "tests/fuzz/verifier_check.h"
#include "tests/fuzz/verifier_shapes.h"
#include "tests/harness/kernel_btf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct options {
	uint64_t seed, count;
	unsigned seconds; /* 0: no limit */
	unsigned runs;	  /* inputs for each program */
	bool print;	  /* the programs */
	bool host;	  /* compare verdicts */
	bool go_on;	  /* after something wrong */
	bool log;	  /* the verifiers' */
};

static void make(const struct options *o, uint64_t number, struct gen_prog *p)
{
	struct gen_source src = {
		.seed = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1,
		.no_callbacks = o->host,
	};

	if (shapes_count())
		shapes_program(&src, p);
	else
		gen_program(&src, p);
}

/* --- the host --------------------------------------------------------------------------------- */

static int host_maps[GEN_MAPS];
static struct skep_btf *host_kernel;

static int host_bpf(int cmd, union bpf_attr *attr)
{
	const long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static int host_map(uint32_t type, uint32_t value_size, uint32_t entries)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = value_size ? 4 : 0,
		.value_size = value_size,
		.max_entries = entries,
	};

	return host_bpf(BPF_MAP_CREATE, &attr);
}

static int host_verdict(const struct gen_prog *g, char *log, uint32_t size)
{
	struct gen_prog p = *g;
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)p.insns,
		.insn_cnt = p.n,
		.license = (uintptr_t) "GPL",
		.log_level = log ? 1 : 0,
		.log_buf = (uintptr_t)log,
		.log_size = log ? size : 0,
	};
	int fd;

	for (uint32_t i = 0; i < p.n; i++) {
		if (p.insns[i].code == (BPF_JMP | BPF_CALL) &&
		    p.insns[i].src_reg == BPF_PSEUDO_KFUNC_CALL)
			p.insns[i].imm =
				btf_find(host_kernel, kfunc_at((uint32_t)p.insns[i].imm)->name,
					 BTF_KIND_FUNC);
		if (p.insns[i].code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		if (p.insns[i].src_reg == BPF_PSEUDO_MAP_FD)
			p.insns[i].imm = host_maps[p.insns[i].imm];
		i++;
	}
	fd = host_bpf(BPF_PROG_LOAD, &attr);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void host_open(void)
{
	host_maps[GEN_ARRAY] = host_map(BPF_MAP_TYPE_ARRAY, GEN_ARRAY_VALUE, GEN_ARRAY_ENTRIES);
	host_maps[GEN_HASH] = host_map(BPF_MAP_TYPE_HASH, GEN_HASH_VALUE, GEN_HASH_ENTRIES);
	host_maps[GEN_RING] = host_map(BPF_MAP_TYPE_RINGBUF, 0, GEN_RING_SIZE);
	host_kernel = kernel_btf_host();
	if (!host_kernel) {
		fprintf(stderr, "the host's kernel tells no types\n");
		exit(77);
	}
	for (int m = 0; m < GEN_MAPS; m++) {
		if (host_maps[m] < 0) {
			fprintf(stderr, "the host does not let us: %s\n", strerror(-host_maps[m]));
			exit(77);
		}
	}
}

/* --- reducing --------------------------------------------------------------------------------- */

typedef bool (*still_fn)(const struct options *o, const struct gen_prog *p, uint64_t seed);

static bool still_wrong(const struct options *o, const struct gen_prog *p, uint64_t seed)
{
	struct check_result r;

	check_program(p, seed, o->runs, &r);
	return r.verdict == CHECK_WRONG;
}

/* -1 the host alone accepts, 1 we alone, 0 the same. */
static int difference(const struct gen_prog *p, uint64_t seed, int *ret_ours, int *ret_host)
{
	struct check_result r;
	int host = host_verdict(p, NULL, 0);

	check_program(p, seed & ~UINT64_C(1), 0, &r);
	*ret_ours = r.err;
	*ret_host = host;
	return !r.err == !host ? 0 : host ? 1 : -1;
}

static bool still_more(const struct options *o, const struct gen_prog *p, uint64_t seed)
{
	int ours, host;

	return difference(p, seed, &ours, &host) > 0;
}

static bool still_less(const struct options *o, const struct gen_prog *p, uint64_t seed)
{
	int ours, host;

	return difference(p, seed, &ours, &host) < 0;
}

/* Takes instruction i out; jumps go on to lead where they led. */
static void without(struct gen_prog *p, uint32_t i)
{
	const uint32_t n = p->insns[i].code == (BPF_LD | BPF_IMM | BPF_DW) ? 2 : 1;

	for (uint32_t j = 0; j < p->n; j++) {
		struct bpf_insn *in = &p->insns[j];
		const unsigned class = BPF_CLASS(in->code), op = BPF_OP(in->code);
		const bool wide = in->code == (BPF_LD | BPF_IMM | BPF_DW);
		const bool by_imm = (op == BPF_CALL && in->src_reg == BPF_PSEUDO_CALL) ||
				    (wide && in->src_reg == BPF_PSEUDO_FUNC);
		int64_t to = (int64_t)j + 1 + (by_imm ? in->imm : in->off);

		if (wide ? by_imm
			 : (class == BPF_JMP || class == BPF_JMP32) && op != BPF_EXIT &&
				    (op != BPF_CALL || by_imm)) {
			const int less = (to > i ? (int)n : 0) - (j >= i ? (int)n : 0);

			if (by_imm)
				in->imm -= less;
			else
				in->off = (int16_t)(in->off - less);
		}
		j += wide;
	}
	memmove(&p->insns[i], &p->insns[i + n], (p->n - i - n) * sizeof(*p->insns));
	p->n -= n;
}

static void reduce(const struct options *o, struct gen_prog *p, uint64_t seed, still_fn still)
{
	bool less = true;

	while (less) {
		less = false;
		for (uint32_t i = p->n; i-- > 0;) {
			struct gen_prog try = *p;

			if (i > 0 && p->insns[i - 1].code == (BPF_LD | BPF_IMM | BPF_DW))
				i--;
			/* What is not written any more may be anything. */
			if ((BPF_CLASS(p->insns[i].code) == BPF_STX ||
			     BPF_CLASS(p->insns[i].code) == BPF_ST) &&
			    p->insns[i].dst_reg == BPF_REG_10 && !o->host)
				continue;
			without(&try, i);
			if (try.n == 0 || !still(o, &try, seed))
				continue;
			*p = try;
			less = true;
			i = MIN(i, p->n);
		}
	}
}

/* --- the run ---------------------------------------------------------------------------------- */

static void report(const struct options *o, struct gen_prog *p, uint64_t number)
{
	struct check_result r;

	check_program(p, number, o->runs, &r);
	fprintf(stderr, "program %llu: %s\n", (long long)number, r.msg);
	reduce(o, p, number, still_wrong);
	check_log = o->log;
	check_program(p, number, o->runs, &r);
	check_log = false;
	fprintf(stderr, "reduced: %s\n", r.msg);
	check_print(p);
}

/* Prints a difference of verdicts with both reasons. */
static bool compare(const struct options *o, struct gen_prog *p, uint64_t number)
{
	static char log[1 << 16];
	struct check_result r;
	int ours, host, way = difference(p, number, &ours, &host);
	const char *line, *end;

	if (!way)
		return false;
	reduce(o, p, number, way > 0 ? still_more : still_less);
	check_program(p, number & ~UINT64_C(1), 0, &r);
	host = host_verdict(p, log, sizeof(log));
	end = strstr(log, "\nprocessed ");
	for (line = end ? end : log; line > log && line[-1] != '\n'; line--)
		;
	fprintf(stderr, "program %llu: %s\n  ours %d: %s\n  host %d: %.*s\n", (long long)number,
		way > 0 ? "HOST REJECTS" : "host accepts", r.err, r.msg, host,
		end ? (int)(end - line) : 0, line);
	check_print(p);
	return true;
}

static bool over(const struct options *o, const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return o->seconds && now.tv_sec - start->tv_sec >= (time_t)o->seconds;
}

static int run(const struct options *o)
{
	uint64_t n, sum[_CHECK_MAX] = { 0 }, differ = 0;
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (n = 0; n < o->count; n++) {
		const uint64_t number = o->seed + n;
		struct gen_prog p;
		struct check_result r;

		if (n % 64 == 0 && over(o, &start))
			break;
		make(o, number, &p);
		if (o->print)
			check_print(&p);
		check_program(&p, number, o->runs, &r);
		if (o->print)
			fprintf(stderr, "%d %s\n", r.verdict, r.msg);
		sum[r.verdict]++;
		if (o->host)
			differ += compare(o, &p, number);
		if (r.verdict != CHECK_WRONG)
			continue;
		report(o, &p, number);
		if (!o->go_on)
			break;
	}
	printf("seed %llu: %llu programs, %llu accepted, of which %llu in part, %llu wrong",
	       (long long)o->seed, (long long)n,
	       (long long)(sum[CHECK_ACCEPTED] + sum[CHECK_PARTLY]), (long long)sum[CHECK_PARTLY],
	       (long long)sum[CHECK_WRONG]);
	if (o->host)
		printf(", %llu verdicts differ from the host's", (long long)differ);
	printf("\n");
	return sum[CHECK_WRONG] > 0;
}

int main(int argc, char **argv)
{
	struct options o = { .count = UINT64_MAX, .runs = 6 };

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(argv[i], "--print")) {
			o.print = true;
		} else if (!strcmp(argv[i], "--host")) {
			o.host = true;
		} else if (!strcmp(argv[i], "--log")) {
			o.log = true;
		} else if (!strcmp(argv[i], "--go-on")) {
			o.go_on = true;
		} else if (value && !strcmp(argv[i], "--seed")) {
			o.seed = strtoull(argv[++i], NULL, 0);
		} else if (value && !strcmp(argv[i], "--count")) {
			o.count = strtoull(argv[++i], NULL, 0);
		} else if (value && !strcmp(argv[i], "--seconds")) {
			o.seconds = (unsigned)strtoul(argv[++i], NULL, 0);
		} else if (value && !strcmp(argv[i], "--runs")) {
			o.runs = (unsigned)strtoul(argv[++i], NULL, 0);
		} else if (!strcmp(argv[i], "--objects")) {
			while (++i < argc)
				shapes_add(argv[i]);
			if (!shapes_count())
				return fprintf(stderr, "no program of these can be taken\n"), 2;
			printf("%u programs of objects, to be mutated\n", shapes_count());
		} else {
			fprintf(stderr,
				"usage: %s [--seed S] [--count N] [--seconds T] "
				"[--runs R] [--print] [--host] [--go-on] [--log] "
				"[--objects FILE...]\n",
				argv[0]);
			return 2;
		}
	}
	if (o.host)
		host_open();
	return run(&o);
}
