/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runs.h - what processes of a hive that run its programs themselves have in common: cases, an
 * object, and what the preload library runs programs with.  For one file of a program.
 */
#ifndef SKEP_TESTS_RUNS_H
#define SKEP_TESTS_RUNS_H

#include "check.h"
#include "hive/layout.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS	1000000u
#define SECONDS 5	    /* of random work, unless the environment says RUNNER_SECONDS */
#define HANG_NS 5000000000u /* what is far longer: machines are busy */

static long (*run_n)(int fd, void *ctx, long n, uint64_t *ret);
static const struct hive_meta *(*member_meta)(void);
static struct bpf_object *obj;
static const char *file; /* that it is of */

struct run_case {
	const char *name;
	int (*run)(void);
};

static inline int prog(const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(obj, name));
}

static inline int map(const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(obj, name));
}

static inline uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#define STRAYS 4 /* things that runs may have stored into elements that were deleted meanwhile */

/* What maps hold goes with them. */
static inline bool gone(unsigned (*left)(void))
{
	uint32_t id;

	bpf_object__close(obj);
	obj = NULL;
	/* The server looks what is gone when it is asked. */
	for (int i = 0; left() && i < 500; i++) {
		bpf_map_get_next_id(0, &id);
		usleep(10000);
	}
	return !left();
}

static inline long seconds(void)
{
	const char *s = getenv("RUNNER_SECONDS");

	return s ? atol(s) : SECONDS;
}

/* What random work begins with, and says. */
static inline unsigned seed_of_run(void)
{
	const int n = getenv("RUNNER_SEED") ? atoi(getenv("RUNNER_SEED")) : (int)time(NULL);

	printf("# RUNNER_SEED=%d\n", n);
	fflush(stdout);
	return (unsigned)n;
}

/* main(): PROGRAM FILE CASE..., each with the object loaded anew. */
static inline int run_cases(char **argv, const struct run_case *cases, size_t nr_cases)
{
	int bad = 0, n = 0;

	*(void **)&member_meta = dlsym(RTLD_DEFAULT, "skep_member_meta");
	*(void **)&run_n = dlsym(RTLD_DEFAULT, "skep_member_run_n");
	file = argv[1];
	while (argv[n + 2])
		n++;
	printf("1..%d\n", n);
	for (int i = 1; i <= n; i++) {
		int failed = 1;

		obj = bpf_object__open_file(file, NULL);
		if (run_n && member_meta && obj && !bpf_object__load(obj))
			for (size_t c = 0; c < nr_cases; c++)
				if (!strcmp(argv[i + 1], cases[c].name))
					failed = cases[c].run();
		printf("%s %d %s\n", failed ? "not ok" : "ok", i, argv[i + 1]);
		bad |= failed;
		bpf_object__close(obj);
	}
	return bad;
}

#endif
