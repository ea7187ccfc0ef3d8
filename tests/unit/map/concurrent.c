/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many threads on one map.  Each test runs for a moment and then checks what must hold whatever
 * the order was.  Suite "concurrent": also run under TSan.
 */
#include "hive/vcpu.h"
#include "map/ringbuf.h"
#include "tests/unit/map/maps.h"

#include <pthread.h>
#include <time.h>

#define RUN_MS 400

static _Atomic bool stop;
static struct skep_map *map;

static void run(void *(*const fn[])(void *), size_t n)
{
	struct timespec moment = { 0, RUN_MS * 1000000 };
	pthread_t t[8];

	ASSERT_LE(n, ARRAY_SIZE(t));
	atomic_store(&stop, false);
	for (size_t i = 0; i < n; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, fn[i], (void *)(uintptr_t)i), 0);
	nanosleep(&moment, NULL);
	atomic_store(&stop, true);
	for (size_t i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* --- hash ------------------------------------------------------------------------------------ */

#define STABLE 16 /* keys below are always there, though replaced all the time */
#define CHURN  64 /* keys from here to there come and go; those above never were */

struct wide_key {
	uint64_t part[2];
};

static struct wide_key wide(uint64_t k)
{
	return (struct wide_key){ { k, ~k } };
}

/* Every value is a pair that says which key it belongs to. */
struct told {
	uint64_t key, again;
};

/* Two threads with a CPU of their own each, and bpf(2) beside them. */
static void *hash_writer(void *arg)
{
	uint32_t cpu = (uint32_t)(uintptr_t)arg;
	uint64_t state = 77 + cpu;

	while (!atomic_load(&stop)) {
		uint64_t r = random64(&state), k = (r >> 8) % CHURN;
		struct wide_key key = wide(k);
		struct told v = { k, k };
		long err;

		if (k < STABLE || r % 2)
			err = cpu < 2 ? map->ops->update(map, &key, &v, 0, cpu)
				      : map_sys_update(map, &key, &v, 0);
		else
			err = cpu < 2 ? map->ops->delete (map, &key, cpu)
				      : map_sys_delete(map, &key);
		ASSERT(err == 0 || (k >= STABLE && (err == -ENOENT || err == -E2BIG)));
	}
	return NULL;
}

static void *hash_reader(void *arg)
{
	uint64_t state = 99;

	(void)arg;
	while (!atomic_load(&stop)) {
		uint64_t k = random64(&state) % (CHURN + 8);
		struct wide_key key = wide(k);
		struct told v;
		void *mem = map->ops->lookup(map, &key, 0);

		ASSERT(k >= STABLE || mem);
		ASSERT(k < CHURN || !mem);
		if (!map_sys_lookup(map, &key, &v, 0))
			ASSERT(v.key == k && v.again == k);
		else
			ASSERT(k >= STABLE);
	}
	return NULL;
}

static void *hash_walker(void *arg)
{
	struct wide_key key, next;

	(void)arg;
	while (!atomic_load(&stop)) {
		uint32_t steps = 0;
		void *last = NULL;

		/* A walk may begin anew when its key goes, so it need not end. */
		while (steps++ < 1000 && !map_sys_next_key(map, last, &next)) {
			ASSERT(next.part[0] < CHURN);
			ASSERT(map->key_size == 8 || next.part[1] == ~next.part[0]);
			key = next;
			last = &key;
		}
	}
	return NULL;
}

/* What is amid its changes is not taken for wrong. */
static void *hash_scrubber(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		ASSERT(!map->sys->scrub(map, &map->scrubbed));
	return NULL;
}

static uint32_t count_keys(uint64_t limit)
{
	struct wide_key key, next;
	bool seen[256] = { false };
	uint32_t n = 0;

	for (int err = map_sys_next_key(map, NULL, &next); !err;
	     err = map_sys_next_key(map, &key, &next)) {
		key = next;
		ASSERT_LT(key.part[0], limit);
		ASSERT(!seen[key.part[0]]);
		seen[key.part[0]] = true;
		n++;
	}
	return n;
}

/* The first 8 bytes of a key are enough to tell it. */
static void hash_holds(uint32_t key_size, uint32_t entries, uint32_t flags)
{
	static void *(*const fn[])(void *) = { hash_writer, hash_writer, hash_writer,
					       hash_reader, hash_walker, hash_scrubber };
	struct told v = { 0, 0 };

	map = MAP(BPF_MAP_TYPE_HASH, key_size, sizeof(v), entries, flags);
	for (uint64_t k = 0; k < STABLE; k++) {
		struct wide_key key = wide(k);

		v = (struct told){ k, k };
		ASSERT_EQ(map_sys_update(map, &key, &v, 0), 0);
	}
	run(fn, ARRAY_SIZE(fn));
	count_keys(CHURN);
	/* No element was lost, none is there twice. */
	for (uint64_t k = 0; k < CHURN; k++) {
		struct wide_key key = wide(k);

		map->ops->delete (map, &key, VCPU_NONE);
	}
	ASSERT_EQ(count_keys(CHURN), 0);
	for (uint64_t k = 0; k < entries; k++) {
		struct wide_key key = wide(k);

		ASSERT_EQ(map_sys_update(map, &key, &v, 0), 0);
	}
	ASSERT_EQ(map_sys_update(map, &(struct wide_key){ { 1000, 1 } }, &v, 0), -E2BIG);
	map_put(map);
}

TEST(hash_holds_under_threads)
{
	hash_holds(16, CHURN + 10, 0);
	hash_holds(8, CHURN + 10, 0);
}

TEST(hash_with_chains_holds_under_threads)
{
	/* Fewer entries than keys, so that the map is full most of the time; STABLE entries make
	 * four buckets, where chains are common. */
	hash_holds(16, 40, BPF_F_NO_PREALLOC);
	hash_holds(16, STABLE, 0);
	hash_holds(8, STABLE, 0);
}

static void *percpu_adder(void *arg)
{
	uint32_t cpu = (uint32_t)(uintptr_t)arg;
	uint64_t n = 0, one = 1;

	while (!atomic_load(&stop)) {
		struct wide_key key = wide(n++ % 8);
		uint64_t *v = map->ops->lookup(map, &key, cpu);

		/* The CPU is ours, so plain += counts; relaxed, as bpf(2) may look. */
		if (v)
			__atomic_store_n(v, *v + 1, __ATOMIC_RELAXED);
		else if (map->ops->update(map, &key, &one, BPF_NOEXIST, cpu))
			n--; /* the other was faster */
	}
	return NULL;
}

static void *percpu_summer(void *arg)
{
	uint64_t before = 0;

	(void)arg;
	while (!atomic_load(&stop)) {
		struct wide_key key = wide(0);
		uint64_t v[CPUS], sum = 0;

		if (map_sys_lookup(map, &key, v, 0))
			continue;
		for (int i = 0; i < CPUS; i++)
			sum += v[i];
		ASSERT_GE(sum, before);
		before = sum;
	}
	return NULL;
}

TEST(percpu_counters_never_go_back)
{
	static void *(*const fn[])(void *) = { percpu_adder, percpu_adder, percpu_summer };

	map = MAP(BPF_MAP_TYPE_PERCPU_HASH, sizeof(struct wide_key), 8, 8);
	run(fn, ARRAY_SIZE(fn));
	ASSERT_EQ(count_keys(8), 8);
	map_put(map);
}

/* --- LRU ---------------------------------------------------------------------------------------
 */

static void *lru_hammer(void *arg)
{
	uint32_t cpu = (uint32_t)(uintptr_t)arg;
	uint64_t state = 1234 + cpu;

	while (!atomic_load(&stop)) {
		uint64_t r = random64(&state), k = (r >> 8) % 200;
		struct wide_key key = wide(k);
		struct told v = { k, k };

		if (r % 8 < 5)
			ASSERT_EQ(cpu < 2 ? map->ops->update(map, &key, &v, 0, cpu)
					  : map_sys_update(map, &key, &v, 0),
				  0);
		else if (r % 8 == 5)
			map->ops->delete (map, &key, VCPU_NONE);
		else if (r % 8 == 6)
			map->ops->lookup(map, &key, 0);
		else if (!map_sys_lookup(map, &key, &v, 0))
			ASSERT(v.key == k && v.again == k);
	}
	return NULL;
}

TEST(lru_holds_under_threads)
{
	static void *(*const fn[])(void *) = { lru_hammer, lru_hammer, lru_hammer };
	static const uint32_t entries[] = { 1, 3, 50 };

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct told v = { 0, 0 };

		map = MAP(BPF_MAP_TYPE_LRU_HASH, sizeof(struct wide_key), sizeof(v), entries[i]);
		run(fn, ARRAY_SIZE(fn));
		ASSERT_LE(count_keys(200), entries[i]);
		for (uint64_t k = 0; k < 200; k++) {
			struct wide_key key = wide(k);

			ASSERT_EQ(map_sys_update(map, &key, &v, 0), 0);
		}
		ASSERT_EQ(count_keys(200), entries[i]);
		map_put(map);
	}
}

