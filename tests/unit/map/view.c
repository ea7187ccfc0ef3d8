/* SPDX-License-Identifier: BSD-2-Clause */
/* Views: a second map over the same memory, from facts that may be anything. */
#include "tests/unit/map/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "btf/btf.h"

/* A view as a member of a hive makes it; 0 or -errno. */
static int view_try(const struct skep_map *m, const struct map_facts *f, bool write,
		    struct skep_map **ret)
{
	const int fd = map_area_open(&m->area, write ? O_RDWR : O_RDONLY);
	int err;

	ASSERT_GE(fd, 0);
	err = map_view(f, fd, write, ret);
	close(fd);
	return err;
}

static struct skep_map *view_of(const struct skep_map *m)
{
	struct map_facts facts;
	struct skep_map *v = NULL;

	ASSERT(map_facts(m, &facts));
	ASSERT_EQ(view_try(m, &facts, facts.write, &v), 0);
	return v;
}

TEST(a_view_is_the_map)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 1000), *v = view_of(m);

	for (uint64_t k = 0; k < 1000; k++)
		ASSERT_EQ(up(k & 1 ? m : v, k, k * 3, BPF_ANY), 0);
	for (uint64_t k = 0; k < 1000; k++) {
		ASSERT_EQ(get(m, k), (int64_t)k * 3);
		ASSERT_EQ(get(v, k), (int64_t)k * 3);
	}
	ASSERT_EQ(get(v, 1000), -ENOENT);
	ASSERT_EQ(up(v, 1000, 0, BPF_ANY), -E2BIG);
	ASSERT_EQ(up(v, 0, 0, BPF_NOEXIST), -EEXIST);
	ASSERT_EQ(up(v, 0, 0, BPF_F_LOCK), -EINVAL);
	map_view_free(v);
	ASSERT_EQ(get(m, 999), 2997);
	/* The other way round: what is viewed stays as long as its views. */
	v = view_of(m);
	map_put(m);
	ASSERT_EQ(get(v, 999), 2997);
	map_view_free(v);
}

TEST(a_view_has_the_values_of_all_cpus)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 12, 600), *v = view_of(m);
	uint8_t in[CPUS * 16], out[CPUS * 16];
	const uint32_t key = 599;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i + 1);
	ASSERT_EQ(map_sys_value_size(v), sizeof(in));
	ASSERT_EQ(map_sys_update(v, &key, in, BPF_ANY), 0);
	ASSERT_EQ(map_sys_lookup(m, &key, out, 0), 0);
	ASSERT(!memcmp(in, out, sizeof(in)));
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		ASSERT(!memcmp(m->ops->lookup(m, &key, cpu), in + cpu * 16, 16));
	map_view_free(v);
	map_put(m);
}

/* The same keys in the same order, so a walk may begin in one and go on in the other. */
static void walks_are_equal(struct skep_map *m, struct skep_map *v)
{
	uint64_t a = 0, b = 0;
	int err_a = map_sys_next_key(m, NULL, &a), err_b = map_sys_next_key(v, NULL, &b);

	while (!err_a) {
		ASSERT_EQ(err_b, 0);
		ASSERT_EQ(b, a);
		err_b = map_sys_next_key(v, &(uint64_t){ a }, &b);
		err_a = map_sys_next_key(m, &(uint64_t){ a }, &a);
	}
	ASSERT_EQ(err_b, err_a);
}

