/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h - what the suites of `make bench` share: targets, series of measurements, the report.
 */
#ifndef SKEP_BENCH_BENCH_H
#define SKEP_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/* Where bpf(2) goes: the libbpf in this binary asks target_use() of what came last. */
enum target { TARGET_JIT, TARGET_INTERP, TARGET_KERNEL, _TARGET_MAX };

/** Sets up Skep's two kernels and asks the host whether it lets us load. 0 or -errno. */
int target_init(void);
void target_use(enum target t);
/** False: the host forbids bpf(2), and target_init has said why. */
bool target_available(enum target t);
/** bpf(2) of the target in use; -errno. */
union bpf_attr;
long target_bpf(int cmd, union bpf_attr *attr, unsigned size);
struct skep_kernel;
/** The Skep kernel of a target; NULL for the host's. */
struct skep_kernel *target_kernel(enum target t);

/* One measured value, over rounds. */
#define SERIES_MAX 256
struct series {
	double v[SERIES_MAX];
	unsigned n;
};
void series_add(struct series *s, double v);
/** The median; sorts. NaN when empty. */
double series_median(struct series *s);
/** (max - min) / median. */
double series_spread(struct series *s);

/* A row of the report: what Skep does beside its peers, in one run. */
#define PEERS_MAX 6
struct report_row {
	const char *suite, *name, *unit;
	double skep, spread;
	struct {
		const char *name;
		double value, spread;
	} peer[PEERS_MAX];
	unsigned nr_peers;
};
void report_add(const struct report_row *row);
/** Adds the row with what each target gave: the compiler's is Skep's, the host's kernel a peer. */
void report_add_targets(struct report_row *row, struct series s[_TARGET_MAX]);
/** Prints a table for each suite: values, ratios skep / peer, geometric means. */
void report_print(void);
/** Writes all rows to path, keeping the rows of suites that did not run. 0 or -errno. */
int report_write(const char *path);

struct bench_opts {
	unsigned rounds;   /* fresh loads of each program */
	const char *only;  /* one case, NULL: all */
	const char *suite; /* one suite, NULL: all */
};
int suite_run(const struct bench_opts *o);
int suite_map(const struct bench_opts *o);
int suite_load(const struct bench_opts *o);
int suite_verify(const struct bench_opts *o);
int suite_hook(const struct bench_opts *o);
int suite_live(const struct bench_opts *o); /* a part of hook */

/** Nanoseconds, monotonic. */
uint64_t now_ns(void);

#endif
