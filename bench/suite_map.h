/* SPDX-License-Identifier: BSD-2-Clause */
/* suite_map.h - what the files of suite "map" share: a row's programs, loaded and filled. */
#ifndef SKEP_BENCH_SUITE_MAP_H
#define SKEP_BENCH_SUITE_MAP_H

#include "bench/bench.h"

struct bpf_object;

/* What a row runs: programs and a map of maps/maps.bpf.c. */
struct map_case {
	const char *name;
	const char *prog, *twin; /* twin: the same without the operation */
	const char *map;
	unsigned keys;	  /* that the programs use; all are in the map */
	unsigned entries; /* the map's max_entries, 0: as it stands */
	unsigned ops;	  /* operations in a run */
};

/* A case on one target. */
struct map_load {
	struct bpf_object *obj;
	int prog, twin, map; /* descriptors */
	void *ring;	     /* a ring buffer's positions, mapped; NULL: no ring buffer */
};

/** Loads c on the target in use; 0 or -errno.  map_close is due where it succeeds. */
int map_open(const struct map_case *c, struct map_load *ret);
void map_close(struct map_load *l);
/* One value of a case, and what its program returned: 0 or -errno. */
typedef int (*map_measure_fn)(const struct map_case *c, const struct map_load *l, uint32_t *retval,
			      double *value);
/** Reports n cases, or the one that is asked for, as rows like `like`; 0 or -errno. */
int map_bench(const struct bench_opts *o, const struct map_case *c, unsigned n, map_measure_fn fn,
	      const struct report_row *like);

/** Runs a program `repeat` times; 0 or -errno, ns per run and what the last run returned. */
int map_batch(const struct map_load *l, int prog, unsigned repeat, uint32_t *retval, double *ns);

/* suite_map_hive.c: the rows of an application whose maps are a hive's. */
int suite_map_hive(const struct bench_opts *o);
/* suite_map_threads.c: the rows that two threads run. */
int suite_map_threads(const struct bench_opts *o);
/** The first two CPUs that we may use; false where there is one only. */
bool bench_two_cpus(int ret[2]);
/* suite_map_remote.c: the rows whose consumer is another process. */
int suite_map_remote(const struct bench_opts *o);

#endif
