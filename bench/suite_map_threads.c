/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_map_threads.c - how much more two threads do than one on the same map: the rows of suite
 * "map" that are a factor.  Each thread has a CPU of its own; a batch ends with the later one.
 */
#include "bench/maps/maps.h"
#include "bench/suite_map.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#define BATCH_NS 2000000 /* length of a batch of one thread */
#define BATCHES	 12

static const struct map_case cases[] = {
	{ "percpu_two_threads", "percpu_hash_lookup", "keys8", "percpu_hash", 1024, 1024, OPS },
	{ "hash_two_threads_100k", "hash_update", "pairs8", "hash", 100000, 100000, OPS },
};
#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

static int cpus[2]; /* of the threads */

/* A thread's part in a batch. */
struct worker {
	const struct map_load *load;
	pthread_barrier_t *start;
	unsigned repeat; /* runs */
	int cpu;
	int err;
	uint64_t begin, end; /* ns */
};

static void *work(void *arg)
{
	struct worker *w = arg;
	cpu_set_t set;
	double ns;

	CPU_ZERO(&set);
	CPU_SET((unsigned)w->cpu, &set);
	w->err = -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	pthread_barrier_wait(w->start);
	w->begin = now_ns();
	w->err = w->err ?: map_batch(w->load, w->load->prog, w->repeat, &(uint32_t){ 0 }, &ns);
	w->end = now_ns();
	return NULL;
}

/* Runs a second that `n` threads do; 0 or -errno. */
static int batch(const struct map_load *l, unsigned n, unsigned repeat, double *ret)
{
	struct worker w[2];
	pthread_t thread[2];
	pthread_barrier_t start;
	uint64_t begin = UINT64_MAX, end = 0;
	unsigned made = 0;
	int err = 0;

	pthread_barrier_init(&start, NULL, n);
	for (; made < n; made++) {
		w[made] = (struct worker){
			.load = l, .start = &start, .repeat = repeat, .cpu = cpus[made]
		};
		/* Where the second cannot be made, the first would wait for ever. */
		if (pthread_create(&thread[made], NULL, work, &w[made])) {
			if (made)
				pthread_barrier_wait(&start);
			err = -EAGAIN;
			break;
		}
	}
	for (unsigned i = 0; i < made; i++) {
		pthread_join(thread[i], NULL);
		err = err ?: w[i].err;
		begin = w[i].begin < begin ? w[i].begin : begin;
		end = w[i].end > end ? w[i].end : end;
	}
	pthread_barrier_destroy(&start);
	*ret = (double)n * repeat * 1e9 / (double)(end - begin);
	return err;
}

/* The factor. */
static int measure(const struct map_case *c, const struct map_load *l, uint32_t *retval,
		   double *factor)
{
	double best[2] = { 0, 0 }, ns = 0;
	unsigned repeat;
	int r = map_batch(l, l->prog, 20, retval, &ns);

	(void)c;
	repeat = (unsigned)(BATCH_NS / fmax(ns, 1)) + 1;
	for (unsigned b = 0; b < BATCHES && r == 0; b++) {
		for (unsigned n = 1; n <= 2 && r == 0; n++) {
			double rate = 0;

			r = batch(l, n, repeat, &rate);
			best[n - 1] = fmax(best[n - 1], rate);
		}
	}
	*factor = best[1] / best[0];
	return r;
}

bool bench_two_cpus(int ret[2])
{
	cpu_set_t set;
	int n = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET((unsigned)cpu, &set))
			ret[n++] = cpu;
	return n == 2;
}

int suite_map_threads(const struct bench_opts *o)
{
	static const struct report_row like = { .suite = "threads", .unit = "x" };

	if (!bench_two_cpus(cpus)) {
		printf("# no rows of two threads: there is one CPU\n");
		return 0;
	}
	return map_bench(o, cases, NR_CASES, measure, &like);
}
