/* SPDX-License-Identifier: BSD-2-Clause */
/* Values with a struct bpf_spin_lock, and what BTF decides at creation. */
#include "base/sys.h"
#include "btf/btf.h"
#include "tests/unit/map/maps.h"
#include "tests/unit/map/spinlock.h"

#include <pthread.h>

static struct skep_map *locked_map(uint32_t type, uint32_t entries, int want)
{
	struct skep_btf *btf = NULL;
	struct skep_map *m = NULL;
	union bpf_attr attr =
		map_attr(&(struct map_args){ type, 4, sizeof(struct locked_value), entries });
	struct map_deps deps = { .nr_cpus = CPUS };

	ASSERT_EQ(btf_new(&locked_btf, sizeof(locked_btf), NULL, NULL, &btf, NULL), 0);
	attr.btf_key_type_id = LOCKED_KEY;
	attr.btf_value_type_id = LOCKED_VALUE;
	deps.btf = btf;
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), want);
	btf_put(btf);
	return m;
}

TEST(btf_finds_the_lock_of_a_value)
{
	struct skep_map *m = locked_map(BPF_MAP_TYPE_HASH, 4, 0);

	ASSERT_EQ(m->record->spin_lock_off, offsetof(struct locked_value, lock));
	ASSERT_EQ(m->record->mask, FIELD_SPIN_LOCK);
	ASSERT_EQ(m->btf_value_id, LOCKED_VALUE);
	ASSERT_EQ(map_freeze(m), -ENOTSUPP);
	map_put(m);
	ASSERT(!locked_map(BPF_MAP_TYPE_LRU_HASH, 4, -EOPNOTSUPP));
	ASSERT(!locked_map(BPF_MAP_TYPE_PERCPU_HASH, 4, -EOPNOTSUPP));
	ASSERT(!locked_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, -EOPNOTSUPP));
}

TEST(the_lock_word_is_neither_shown_nor_written)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct skep_map *m = locked_map(types[i], 4, 0);
		struct locked_value in = { 1, 0xffffffff, 2, 3 }, out, *mem;
		uint32_t key = 1;

		ASSERT_EQ(map_sys_update(m, &key, &in, 0), 0);
		mem = m->ops->lookup(m, &key, 0);
		ASSERT_EQ(mem->lock, 0);
		ASSERT_EQ(mem->a, 1);
		ASSERT_EQ(mem->c, 3);
		mem->lock = 1; /* a program holds it */
		memset(&out, 0xaa, sizeof(out));
		ASSERT_EQ(map_sys_lookup(m, &key, &out, 0), 0);
		ASSERT_EQ(out.lock, 0);
		ASSERT_EQ(out.b, 2);
		if (types[i] == BPF_MAP_TYPE_ARRAY) {
			in.b = 22;
			ASSERT_EQ(map_sys_update(m, &key, &in, 0), 0);
			ASSERT_EQ(mem->lock, 1);
			ASSERT_EQ(mem->b, 22);
		}
		mem->lock = 0;
		map_put(m);
	}
}

TEST(update_under_the_lock_stays_in_place)
{
	struct skep_map *m = locked_map(BPF_MAP_TYPE_HASH, 4, 0);
	struct locked_value in = { 1, 0, 2, 3 }, out, *mem;
	uint32_t key = 1;

	ASSERT_EQ(map_sys_update(m, &key, &in, BPF_F_LOCK | BPF_EXIST), -ENOENT);
	ASSERT_EQ(map_sys_update(m, &key, &in, BPF_F_LOCK), 0);
	mem = m->ops->lookup(m, &key, 0);
	in.a = 10;
	ASSERT_EQ(map_sys_update(m, &key, &in, BPF_F_LOCK | BPF_NOEXIST), -EEXIST);
	ASSERT_EQ(map_sys_update(m, &key, &in, BPF_F_LOCK), 0);
	ASSERT(m->ops->lookup(m, &key, 0) == mem);
	ASSERT_EQ(mem->a, 10);
	/* Without it another element takes the place. */
	ASSERT_EQ(map_sys_update(m, &key, &in, 0), 0);
	ASSERT(m->ops->lookup(m, &key, 0) != mem);
	ASSERT_EQ(map_sys_lookup_delete(m, &key, &out, BPF_F_LOCK), 0);
	ASSERT_EQ(out.a, 10);
	ASSERT_EQ(out.lock, 0);
	map_put(m);
}

static _Atomic bool written;

static void *write_locked(void *arg)
{
	struct locked_value in = { 7, 0, 7, 7 };
	uint32_t key = 0;

	ASSERT_EQ(map_sys_update(arg, &key, &in, BPF_F_LOCK), 0);
	atomic_store(&written, true);
	return NULL;
}

TEST_LIMIT(update_under_the_lock_waits_for_its_holder, 10)
{
	struct skep_map *m = locked_map(BPF_MAP_TYPE_ARRAY, 1, 0);
	struct locked_value *mem = (struct locked_value *)m->values;
	pthread_t t;

	ASSERT(spin_trylock((struct spinlock *)&mem->lock));
	ASSERT_EQ(pthread_create(&t, NULL, write_locked, m), 0);
	for (int i = 0; i < 1000; i++) {
		sys_rest();
		ASSERT(!atomic_load(&written));
		ASSERT_EQ(mem->a, 0);
	}
	spin_unlock((struct spinlock *)&mem->lock);
	pthread_join(t, NULL);
	ASSERT_EQ(mem->a, 7);
	map_put(m);
}
