/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_run.c - the speed of programs: compiler and interpreter beside the host kernel's compiler
 * and gcc.
 *
 * One value is the best of a few short batches after a fresh load; a round takes one from every
 * engine.  Results are compared: an engine that returns something else ends the bench.
 */
#include "bench/bench.h"
#include "bench/case.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "core/core.h"
#include "hive/vcpu.h"

#define BATCH_NS	     1000000 /* length of a batch */
#define BATCHES		     4

#define CASE(name, native)   CASE_DECLARE_##native(name)
#define CASE_DECLARE_1(name) extern const struct bench_native name##_gcc, name##_scalar;
#define CASE_DECLARE_0(name)
#include "bench/cases.def"
#undef CASE

static const struct bench_case {
	const char *name;
	const struct bench_native *gcc, *scalar; /* NULL: not native */
} cases[] = {
#define CASE(name, native)  { #name, CASE_NATIVE_##native(name) },
#define CASE_NATIVE_1(name) &name##_gcc, &name##_scalar
#define CASE_NATIVE_0(name) NULL, NULL
#include "bench/cases.def"
#undef CASE
};
#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

/* The columns: three bpf(2) targets, then two natives. */
enum { GCC = _TARGET_MAX, SCALAR, NR_ENGINES };

/* The same bytes for everyone: an LCG with a fixed seed. */
static void fill(struct bench_data *d)
{
	uint64_t x = 0x5eed;

	for (unsigned i = 0; i < WORDS; i++)
		d->w[i] = x = x * 6364136223846793005ULL + 1442695040888963407ULL;
	for (unsigned i = 0; i < BYTES; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		d->b[i] = (uint8_t)((x >> 56) | 1); /* no zero: strcmp4k runs to the end */
	}
}

/* Fills the maps of a loaded case: its data, and what the map cases look up. */
static int fill_maps(struct bpf_object *obj, int prog_fd)
{
	static struct bench_data d;
	struct bpf_map *map;

	fill(&d);
	bpf_object__for_each_map(map, obj)
	{
		int fd = bpf_map__fd(map);
		uint32_t zero = 0;
		int r = 0;

		if (bpf_map__is_internal(map) && bpf_map__value_size(map) == sizeof(d))
			r = bpf_map_update_elem(fd, &zero, &d, BPF_ANY);
		else if (bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY)
			r = bpf_map_update_elem(fd, &zero, &prog_fd, BPF_ANY);
		for (uint64_t k = 0; k < 1024 && bpf_map__type(map) == BPF_MAP_TYPE_HASH; k++) {
			uint64_t v = k * 3;

			r = r ?: bpf_map_update_elem(fd, &k, &v, BPF_ANY);
		}
		if (r)
			return r;
	}
	return 0;
}

static int run_batch(int fd, unsigned repeat, uint32_t *retval, double *ns)
{
	char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = (int)repeat);
	int r = bpf_prog_test_run_opts(fd, &opts);

	*retval = opts.retval;
	*ns = opts.duration;
	return r;
}

/* ns per run of a freshly loaded case on target t. */
static int measure_bpf(const struct bench_case *c, enum target t, uint32_t *retval, double *best)
{
	char path[4096];
	struct bpf_object *obj;
	double ns;
	int fd, r;

	target_use(t);
	snprintf(path, sizeof(path), "%s/%s.bpf.o", BENCH_OBJECTS, c->name);
	obj = bpf_object__open(path);
	if (!obj)
		return -errno;
	r = bpf_object__load(obj);
	if (r == 0) {
		fd = bpf_program__fd(bpf_object__next_program(obj, NULL));
		r = fill_maps(obj, fd);
	}
	/* The first run's result counts: cases change their data. */
	r = r ?: run_batch(fd, 1, retval, &ns);
	r = r ?: run_batch(fd, 200, &(uint32_t){ 0 }, &ns);
	*best = 1e18;
	for (unsigned b = 0; r == 0 && b < BATCHES; b++) {
		unsigned repeat = (unsigned)(BATCH_NS / (ns < 1 ? 1 : ns)) + 1;

		r = run_batch(fd, repeat, &(uint32_t){ 0 }, &ns);
		if (ns < *best)
			*best = ns;
	}
	bpf_object__close(obj);
	return r;
}

