/* SPDX-License-Identifier: BSD-2-Clause */
/* The door: types, creation checks common to all types, references, freezing. */
#include "base/alloc.h"
#include "tests/unit/map/maps.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

TEST(types_have_the_numbers_and_names_of_linux)
{
	static const struct {
		uint32_t type;
		const char *name;
	} known[] = {
		{ BPF_MAP_TYPE_UNSPEC, "unspec" },
		{ BPF_MAP_TYPE_HASH, "hash" },
		{ BPF_MAP_TYPE_PROG_ARRAY, "prog_array" },
		{ BPF_MAP_TYPE_LPM_TRIE, "lpm_trie" },
		{ BPF_MAP_TYPE_HASH_OF_MAPS, "hash_of_maps" },
		{ BPF_MAP_TYPE_CGROUP_STORAGE, "cgroup_storage" },
		{ BPF_MAP_TYPE_STRUCT_OPS, "struct_ops" },
		{ BPF_MAP_TYPE_RINGBUF, "ringbuf" },
		{ BPF_MAP_TYPE_USER_RINGBUF, "user_ringbuf" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		ASSERT_STREQ(map_type(known[i].type)->name, known[i].name);
	ASSERT(map_type(map_type_count() - 1)->name);
	ASSERT(!map_type(map_type_count()));
	ASSERT(!map_type(UINT32_MAX));
	ASSERT(map_type(BPF_MAP_TYPE_LRU_PERCPU_HASH)->percpu);
	ASSERT(!map_type(BPF_MAP_TYPE_LRU_HASH)->percpu);
}

TEST(creation_refuses_what_linux_refuses)
{
	struct skep_map *m = NULL;
	struct map_deps deps = { .nr_cpus = CPUS };
	union bpf_attr attr;

	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_UNSPEC, 4, 4, 1), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_LPM_TRIE, 8, 4, 1), -EINVAL);
	ASSERT_EQ(MAP_ERR(1000, 4, 4, 1), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_RDONLY | BPF_F_WRONLY), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG),
		  -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_HASH, 4, 4, 1, BPF_F_NUMA_NODE, 100000), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_HASH, 4, 4, 1, BPF_F_NUMA_NODE, 0), 0);

	attr = map_attr(&(struct map_args){ BPF_MAP_TYPE_ARRAY, 4, 4, 1 });
	attr.map_extra = 1;
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), -EINVAL);
	attr = map_attr(&(struct map_args){ BPF_MAP_TYPE_ARRAY, 4, 4, 1 });
	attr.btf_key_type_id = 1;
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), -EINVAL);
	attr.btf_value_type_id = 2;
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), -EBADF);
	deps.btf_err = -EINVAL;
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), -EINVAL);
	ASSERT(!m);
}

TEST(names_are_checked_as_linux_does)
{
	struct map_deps deps = { .nr_cpus = CPUS };
	union bpf_attr attr = map_attr(&(struct map_args){ BPF_MAP_TYPE_ARRAY, 4, 4, 1 });
	struct skep_map *m = NULL;

	memcpy(attr.map_name, "good.name_1", 12);
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), 0);
	ASSERT_STREQ(m->name, "good.name_1");
	map_put(m);
	memcpy(attr.map_name, "no blank", 9);
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), -EINVAL);
	memset(attr.map_name, 'a', sizeof(attr.map_name));
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), -EINVAL);
}

TEST(a_diagnostic_names_the_cause)
{
	struct map_deps deps = { .nr_cpus = CPUS };
	union bpf_attr attr = map_attr(&(struct map_args){ BPF_MAP_TYPE_RINGBUF, 0, 0, 5000 });
	struct skep_diag diag = { 0 };
	struct skep_map *m = NULL;

	ASSERT_EQ(map_new(&attr, &deps, &m, &diag), -EINVAL);
	ASSERT_EQ(diag.err, -EINVAL);
	ASSERT_STRHAS(diag.msg, "5000");
	ASSERT_STRHAS(diag.hint, "8192");
}

TEST(fd_flags_do_not_stay_on_the_map)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_RDONLY | BPF_F_RDONLY_PROG);

	ASSERT_EQ(m->flags, BPF_F_RDONLY_PROG);
	map_put(m);
}

TEST(freeze_stops_writes_of_bpf_only)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 8, 8, 4);
	uint64_t key = 1, value = 7, n = 0;
	uint32_t count = 4;

	ASSERT_EQ(up(m, 1, 5, 0), 0);
	ASSERT_EQ(map_freeze(m), 0);
	ASSERT_EQ(map_freeze(m), -EBUSY);
	ASSERT_EQ(up(m, 1, 6, 0), -EPERM);
	ASSERT_EQ(del(m, 1), -EPERM);
	ASSERT_EQ(map_sys_lookup_delete(m, &key, &value, 0), -EPERM);
	ASSERT_EQ(map_sys_batch_lookup(m, NULL, &n, &key, &value, &count, true, 0), -EPERM);
	ASSERT_EQ(get(m, 1), 5);
	ASSERT_EQ(m->ops->update(m, &key, &value, 0, 0), 0);
	ASSERT_EQ(get(m, 1), 7);
	map_put(m);
}

