/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_differ.c - the same operations on a map of every kernel: Skep with either engine and, where
 * it lets us, the host.  Results, errno and contents must be equal.
 *
 *	map-differ [--seed S] [--count N] [--seconds T] [--row NAME] [--print]
 *
 * Sequences are numbered from S on; each number is a sequence.  What differs is reduced to the
 * fewest operations, printed, and the end is 1.
 *
 * Left out is what two right kernels may do differently: the order in which a hash gives its keys,
 * what an LRU map evicts (it has more room than keys), what a bloom filter guesses.
 */
#include "tests/fuzz/map_differ.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "map/map.h"

#define OPS_MAX	     160
#define FREEZE_AFTER 120 /* what comes before a freeze says more */

const struct row rows[] = {
	{ "array", BPF_MAP_TYPE_ARRAY, 4, 8, 10, 0, ORDERED },
	{ "array_13", BPF_MAP_TYPE_ARRAY, 4, 13, 12, BPF_F_MMAPABLE, ORDERED },
	{ "percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 6, 9, 0, ORDERED },
	{ "hash", BPF_MAP_TYPE_HASH, 4, 8, 8, 0, 0 },
	{ "hash_8", BPF_MAP_TYPE_HASH, 8, 3, 20, 0, 0 },
	{ "hash_16", BPF_MAP_TYPE_HASH, 16, 40, 9, 0, 0 },
	{ "hash_1", BPF_MAP_TYPE_HASH, 1, 1, 7, BPF_F_NO_PREALLOC, 0 },
	{ "hash_13", BPF_MAP_TYPE_HASH, 13, 8, 11, BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED, 0 },
	{ "hash_one", BPF_MAP_TYPE_HASH, 8, 8, 1, 0, 0 },
	{ "percpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 4, 12, 8, 0, 0 },
	{ "percpu_hash_8", BPF_MAP_TYPE_PERCPU_HASH, 8, 8, 8, BPF_F_NO_PREALLOC, 0 },
	{ "lru_hash", BPF_MAP_TYPE_LRU_HASH, 4, 8, 4096, 0, 0 },
	{ "lru_percpu_hash", BPF_MAP_TYPE_LRU_PERCPU_HASH, 6, 8, 4096, 0, 0 },
	{ "array_of_maps", BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 9, 0, ORDERED | OBJECTS },
	{ "hash_of_maps", BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 8, 0, OBJECTS },
	{ "locked_array", BPF_MAP_TYPE_ARRAY, 4, 16, 5, 0, ORDERED | LOCKED },
	{ "locked_hash", BPF_MAP_TYPE_HASH, 4, 16, 9, 0, LOCKED },
	{ "queue", BPF_MAP_TYPE_QUEUE, 0, 8, 6, 0, KEYLESS },
	{ "queue_12", BPF_MAP_TYPE_QUEUE, 0, 12, 1, 0, KEYLESS },
	{ "stack", BPF_MAP_TYPE_STACK, 0, 20, 5, 0, KEYLESS },
	{ "bloom_filter", BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 100, 0, KEYLESS | GUESSES },
	{ "lpm_trie", BPF_MAP_TYPE_LPM_TRIE, 8, 8, 20, BPF_F_NO_PREALLOC, PREFIX },
	{ "lpm_trie_full", BPF_MAP_TYPE_LPM_TRIE, 8, 3, 5, BPF_F_NO_PREALLOC, PREFIX },
	{ "lpm_trie_many", BPF_MAP_TYPE_LPM_TRIE, 8, 8, 100000, BPF_F_NO_PREALLOC, PREFIX },
};
const unsigned nr_rows = ARRAY_SIZE(rows);

struct options {
	uint64_t seed, count;
	unsigned seconds; /* 0: no limit */
	const char *row;  /* NULL: all */
	bool print;
};

struct sequence {
	const struct row *row;
	struct op op[OPS_MAX];
	unsigned n;
};

/* --- sequences by number -----------------------------------------------------------------------
 */

static uint64_t state;

static uint64_t random64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)((random64() >> 32) * n >> 32);
}

static bool kind_fits(const struct op_kind *k, const struct row *row, unsigned at)
{
	const bool keyless = row->like & KEYLESS;

	if (k->not_like & row->like || (at < FREEZE_AFTER && !strcmp(k->name, "freeze")))
		return false;
	return k->prog < 0 || sides[0].prog[k->prog] >= 0 || (keyless && k->prog >= PROG_PUSH);
}

