/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linearisability: threads work on the same few keys, and for every key there must be an order of
 * what they did that a map without threads would have answered alike, in which nothing comes
 * before what had ended when it began.
 *
 * A round is a few operations of each thread, recorded with the time before and after; then the
 * orders of each key's operations are searched.  Beside them a thread that is not recorded makes
 * other keys come and go, so that elements change hands all the time.  Suite "concurrent".
 */
#include "tests/unit/map/maps.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define THREADS 3
#define KEYS	3
#define OPS	8 /* of a thread in a round */
#define ROUND	(THREADS * OPS)
#define RUN_MS	500
#define FIRST	1000 /* other keys are from here on */

/* --- what happened ------------------------------------------------------------------------------
 */

enum what {
	UPDATE, /* by a program; arg is the value */
	PUT,	/* the same by bpf(2) */
	DELETE,
	READ, /* by bpf(2): the value */
	SEE,  /* by a program: is it there? What is there may be another's once it was removed. */
	PEEP, /* by a program, where elements stay: the value */
	TAKE, /* LOOKUP_AND_DELETE */
};

struct event {
	enum what what;
	uint32_t key;
	uint64_t flags;
	int64_t arg;
	int64_t ret;	     /* what was answered: a value, or -errno */
	uint64_t begin, end; /* ns */
};

/* The value of a key, or: */
#define ABSENT INT64_C(-1)

/* May a map in this state answer so? Then it is in the next one. */
static bool explains(const struct event *e, int64_t *state)
{
	const int64_t found = *state == ABSENT ? -ENOENT : *state;

	switch (e->what) {
	case UPDATE:
	case PUT:
		if (e->flags == BPF_NOEXIST && *state != ABSENT)
			return e->ret == -EEXIST;
		if (e->flags == BPF_EXIST && *state == ABSENT)
			return e->ret == -ENOENT;
		*state = e->arg;
		return e->ret == 0;
	case DELETE:
		*state = ABSENT;
		return e->ret == (found < 0 ? found : 0);
	case TAKE:
		*state = ABSENT;
		return e->ret == found;
	case READ:
	case PEEP:
		return e->ret == found;
	case SEE:
		return e->ret == (found >= 0);
	}
	return false;
}

/* --- the search ---------------------------------------------------------------------------------
 */

#define SEEN 4096 /* a power of two */

/* Operations done and the state then, from which no order led to the end. */
struct search {
	const struct event *e;
	unsigned n;
	struct {
		uint32_t done;
		int64_t state;
	} dead[SEEN];
};

static unsigned slot_of(uint32_t done, int64_t state)
{
	return (uint32_t)((done ^ (uint64_t)state << 32) * UINT64_C(0x9e3779b97f4a7c15) >> 40) %
	       SEEN;
}

static bool search(struct search *s, uint32_t done, int64_t state)
{
	const uint32_t all = (uint32_t)((UINT64_C(1) << s->n) - 1);
	const unsigned slot = slot_of(done, state);
	uint64_t first_end = UINT64_MAX;

	if (done == all)
		return true;
	if (s->dead[slot].done == done && s->dead[slot].state == state && done)
		return false;
	for (unsigned i = 0; i < s->n; i++)
		if (!(done >> i & 1))
			first_end = MIN(first_end, s->e[i].end);
	for (unsigned i = 0; i < s->n; i++) {
		int64_t next = state;

		if (!(done >> i & 1) && s->e[i].begin <= first_end && explains(&s->e[i], &next) &&
		    search(s, done | 1u << i, next))
			return true;
	}
	s->dead[slot].done = done;
	s->dead[slot].state = state;
	return false;
}

static bool has_order(const struct event *e, unsigned n, int64_t state)
{
	static struct search s;

	memset(&s, 0, sizeof(s));
	s.e = e;
	s.n = n;
	return search(&s, 0, state);
}