TEST(freeze_gives_ebusy_while_a_write_is_under_way)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 4);

	atomic_fetch_add(&m->writers, 1);
	ASSERT_EQ(map_freeze(m), -EBUSY);
	atomic_fetch_sub(&m->writers, 1);
	ASSERT_EQ(up(m, 1, 6, 0), 0);
	ASSERT_EQ(map_freeze(m), 0);
	map_put(m);
}

TEST(the_fd_of_a_map_is_its_memory_and_cannot_be_cut)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 1024, BPF_F_MMAPABLE);
	char link[64], name[64] = "";
	uint64_t *mem;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", m->area.fd);
	ASSERT_GT(readlink(link, name, sizeof(name) - 1), 0);
	ASSERT_STRHAS(name, "bpf-map");
	ASSERT(fcntl(m->area.fd, F_GETFD) & FD_CLOEXEC);
	ASSERT_EQ(ftruncate(m->area.fd, 0), -1);
	ASSERT_EQ(errno, EPERM);

	mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, m->area.fd, 0);
	ASSERT(mem != MAP_FAILED);
	ASSERT_EQ(up(m, 1023, 99, 0), 0);
	ASSERT_EQ(mem[1023], 99);
	mem[5] = 55;
	ASSERT_EQ(get(m, 5), 55);
	munmap(mem, 8192);
	map_put(m);
}

TEST(a_frozen_map_cannot_be_mapped_for_writing)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG);
	uint64_t *mem;

	ASSERT_EQ(up(m, 0, 9, 0), 0);
	ASSERT_EQ(map_freeze(m), 0);
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m->area.fd, 0);
	ASSERT(mem == MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
	mem = mmap(NULL, 4096, PROT_READ, MAP_SHARED, m->area.fd, 0);
	ASSERT(mem != MAP_FAILED);
	ASSERT_EQ(*mem, 9);
	munmap(mem, 4096);
	map_put(m);
}

static const struct map_args one_of_each[] = {
	{ BPF_MAP_TYPE_HASH, 8, 8, 16 },	{ BPF_MAP_TYPE_HASH, 8, 8, 16, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 16 },	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 16 },
	{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 16 }, { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 16 },
	{ BPF_MAP_TYPE_LRU_HASH, 16, 8, 16 },	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 3, 8, 16 },
	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096 },
};

TEST(creation_survives_every_failed_allocation)
{
	for (size_t i = 0; i < ARRAY_SIZE(one_of_each); i++) {
		for (long n = 1;; n++) {
			struct skep_map *m = NULL;
			int err;

			skep_alloc_fail_at(n);
			err = map_try(&one_of_each[i], &m);
			skep_alloc_fail_at(0);
			if (!err) {
				map_put(m);
				break;
			}
			ASSERT_EQ(err, -ENOMEM);
			ASSERT(!m);
		}
	}
}

TEST(creation_survives_a_lack_of_fds)
{
	struct rlimit limit;
	rlim_t before;
	int next = dup(0);

	ASSERT_GE(next, 0);
	close(next);
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	before = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)next;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (size_t i = 0; i < ARRAY_SIZE(one_of_each); i++) {
		struct skep_map *m = NULL;

		ASSERT_EQ(map_try(&one_of_each[i], &m), -EMFILE);
		ASSERT(!m);
	}
	limit.rlim_cur = before;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST(maps_close_their_fds)
{
	int before = dup(0);

	close(before);
	for (size_t i = 0; i < ARRAY_SIZE(one_of_each); i++) {
		struct skep_map *m = map_make(&one_of_each[i]);

		map_get(m);
		map_put(m);
		map_put(m);
	}
	ASSERT_EQ(dup(0), before);
	map_put(NULL);
}

TEST(reserved_memory_is_not_committed)
{
	/* 64 GiB of values: fine, as long as nobody touches them. */
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH, 4, 1 << 16, 1 << 20, BPF_F_NO_PREALLOC);
	static char value[1 << 16];
	uint32_t key = 77;

	value[65535] = 1;
	ASSERT_EQ(map_sys_update(m, &key, value, 0), 0);
	memset(value, 0, sizeof(value));
	ASSERT_EQ(map_sys_lookup(m, &key, value, 0), 0);
	ASSERT_EQ(value[65535], 1);
	map_put(m);

	/* More than an address space is not. */
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_ARRAY, 4, 1u << 30, UINT32_MAX), -ENOMEM);
}
