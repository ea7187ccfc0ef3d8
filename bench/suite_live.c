/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_live.c - what processes that run notice: how long they stand still when a hive takes them
 * in, and how much fewer requests servers answer that are looked at.
 *
 * Scripts do it, and print a line for each round: Skep's number, and its peers' where there are
 * any.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define ROUNDS_MORE 2 /* of a second each: for each round of other cases */
#define SKIPPED	    77
#define PEERS	    2

static const struct {
	const char *suite, *name, *unit, *script, *arg;
	double scale; /* from what the script prints */
	const char *peer[PEERS];
} cases[] = {
	{ "hook", "take_in", "ms", "stops.sh", "wait", 1, { NULL } },
	{ "hook", "take_in_busy", "ms", "stops.sh", "busy", 1, { NULL } },
	/* The same server when nobody looks; and another one, outside: two natives differ by 5 %.
	 */
	{ "servers", "nginx_uprobes", "k/s", "servers.sh", "nginx", 1e-3, { "alone", "native" } },
	{ "servers", "redis_syscalls", "k/s", "servers.sh", "redis", 1e-3, { "alone", "native" } },
};

static int live_case(const struct bench_opts *o, size_t i)
{
	struct report_row row = { .suite = cases[i].suite,
				  .name = cases[i].name,
				  .unit = cases[i].unit };
	struct series skep = { 0 }, peer[PEERS] = { 0 };
	char command[512], line[128];
	double v[1 + PEERS];
	int n, status;
	FILE *f;

	snprintf(command, sizeof(command), "%s/%s %s %s %u", BENCH_SOURCE, cases[i].script,
		 BENCH_BUILD, cases[i].arg, o->rounds * ROUNDS_MORE);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f)) {
		n = sscanf(line, "%lf %lf %lf", &v[0], &v[1], &v[2]);
		if (n > 0)
			series_add(&skep, v[0] * cases[i].scale);
		for (int p = 0; p < n - 1; p++)
			series_add(&peer[p], v[1 + p] * cases[i].scale);
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
	for (int p = 0; p < PEERS && peer[p].n; p++) {
		row.peer[p].name = cases[i].peer[p];
		row.peer[p].value = series_median(&peer[p]);
		row.peer[p].spread = series_spread(&peer[p]);
		row.nr_peers++;
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
