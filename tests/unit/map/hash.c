/* SPDX-License-Identifier: BSD-2-Clause */
/* HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH. */
#include "map/hash_int.h"
#include "tests/unit/map/maps.h"

static const uint32_t hashes[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH,
				   BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH };

TEST(hash_creation_errors)
{
	static const struct {
		struct map_args a;
		int err;
	} cases[] = {
		{ { BPF_MAP_TYPE_HASH, 0, 4, 1 }, -EINVAL },
		{ { BPF_MAP_TYPE_HASH, 4, 0, 1 }, -EINVAL },
		{ { BPF_MAP_TYPE_HASH, 4, 4, 0 }, -EINVAL },
		{ { BPF_MAP_TYPE_HASH, 4, 4, 1, BPF_F_MMAPABLE }, -EINVAL },
		{ { BPF_MAP_TYPE_HASH, 4, 4, 1, BPF_F_NO_COMMON_LRU }, -EINVAL },
		{ { BPF_MAP_TYPE_HASH, 4, 4, 1, BPF_F_ZERO_SEED | BPF_F_RDONLY_PROG }, 0 },
		{ { BPF_MAP_TYPE_HASH, 4, 4, (1u << 27) + 1 }, -E2BIG },
		{ { BPF_MAP_TYPE_HASH, 8, (4u << 20) - 48 - 9, 1 }, 0 },
		{ { BPF_MAP_TYPE_HASH, 8, (4u << 20) - 48 - 8, 1 }, -E2BIG },
		{ { BPF_MAP_TYPE_HASH, UINT32_MAX, UINT32_MAX, 1 }, -E2BIG },
		{ { BPF_MAP_TYPE_LRU_HASH, 4, 4, 1, BPF_F_NO_PREALLOC }, -ENOTSUPP },
		{ { BPF_MAP_TYPE_LRU_HASH, 4, 4, 1, BPF_F_NO_COMMON_LRU }, 0 },
		{ { BPF_MAP_TYPE_LRU_HASH, 4, 4, 1, BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE },
		  -EINVAL },
		{ { BPF_MAP_TYPE_PERCPU_HASH, 4, 4, 1, BPF_F_NUMA_NODE }, -EINVAL },
		{ { BPF_MAP_TYPE_PERCPU_HASH, 4, 4, 1, BPF_F_NO_PREALLOC }, 0 },
		{ { BPF_MAP_TYPE_PERCPU_HASH, 4, 32768, 1 }, 0 },
		{ { BPF_MAP_TYPE_PERCPU_HASH, 4, 32769, 1 }, -E2BIG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct skep_map *m = NULL;
		int err = map_try(&cases[i].a, &m);

		ASSERT_MSG(err == cases[i].err, "case %zu: %d, not %d", i, err, cases[i].err);
		map_put(m);
	}
}

TEST(lists_per_cpu_round_max_entries_up)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_LRU_HASH, 4, 4, 5, BPF_F_NO_COMMON_LRU);

	ASSERT_EQ(m->max_entries, 2 * CPUS);
	map_put(m);
}

TEST(hash_update_flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		struct skep_map *m = MAP(hashes[i], 4, 8, 2);
		uint32_t key = 1;
		uint64_t value[CPUS] = { 0 };

		ASSERT_EQ(map_sys_update(m, &key, value, BPF_EXIST), -ENOENT);
		ASSERT_EQ(map_sys_update(m, &key, value, BPF_NOEXIST), 0);
		ASSERT_EQ(map_sys_update(m, &key, value, BPF_NOEXIST), -EEXIST);
		ASSERT_EQ(map_sys_update(m, &key, value, BPF_EXIST), 0);
		ASSERT_EQ(map_sys_update(m, &key, value, 3), -EINVAL);
		ASSERT_EQ(map_sys_update(m, &key, value, 8), -EINVAL);
		ASSERT_EQ(map_sys_update(m, &key, value, BPF_F_LOCK), -EINVAL);
		ASSERT_EQ(m->ops->update(m, &key, value, BPF_F_LOCK, 0), -EINVAL);
		ASSERT_EQ(m->ops->update(m, &key, value, BPF_NOEXIST, 0), -EEXIST);
		ASSERT_EQ(map_sys_lookup(m, &key, value, BPF_F_LOCK), -EINVAL);
		ASSERT_EQ(map_sys_lookup(m, &key, value, 1), -EINVAL);
		ASSERT_EQ(map_sys_delete(m, &key), 0);
		ASSERT_EQ(map_sys_delete(m, &key), -ENOENT);
		ASSERT_EQ(map_sys_lookup(m, &key, value, 0), -ENOENT);
		map_put(m);
	}
}

