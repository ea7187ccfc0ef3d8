/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_hook.c - what a probed function costs its caller, beside a uprobe of the machine's kernel.
 *
 * tests/hook/target calls a function in a loop and says what a call takes; tests/hook/tool attaches
 * to it by libbpf in a hive.  What the bare call takes is left out of every value.
 */
#include "bench/bench.h"
#include "hive/vcpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CALLS	     5000000
#define CALLS_KERNEL 300000
#define CALLS_SLOW   100000

static const struct {
	const char *name, *programs; /* of tests/hook/probe.bpf.c */
	const char *how;	     /* tests/hook/target measures it */
	const char *less;	     /* programs whose cost is left out; NULL: the bare call's */
	int times;		     /* that they do it in a call; 0: once */
	int calls;		     /* that are made; 0: CALLS */
} cases[] = {
	{ "stub", "nothing", "time" },
	{ "uprobe", "bump", "time" },
	{ "uretprobe", "ret:bump", "time" },
	{ "both", "bump,ret:bump", "time" },
	{ "probe_read_64", "fetch", "time", "bump", 10 },
	{ "probe_read_bad", "fetch_bad", "time", "bump", 10, CALLS_SLOW },
	{ "stack_10", "walk", "below", "bump", 1, CALLS / 5 },
	{ "trap", "bump@tight", "trap", NULL, 1, CALLS_SLOW },
	{ "syscall_pair", "call:bump_call@sys_enter,call:bump_call@sys_exit", "pair" },
};

/* The first line of what a command prints, which is a number of nanoseconds; negative: none. */
static double told_by(const char *command)
{
	FILE *f = popen(command, "r");
	char line[256];
	double ns = -1;

	while (f && fgets(line, sizeof(line), f))
		if (ns < 0 && strstr(line, " ns"))
			ns = atof(line);
	if (f)
		pclose(f);
	return ns;
}

static double bare(const char *how, int calls)
{
	char command[512];

	snprintf(command, sizeof(command), "%s/tests/hook/target %d %s", BENCH_BUILD, calls, how);
	return told_by(command);
}

static double by_kernel(void)
{
	char command[512];

	snprintf(command, sizeof(command), "%s/tests/hook/target %d kernel 2>/dev/null",
		 BENCH_BUILD, CALLS_KERNEL);
	return told_by(command);
}

static double probed(const char *programs, const char *how, int calls)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "%s/src/cli/skep run -- %s/tests/hook/tool %s/tests/hook/probe.bpf.o "
		 "%s/tests/hook/target %d %s %s",
		 BENCH_BUILD, BENCH_BUILD, BENCH_BUILD, BENCH_BUILD, calls, how, programs);
	return told_by(command);
}

static int bench_case(const struct bench_opts *o, size_t i)
{
	struct report_row row = { .suite = "hook", .name = cases[i].name, .unit = "ns" };
	const int calls = cases[i].calls ? cases[i].calls : CALLS;
	const int times = cases[i].times ? cases[i].times : 1;
	struct series skep = { 0 }, kernel = { 0 };

	for (unsigned round = 0; round < o->rounds; round++) {
		const double call = cases[i].less ? probed(cases[i].less, cases[i].how, calls)
						  : bare(cases[i].how, calls);
		const double with = probed(cases[i].programs, cases[i].how, calls);
		const double host = cases[i].how[1] == 'i' && !cases[i].less ? by_kernel() : -1;

		if (call < 0 || with < 0) {
			fprintf(stderr, "bench: %s: the target was not probed (make first?)\n",
				cases[i].name);
			return -1;
		}
		series_add(&skep, (with - call) / times);
		if (host > 0)
			series_add(&kernel, host - call);
	}
	row.skep = series_median(&skep);
	row.spread = series_spread(&skep);
	if (kernel.n) {
		row.peer[row.nr_peers].name = "kernel";
		row.peer[row.nr_peers].value = series_median(&kernel);
		row.peer[row.nr_peers++].spread = series_spread(&kernel);
	}
	report_add(&row);
	return 0;
}

/* What BPF_LINK_CREATE takes for 1000 functions of the C library, in the process that asks. */
#define ATTACH                                                                              \
	"f=$(mktemp) && libc=$(ldd %s/tests/hook/every | awk '/libc.so/ { print $3 }') && " \
	"nm -D --defined-only $libc | awk '$2 ~ /[TW]/ { print $1 }' | sort -u | "          \
	"head -1000 > $f && %s/src/cli/skep run -- %s/tests/hook/every --multi "            \
	"%s/tests/hook/probe.bpf.o $libc $f true 2>&1; rm -f $f"

static double attached(void)
{
	char command[2048], line[256];
	long us = -1;
	FILE *f;

	snprintf(command, sizeof(command), ATTACH, BENCH_BUILD, BENCH_BUILD, BENCH_BUILD,
		 BENCH_BUILD);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "bump: 1000 in %ld us", &us) == 1)
			break;
	if (f)
		pclose(f);
	return us < 0 ? -1 : (double)us / 1000;
}

static int bench_attach(const struct bench_opts *o)
{
	struct report_row row = { .suite = "hook", .name = "attach_1000", .unit = "ms" };
	struct series ms = { 0 };

	for (unsigned round = 0; round < o->rounds; round++) {
		const double one = attached();

		if (one < 0) {
			fprintf(stderr, "bench: attach_1000: nothing was attached (make first?)\n");
			return -1;
		}
		series_add(&ms, one);
	}
	row.skep = series_median(&ms);
	row.spread = series_spread(&ms);
	report_add(&row);
	return 0;
}

#define TAKES 20000000

/* A free slot is taken, and given back: what each run begins and ends with. */
static int bench_vcpu(const struct bench_opts *o)
{
	struct report_row row = { .suite = "hook", .name = "vcpu", .unit = "ns" };
	struct series ns = { 0 };
	struct vcpus vcpus;

	if (vcpus_init(&vcpus, NULL, vcpus_possible()))
		return -1;
	for (unsigned round = 0; round < o->rounds; round++) {
		struct timespec a, b;

		clock_gettime(CLOCK_MONOTONIC, &a);
		for (int i = 0; i < TAKES; i++)
			vcpu_put(vcpu_enter(&vcpus, vcpu_who(&vcpus, 1)));
		clock_gettime(CLOCK_MONOTONIC, &b);
		series_add(&ns,
			   ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) /
				   TAKES);
	}
	vcpus_fini(&vcpus, NULL);
	row.skep = series_median(&ns);
	row.spread = series_spread(&ns);
	report_add(&row);
	return 0;
}

int suite_hook(const struct bench_opts *o)
{
	int r = 0;

	if (!o->only || !strcmp(o->only, "vcpu"))
		r = bench_vcpu(o);

	if (r == 0 && (!o->only || !strcmp(o->only, "attach_1000")))
		r = bench_attach(o);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) && r == 0; i++)
		if (!o->only || !strcmp(o->only, cases[i].name))
			r = bench_case(o, i);
	return r ? r : suite_live(o);
}
