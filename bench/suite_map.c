/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_map.c - what one operation on a map costs, beside the host kernel's.
 *
 * A row is a program that does the operation many times a run, and its twin, which makes the same
 * keys and values and leaves the operation out; what is reported is the difference, for one
 * operation.  Both engines must return the same from a program's first run.
 *
 * app_lookup is the application's own lookup, through bpf(2).
 */
#include "bench/suite_map.h"
#include "bench/maps/maps.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "map/map.h"

#define BATCH_NS 1000000 /* length of a batch */
#define BATCHES	 6
#define WARM_UPS 4

static const struct map_case cases[] = {
	{ "array_lookup", "array_lookup", "keys4", "array", 1024, 1024, OPS },
	{ "percpu_array_lookup", "percpu_array_lookup", "keys4", "percpu_array", 1024, 1024, OPS },
	{ "hash_lookup_1", "hash_lookup", "keys8", "hash", 1, 1, OPS },
	{ "hash_lookup_1k", "hash_lookup", "keys8", "hash", 1024, 1024, OPS },
	{ "hash_lookup_128k", "hash_lookup", "keys8", "hash", 1 << 17, 1 << 17, OPS },
	{ "hash_update_1k", "hash_update", "pairs8", "hash", 1024, 1024, OPS },
	{ "hash_delins_1k", "hash_delins", "pairs8", "hash", 1024, 1024, OPS },
	{ "percpu_hash_1k", "percpu_hash_lookup", "keys8", "percpu_hash", 1024, 1024, OPS },
	/* Linux evicts before an LRU map is full: it gets room. */
	{ "lru_update_1k", "lru_update", "pairs8", "lru_hash", 1024, 4096, OPS },
	{ "lpm_lookup_1k", "lpm_lookup", "prefixes", "lpm", 1000, 1000, OPS },
	{ "lpm_lookup_100k", "lpm_lookup", "prefixes", "lpm", 100000, 100000, OPS },
	{ "queue_push_pop", "queue_push_pop", "records8", "queue", 1, 0, OPS },
	{ "ringbuf_output_8", "ringbuf_output_8", "records8", "ring", 1, 0, OPS },
	{ "ringbuf_output_64", "ringbuf_output_64", "records64", "ring", 1, 0, OPS },
	{ "object_new_drop", "object_new_drop", "keys8", "array", 1, 0, OPS },
	{ "spin_lock", "spin_lock", "no_lock", "locked", 0, 0, OPS },
	{ "tail_call", "tail_call", "no_tail_call", "chain", 0, 0, TAIL_CALLS },
};
#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

/* --- loading ---------------------------------------------------------------------------------- */

static bool is_percpu(enum bpf_map_type type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* Puts all keys in.  4-byte keys are the first bytes of ours. */
static int fill(const struct map_case *c, const struct bpf_map *map)
{
	uint64_t value[1024] = { 0 }; /* of so many CPUs */
	int r = 0;

	if (is_percpu(bpf_map__type(map)) && libbpf_num_possible_cpus() > 1024)
		return -E2BIG;
	for (uint64_t k = 0; k < c->keys && r == 0; k++) {
		if (!is_percpu(bpf_map__type(map)))
			value[0] = k * 3;
		r = bpf_map_update_elem(bpf_map__fd(map), &k, value, BPF_ANY);
	}
	return r;
}

static int fill_prefixes(const struct map_case *c, int map)
{
	int r = 0;

	for (uint64_t k = 0; k < c->keys && r == 0; k++) {
		struct bench_prefix prefix = { PREFIX_BITS(k), PREFIX_ADDR(k) };

		r = bpf_map_update_elem(map, &prefix, &k, BPF_ANY);
	}
	return r;
}

/* The first two pages of a ring buffer: the consumer's position and the producer's. */
static int map_ring(struct map_load *l)
{
	long page = sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED, l->map, 0);

	if (consumer == MAP_FAILED)
		return -errno;
	l->ring = consumer;
	return 0;
}