TEST(hash_full_gives_e2big_and_still_updates)
{
	static const uint32_t flags[] = { 0, BPF_F_NO_PREALLOC };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 8, 8, 100, flags[i]);

		for (uint64_t k = 0; k < 100; k++)
			ASSERT_EQ(up(m, k, k, 0), 0);
		ASSERT_EQ(up(m, 100, 1, BPF_ANY), -E2BIG);
		ASSERT_EQ(up(m, 100, 1, BPF_EXIST), -ENOENT);
		for (uint64_t k = 0; k < 1000; k++)
			ASSERT_EQ(up(m, k % 100, k, 0), 0);
		for (uint64_t k = 0; k < 100; k++)
			ASSERT_EQ(get(m, k), 900 + k);
		ASSERT_EQ(del(m, 50), 0);
		ASSERT_EQ(up(m, 100, 1, BPF_ANY), 0);
		ASSERT_EQ(up(m, 101, 1, BPF_ANY), -E2BIG);
		map_put(m);
	}
}

TEST(hash_with_one_entry)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 8, 8, 1);

	ASSERT_EQ(up(m, 1, 10, 0), 0);
	ASSERT_EQ(up(m, 2, 20, 0), -E2BIG);
	ASSERT_EQ(up(m, 1, 11, 0), 0);
	ASSERT_EQ(del(m, 1), 0);
	ASSERT_EQ(up(m, 2, 20, 0), 0);
	ASSERT_EQ(get(m, 2), 20);
	ASSERT_EQ(get(m, 1), -ENOENT);
	map_put(m);
}

/* --- against a model: what an array of present flags and values says ------------------------ */

#define MODEL_KEYS 3000

struct model {
	bool there[MODEL_KEYS];
	uint64_t value[MODEL_KEYS];
	uint32_t count;
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Key number k as size bytes: the number at the end, so that the tail counts. */
static void key_bytes(uint8_t *key, uint32_t size, uint32_t k)
{
	memset(key, 0x5a, size);
	memcpy(key + size - MIN(size, 2u), &k, MIN(size, 2u));
}

static void check_against_model(struct skep_map *m, const struct model *model, uint32_t keys)
{
	uint8_t key[64], next[64];
	uint32_t seen = 0;
	uint64_t value;
	int err;

	for (uint32_t k = 0; k < keys; k++) {
		uint64_t *p;

		key_bytes(key, m->key_size, k);
		err = map_sys_lookup(m, key, &value, 0);
		ASSERT_EQ(err, model->there[k] ? 0 : -ENOENT);
		p = m->ops->lookup(m, key, 0);
		ASSERT_EQ(!!p, model->there[k]);
		if (p) {
			ASSERT_EQ(value, model->value[k]);
			ASSERT_EQ(*p, model->value[k]);
			ASSERT_EQ((uintptr_t)p % 8, 0);
			ASSERT(m->ops->contains(m, (uintptr_t)p, 8));
			ASSERT(!m->ops->contains(m, (uintptr_t)p - m->key_size - 16, 8));
		}
	}
	for (err = map_sys_next_key(m, NULL, next); !err; err = map_sys_next_key(m, key, next)) {
		memcpy(key, next, m->key_size);
		seen++;
	}
	ASSERT_EQ(err, -ENOENT);
	ASSERT_EQ(seen, model->count);
}

static void hash_against_model(uint32_t key_size, uint32_t entries, uint32_t flags)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, key_size, 8, entries, flags);
	uint32_t keys = key_size == 1 ? 256 : MODEL_KEYS;
	struct model *model = calloc(1, sizeof(*model));
	uint64_t state = 88172645463325252 + key_size;

	ASSERT(model);
	for (int i = 0; i < 40000; i++) {
		uint64_t r = next_random(&state), value = next_random(&state);
		uint32_t k = (uint32_t)(r >> 16) % keys, op = r % 8;
		bool from_prog = r & 8;
		uint8_t key[64];
		int err;

		key_bytes(key, key_size, k);
		if (op < 5) {
			uint64_t flag = op < 3 ? BPF_ANY : op == 3 ? BPF_NOEXIST : BPF_EXIST;
			int want = model->there[k] && flag == BPF_NOEXIST	 ? -EEXIST
				   : !model->there[k] && flag == BPF_EXIST	 ? -ENOENT
				   : !model->there[k] && model->count == entries ? -E2BIG
										 : 0;

			err = from_prog ? (int)m->ops->update(m, key, &value, flag, r >> 4 & 3)
					: map_sys_update(m, key, &value, flag);
			ASSERT_EQ(err, want);
			if (!err) {
				model->count += !model->there[k];
				model->there[k] = true;
				model->value[k] = value;
			}
		} else {
			uint64_t got = model->value[k];

			err = op == 7	  ? map_sys_lookup_delete(m, key, &got, 0)
			      : from_prog ? (int)m->ops->delete (m, key, VCPU_NONE)
					  : map_sys_delete(m, key);
			ASSERT_EQ(err, model->there[k] ? 0 : -ENOENT);
			ASSERT_EQ(got, model->value[k]);
			model->count -= model->there[k];
			model->there[k] = false;
		}
	}
	check_against_model(m, model, keys);
	free(model);
	map_put(m);
}