static void hash_is_viewed(const struct map_args *args)
{
	struct skep_map *m = map_make(args), *v = view_of(m);
	const uint64_t n = args->entries;
	uint64_t next, other;

	ASSERT_EQ(get(v, 0), -ENOENT);
	for (uint64_t k = 0; k < n; k++)
		ASSERT_EQ(up(m, k, k + 1, BPF_NOEXIST), 0);
	for (uint64_t k = 0; k < n; k++)
		ASSERT_EQ(get(v, k), get(m, k));
	for (uint64_t k = 0; k < n; k += 2)
		ASSERT_EQ(del(m, k), 0);
	for (uint64_t k = 1; k < n; k += 2)
		ASSERT_EQ(up(m, k, k + 2, BPF_EXIST), 0);
	for (uint64_t k = 0; k < n; k++)
		ASSERT_EQ(get(v, k), k & 1 ? (int64_t)k + 2 : -ENOENT);
	walks_are_equal(m, v);
	/* A key that is gone begins anew, with both. */
	ASSERT_EQ(map_sys_next_key(m, &(uint64_t){ 0 }, &next), 0);
	ASSERT_EQ(map_sys_next_key(v, &(uint64_t){ 0 }, &other), 0);
	ASSERT_EQ(other, next);
	/* What only a run can do. */
	ASSERT_EQ(up(v, 1, 1, BPF_ANY), -EAGAIN);
	ASSERT_EQ(del(v, 1), -EAGAIN);
	for (uint64_t k = 1; k < n; k += 2)
		ASSERT_EQ(del(m, k), 0);
	ASSERT_EQ(map_sys_next_key(v, NULL, &next), -ENOENT);
	map_view_free(v);
	map_put(m);
}

TEST(hashes_are_viewed_for_lookups)
{
	/* The last one is so large that some of its buckets have chains. */
	hash_is_viewed(&(struct map_args){ BPF_MAP_TYPE_HASH, 8, 8, 1000 });
	hash_is_viewed(&(struct map_args){ BPF_MAP_TYPE_HASH, 5, 8, 300, BPF_F_NO_PREALLOC });
	hash_is_viewed(&(struct map_args){ BPF_MAP_TYPE_HASH, 8, 8, 1 << 17 });
}

TEST(an_lru_hash_is_viewed)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_LRU_HASH, 8, 8, 64), *v = view_of(m);

	for (uint64_t k = 0; k < 1000; k++) {
		ASSERT_EQ(up(m, k, k + 1, BPF_ANY), 0);
		for (uint64_t i = 0; i <= k; i++)
			ASSERT_EQ(get(v, i), get(m, i));
	}
	map_view_free(v);
	map_put(m);
}

/* Whatever stands in the memory: lookups and walks end, and read nothing else. */
TEST(what_a_view_reads_is_not_believed)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 8, 8, 40), *v = view_of(m);
	uint64_t seed = 1, value;
	uint32_t seen = 0, ends = 0;

	for (int round = 0; round < 2000; round++) {
		for (size_t i = 0; i < m->area.size / 8; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			/* Sometimes numbers that could be elements', and tags that fit. */
			((uint64_t *)m->area.mem)[i] =
				round & 1 ? seed >> 1 : (seed >> 40 & 31) | (seed >> 50 & 31) << 32;
		}
		for (uint64_t k = 0; k < 40; k++) {
			const int err = map_sys_lookup(v, &k, &value, 0);
			const int end = map_sys_next_key(v, &k, &value);

			ASSERT(!err || err == -ENOENT || err == -EAGAIN);
			ASSERT(!end || end == -ENOENT || end == -EAGAIN);
			seen |= 1u << -err;
			ends |= 1u << -end;
		}
	}
	/* All of that happened. */
	ASSERT_EQ(seen, 1u << 0 | 1u << ENOENT | 1u << EAGAIN);
	ASSERT_EQ(ends | 1u << ENOENT, 1u << 0 | 1u << ENOENT | 1u << EAGAIN);
	map_view_free(v);
	map_put(m);
}

struct racer {
	struct skep_map *m;
	_Atomic bool stop;
};

/* Updates, removals and reuse: a value's words are all of one round, and of its key. */
static void *race(void *arg)
{
	struct racer *r = arg;
	uint64_t value[8];

	for (uint64_t round = 0; !atomic_load(&r->stop); round++) {
		const uint64_t key = round * 7 % 16;

		for (int i = 0; i < 8; i++)
			value[i] = round << 4 | key;
		ASSERT_EQ(map_sys_update(r->m, &key, value, BPF_ANY), 0);
		if (round % 3 == 0)
			map_sys_delete(r->m, &(uint64_t){ round * 5 % 16 });
	}
	return NULL;
}