static void measure_native(const struct bench_native *n, uint32_t *retval, double *best)
{
	unsigned repeat = 200;

	fill(n->data);
	*retval = n->fn();
	*best = 1e18;
	for (unsigned b = 0; b <= BATCHES; b++) {
		uint64_t start = now_ns();
		double ns;

		for (unsigned i = 0; i < repeat; i++)
			n->fn();
		ns = (double)(now_ns() - start) / repeat;
		if (b && ns < *best) /* the first only finds the length */
			*best = ns;
		repeat = (unsigned)(BATCH_NS / (ns < 1 ? 1 : ns)) + 1;
	}
}

/* One value of one engine; 0 and *ns, 1 where this engine has nothing to say, or -errno. */
static int measure(const struct bench_case *c, unsigned engine, uint32_t *retval, double *ns)
{
	const struct bench_native *native = engine == GCC ? c->gcc : c->scalar;

	if (engine < _TARGET_MAX)
		return target_available(engine) ? measure_bpf(c, engine, retval, ns) : 1;
	if (!native)
		return 1;
	measure_native(native, retval, ns);
	return 0;
}

static int round_of(const struct bench_case *c, unsigned round, struct series *series,
		    uint32_t *want, bool *have)
{
	for (unsigned i = 0; i < NR_ENGINES; i++) {
		unsigned e = (i + round) % NR_ENGINES;
		uint32_t got = 0;
		double ns = 0;
		int r = measure(c, e, &got, &ns);

		if (r < 0) {
			fprintf(stderr, "bench: %s on engine %u: %s\n", c->name, e, strerror(-r));
			return r;
		}
		if (r)
			continue;
		if (*have && got != *want) {
			fprintf(stderr, "bench: %s: engine %u returns %#x, another %#x\n", c->name,
				e, got, *want);
			return -EILSEQ;
		}
		*want = got;
		*have = true;
		series_add(&series[e], ns);
	}
	return 0;
}

/* A peer's column; nothing where it did not run. */
static void add_peer(struct report_row *row, const char *name, struct series *s)
{
	if (!s->n)
		return;
	row->peer[row->nr_peers].name = name;
	row->peer[row->nr_peers].value = series_median(s);
	row->peer[row->nr_peers++].spread = series_spread(s);
}

/* Entry into an empty program, called as hooks call it. */
static int bench_entry(unsigned rounds)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct skep_kernel *k = target_kernel(TARGET_JIT);
	struct report_row row = { .suite = "run", .name = "entry", .unit = "ns" };
	struct series s = { .n = 0 };
	int r = 0;

	target_use(TARGET_JIT);
	for (unsigned i = 0; i < rounds && r == 0; i++) {
		int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "empty", "GPL", insns, 2, NULL);
		struct skep_run run = { .env = core_run_env(k) };
		const unsigned repeat = 200000;
		struct skep_prog *prog;
		double best = 1e18;

		r = fd < 0 ? -errno : core_prog_by_fd(k, fd, &prog);
		if (r)
			break;
		run.vcpu = vcpu_get(core_vcpus(k));
		run.cpu = vcpu_id(core_vcpus(k), run.vcpu);
		for (unsigned b = 0; b < BATCHES; b++) {
			uint64_t start = now_ns();

			for (unsigned j = 0; j < repeat; j++)
				prog_run(prog, NULL, &run);
			best = fmin(best, (double)(now_ns() - start) / repeat);
		}
		vcpu_put(run.vcpu);
		close(fd);
		series_add(&s, best);
	}
	row.skep = series_median(&s);
	row.spread = series_spread(&s);
	report_add(&row);
	return r;
}

int suite_run(const struct bench_opts *o)
{
	for (unsigned i = 0; i < NR_CASES; i++) {
		const struct bench_case *c = &cases[i];
		struct series series[NR_ENGINES] = { 0 };
		struct report_row row = { .suite = "run", .name = c->name, .unit = "ns" };
		uint32_t want = 0;
		bool have = false;
		int r = 0;

		if (o->only && strcmp(o->only, c->name))
			continue;
		for (unsigned round = 0; round < o->rounds && r == 0; round++)
			r = round_of(c, round, series, &want, &have);
		if (r)
			return r;
		row.skep = series_median(&series[TARGET_JIT]);
		row.spread = series_spread(&series[TARGET_JIT]);
		add_peer(&row, "kernel", &series[TARGET_KERNEL]);
		add_peer(&row, "gcc_scalar", &series[SCALAR]);
		add_peer(&row, "gcc", &series[GCC]);
		report_add(&row);

		row.suite = "interp";
		row.skep = series_median(&series[TARGET_INTERP]);
		row.spread = series_spread(&series[TARGET_INTERP]);
		report_add(&row);
	}
	return o->only ? 0 : bench_entry(o->rounds);
}
