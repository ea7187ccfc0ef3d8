/* SPDX-License-Identifier: BSD-2-Clause */
/* ARRAY and PERCPU_ARRAY. */
#include "tests/unit/map/maps.h"

TEST(array_creation_errors)
{
	static const struct {
		struct map_args a;
		int err;
	} cases[] = {
		{ { BPF_MAP_TYPE_ARRAY, 4, 4, 0 }, -EINVAL },
		{ { BPF_MAP_TYPE_ARRAY, 8, 4, 1 }, -EINVAL },
		{ { BPF_MAP_TYPE_ARRAY, 4, 0, 1 }, -EINVAL },
		{ { BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_NO_PREALLOC }, -EINVAL },
		{ { BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_PRESERVE_ELEMS }, -EINVAL },
		{ { BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_ZERO_SEED }, -EINVAL },
		{ { BPF_MAP_TYPE_ARRAY, 4, 4, 1, 1u << 20 }, -EINVAL },
		{ { BPF_MAP_TYPE_ARRAY, 4, 1u << 31, 1 }, -E2BIG },
		{ { BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG }, 0 },
		{ { BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_INNER_MAP | BPF_F_NUMA_NODE }, 0 },
		{ { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 32768, 1 }, 0 },
		{ { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 32769, 1 }, -E2BIG },
		{ { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 1, BPF_F_MMAPABLE }, -EINVAL },
		{ { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 1, BPF_F_INNER_MAP }, -EINVAL },
		{ { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 1, BPF_F_NUMA_NODE, 0 }, -EINVAL },
		{ { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 1, BPF_F_NUMA_NODE, UINT32_MAX }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct skep_map *m = NULL;
		int err = map_try(&cases[i].a, &m);

		ASSERT_MSG(err == cases[i].err, "case %zu: %d, not %d", i, err, cases[i].err);
		map_put(m);
	}
}

TEST(array_elements_are_there_from_the_start)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 3);

	ASSERT_EQ(get(m, 2), 0);
	ASSERT_EQ(get(m, 3), -ENOENT);
	ASSERT_EQ(up(m, 2, 7, BPF_EXIST), 0);
	ASSERT_EQ(get(m, 2), 7);
	ASSERT_EQ(up(m, 2, 7, BPF_NOEXIST), -EEXIST);
	ASSERT_EQ(up(m, 3, 7, BPF_ANY), -E2BIG);
	ASSERT_EQ(up(m, 3, 7, BPF_NOEXIST), -E2BIG);
	ASSERT_EQ(up(m, 3, 7, 3), -EINVAL);
	ASSERT_EQ(up(m, 2, 7, BPF_F_LOCK), -EINVAL);
	ASSERT_EQ(del(m, 2), -EINVAL);
	ASSERT_EQ(get(m, 2), 7);
	map_put(m);
}

TEST(array_walk_is_0_to_n_minus_1)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 3);
	uint32_t key = 12345, next;

	ASSERT_EQ(map_sys_next_key(m, NULL, &next), 0);
	ASSERT_EQ(next, 0);
	/* Out of range begins anew. */
	ASSERT_EQ(map_sys_next_key(m, &key, &next), 0);
	ASSERT_EQ(next, 0);
	for (key = 0; key < 2; key++) {
		ASSERT_EQ(map_sys_next_key(m, &key, &next), 0);
		ASSERT_EQ(next, key + 1);
	}
	ASSERT_EQ(map_sys_next_key(m, &key, &next), -ENOENT);
	map_put(m);
}

TEST(array_lookup_is_what_the_jit_inlines)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 12, 100);
	struct skep_map *p = MAP(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 12, 100);

	ASSERT_EQ(m->elem_size, 16);
	ASSERT_EQ(m->index_mask, 127);
	ASSERT_EQ(m->cpu_stride, 0);
	for (uint32_t i = 0; i < 100; i++) {
		ASSERT(m->ops->lookup(m, &i, 0) == m->values + i * m->elem_size);
		for (uint32_t cpu = 0; cpu < CPUS; cpu++)
			ASSERT(p->ops->lookup(p, &i, cpu) ==
			       p->values + cpu * p->cpu_stride + i * p->elem_size);
	}
	ASSERT(!m->ops->lookup(m, &(uint32_t){ 100 }, 0));
	ASSERT(!p->ops->lookup(p, &(uint32_t){ UINT32_MAX }, 0));
	map_put(m);
	map_put(p);
}

TEST(array_value_address_is_for_single_elements)
{
	struct skep_map *one = MAP(BPF_MAP_TYPE_ARRAY, 4, 12, 1);
	struct skep_map *two = MAP(BPF_MAP_TYPE_ARRAY, 4, 12, 2);
	uint64_t addr = 0;

	ASSERT_EQ(one->sys->value_addr(one, &addr, 8), 0);
	ASSERT(addr == (uintptr_t)one->values + 8);
	ASSERT_EQ(one->sys->value_addr(one, &addr, 12), -EINVAL);
	ASSERT_EQ(two->sys->value_addr(two, &addr, 0), -ENOTSUPP);
	map_put(one);
	map_put(two);
}

