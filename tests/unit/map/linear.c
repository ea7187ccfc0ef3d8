/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linearisability: threads work on the same few keys, and there must be an order of what they did
 * that a map without threads would have answered alike, in which nothing comes before what had
 * ended when it began.
 *
 * A round is a few operations of each thread, recorded with the time before and after; then the
 * orders are searched: of each key's operations where keys have nothing to do with each other, of
 * all in queues and tries.  Beside them a thread that is not recorded makes other keys come and
 * go, so that elements change hands all the time.  Suite "concurrent".
 */
#include "base/sys.h"
#include "hive/vcpu.h"
#include "tests/unit/map/maps.h"

#include <pthread.h>
#include <time.h>

#define THREADS	   3
#define KEYS	   3
#define OPS	   8 /* of a thread in a round */
#define ROUND	   (THREADS * OPS)
#define RUN_MS	   500 /* and on a busy machine until there were */
#define ROUNDS_MIN 20
#define FIRST	   1000 /* other keys are from here on */

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
	PUSH, /* queues: by a program; by bpf(2) it is PUT, READ, TAKE */
	POP,
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
#define ABSENT	  INT64_C(-1)
#define QUEUE_MAX 4

/* What the map holds. */
struct state {
	int64_t v[QUEUE_MAX]; /* by key; a queue's, the oldest first */
	uint64_t n;	      /* of a queue */
};

/* May a map in this state answer so? Then it is in the next one. */
typedef bool (*explains_fn)(const struct event *e, struct state *s);

/* As an element of a hash or array; `found` is what a lookup finds. */
static bool explains_elem(const struct event *e, int64_t *elem, int64_t found)
{
	const bool there = *elem != ABSENT;

	switch (e->what) {
	case UPDATE:
	case PUT:
		if (e->flags == BPF_NOEXIST && there)
			return e->ret == -EEXIST;
		if (e->flags == BPF_EXIST && !there)
			return e->ret == -ENOENT;
		*elem = e->arg;
		return e->ret == 0;
	case DELETE:
		*elem = ABSENT;
		return e->ret == (there ? 0 : -ENOENT);
	case TAKE:
		*elem = ABSENT;
		return e->ret == found;
	case READ:
	case PEEP:
		return e->ret == found;
	case SEE:
		return e->ret == (found >= 0);
	default:
		return false;
	}
}

static bool explains_key(const struct event *e, struct state *s)
{
	return explains_elem(e, &s->v[e->key], s->v[e->key] == ABSENT ? -ENOENT : s->v[e->key]);
}

/* A trie's keys are prefixes of each other, and lookups ask for what all of them cover. */
static bool explains_prefix(const struct event *e, struct state *s)
{
	int64_t found = -ENOENT;

	for (uint32_t k = 0; k < KEYS; k++)
		if (s->v[k] != ABSENT)
			found = s->v[k];
	return explains_elem(e, &s->v[e->key], found);
}

static void queue_drop(struct state *s)
{
	memmove(&s->v[0], &s->v[1], sizeof(s->v) - sizeof(s->v[0]));
	s->v[--s->n] = 0;
}

static bool explains_queue(const struct event *e, struct state *s)
{
	const int64_t found = s->n ? s->v[0] : -ENOENT;

	switch (e->what) {
	case PUSH:
	case PUT:
		if (s->n == QUEUE_MAX && e->flags != BPF_EXIST)
			return e->ret == -E2BIG;
		if (s->n == QUEUE_MAX)
			queue_drop(s);
		s->v[s->n++] = e->arg;
		return e->ret == 0;
	case POP:
	case TAKE:
		if (s->n)
			queue_drop(s);
		return e->ret == found;
	case READ:
		return e->ret == found;
	default:
		return false;
	}
}

/* --- the search ---------------------------------------------------------------------------------
 */

#define SEEN 4096 /* a power of two */

/* Operations done and the state then, from which no order led to the end. */
struct search {
	explains_fn explains;
	const struct event *e;
	unsigned n;
	struct {
		uint32_t done;
		struct state state;
	} dead[SEEN];
};