TEST(hash_behaves_like_its_model)
{
	static const uint32_t sizes[] = { 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 20, 24, 40, 61 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		hash_against_model(sizes[i], 200, 0);
		hash_against_model(sizes[i], 2500, BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED);
	}
}

TEST(hash_with_long_chains_behaves_like_its_model)
{
	/* 4 entries make one bucket, 9 to 16 make four: chains beyond the eight slots. */
	hash_against_model(4, 13, 0);
	hash_against_model(8, 16, 0);
	hash_against_model(16, 16, 0);
	hash_against_model(33, 15, 0);
}

/* --- walks --------------------------------------------------------------------------------- */

TEST(next_key_walk_with_deletes_visits_each_once)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 8, 8, 512);
	uint64_t key, next, seen = 0;
	bool visited[512] = { false };

	for (uint64_t k = 0; k < 512; k++)
		ASSERT_EQ(up(m, k, k, 0), 0);
	/* Fetch the next, then delete the current one: the usual way to drain a map. */
	for (int err = map_sys_next_key(m, NULL, &next); !err;) {
		key = next;
		err = map_sys_next_key(m, &key, &next);
		ASSERT(!visited[key]);
		visited[key] = true;
		seen++;
		ASSERT_EQ(del(m, key), 0);
	}
	ASSERT_EQ(seen, 512);
	ASSERT_EQ(map_sys_next_key(m, NULL, &next), -ENOENT);
	map_put(m);
}

TEST(next_key_of_an_absent_key_begins_anew)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 8, 8, 64);
	uint64_t absent = 1000, first, again;

	ASSERT_EQ(map_sys_next_key(m, NULL, &first), -ENOENT);
	for (uint64_t k = 0; k < 10; k++)
		ASSERT_EQ(up(m, k, k, 0), 0);
	ASSERT_EQ(map_sys_next_key(m, NULL, &first), 0);
	ASSERT_EQ(map_sys_next_key(m, &absent, &again), 0);
	ASSERT_EQ(first, again);
	map_put(m);
}

static uint64_t delete_it(void *arg, const void *key, void *value)
{
	struct skep_map *m = arg;

	(void)value;
	ASSERT_EQ(m->ops->delete (m, key, VCPU_NONE), 0);
	return 0;
}

TEST(for_each_may_delete_what_it_sees)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		struct skep_map *m = MAP(hashes[i], 8, 8, 1000);
		uint64_t value = 1, next;

		for (uint64_t k = 0; k < 1000; k++)
			ASSERT_EQ(m->ops->update(m, &k, &value, 0, 1), 0);
		ASSERT_EQ(m->ops->for_each(m, 1, delete_it, m), 1000);
		ASSERT_EQ(map_sys_next_key(m, NULL, &next), -ENOENT);
		map_put(m);
	}
}

static uint64_t stop_at_third(void *arg, const void *key, void *value)
{
	(void)key, (void)value;
	return ++*(int *)arg == 3;
}

TEST(for_each_counts_until_told_to_stop)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 8, 8, 10);
	int n = 0;

	ASSERT_EQ(m->ops->for_each(m, 0, stop_at_third, &n), 0);
	for (uint64_t k = 0; k < 10; k++)
		ASSERT_EQ(up(m, k, k, 0), 0);
	ASSERT_EQ(m->ops->for_each(m, 0, stop_at_third, &n), 3);
	map_put(m);
}

