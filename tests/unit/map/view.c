/* SPDX-License-Identifier: BSD-2-Clause */
/* Views: a second map over the same memory, from facts that may be anything. */
#include "tests/unit/map/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "btf/btf.h"

/* A view as a member of a hive makes it; 0 or -errno. */
static int view_try(const struct skep_map *m, const struct map_facts *f, bool write,
		    struct skep_map **ret)
{
	const int fd = map_area_open(&m->area, O_RDWR);
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
	ASSERT_EQ(view_try(m, &facts, true, &v), 0);
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
	map_put(v);
	ASSERT_EQ(get(m, 999), 2997);
	/* The other way round: what is viewed stays as long as its views. */
	v = view_of(m);
	map_put(m);
	ASSERT_EQ(get(v, 999), 2997);
	map_put(v);
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
	map_put(v);
	map_put(m);
}

TEST(maps_that_are_more_than_values_have_no_facts)
{
	static const struct map_args others[] = {
		{ BPF_MAP_TYPE_HASH, 4, 8, 16 },	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 16 },
		{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 16 },	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096 },
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 16 }, { BPF_MAP_TYPE_QUEUE, 0, 8, 16 },
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
	BAD(f.type = BPF_MAP_TYPE_HASH);
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
	map_put(v);
	map_put(m);
}

TEST(a_view_survives_every_failed_allocation)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 8), *v = NULL;
	struct map_facts facts;
	int err = -ENOMEM;

	ASSERT(map_facts(m, &facts));
	for (long n = 1; err; n++) {
		skep_alloc_fail_at(n);
		err = view_try(m, &facts, true, &v);
		skep_alloc_fail_at(0);
		ASSERT(err ? err == -ENOMEM && !v : v && n > 1);
	}
	map_put(v);
	map_put(m);
}