static unsigned slot_of(uint32_t done, const struct state *s)
{
	uint64_t h = done;

	for (unsigned i = 0; i < QUEUE_MAX; i++)
		h = (h ^ (uint64_t)s->v[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return (unsigned)(h >> 40) % SEEN;
}

static bool search(struct search *s, uint32_t done, const struct state *state)
{
	const uint32_t all = (uint32_t)((UINT64_C(1) << s->n) - 1);
	const unsigned slot = slot_of(done, state);
	uint64_t first_end = UINT64_MAX;

	if (done == all)
		return true;
	if (done && s->dead[slot].done == done &&
	    !memcmp(&s->dead[slot].state, state, sizeof(*state)))
		return false;
	for (unsigned i = 0; i < s->n; i++)
		if (!(done >> i & 1))
			first_end = MIN(first_end, s->e[i].end);
	for (unsigned i = 0; i < s->n; i++) {
		struct state next = *state;

		if (!(done >> i & 1) && s->e[i].begin <= first_end &&
		    s->explains(&s->e[i], &next) && search(s, done | 1u << i, &next))
			return true;
	}
	s->dead[slot].done = done;
	s->dead[slot].state = *state;
	return false;
}

static bool has_order(explains_fn explains, const struct event *e, unsigned n,
		      const struct state *before)
{
	static struct search s;

	for (unsigned i = 0; i < SEEN; i++)
		s.dead[i].done = 0;
	s.explains = explains;
	s.e = e;
	s.n = n;
	return search(&s, 0, before);
}

TEST(what_no_order_explains_is_seen)
{
	/* A value is read after it was seen to be gone; nothing put it back. */
	const struct event wrong[] = {
		{ .what = DELETE, .ret = 0, .begin = 1, .end = 4 },
		{ .what = READ, .ret = -ENOENT, .begin = 2, .end = 3 },
		{ .what = READ, .ret = 7, .begin = 5, .end = 6 },
	};
	const struct state seven = { .v = { 7 } }, none = { .v = { ABSENT } };
	struct event right[3];

	ASSERT(!has_order(explains_key, wrong, 3, &seven));
	memcpy(right, wrong, sizeof(right));
	right[2].begin = 2; /* the two overlap: it may have come first */
	ASSERT(has_order(explains_key, right, 3, &seven));
	/* Both of two that must be first say that they were. */
	right[0] = (struct event){ .what = UPDATE, .flags = BPF_NOEXIST, .arg = 1, .end = 9 };
	right[1] = (struct event){ .what = PUT, .flags = BPF_NOEXIST, .arg = 2, .end = 9 };
	ASSERT(!has_order(explains_key, right, 2, &none));
	right[1].ret = -EEXIST;
	ASSERT(has_order(explains_key, right, 2, &none));
}

TEST(what_no_queue_gives_is_seen)
{
	struct event e[] = {
		{ .what = PUSH, .arg = 1, .begin = 1, .end = 2 },
		{ .what = PUSH, .arg = 2, .begin = 3, .end = 4 },
		{ .what = POP, .ret = 2, .begin = 5, .end = 6 },
		{ .what = TAKE, .ret = 1, .begin = 7, .end = 8 },
	};
	const struct state empty = { .n = 0 };

	ASSERT(!has_order(explains_queue, e, 4, &empty));
	e[1].begin = 1;
	ASSERT(has_order(explains_queue, e, 4, &empty));
}

/* --- the threads --------------------------------------------------------------------------------
 */

static struct skep_map *map;
static const enum what *mix; /* [nr_mix], what threads do; more often what is there twice */
static unsigned nr_mix;
static explains_fn explains;
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
			sys_rest();
}

/* Tries: prefixes of 10.1.1.0 of 8, 16 and 24 bits; strangers' are others of 32 bits. */
static void make_prefix(uint32_t key[2], uint64_t k)
{
	const uint8_t addr[4] = { 10, 1, 1, k < FIRST ? 0 : (uint8_t)(k - FIRST + 128) };

	key[0] = k < FIRST ? 8 * ((uint32_t)k + 1) : 32;
	memcpy(&key[1], addr, sizeof(addr));
}

static void make_key(uint64_t key[2], uint64_t k)
{
	if (map->type == BPF_MAP_TYPE_LPM_TRIE) {
		make_prefix((uint32_t *)key, k);
		return;
	}
	key[0] = k;
	key[1] = map->key_size > 8 ? ~k : 0;
}

/* What lookups ask for: in a trie, what all its keys cover. */
static void make_question(uint64_t key[2], uint64_t k)
{
	make_key(key, k);
	if (map->type == BPF_MAP_TYPE_LPM_TRIE)
		((uint32_t *)key)[0] = 32;
}

/* One for each thread. */
static struct vcpus vcpus;

static struct vcpus *cpus(void)
{
	ASSERT_EQ(vcpus_init(&vcpus, NULL, THREADS + 1), 0);
	return &vcpus;
}

static int64_t value_or(long err, uint64_t value)
{
	return err ? err : (int64_t)value;
}

static int64_t operate(const struct event *e, uint32_t cpu)
{
	uint64_t key[2], question[2], value = (uint64_t)e->arg;
	void *mem;
	long err;

	make_key(key, e->key);
	make_question(question, e->key);
	switch (e->what) {
	case UPDATE:
		return map->ops->update(map, key, &value, e->flags, cpu);
	case PUT:
		return map_sys_update(map, key, &value, e->flags);
	case DELETE:
		return map->ops->delete (map, key, VCPU_NONE);
	case READ:
		err = map_sys_lookup(map, question, &value, 0);
		return value_or(err, value);
	case SEE:
		return map->ops->lookup(map, question, cpu) != NULL;
	case PEEP:
		mem = map->ops->lookup(map, question, cpu);
		return mem ? (int64_t)__atomic_load_n((uint64_t *)mem, __ATOMIC_RELAXED) : -ENOENT;
	case TAKE:
		err = map_sys_lookup_delete(map, key, &value, 0);
		return value_or(err, value);
	case PUSH:
		return map->ops->push(map, &value, e->flags, VCPU_NONE);
	case POP:
		err = map->ops->pop(map, &value, VCPU_NONE);
		return value_or(err, value);
	}
	return 0;
}

/* As a program does it, in a run of its CPU; bpf(2) is none. */
static int64_t do_it(const struct event *e, uint32_t cpu)
{
	const bool sys = e->what == PUT || e->what == READ || e->what == TAKE;
	struct vcpu *run = sys ? NULL : vcpu_get_at(&vcpus, cpu);
	const int64_t ret = operate(e, cpu);

	if (run)
		vcpu_put(run);
	return ret;
}

/* Flags that the operation knows. */
static uint64_t flags_of(enum what what, uint64_t random)
{
	if (map->type == BPF_MAP_TYPE_ARRAY)
		return 0;
	if (map->type == BPF_MAP_TYPE_QUEUE)
		return what == PUSH || what == PUT ? random % 2 * BPF_EXIST : 0;
	return random % 3;
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
			e->flags = flags_of(e->what, r >> 32);
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
			struct vcpu *run = vcpu_get_at(&vcpus, THREADS);

			make_key(key, FIRST + r % 16);
			if (r >> 32 & 1)
				map->ops->update(map, key, &value, 0, THREADS);
			else
				map->ops->delete (map, key, VCPU_NONE);
			vcpu_put(run);
		}
		meet();
	}
}