/* The consumer has seen everything. */
static int drain(const struct map_load *l)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t *producer;

	if (!l->ring)
		return 0;
	producer = mmap(NULL, page, PROT_READ, MAP_SHARED, l->map, (off_t)page);
	if (producer == MAP_FAILED)
		return -errno;
	__atomic_store_n((uint64_t *)l->ring, __atomic_load_n(producer, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
	munmap(producer, page);
	return 0;
}

/* Leaves only what the case needs to be made. */
static int choose(const struct map_case *c, struct bpf_object *obj)
{
	struct bpf_program *prog;
	struct bpf_map *map;
	const uint64_t keys = c->keys;

	bpf_object__for_each_program(prog, obj)
	{
		const char *name = bpf_program__name(prog);

		bpf_program__set_autoload(prog, !strcmp(name, c->prog) || !strcmp(name, c->twin));
	}
	bpf_object__for_each_map(map, obj)
	{
		bool ours = !strcmp(bpf_map__name(map), c->map);

		if (!bpf_map__is_internal(map))
			bpf_map__set_autocreate(map, ours);
		if (ours && c->entries)
			bpf_map__set_max_entries(map, c->entries);
	}
	map = bpf_object__find_map_by_name(obj, ".rodata");
	return map ? bpf_map__set_initial_value(map, &keys, sizeof(keys)) : -EINVAL;
}

static int fill_loaded(const struct map_case *c, struct map_load *l)
{
	struct bpf_map *map = bpf_object__find_map_by_name(l->obj, c->map);
	uint32_t zero = 0;

	l->map = bpf_map__fd(map);
	l->prog = bpf_program__fd(bpf_object__find_program_by_name(l->obj, c->prog));
	l->twin = bpf_program__fd(bpf_object__find_program_by_name(l->obj, c->twin));
	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_RINGBUF:
		return map_ring(l);
	case BPF_MAP_TYPE_PROG_ARRAY:
		return bpf_map_update_elem(l->map, &zero, &l->prog, BPF_ANY);
	case BPF_MAP_TYPE_LPM_TRIE:
		return fill_prefixes(c, l->map);
	case BPF_MAP_TYPE_QUEUE:
		return 0;
	default:
		return fill(c, map);
	}
}

int map_open(const struct map_case *c, struct map_load *ret)
{
	struct map_load l = { 0 };
	int r;

	l.obj = bpf_object__open(BENCH_OBJECTS "/maps.bpf.o");
	if (!l.obj)
		return -errno;
	r = choose(c, l.obj);
	r = r ?: bpf_object__load(l.obj);
	r = r ?: fill_loaded(c, &l);
	if (r) {
		map_close(&l);
		return r;
	}
	*ret = l;
	return 0;
}

void map_close(struct map_load *l)
{
	if (l->ring)
		munmap(l->ring, (size_t)sysconf(_SC_PAGESIZE));
	bpf_object__close(l->obj);
}

/* --- measuring -------------------------------------------------------------------------------- */

int map_batch(const struct map_load *l, int prog, unsigned repeat, uint32_t *retval, double *ns)
{
	char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	int r = drain(l);

	/* The largest records of a batch fit: 64 bytes and a header. */
	if (l->ring && repeat > RING_BYTES / OPS / 72)
		repeat = RING_BYTES / OPS / 72;
	opts.repeat = (int)repeat;
	r = r ?: bpf_prog_test_run_opts(prog, &opts);
	*retval = opts.retval;
	*ns = opts.duration;
	return r;
}

/* ns per run, the best of some batches; *retval is the first run's. */
static int measure_prog(const struct map_load *l, int prog, uint32_t *retval, double *best)
{
	double ns;
	int r = map_batch(l, prog, 1, retval, &ns);

	for (unsigned i = 0; i < WARM_UPS && r == 0; i++)
		r = map_batch(l, prog, 20, &(uint32_t){ 0 }, &ns);
	*best = 1e18;
	for (unsigned b = 0; b < BATCHES && r == 0; b++) {
		unsigned repeat = (unsigned)(BATCH_NS / fmax(ns, 1)) + 1;

		r = map_batch(l, prog, repeat, &(uint32_t){ 0 }, &ns);
		*best = fmin(*best, ns);
	}
	return r;
}

