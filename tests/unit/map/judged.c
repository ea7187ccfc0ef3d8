/* SPDX-License-Identifier: BSD-2-Clause */
/* Creation by the table of rules.c: what Linux makes, and nothing more; types that are only judged.
 */
#include "tests/harness/host.h"
#include "tests/unit/map/maps.h"

#include <unistd.h>

static int judged(const struct map_args *a, uint64_t extra, struct skep_map **ret)
{
	const struct map_deps deps = { .nr_cpus = CPUS, .judge = true };
	union bpf_attr attr = map_attr(a);

	attr.map_extra = extra;
	return map_new(&attr, &deps, ret, NULL);
}

static int host(const struct map_args *a, uint64_t extra)
{
	union bpf_attr attr = map_attr(a);
	long fd;

	attr.map_extra = extra;
	fd = host_bpf(BPF_MAP_CREATE, &attr);
	if (fd >= 0)
		close((int)fd);
	return fd < 0 ? (int)fd : 0;
}

TEST(judged_types_have_no_operations)
{
	struct skep_map *m = NULL;
	uint64_t word = 0;

	ASSERT_EQ(judged(&(struct map_args){ BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 0 }, 0, &m), 0);
	ASSERT_EQ(map_sys_lookup(m, &word, &word, 0), -EOPNOTSUPP);
	ASSERT_EQ(map_sys_update(m, &word, &word, 0), -EOPNOTSUPP);
	ASSERT_EQ(map_sys_delete(m, &word), -EOPNOTSUPP);
	ASSERT_EQ(map_sys_next_key(m, NULL, &word), -EOPNOTSUPP);
	ASSERT_EQ(map_sys_lookup_delete(m, &word, &word, 0), -EOPNOTSUPP);
	map_put(m);
	/* A kernel that runs programs does not pretend to have them. */
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 0), -EINVAL);
}

/* Is rules.c what creation goes by?  The others are compared in host.c; the value of a struct_ops
 * is the kernel's. */
static bool by_table(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
	case BPF_MAP_TYPE_STRUCT_OPS:
	case BPF_MAP_TYPE_RINGBUF:
		return false;
	default:
		return true;
	}
}

TEST(creation_by_table_agrees_with_the_host)
{
	static const uint32_t keys[] = { 0, 1, 4, 5, 8, 16, 260, 261 };
	static const uint32_t values[] = { 0, 1, 4, 8, 12, 32, 1016, 1024, 4080, 65408 };
	static const uint32_t entries[] = { 0, 1, 3, 4096, 9000 };
	static const uint32_t flags[] = {
		0,
		BPF_F_NO_PREALLOC,
		BPF_F_RDONLY,
		BPF_F_RDONLY_PROG,
		BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG,
		BPF_F_MMAPABLE,
		BPF_F_STACK_BUILD_ID,
		BPF_F_ZERO_SEED,
		BPF_F_PRESERVE_ELEMS,
		BPF_F_CLONE,
	};
	uint32_t made = 0;

	host_required();
	for (uint32_t type = 1; type < map_type_count(); type++) {
		if (!by_table(type))
			continue;
		for (uint32_t i = 0; i < 8 * 10 * 5 * 10 * 2; i++) {
			const uint64_t extra = i & 1 ? (i >> 1) % 7 << 10 : 0;
			const struct map_args a = { type, keys[i / 2 % 8], values[i / 16 % 10],
						    entries[i / 160 % 5], flags[i / 800] };
			struct skep_map *m = NULL;
			int want = host(&a, extra), err = judged(&a, extra, &m);

			map_put(m);
			made += !err;
			/* How many CPUs a kernel may have is its configuration's. */
			if (type == BPF_MAP_TYPE_CPUMAP && want == -E2BIG)
				continue;
			ASSERT_MSG(err == want,
				   "%s key %u value %u entries %u flags 0x%x extra 0x%llx: %d, "
				   "the host %d",
				   map_type(type)->name, a.key, a.value, a.entries, a.flags,
				   (unsigned long long)extra, err, want);
		}
	}
	ASSERT_GT(made, 100);
}