TEST(batch_goes_bucket_by_bucket)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 8, 8, 1000);
	uint64_t keys[1000], values[1000];
	bool seen[1000] = { false };
	uint32_t token = 0, count, total = 0;
	void *in = NULL;
	int err;

	for (uint64_t k = 0; k < 1000; k++)
		ASSERT_EQ(up(m, k, ~k, 0), 0);
	count = 0;
	ASSERT_EQ(map_sys_batch_lookup(m, NULL, &token, keys, values, &count, false, 0), 0);
	do {
		count = 100;
		err = map_sys_batch_lookup(m, in, &token, keys, values, &count, false, 0);
		ASSERT(err == 0 || err == -ENOENT);
		for (uint32_t i = 0; i < count; i++) {
			ASSERT(!seen[keys[i]]);
			seen[keys[i]] = true;
			ASSERT_EQ(values[i], ~keys[i]);
		}
		total += count;
		in = &token;
	} while (!err);
	ASSERT_EQ(total, 1000);
	count = 100;
	ASSERT_EQ(map_sys_batch_lookup(m, in, &token, keys, values, &count, false, 0), -ENOENT);
	ASSERT_EQ(count, 0);

	/* All out at once, and the elements are free again. */
	count = 1000;
	ASSERT_EQ(map_sys_batch_lookup(m, NULL, &token, keys, values, &count, true, 0), -ENOENT);
	ASSERT_EQ(count, 1000);
	ASSERT_EQ(get(m, 5), -ENOENT);
	for (uint64_t k = 0; k < 1000; k++)
		ASSERT_EQ(up(m, k, k, 0), 0);
	ASSERT_EQ(up(m, 1000, 0, 0), -E2BIG);
	map_put(m);
}

TEST(batch_gives_enospc_where_no_bucket_fits)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 8, 8, 4);
	uint64_t keys[4], values[4];
	uint32_t token = 9, count = 3;

	/* Four entries make a single bucket. */
	for (uint64_t k = 0; k < 4; k++)
		ASSERT_EQ(up(m, k, k, 0), 0);
	ASSERT_EQ(map_sys_batch_lookup(m, NULL, &token, keys, values, &count, false, 0), -ENOSPC);
	ASSERT_EQ(count, 0);
	ASSERT_EQ(token, 0);
	map_put(m);
}

/* --- what lock-free readers count on --------------------------------------------------------- */

/* Every way out of a bucket must move its version on: the race itself is too rare to test. */
TEST(every_removal_moves_the_version_on)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct skep_map *m = MAP(types[i], 8, 8, 4);
		struct bucket *b = ((struct hash *)m->priv)->buckets;
		uint64_t keys[4], values[4], key = 1, value;
		uint32_t count = 4, token, v = b->version;

		/* Four entries share one bucket. */
		for (uint64_t k = 0; k < 4; k++)
			ASSERT_EQ(up(m, k, k, 0), 0);
		ASSERT_EQ(b->version, v);
		ASSERT_EQ(m->ops->update(m, &key, &key, BPF_EXIST, 0), 0);
		ASSERT_EQ(b->version, ++v);
		ASSERT_EQ(up(m, 1, 1, BPF_EXIST), 0);
		ASSERT_EQ(b->version, ++v);
		if (types[i] == BPF_MAP_TYPE_LRU_HASH) {
			ASSERT_EQ(up(m, 4, 4, 0), 0);
			ASSERT_EQ(b->version, ++v);
			key = 4;
		}
		ASSERT_EQ(m->ops->delete (m, &key, VCPU_NONE), 0);
		ASSERT_EQ(b->version, ++v);
		key = 3;
		ASSERT_EQ(map_sys_lookup_delete(m, &key, &value, 0), 0);
		ASSERT_EQ(b->version, ++v);
		ASSERT_EQ(map_sys_batch_lookup(m, NULL, &token, keys, values, &count, true, 0),
			  -ENOENT);
		ASSERT_EQ(count, 2);
		ASSERT_EQ(b->version, ++v);
		map_put(m);
	}
}

/* --- per-CPU values ------------------------------------------------------------------------- */

TEST(percpu_hash_values)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct skep_map *m = MAP(types[i], 4, 12, 10);
		uint8_t all[CPUS][16], out[CPUS][16];
		uint32_t key = 3;

		ASSERT_EQ(map_sys_value_size(m), sizeof(all));
		memset(all, 0xee, sizeof(all));
		ASSERT_EQ(map_sys_update(m, &key, all, 0), 0);
		ASSERT_EQ(map_sys_delete(m, &key), 0);
		/* A new element made by a program is zero on the other CPUs, though it is used. */
		ASSERT_EQ(m->ops->update(m, &key, "abcdefghijkl", BPF_NOEXIST, 1), 0);
		memset(all, 0, sizeof(all));
		memcpy(all[1], "abcdefghijkl", 12);
		memset(out, 0xff, sizeof(out));
		ASSERT_EQ(map_sys_lookup(m, &key, out, 0), 0);
		for (int cpu = 0; cpu < CPUS; cpu++)
			ASSERT_MEMEQ(out[cpu], all[cpu], 12);
		/* An update by a program changes its own CPU's in place. */
		void *before = m->ops->lookup(m, &key, 2);
		ASSERT_EQ(m->ops->update(m, &key, "ABCDEFGHIJKL", BPF_EXIST, 2), 0);
		ASSERT(m->ops->lookup(m, &key, 2) == before);
		ASSERT_MEMEQ(before, "ABCDEFGHIJKL", 12);
		ASSERT_MEMEQ(m->ops->lookup(m, &key, 1), "abcdefghijkl", 12);
		ASSERT(m->ops->contains(m, (uintptr_t)before, 12));
		map_put(m);
	}
}