/* --- maps in maps --------------------------------------------------------------------------------
 */

static struct vcpus vcpus;

static void *inner_user(void *arg)
{
	uint64_t key = 5;

	(void)arg;
	while (!atomic_load(&stop)) {
		struct vcpu *c = vcpu_get(&vcpus);
		struct skep_map *inner =
			map->ops->lookup(map, &(uint32_t){ 1 }, vcpu_id(&vcpus, c));

		/* Found in this run, it lives until its end. */
		ASSERT(inner);
		uint64_t *v = inner->ops->lookup(inner, &key, vcpu_id(&vcpus, c));
		ASSERT(v && *v == 55);
		vcpu_put(c);
	}
	return NULL;
}

static void *inner_changer(void *arg)
{
	uint64_t key = 5, value = 55;
	uint32_t outer_key = 1, id;

	(void)arg;
	while (!atomic_load(&stop)) {
		struct skep_map *inner = MAP(BPF_MAP_TYPE_HASH, 8, 8, 4);

		ASSERT_EQ(map_sys_update(inner, &key, &value, 0), 0);
		ASSERT_EQ(map_sys_update(map, &outer_key, &inner, 0), 0);
		ASSERT_EQ(map_sys_lookup(map, &outer_key, &id, 0), 0);
		map_put(inner);
	}
	return NULL;
}