/* --- the judge ----------------------------------------------------------------------------------
 */

static int64_t value_of(uint32_t k)
{
	const struct event try = { .what = PUT, .key = k, .flags = BPF_NOEXIST };
	uint64_t key[2], value;

	make_key(key, k);
	/* In a trie a shorter prefix answers for one that is not there. */
	if (map->type == BPF_MAP_TYPE_LPM_TRIE && !do_it(&try, 0)) {
		map_sys_delete(map, key);
		return ABSENT;
	}
	return map_sys_lookup(map, key, &value, 0) ? ABSENT : (int64_t)value;
}

/* Queues are emptied: what they held are events, after all others. */
static unsigned drain(struct event *e)
{
	unsigned n = 0;

	for (;;) {
		e[n] = (struct event){ .what = TAKE, .begin = UINT64_MAX, .end = UINT64_MAX };
		e[n].ret = do_it(&e[n], 0);
		if (e[n++].ret < 0)
			return n;
	}
}

static void print_events(const struct event *e, unsigned n, const struct state *before)
{
	static const char *const names[] = { "update", "put",  "delete", "read", "see",
					     "peep",   "take", "push",	 "pop" };

	for (unsigned i = 0; i < QUEUE_MAX; i++)
		printf("# before: %" PRId64 "\n", before->v[i]);
	for (unsigned i = 0; i < n; i++)
		printf("# %" PRIu64 "..%" PRIu64 " %s %u %" PRId64 " flags %" PRIu64 ": %" PRId64
		       "\n",
		       e[i].begin - e[0].begin, e[i].end - e[0].begin, names[e[i].what], e[i].key,
		       e[i].arg, e[i].flags, e[i].ret);
}

/* The events of one key, or of all for KEYS; there is room for what is there in the end. */
static unsigned gather(struct event *ret, uint32_t key)
{
	unsigned n = 0;

	for (unsigned t = 0; t < THREADS; t++)
		for (unsigned i = 0; i < OPS; i++)
			if (key == KEYS || events[t][i].key == key)
				ret[n++] = events[t][i];
	return n;
}