TEST(what_no_order_explains_is_seen)
{
	/* A value is read after it was seen to be gone; nothing put it back. */
	const struct event wrong[] = {
		{ .what = DELETE, .ret = 0, .begin = 1, .end = 4 },
		{ .what = READ, .ret = -ENOENT, .begin = 2, .end = 3 },
		{ .what = READ, .ret = 7, .begin = 5, .end = 6 },
	};
	struct event right[3];

	ASSERT(!has_order(wrong, 3, 7));
	memcpy(right, wrong, sizeof(right));
	right[2].begin = 2; /* the two overlap: it may have come first */
	ASSERT(has_order(right, 3, 7));
	/* Both of two that must be first say that they were. */
	right[0] = (struct event){ .what = UPDATE, .flags = BPF_NOEXIST, .arg = 1, .end = 9 };
	right[1] = (struct event){ .what = PUT, .flags = BPF_NOEXIST, .arg = 2, .end = 9 };
	ASSERT(!has_order(right, 2, ABSENT));
	right[1].ret = -EEXIST;
	ASSERT(has_order(right, 2, ABSENT));
}

/* --- the threads --------------------------------------------------------------------------------
 */

static struct skep_map *map;
static const enum what *mix; /* [nr_mix], what threads do; more often what is there twice */
static unsigned nr_mix;
static struct event events[THREADS][OPS];
static uint32_t comers; /* threads that meet */
static _Atomic uint32_t arrived, turn;
static _Atomic bool stop;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* All threads and the judge meet here; it is short, so they spin first. */
static void meet(void)
{
	const uint32_t mine = atomic_load(&turn);

	if (atomic_fetch_add(&arrived, 1) + 1 == comers) {
		atomic_store(&arrived, 0);
		atomic_store(&turn, mine + 1);
		return;
	}
	for (unsigned spins = 0; atomic_load(&turn) == mine; spins++)
		if (spins > 200)
			sched_yield();
}

static void make_key(uint64_t key[2], uint64_t k)
{
	key[0] = k;
	key[1] = map->key_size > 8 ? ~k : 0;
}

static int64_t do_it(const struct event *e, uint32_t cpu)
{
	uint64_t key[2], value = (uint64_t)e->arg;
	void *mem;
	int err;

	make_key(key, e->key);
	switch (e->what) {
	case UPDATE:
		return map->ops->update(map, key, &value, e->flags, cpu);
	case PUT:
		return map_sys_update(map, key, &value, e->flags);
	case DELETE:
		return map->ops->delete (map, key);
	case READ:
		err = map_sys_lookup(map, key, &value, 0);
		return err ? err : (int64_t)value;
	case SEE:
		return map->ops->lookup(map, key, cpu) != NULL;
	case PEEP:
		mem = map->ops->lookup(map, key, cpu);
		return mem ? (int64_t)__atomic_load_n((uint64_t *)mem, __ATOMIC_RELAXED) : -ENOENT;
	case TAKE:
		err = map_sys_lookup_delete(map, key, &value, 0);
		return err ? err : (int64_t)value;
	}
	return 0;
}

static void *worker(void *arg)
{
	const uint32_t cpu = (uint32_t)(uintptr_t)arg;
	uint64_t state = 4711 + cpu, count = 0;

	for (;;) {
		meet();
		if (atomic_load(&stop))
			return NULL;
		for (unsigned i = 0; i < OPS; i++) {
			struct event *e = &events[cpu][i];
			uint64_t r = random64(&state);

			e->what = mix[r % nr_mix];
			e->key = (uint32_t)(r >> 16) % KEYS;
			e->flags = map->type == BPF_MAP_TYPE_ARRAY ? 0 : (r >> 32) % 3;
			e->arg = (int64_t)(cpu + THREADS * ++count);
			e->begin = now();
			e->ret = do_it(e, cpu);
			/* It has not ended before the others see what it stored. */
			atomic_thread_fence(memory_order_seq_cst);
			e->end = now();
		}
		meet();
	}
}

/* Other keys come and go, on a CPU of its own. */
static void *stranger(void *arg)
{
	uint64_t state = 99, key[2], value = UINT32_MAX;

	(void)arg;
	for (;;) {
		meet();
		if (atomic_load(&stop))
			return NULL;
		for (unsigned i = 0; i < 3 * OPS; i++) {
			const uint64_t r = random64(&state);

			make_key(key, FIRST + r % 16);
			if (r >> 32 & 1)
				map->ops->update(map, key, &value, 0, THREADS);
			else
				map->ops->delete (map, key);
		}
		meet();
	}
}