static uint8_t pick_kind(const struct row *row, unsigned at)
{
	unsigned sum = 0, n;
	uint8_t i = 0;

	for (unsigned k = 0; k < nr_kinds; k++)
		sum += kind_fits(&kinds[k], row, at) ? kinds[k].weight : 0;
	n = below(sum);
	for (;; i++) {
		if (!kind_fits(&kinds[i], row, at))
			continue;
		if (n < kinds[i].weight)
			return i;
		n -= kinds[i].weight;
	}
}

static uint64_t pick_flags(const struct op_kind *k, const struct row *row)
{
	static const uint64_t odd[] = {
		3, 5, 6, 8, 16, BPF_F_LOCK, BPF_F_LOCK | BPF_EXIST, UINT64_C(1) << 40
	};

	if (k->takes_flags && row->like & LOCKED && below(3) == 0)
		return BPF_F_LOCK | (strstr(k->name, "update") ? below(3) : 0);
	/* Only updates know any but 0. */
	if (!k->takes_flags || (!strstr(k->name, "update") && !strstr(k->name, "push")))
		return k->takes_flags && below(12) == 0 ? odd[below(ARRAY_SIZE(odd))] : 0;
	if (strstr(k->name, "batch") && below(8))
		return 0;
	return below(12) ? below(2) ? 0 : below(3) : odd[below(ARRAY_SIZE(odd))];
}

/* sides[0] has the row's programs. */
static void make(struct sequence *q, const struct row *row, uint64_t number)
{
	state = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	random64();
	q->row = row;
	q->n = OPS_MAX / 2 + below(OPS_MAX / 2 + 1);
	for (unsigned i = 0; i < q->n; i++) {
		struct op *op = &q->op[i];

		op->kind = pick_kind(row, i);
		op->key = (uint8_t)below(KEYS);
		op->value = (uint8_t)below(VALUES);
		op->count = (uint8_t)below(KEYS + 2);
		op->flags = pick_flags(&kinds[op->kind], row);
	}
}

/* --- comparing ----------------------------------------------------------------------------------
 */

static struct outcome outcomes[SIDES_MAX];

/* The side that does not agree with the first one; 0: all do. */
static unsigned disagrees(void)
{
	const struct outcome *a = &outcomes[0];

	for (unsigned i = 1; i < nr_sides; i++) {
		const struct outcome *b = &outcomes[i];

		if (a->err != b->err || a->count != b->count || a->n != b->n ||
		    memcmp(a->data, b->data, a->n))
			return i;
	}
	return 0;
}

static void clear_outcomes(void)
{
	for (unsigned i = 0; i < nr_sides; i++)
		outcomes[i].err = outcomes[i].count = outcomes[i].n = 0;
}

/* Values in a bloom filter so far: others may be found or not. */
static bool is_guess(const struct sequence *q, const struct op *op, uint32_t *put)
{
	const char *name = kinds[op->kind].name;

	if (!(q->row->like & GUESSES))
		return false;
	if ((!strcmp(name, "update") || !strcmp(name, "prog_push")) && op->flags == 0)
		*put |= 1u << op->value;
	return !(*put & 1u << op->value) && (!strcmp(name, "lookup") || !strcmp(name, "prog_peek"));
}

/* Runs the sequence; the number of the operation that differs (q->n: the contents), or -1. */
static int run(const struct sequence *q, unsigned *ret_side)
{
	uint32_t put = 0;
	int at = -1;
	long err;

	for (unsigned i = 0; i < nr_sides; i++) {
		if (!side_open(&sides[i], q->row, &err)) {
			fprintf(stderr, "map-differ: %s on %s: %s\n", q->row->name, sides[i].name,
				strerror((int)-err));
			exit(1);
		}
	}
	for (unsigned i = 0; i < q->n && at < 0; i++) {
		const bool guess = is_guess(q, &q->op[i], &put);

		clear_outcomes();
		for (unsigned s = 0; s < nr_sides; s++)
			kinds[q->op[i].kind].run(&sides[s], &q->op[i], &outcomes[s]);
		*ret_side = guess ? 0 : disagrees();
		if (*ret_side)
			at = (int)i;
	}
	if (at < 0 && !(q->row->like & KEYLESS)) {
		clear_outcomes();
		for (unsigned s = 0; s < nr_sides; s++)
			op_contents(&sides[s], &outcomes[s]);
		*ret_side = disagrees();
		at = *ret_side ? (int)q->n : -1;
	}
	for (unsigned i = 0; i < nr_sides; i++)
		side_close(&sides[i]);
	return at;
}