TEST(percpu_hash_holds_max_entries)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 10);
	uint64_t value = 1;

	for (uint32_t k = 0; k < 10; k++)
		ASSERT_EQ(m->ops->update(m, &k, &value, 0, 0), 0);
	ASSERT_EQ(m->ops->update(m, &(uint32_t){ 10 }, &value, 0, 0), -E2BIG);
	ASSERT_EQ(m->ops->update(m, &(uint32_t){ 9 }, &value, 0, 0), 0);
	map_put(m);
}

/* --- eviction -------------------------------------------------------------------------------- */

static uint32_t count_of(struct skep_map *m)
{
	uint64_t key, next;
	uint32_t n = 0;

	for (int err = map_sys_next_key(m, NULL, &next); !err;
	     err = map_sys_next_key(m, &key, &next), n++)
		key = next;
	return n;
}

TEST(lru_is_never_full_and_keeps_the_newest)
{
	static const uint32_t entries[] = { 1, 2, 3, 100, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct skep_map *m = MAP(BPF_MAP_TYPE_LRU_HASH, 8, 8, entries[i]);
		uint64_t last = entries[i] * 5;

		for (uint64_t k = 0; k <= last; k++) {
			ASSERT_EQ(up(m, k, k, BPF_NOEXIST), 0);
			ASSERT_EQ(get(m, k), k);
		}
		ASSERT_EQ(count_of(m), entries[i]);
		/* Nobody looked anything up from a program: first in, first out. */
		for (uint64_t k = last; k > last - entries[i]; k--)
			ASSERT_EQ(get(m, k), k);
		map_put(m);
	}
}

TEST(lru_spares_what_programs_look_up)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_LRU_HASH, 8, 8, 192);

	for (uint64_t k = 0; k < 128; k++)
		ASSERT_EQ(up(m, k, k, 0), 0);
	for (uint64_t k = 0; k < 64; k++)
		ASSERT(m->ops->lookup(m, &k, 0));
	/* Looking from bpf(2) does not count. */
	for (uint64_t k = 64; k < 128; k++)
		ASSERT_EQ(get(m, k), k);
	for (uint64_t k = 1000; k < 1128; k++)
		ASSERT_EQ(up(m, k, k, 0), 0);
	for (uint64_t k = 0; k < 64; k++)
		ASSERT_EQ(get(m, k), k);
	for (uint64_t k = 64; k < 128; k++)
		ASSERT_EQ(get(m, k), -ENOENT);
	for (uint64_t k = 1000; k < 1128; k++)
		ASSERT_EQ(get(m, k), k);
	map_put(m);
}

TEST(lru_evicts_even_where_all_are_referenced)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_LRU_PERCPU_HASH, 8, 8, 1000);
	uint64_t value = 3;

	for (uint64_t k = 0; k < 3000; k++) {
		ASSERT_EQ(m->ops->update(m, &k, &value, 0, 1), 0);
		for (uint64_t j = k < 1000 ? 0 : k - 1000; j <= k; j++)
			m->ops->lookup(m, &j, 1);
	}
	ASSERT_EQ(count_of(m), 1000);
	map_put(m);
}

TEST(lru_updates_and_deletes_lose_no_element)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_LRU_HASH, 8, 8, 64);
	uint64_t state = 42;

	for (int i = 0; i < 20000; i++) {
		uint64_t r = next_random(&state), key = r >> 8 & 127;

		if (r % 4)
			ASSERT_EQ(m->ops->update(m, &key, &r, 0, r >> 4 & 3), 0);
		else
			m->ops->delete (m, &key, VCPU_NONE);
	}
	for (uint64_t k = 1000; k < 1064; k++)
		ASSERT_EQ(up(m, k, k, 0), 0);
	ASSERT_EQ(count_of(m), 64);
	map_put(m);
}
