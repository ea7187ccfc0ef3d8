/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local storage: who a task is, and what is left of those that are gone.  What bpf(2) and programs
 * hear is compared with the host in tests/e2e.
 */
#include "map/storage.h"
#include "tests/unit/btf/raw.h"
#include "tests/unit/map/maps.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STRINGS "\0int\0"

static const uint32_t types[] = { INT(1, BTF_INT_SIGNED, 0, 32, 4) };

static struct skep_map *storage(uint32_t type)
{
	union bpf_attr attr = map_attr(&(struct map_args){ type, 4, 4, 0, BPF_F_NO_PREALLOC });
	struct map_deps deps = { .nr_cpus = CPUS };
	struct skep_btf *btf = NULL;
	struct skep_map *m = NULL;
	struct raw raw;

	raw_make(&raw, types, ARRAY_SIZE(types), STRINGS, sizeof(STRINGS));
	ASSERT_EQ(btf_new(raw.data, raw.size, NULL, NULL, &btf, NULL), 0);
	attr.btf_key_type_id = attr.btf_value_type_id = 1;
	deps.btf = btf;
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), 0);
	btf_put(btf);
	return m;
}

static uint32_t tid(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

static void *who(void *arg)
{
	*(uint64_t *)arg = storage_task(tid());
	return NULL;
}

TEST(tasks_are_known_by_when_they_began)
{
	const uint64_t self = storage_task(tid());
	uint64_t other = 0;
	pthread_t t;

	ASSERT(storage_is_of(self, tid()));
	/* A name cannot pretend to be something else. */
	prctl(PR_SET_NAME, "a) R 1 2 3 4 5");
	ASSERT_EQ(storage_task(tid()), self);
	ASSERT_EQ(pthread_create(&t, NULL, who, &other), 0);
	pthread_join(t, NULL);
	ASSERT(other && other != self && other >> STORAGE_TID_BITS >= self >> STORAGE_TID_BITS);
	ASSERT_EQ(storage_task((uint32_t)other & STORAGE_TIDS), 0);
	ASSERT_EQ(storage_task(0), 0);
	ASSERT(!storage_is_of(0, 0));
}

TEST(storage_of_the_gone_is_used_again)
{
	struct skep_map *m = storage(BPF_MAP_TYPE_TASK_STORAGE);
	const uint64_t self = storage_task(tid()), next = UINT64_C(1) << STORAGE_TID_BITS;
	uint32_t left = 0, five = 5, *v = storage_get(m, &self, &five, true, 0);

	ASSERT(v && *v == 5);
	for (uint32_t i = 1; i <= 1000; i++) {
		/* With our thread id, but begun later: there is none. */
		const uint64_t gone = self + i * next;

		v = storage_get(m, &gone, NULL, true, 1);
		ASSERT_MSG(v && *v == 0, "%u", i);
		*v = i;
	}
	for (uint32_t i = 1; i <= 1000; i++) {
		const uint64_t gone = self + i * next;

		left += storage_get(m, &gone, NULL, false, 0) != NULL;
	}
	ASSERT_LT(left, 50);
	v = storage_get(m, &self, NULL, false, 0);
	ASSERT(v && *v == 5);
	ASSERT(m->ops->contains(m, (uintptr_t)v, 4));
	ASSERT_EQ(storage_delete(m, &self, VCPU_NONE), 0);
	ASSERT_EQ(storage_delete(m, &self, VCPU_NONE), -ENOENT);
	map_put(m);
}

TEST(storage_of_cgroups_that_are_gone_is_taken_out)
{
	struct skep_map *m = storage(SKEP_MAP_TYPE_CGRP_STORAGE);
	const int root = (int)storage_cgroups();
	struct stat st;
	uint64_t there[2], gone[2], elsewhere[2];
	uint32_t five = 5;

	if (root < 0)
		test_skip("no unified hierarchy of cgroups is mounted where one is looked for");
	ASSERT_EQ(fstat(root, &st), 0);
	close(root);
	memcpy(there, (uint64_t[]){ st.st_ino, st.st_dev }, sizeof(there));
	memcpy(gone, (uint64_t[]){ UINT64_C(1) << 60, st.st_dev }, sizeof(gone));
	/* Of version 1, say: nobody looks. */
	memcpy(elsewhere, (uint64_t[]){ UINT64_C(1) << 60, st.st_dev + 1 }, sizeof(elsewhere));
	ASSERT(storage_get(m, there, &five, true, 0) && storage_get(m, gone, &five, true, 1) &&
	       storage_get(m, elsewhere, &five, true, 0));
	storage_forget_gone(m);
	ASSERT(storage_get(m, there, NULL, false, 0) && storage_get(m, elsewhere, NULL, false, 0));
	ASSERT(!storage_get(m, gone, NULL, false, 0));
	map_put(m);
}

TEST(storage_has_no_keys_for_programs)
{
	static const uint32_t kinds[] = { BPF_MAP_TYPE_TASK_STORAGE, BPF_MAP_TYPE_SK_STORAGE,
					  BPF_MAP_TYPE_INODE_STORAGE, SKEP_MAP_TYPE_CGRP_STORAGE };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct skep_map *m = storage(kinds[i]);

		ASSERT(!m->ops->lookup && !m->ops->update && !m->ops->delete &&!m->ops->for_each);
		ASSERT_EQ(up(m, (uint32_t)-1, 1, 0), -EBADF);
		map_put(m);
	}
	/* Without the type of its value nobody can show it. */
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_TASK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC), -EINVAL);
}
