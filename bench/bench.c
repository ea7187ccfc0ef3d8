/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.c - `make bench`: Skep beside its peers, all in one run, interleaved.
 *
 * Machines are noisy and code placement alone moves results, so every round loads every program
 * anew on every engine, in a rotating order; what is printed is the median over rounds and the
 * ratio to each peer.  Compare ratios, never times of another day.
 */
#include "bench/bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

static const struct {
	const char *name;
	int (*run)(const struct bench_opts *o);
} suites[] = {
	{ "run", suite_run },	    { "map", suite_map },   { "load", suite_load },
	{ "verify", suite_verify }, { "hook", suite_hook },
};
#define NR_SUITES (sizeof(suites) / sizeof(suites[0]))

static void usage(FILE *out)
{
	fprintf(out, "usage: bench [--rounds N] [--suite NAME] [--case NAME] [--json FILE]\n\n"
		     "  --rounds N    fresh loads of each program (10)\n"
		     "  --suite NAME  one of:");
	for (unsigned i = 0; i < NR_SUITES; i++)
		fprintf(out, " %s", suites[i].name);
	fprintf(out, "\n  --case NAME   one case of the suite\n"
		     "  --json FILE   write the rows there too\n");
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "suite", required_argument, NULL, 's' },
		{ "case", required_argument, NULL, 'c' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct bench_opts o = { .rounds = 10 };
	const char *json = NULL;
	bool ran = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			o.rounds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 's':
			o.suite = optarg;
			break;
		case 'c':
			o.only = optarg;
			break;
		case 'j':
			json = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (o.rounds < 1 || o.rounds > SERIES_MAX) {
		fprintf(stderr, "bench: --rounds takes 1 to %d\n", SERIES_MAX);
		return 2;
	}
	libbpf_set_print(silent);
	r = target_init();
	for (unsigned i = 0; r == 0 && i < NR_SUITES; i++) {
		if (o.suite && strcmp(o.suite, suites[i].name))
			continue;
		ran = true;
		r = suites[i].run(&o);
	}
	if (r == 0)
		report_print();
	if (!ran && r == 0) {
		fprintf(stderr, "bench: no suite \"%s\"\n", o.suite);
		return 2;
	}
	if (r == 0 && json)
		r = report_write(json);
	if (r)
		fprintf(stderr, "bench: %s\n", strerror(-r));
	return r ? 1 : 0;
}