/* ns of one operation. */
static int measure(const struct map_case *c, const struct map_load *l, uint32_t *retval, double *ns)
{
	double with = 0, without = 0;
	int r = measure_prog(l, l->prog, retval, &with);

	r = r ?: measure_prog(l, l->twin, &(uint32_t){ 0 }, &without);
	*ns = (with - without) / c->ops;
	return r;
}

/* ns of one lookup by bpf(2). */
static int measure_app(const struct map_case *c, const struct map_load *l, uint32_t *retval,
		       double *ns)
{
	const unsigned repeat = 2000;
	uint64_t key = 0, value = 0;
	union bpf_attr attr;
	int r = 0;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)l->map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	*ns = 1e18;
	for (unsigned b = 0; b < BATCHES && r == 0; b++) {
		uint64_t start = now_ns();

		for (unsigned i = 0; i < repeat && r == 0; i++) {
			key = i * 7 % c->keys;
			r = (int)target_bpf(BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
		}
		*ns = fmin(*ns, (double)(now_ns() - start) / repeat);
	}
	*retval = (uint32_t)value;
	return r;
}

/* One value on a freshly loaded object. */
static int measure_fresh(const struct map_case *c, map_measure_fn fn, enum target t,
			 uint32_t *retval, double *value)
{
	struct map_load l;
	int r;

	target_use(t);
	r = map_open(c, &l);
	if (r == 0) {
		r = fn(c, &l, retval, value);
		map_close(&l);
	}
	if (r)
		fprintf(stderr, "bench: %s on target %d: %s\n", c->name, t, strerror(-r));
	return r;
}

static int bench_case(const struct bench_opts *o, const struct map_case *c, map_measure_fn fn,
		      struct report_row *row)
{
	static const enum target order[] = { TARGET_JIT, TARGET_KERNEL };
	struct series s[_TARGET_MAX] = { 0 };
	uint32_t ret[_TARGET_MAX] = { 0 };

	for (unsigned round = 0; round < o->rounds; round++) {
		for (unsigned i = 0; i < 2; i++) {
			enum target t = order[(i + round) % 2];
			double value = 0;
			int r = target_available(t) ? measure_fresh(c, fn, t, &ret[t], &value) : 0;

			if (r)
				return r;
			if (target_available(t))
				series_add(&s[t], value);
		}
	}
	if (s[TARGET_KERNEL].n && ret[TARGET_KERNEL] != ret[TARGET_JIT]) {
		fprintf(stderr, "bench: %s: Skep returns %#x, the host %#x\n", c->name,
			ret[TARGET_JIT], ret[TARGET_KERNEL]);
		return -EILSEQ;
	}
	row->name = c->name;
	report_add_targets(row, s);
	return 0;
}

/* False, and says so, where Skep has no map of the case's type. */
static bool has_map(const struct map_case *c)
{
	struct bpf_object *obj = bpf_object__open(BENCH_OBJECTS "/maps.bpf.o");
	const struct bpf_map *map = obj ? bpf_object__find_map_by_name(obj, c->map) : NULL;
	const struct map_type *t = map ? map_type(bpf_map__type(map)) : NULL;

	if (t && !t->sys)
		printf("# no row %s: Skep has no maps of type %s\n", c->name, t->name);
	bpf_object__close(obj);
	return !t || t->sys;
}

int map_bench(const struct bench_opts *o, const struct map_case *c, unsigned n, map_measure_fn fn,
	      const struct report_row *like)
{
	int r = 0;

	for (const struct map_case *end = c + n; c < end && r == 0; c++) {
		struct report_row row = *like;

		if ((!o->only || !strcmp(o->only, c->name)) && has_map(c))
			r = bench_case(o, c, fn, &row);
	}
	return r;
}

int suite_map(const struct bench_opts *o)
{
	static const struct report_row like = { .suite = "map", .unit = "ns" };
	static const struct map_case app = { "app_lookup", "hash_lookup", "keys8", "hash",
					     1024,	   1024,	  1 };
	int r = map_bench(o, cases, NR_CASES, measure, &like);

	r = r ?: map_bench(o, &app, 1, measure_app, &like);
	r = r ?: suite_map_hive(o);
	r = r ?: suite_map_threads(o);
	return r ?: suite_map_remote(o);
}