TEST(a_view_sees_one_value_of_a_hash)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 8, 64, 16), *v = view_of(m);
	struct racer r = { .m = m };
	uint64_t value[8], seen = 0, next;
	pthread_t t;

	ASSERT_EQ(pthread_create(&t, NULL, race, &r), 0);
	for (uint64_t n = 0; n < 2000000 || (!seen && n < 200000000); n++) {
		const uint64_t key = n % 16;
		const int err = map_sys_lookup(v, &key, value, 0);

		ASSERT(!err || err == -ENOENT || err == -EAGAIN);
		if (!map_sys_next_key(v, n & 1 ? &key : NULL, &next))
			ASSERT(next < 16);
		for (int i = 0; !err && i < 8; i++)
			ASSERT(value[i] == value[0] && (value[i] & 15) == key);
		seen += !err;
	}
	atomic_store(&r.stop, true);
	pthread_join(t, NULL);
	ASSERT_GE((int64_t)seen, 1);
	map_view_free(v);
	map_put(m);
}

TEST(other_maps_have_no_facts)
{
	static const struct map_args others[] = {
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 16 },
		{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 16 },
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096 },
		{ BPF_MAP_TYPE_STACK_TRACE, 4, 80, 16 },
	};
	struct btf_record locked = { 0 };
	struct map_facts facts;
	struct skep_map *m;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		m = map_make(&others[i]);
		ASSERT_MSG(!map_facts(m, &facts), "type %u", m->type);
		map_put(m);
	}
	m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 16);
	m->record = &locked;
	ASSERT(!map_facts(m, &facts));
	m->record = NULL;
	map_put(m);
}

TEST(facts_are_not_believed)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 512), *v = NULL;
	const int plain = memfd_create("plain", 0);
	struct map_facts good, f;

	ASSERT(map_facts(m, &good));
#define BAD(...)                                               \
	do {                                                   \
		f = good;                                      \
		__VA_ARGS__;                                   \
		ASSERT_EQ(view_try(m, &f, true, &v), -EINVAL); \
	} while (0)
	BAD(f.type = BPF_MAP_TYPE_HASH_OF_MAPS);
	BAD(f.type = BPF_MAP_TYPE_PROG_ARRAY);
	BAD(f.type = UINT32_MAX);
	BAD(f.key_size = 0);
	BAD(f.key_size = 8);
	BAD(f.value_size = 0);
	BAD(f.value_size = 9);
	BAD(f.value_size = UINT32_MAX);
	BAD(f.max_entries = 0);
	BAD(f.max_entries = 513);
	BAD(f.max_entries = UINT32_MAX);
	BAD(f.type = BPF_MAP_TYPE_PERCPU_ARRAY; f.nr_cpus = 0);
	BAD(f.type = BPF_MAP_TYPE_PERCPU_ARRAY; f.nr_cpus = 2);
	BAD(f.type = BPF_MAP_TYPE_PERCPU_ARRAY; f.nr_cpus = UINT32_MAX);
#undef BAD
	/* Memory that may shrink. */
	ASSERT(plain >= 0 && !ftruncate(plain, 8192));
	ASSERT_EQ(map_view(&good, plain, true, &v), -EINVAL);
	ASSERT_EQ(map_view(&good, -1, true, &v), -EINVAL);
	ASSERT(!v);
	close(plain);
	map_put(m);
}

TEST(a_frozen_map_is_viewed_for_reading)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 8), *v = NULL;
	struct map_facts facts;

	ASSERT_EQ(up(m, 1, 5, BPF_ANY), 0);
	ASSERT_EQ(map_freeze(m), 0);
	ASSERT(map_facts(m, &facts));
	ASSERT_EQ(view_try(m, &facts, true, &v), -EPERM);
	ASSERT_EQ(view_try(m, &facts, false, &v), 0);
	ASSERT_EQ(get(v, 1), 5);
	map_view_free(v);
	map_put(m);
}

/* A handler of a signal may make one in the middle of malloc. */
TEST(a_view_takes_no_memory_of_the_heap)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 4, 8, 8), *v = NULL;
	struct map_facts facts;

	ASSERT(map_facts(m, &facts));
	skep_alloc_fail_at(1);
	ASSERT_EQ(view_try(m, &facts, false, &v), 0);
	skep_alloc_fail_at(0);
	ASSERT_EQ(get(v, 1), -ENOENT);
	map_view_free(v);
	map_put(m);
}