TEST(inner_maps_outlive_their_users)
{
	static void *(*const fn[])(void *) = { inner_user, inner_user, inner_changer,
					       inner_changer };
	static const uint32_t types[] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS };
	uint64_t key = 5, value = 55;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, CPUS), 0);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct skep_map *first = MAP(BPF_MAP_TYPE_HASH, 8, 8, 4);

		map = MAP(types[i], 4, 4, 4, .inner = first, .vcpus = &vcpus);
		ASSERT_EQ(map_sys_update(first, &key, &value, 0), 0);
		ASSERT_EQ(map_sys_update(map, &(uint32_t){ 1 }, &first, 0), 0);
		map_put(first);
		run(fn, ARRAY_SIZE(fn));
		map_put(map);
	}
	vcpus_fini(&vcpus, NULL);
}

/* --- ring buffer ---------------------------------------------------------------------------------
 */

struct sample {
	uint32_t who;  /* producer */
	uint32_t seq;  /* its number, without the discarded */
	uint32_t size; /* of the record */
	uint8_t fill[];
};

static _Atomic uint32_t sent[2];

static void *ring_producer(void *arg)
{
	uint32_t who = (uint32_t)(uintptr_t)arg, seq = 0;
	uint64_t state = 5 + who;

	while (!atomic_load(&stop)) {
		uint64_t r = random64(&state);
		uint32_t size = sizeof(struct sample) + (uint32_t)(r >> 8) % 200;
		struct sample *s = ringbuf_reserve(map, size, 0, VCPU_NONE);

		if (!s)
			continue;
		*s = (struct sample){ who, seq, size };
		memset(s->fill, (int)seq, size - sizeof(*s));
		seq += r % 16 != 0;
		ringbuf_commit(NULL, s, 0, r % 16 == 0);
	}
	atomic_store(&sent[who], seq);
	return NULL;
}

/* Reads all there is, as libbpf does; counts what is not discarded. */
static void ring_consume(uint32_t got[2])
{
	_Atomic uint64_t *cons = (_Atomic uint64_t *)map->area.mem;
	_Atomic uint64_t *prod = (_Atomic uint64_t *)(map->area.mem + 4096);
	uint64_t pos = atomic_load(cons);

	while (pos < atomic_load_explicit(prod, memory_order_acquire)) {
		struct ringbuf_hdr *hdr =
			(void *)(map->area.mem + 8192 + (pos & (map->max_entries - 1)));
		uint32_t len = atomic_load_explicit(&hdr->len, memory_order_acquire);
		struct sample *s = (struct sample *)(hdr + 1);

		if (len & BPF_RINGBUF_BUSY_BIT)
			return;
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			ASSERT_EQ(s->size, len);
			ASSERT_LT(s->who, 2);
			ASSERT_EQ(s->seq, got[s->who]++);
			for (uint32_t i = 0; i < len - sizeof(*s); i++)
				ASSERT_EQ(s->fill[i], (uint8_t)s->seq);
		}
		pos += ((len & ~BPF_RINGBUF_DISCARD_BIT) + 8 + 7) / 8 * 8;
		atomic_store_explicit(cons, pos, memory_order_release);
	}
}

static uint32_t got[2];

static void *ring_consumer(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		ring_consume(got);
	return NULL;
}

TEST(ringbuf_delivers_every_record_in_order)
{
	static void *(*const fn[])(void *) = { ring_producer, ring_producer, ring_consumer };

	map = MAP(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
	run(fn, ARRAY_SIZE(fn));
	ring_consume(got);
	ASSERT_EQ(got[0], atomic_load(&sent[0]));
	ASSERT_EQ(got[1], atomic_load(&sent[1]));
	ASSERT_GT(got[0] + got[1], 100);
	map_put(map);
}