/* Takes out whatever does not keep it from differing. */
static void reduce(struct sequence *q)
{
	unsigned side;
	bool less = true;

	while (less) {
		less = false;
		for (unsigned i = q->n; i-- > 0;) {
			struct sequence try = *q;

			memmove(&try.op[i], &try.op[i + 1], (try.n - i - 1) * sizeof(try.op[0]));
			try.n--;
			if (run(&try, &side) < 0)
				continue;
			*q = try;
			less = true;
		}
	}
}

static void print_op(const struct op *op)
{
	fprintf(stderr, "  %s key %u value %u count %u flags 0x%llx\n", kinds[op->kind].name,
		op->key, op->value, op->count, (unsigned long long)op->flags);
}

static void print_outcome(unsigned i)
{
	const struct outcome *o = &outcomes[i];

	fprintf(stderr, "  %s: %ld, count %u,", sides[i].name, o->err, o->count);
	for (uint32_t b = 0; b < MIN(o->n, 400u); b++)
		fprintf(stderr, "%s%02x", b % 4 ? "" : " ", o->data[b]);
	fprintf(stderr, "\n");
}

static void report(struct sequence *q, uint64_t number)
{
	unsigned side;
	int at;

	fprintf(stderr, "sequence %llu, %s:\n", (unsigned long long)number, q->row->name);
	reduce(q);
	at = run(q, &side);
	if (at < 0) {
		fprintf(stderr, "it does not happen again\n");
		return;
	}
	for (unsigned i = 0; i < q->n && (int)i <= at; i++)
		print_op(&q->op[i]);
	fprintf(stderr, " %s\n", at == (int)q->n ? "the contents differ" : "the last one differs");
	print_outcome(0);
	print_outcome(side);
}

/* --- the run -----------------------------------------------------------------------------------
 */

/* Per-CPU values are of the CPU that all programs run on. */
static void stay_on_one_cpu(void)
{
	cpu_set_t set, one;
	unsigned cpu = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return;
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static bool over(const struct options *o, const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return o->seconds && now.tv_sec - start->tv_sec >= (time_t)o->seconds;
}

/*
 * The row of sequence n, or NULL: not asked for.  Maps of maps have a turn now and then only: the
 * host waits for all its CPUs after every change of one.
 */
static const struct row *row_of(const struct options *o, uint64_t n)
{
	const struct row *row = &rows[n % nr_rows];

	if (o->row)
		return strcmp(o->row, row->name) ? NULL : row;
	if (!map_type(row->type)->sys)
		return NULL;
	return row->like & OBJECTS && n / nr_rows % 8 ? NULL : row;
}

static int run_all(const struct options *o)
{
	struct timespec start;
	uint64_t n, done = 0;

	for (unsigned i = 0; i < nr_rows; i++)
		if (!o->row && !map_type(rows[i].type)->sys)
			printf("# without %s: Skep has no such map\n", rows[i].name);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (n = o->seed; n < o->count + o->seed && !over(o, &start); n++) {
		const struct row *row = row_of(o, n);
		struct sequence q;
		unsigned side;
		long err;

		if (!row)
			continue;
		if (!side_open(&sides[0], row, &err)) {
			fprintf(stderr, "map-differ: %s: %s\n", row->name, strerror((int)-err));
			return 1;
		}
		make(&q, row, n);
		side_close(&sides[0]);
		for (unsigned i = 0; o->print && i < q.n; i++)
			print_op(&q.op[i]);
		if (run(&q, &side) >= 0) {
			report(&q, n);
			return 1;
		}
		done++;
	}
	printf("seed %llu: %llu sequences on %u kernels, no difference\n",
	       (unsigned long long)o->seed, (unsigned long long)done, nr_sides);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .count = UINT32_MAX };
	int r;

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(argv[i], "--print")) {
			o.print = true;
		} else if (value && !strcmp(argv[i], "--seed")) {
			o.seed = strtoull(argv[++i], NULL, 0);
		} else if (value && !strcmp(argv[i], "--count")) {
			o.count = strtoull(argv[++i], NULL, 0);
		} else if (value && !strcmp(argv[i], "--seconds")) {
			o.seconds = (unsigned)strtoul(argv[++i], NULL, 0);
		} else if (value && !strcmp(argv[i], "--row")) {
			o.row = argv[++i];
		} else {
			fprintf(stderr,
				"usage: %s [--seed S] [--count N] [--seconds T] [--row NAME] "
				"[--print]\n",
				argv[0]);
			return 2;
		}
	}
	stay_on_one_cpu();
	sides_init();
	r = run_all(&o);
	sides_fini();
	return r;
}