TEST(array_contains_its_values_only)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 4096, 2);
	uintptr_t at = (uintptr_t)m->values;

	ASSERT(m->ops->contains(m, at, 8192));
	ASSERT(m->ops->contains(m, at + 8191, 1));
	ASSERT(!m->ops->contains(m, at + 8191, 2));
	ASSERT(!m->ops->contains(m, at - 1, 1));
	ASSERT(!m->ops->contains(m, at, SIZE_MAX));
	ASSERT(!m->ops->contains(m, 0, 1));
	map_put(m);
}

TEST(percpu_array_is_one_block_per_cpu_to_bpf)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 5, 2);
	uint32_t key = 1;
	uint8_t in[CPUS][8], out[CPUS][8];

	ASSERT_EQ(map_sys_value_size(m), sizeof(in));
	for (size_t i = 0; i < sizeof(in); i++)
		((uint8_t *)in)[i] = (uint8_t)(i + 1);
	ASSERT_EQ(map_sys_update(m, &key, in, BPF_ANY), 0);
	ASSERT_EQ(map_sys_lookup(m, &key, out, 0), 0);
	ASSERT_MEMEQ(in, out, sizeof(in));
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		ASSERT_MEMEQ(m->ops->lookup(m, &key, cpu), in[cpu], 5);

	/* A program writes its own CPU's value_size bytes. */
	ASSERT_EQ(m->ops->update(m, &key, "abcdefgh", BPF_EXIST, 2), 0);
	/* Programs hear of a lock that is not there last, bpf(2) first. */
	ASSERT_EQ(m->ops->update(m, &key, "xxxxxxxx", BPF_F_LOCK, 2), -EINVAL);
	ASSERT_EQ(m->ops->update(m, &key, "xxxxxxxx", BPF_F_LOCK | BPF_NOEXIST, 2), -EEXIST);
	ASSERT_EQ(m->ops->update(m, &(uint32_t){ 99 }, "xxxxxxxx", BPF_F_LOCK, 2), -E2BIG);
	ASSERT_EQ(map_sys_update(m, &key, in, BPF_F_LOCK | BPF_NOEXIST), -EINVAL);
	ASSERT_EQ(map_sys_lookup(m, &key, out, 0), 0);
	memcpy(in[2], "abcde", 5);
	ASSERT_MEMEQ(in, out, sizeof(in));

	ASSERT_EQ(map_sys_update(m, &key, in, BPF_NOEXIST), -EEXIST);
	ASSERT_EQ(map_sys_update(m, &key, in, 4), -EINVAL);
	ASSERT_EQ(m->ops->update(m, &key, in, 3, 0), -EINVAL);
	key = 2;
	ASSERT_EQ(map_sys_update(m, &key, in, BPF_ANY), -E2BIG);
	ASSERT_EQ(map_sys_lookup(m, &key, out, 0), -ENOENT);
	ASSERT_EQ(map_sys_delete(m, &key), -EINVAL);
	map_put(m);
}

static uint64_t stop_at_key_2(void *arg, const void *key, void *value)
{
	uint32_t k;

	memcpy(&k, key, sizeof(k));
	*(uint64_t *)arg += *(uint64_t *)value;
	return k == 2;
}

TEST(array_for_each_visits_in_order_until_told_to_stop)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 5);
	uint64_t sum = 0;

	for (uint64_t i = 0; i < 5; i++)
		ASSERT_EQ(up(m, i, 1u << i, 0), 0);
	ASSERT_EQ(m->ops->for_each(m, 0, stop_at_key_2, &sum), 3);
	ASSERT_EQ(sum, 7);
	map_put(m);
}

TEST(array_batch_walks_by_key)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 5);
	uint32_t keys[8], token = 77, count;
	uint64_t values[8];

	for (uint64_t i = 0; i < 5; i++)
		ASSERT_EQ(up(m, i, 100 + i, 0), 0);
	count = 0;
	ASSERT_EQ(map_sys_batch_lookup(m, NULL, &token, keys, values, &count, false, 0), 0);
	ASSERT_EQ(token, 77);
	count = 3;
	ASSERT_EQ(map_sys_batch_lookup(m, NULL, &token, keys, values, &count, false, 0), 0);
	ASSERT_EQ(count, 3);
	ASSERT_EQ(token, 2);
	ASSERT_EQ(keys[2], 2);
	ASSERT_EQ(values[2], 102);
	count = 8;
	ASSERT_EQ(map_sys_batch_lookup(m, &token, &token, keys, values, &count, false, 0), -ENOENT);
	ASSERT_EQ(count, 2);
	ASSERT_EQ(keys[1], 4);
	ASSERT_EQ(values[1], 104);
	ASSERT_EQ(map_sys_batch_lookup(m, NULL, &token, keys, values, &count, false, BPF_F_LOCK),
		  -EINVAL);
	ASSERT_EQ(map_sys_batch_lookup(m, NULL, &token, keys, values, &count, true, 0), -ENOTSUPP);
	map_put(m);
}

TEST(array_has_no_lookup_and_delete)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 1);
	uint32_t key = 0;
	uint64_t value;

	ASSERT_EQ(map_sys_lookup_delete(m, &key, &value, 0), -ENOTSUPP);
	ASSERT_EQ(map_sys_lookup_delete(m, &key, &value, BPF_EXIST), -EINVAL);
	ASSERT_EQ(map_sys_lookup(m, &key, &value, BPF_EXIST), -EINVAL);
	map_put(m);
}