static int64_t state_of(uint32_t k)
{
	uint64_t key[2], value;

	make_key(key, k);
	return map_sys_lookup(map, key, &value, 0) ? ABSENT : (int64_t)value;
}

static void print_events(const struct event *e, unsigned n, int64_t before)
{
	static const char *const names[] = { "update", "put",  "delete", "read",
					     "see",    "peep", "take" };

	printf("# before: %" PRId64 "\n", before);
	for (unsigned i = 0; i < n; i++)
		printf("# %" PRIu64 "..%" PRIu64 " %s %" PRId64 " flags %" PRIu64 ": %" PRId64 "\n",
		       e[i].begin - e[0].begin, e[i].end - e[0].begin, names[e[i].what], e[i].arg,
		       e[i].flags, e[i].ret);
}

static void judge_key(uint32_t key, int64_t before)
{
	struct event of_key[ROUND + 1];
	unsigned n = 0;

	for (unsigned t = 0; t < THREADS; t++)
		for (unsigned i = 0; i < OPS; i++)
			if (events[t][i].key == key)
				of_key[n++] = events[t][i];
	/* And what is there in the end. */
	of_key[n++] = (struct event){ .what = READ,
				      .ret = state_of(key) == ABSENT ? -ENOENT : state_of(key),
				      .begin = UINT64_MAX,
				      .end = UINT64_MAX };
	if (has_order(of_key, n, before))
		return;
	print_events(of_key, n, before);
	ASSERT_MSG(false, "key %u: no order explains this", key);
}

static void run(const enum what *ops, unsigned nr_ops, unsigned others)
{
	const uint64_t end = now() + RUN_MS * UINT64_C(1000000);
	pthread_t t[THREADS + 1];
	unsigned rounds = 0;

	mix = ops;
	nr_mix = nr_ops;
	atomic_store(&stop, false);
	atomic_store(&arrived, 0);
	comers = 1 + THREADS + others;
	for (uintptr_t i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, worker, (void *)i), 0);
	if (others)
		ASSERT_EQ(pthread_create(&t[THREADS], NULL, stranger, NULL), 0);
	for (; now() < end; rounds++) {
		int64_t before[KEYS];

		for (uint32_t k = 0; k < KEYS; k++)
			before[k] = state_of(k);
		meet();
		meet();
		for (uint32_t k = 0; k < KEYS; k++)
			judge_key(k, before[k]);
	}
	atomic_store(&stop, true);
	meet();
	for (unsigned i = 0; i < THREADS + others; i++)
		pthread_join(t[i], NULL);
	printf("# %u rounds\n", rounds);
	ASSERT_GT(rounds, 10);
}

TEST(hash_is_linearisable)
{
	static const enum what ops[] = { UPDATE, UPDATE, PUT, DELETE, DELETE, READ, SEE, TAKE };
	/* One bucket with a chain; two, of which one is full often; elements to spare. */
	static const struct {
		uint32_t key, entries;
	} maps[] = { { 8, 20 }, { 16, 20 }, { 8, 200 }, { 16, 4096 } };

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		map = MAP(BPF_MAP_TYPE_HASH, maps[i].key, 8, maps[i].entries);
		run(ops, ARRAY_SIZE(ops), 1);
		map_put(map);
	}
}

TEST(lru_hash_is_linearisable_below_its_capacity)
{
	static const enum what ops[] = { UPDATE, PUT, DELETE, READ, SEE, TAKE };

	map = MAP(BPF_MAP_TYPE_LRU_HASH, 8, 8, 4096);
	run(ops, ARRAY_SIZE(ops), 1);
	map_put(map);
}

TEST(array_is_linearisable)
{
	static const enum what ops[] = { UPDATE, PUT, READ, PEEP };

	map = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, KEYS);
	run(ops, ARRAY_SIZE(ops), 0);
	map_put(map);
}
