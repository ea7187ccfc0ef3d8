/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_live.c - what processes that run notice: how long they stand still when a hive takes them
 * in, and how much fewer requests servers answer that are looked at.
 *
 * Scripts do it, and print a line for each round: Skep's number, and its peer's where there is one.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define ROUNDS_MORE 2 /* of a second each: for each round of other cases */
#define SKIPPED	    77

static const struct {
	const char *suite, *name, *unit, *script, *arg;
	double scale; /* from what the script prints */
	const char *peer;
} cases[] = {
	{ "hook", "take_in", "ms", "stops.sh", "wait", 1, NULL },
	{ "hook", "take_in_busy", "ms", "stops.sh", "busy", 1, NULL },
	{ "servers", "nginx_uprobes", "k/s", "servers.sh", "nginx", 1e-3, "native" },
	{ "servers", "redis_syscalls", "k/s", "servers.sh", "redis", 1e-3, "native" },
};

static int live_case(const struct bench_opts *o, size_t i)
{
	struct report_row row = { .suite = cases[i].suite,
				  .name = cases[i].name,
				  .unit = cases[i].unit };
	struct series skep = { 0 }, peer = { 0 };
	char command[512], line[128];
	double a, b;
	int n, status;
	FILE *f;

	snprintf(command, sizeof(command), "%s/%s %s %s %u", BENCH_SOURCE, cases[i].script,
		 BENCH_BUILD, cases[i].arg, o->rounds * ROUNDS_MORE);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f)) {
		n = sscanf(line, "%lf %lf", &a, &b);
		if (n > 0)
			series_add(&skep, a * cases[i].scale);
		if (n > 1)
			series_add(&peer, b * cases[i].scale);
	}
	status = f ? pclose(f) : -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		return 0;
	if (status || !skep.n) {
		fprintf(stderr, "bench: %s: nothing was measured (make first?)\n", cases[i].name);
		return -1;
	}
	row.skep = series_median(&skep);
	row.spread = series_spread(&skep);
	if (peer.n) {
		row.peer[0].name = cases[i].peer;
		row.peer[0].value = series_median(&peer);
		row.peer[0].spread = series_spread(&peer);
		row.nr_peers = 1;
	}
	report_add(&row);
	return 0;
}

int suite_live(const struct bench_opts *o)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) && r == 0; i++)
		if (!o->only || !strcmp(o->only, cases[i].name))
			r = live_case(o, i);
	return r;
}