static void judge(uint32_t key, const struct state *before)
{
	struct event e[ROUND + QUEUE_MAX + 1];
	unsigned n = gather(e, key);

	if (map->type == BPF_MAP_TYPE_QUEUE) {
		n += drain(&e[n]);
	} else {
		e[n] = (struct event){ .what = READ, .key = key % KEYS };
		e[n].begin = e[n].end = UINT64_MAX;
		e[n].ret = do_it(&e[n], 0);
		n++;
	}
	if (has_order(explains, e, n, before))
		return;
	print_events(e, n, before);
	ASSERT_MSG(false, "no order explains this");
}

static void play_round(void)
{
	struct state before = { .n = 0 };
	const bool apart = explains == explains_key;

	for (uint32_t k = 0; k < KEYS && map->type != BPF_MAP_TYPE_QUEUE; k++)
		before.v[k] = value_of(k);
	meet();
	meet();
	for (uint32_t k = 0; k < KEYS && apart; k++)
		judge(k, &before);
	if (!apart)
		judge(KEYS, &before);
}

static void run(explains_fn model, const enum what *ops, unsigned nr_ops, unsigned others)
{
	const uint64_t end = now() + RUN_MS * UINT64_C(1000000);
	pthread_t t[THREADS + 1];
	unsigned rounds = 0;

	explains = model;
	mix = ops;
	nr_mix = nr_ops;
	atomic_store(&stop, false);
	atomic_store(&arrived, 0);
	comers = 1 + THREADS + others;
	for (uintptr_t i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, worker, (void *)i), 0);
	if (others)
		ASSERT_EQ(pthread_create(&t[THREADS], NULL, stranger, NULL), 0);
	for (; rounds < ROUNDS_MIN || now() < end; rounds++)
		play_round();
	atomic_store(&stop, true);
	meet();
	for (unsigned i = 0; i < THREADS + others; i++)
		pthread_join(t[i], NULL);
	printf("# %u rounds\n", rounds);
}

TEST(hash_is_linearisable)
{
	static const enum what ops[] = { UPDATE, UPDATE, PUT, DELETE, DELETE, READ, SEE, TAKE };
	/* Buckets with chains, buckets that are often full, elements to spare. */
	static const struct {
		uint32_t key, entries;
	} maps[] = { { 8, 20 }, { 16, 20 }, { 8, 200 }, { 16, 4096 } };

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		map = MAP(BPF_MAP_TYPE_HASH, maps[i].key, 8, maps[i].entries, .vcpus = cpus());
		run(explains_key, ops, ARRAY_SIZE(ops), 1);
		map_put(map);
		vcpus_fini(&vcpus, NULL);
	}
}

TEST(lru_hash_is_linearisable_below_its_capacity)
{
	static const enum what ops[] = { UPDATE, PUT, DELETE, READ, SEE, TAKE };

	map = MAP(BPF_MAP_TYPE_LRU_HASH, 8, 8, 4096, .vcpus = cpus());
	run(explains_key, ops, ARRAY_SIZE(ops), 1);
	map_put(map);
	vcpus_fini(&vcpus, NULL);
}

TEST(array_is_linearisable)
{
	static const enum what ops[] = { UPDATE, PUT, READ, PEEP };

	map = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, KEYS, .vcpus = cpus());
	run(explains_key, ops, ARRAY_SIZE(ops), 0);
	map_put(map);
	vcpus_fini(&vcpus, NULL);
}

static void need(uint32_t type)
{
	if (!map_type(type)->sys)
		test_skip("Skep has no maps of type %s", map_type(type)->name);
}

TEST(lpm_trie_is_linearisable)
{
	static const enum what ops[] = { UPDATE, PUT, DELETE, DELETE, READ, READ, SEE };

	need(BPF_MAP_TYPE_LPM_TRIE);
	map = MAP(BPF_MAP_TYPE_LPM_TRIE, 8, 8, 200, BPF_F_NO_PREALLOC, .vcpus = cpus());
	run(explains_prefix, ops, ARRAY_SIZE(ops), 1);
	map_put(map);
	vcpus_fini(&vcpus, NULL);
}

TEST(queue_is_linearisable)
{
	static const enum what ops[] = { PUSH, PUSH, PUT, POP, TAKE, READ };

	need(BPF_MAP_TYPE_QUEUE);
	map = MAP(BPF_MAP_TYPE_QUEUE, 0, 8, QUEUE_MAX, .vcpus = cpus());
	run(explains_queue, ops, ARRAY_SIZE(ops), 0);
	map_put(map);
	vcpus_fini(&vcpus, NULL);
}
