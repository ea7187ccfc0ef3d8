/* SPDX-License-Identifier: BSD-2-Clause */
/* Values that own objects: every way in which an element goes gives them back. */
#include "base/alloc.h"
#include "hive/vcpu.h"
#include "obj/obj.h"
#include "tests/unit/btf/raw.h"
#include "tests/unit/map/maps.h"

#include <pthread.h>
#include <sys/mman.h>

#define STRINGS "\0int\0thing\0value\0before\0kptr\0ptr\0percpu_kptr\0percpu\0after\0"

enum {
	S_INT = 1,
	S_THING = 5,
	S_VALUE = 11,
	S_BEFORE = 17,
	S_KPTR = 24,
	S_PTR = 29,
	S_PERCPU_KPTR = 33,
	S_PERCPU = 45,
	S_AFTER = 52
};

enum { INT_ID = 1, THING, TAG, PTR_ID, PERCPU_TAG, PERCPU_PTR, VALUE };

static const uint32_t types[] = {
	INT(S_INT, BTF_INT_SIGNED, 0, 32, 4),
	STRUCT(S_THING, 1, 4),
	MEMBER(S_BEFORE, INT_ID, 0),
	TYPE_TAG(S_KPTR, THING),
	PTR(TAG),
	TYPE_TAG(S_PERCPU_KPTR, THING),
	PTR(PERCPU_TAG),
	STRUCT(S_VALUE, 4, 32),
	MEMBER(S_BEFORE, INT_ID, 0),
	MEMBER(S_PTR, PTR_ID, 64),
	MEMBER(S_PERCPU, PERCPU_PTR, 128),
	MEMBER(S_AFTER, INT_ID, 192),
};

struct value {
	uint64_t before;
	uint64_t ptr, percpu;
	uint64_t after;
};

static struct vcpus vcpus;
static struct obj_store *store;
static uint32_t plain, percpu;	/* types */
static struct skep_btf *kernel; /* has no type of these names */

static struct skep_map *owning_map(uint32_t type, uint32_t entries)
{
	static struct raw raw;
	struct skep_btf *btf = NULL;
	struct skep_map *m = NULL;
	union bpf_attr attr =
		map_attr(&(struct map_args){ type, 4, sizeof(struct value), entries });
	struct map_deps deps = { .nr_cpus = CPUS, .vcpus = &vcpus };
	void *mem;

	if (!store) {
		ASSERT_EQ(vcpus_init(&vcpus, NULL, CPUS), 0);
		mem = mmap(NULL, obj_store_size(CPUS), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		ASSERT(mem != MAP_FAILED);
		store = obj_store_init_at(mem, &vcpus, false);
		plain = (uint32_t)obj_type_add(store, 4, false, NULL);
		percpu = (uint32_t)obj_type_add(store, 4, true, NULL);
		raw_make(&raw, types, 4, STRINGS, sizeof(STRINGS));
		ASSERT_EQ(btf_new(raw.data, raw.size, NULL, NULL, &kernel, NULL), 0);
	}
	raw_make(&raw, types, ARRAY_SIZE(types), STRINGS, sizeof(STRINGS));
	ASSERT_EQ(btf_new(raw.data, raw.size, kernel, NULL, &btf, NULL), 0);
	attr.btf_key_type_id = INT_ID;
	attr.btf_value_type_id = VALUE;
	deps.btf = btf;
	deps.kernel = kernel;
	deps.objects = store;
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), 0);
	btf_put(btf);
	ASSERT_EQ(m->record->cnt, 2);
	return m;
}

/* Another object comes there. */
static void renew(void *kptr, uint32_t type)
{
	obj_put(store, obj_kptr_xchg(store, kptr, obj_new(store, type, VCPU_NONE), VCPU_NONE),
		VCPU_NONE);
}

/* As a program does on that CPU. */
static void give(struct skep_map *m, uint32_t key, uint32_t cpu)
{
	struct value *v = m->ops->lookup(m, &key, cpu);

	ASSERT(v);
	renew(&v->ptr, plain);
	renew(&v->percpu, percpu);
}

static bool is_percpu(uint32_t type)
{
	return map_type(type)->percpu;
}

static bool is_array(uint32_t type)
{
	return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static bool is_lru(uint32_t type)
{
	return type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static const uint32_t all[] = { BPF_MAP_TYPE_ARRAY,    BPF_MAP_TYPE_PERCPU_ARRAY,
				BPF_MAP_TYPE_HASH,     BPF_MAP_TYPE_PERCPU_HASH,
				BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH };

static struct skep_map *filled(uint32_t type)
{
	struct skep_map *m = owning_map(type, 8);
	struct value v[CPUS] = { { 0 } };

	for (uint32_t key = 0; key < 8; key++) {
		ASSERT_EQ(map_sys_update(m, &key, v, BPF_ANY), 0);
		for (uint32_t cpu = 0; cpu < (is_percpu(type) ? CPUS : 1); cpu++)
			give(m, key, cpu);
	}
	ASSERT_EQ(obj_live(store), 16 * (is_percpu(type) ? CPUS : 1));
	return m;
}

TEST(objects_go_with_their_map)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		map_put(filled(all[i]));
		ASSERT_EQ(obj_live(store), 0);
	}
}

TEST(objects_go_when_their_value_is_replaced)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		const uint32_t cpus = is_percpu(all[i]) ? CPUS : 1;
		struct skep_map *m = filled(all[i]);
		struct value v[CPUS], got[CPUS], *at;
		uint32_t key = 3;

		memset(v, 0x55, sizeof(v));
		memset(got, 0xee, sizeof(got));
		/* By a program: on its own CPU only. */
		ASSERT_EQ(m->ops->update(m, &key, v, BPF_EXIST, 1), 0);
		ASSERT_EQ(obj_live(store), 16 * cpus - 2);
		at = m->ops->lookup(m, &key, 1);
		ASSERT(at->before == v->before && at->after == v->after);
		ASSERT(!at->ptr && !at->percpu);
		ASSERT_EQ(map_sys_update(m, &key, v, BPF_EXIST), 0);
		ASSERT_EQ(obj_live(store), 14 * cpus);
		/* What is shown is no address. */
		key = 4;
		ASSERT_EQ(map_sys_lookup(m, &key, got, 0), 0);
		for (uint32_t cpu = 0; cpu < cpus; cpu++)
			ASSERT(!got[cpu].before && !got[cpu].ptr && !got[cpu].percpu &&
			       !got[cpu].after);
		map_put(m);
		ASSERT_EQ(obj_live(store), 0);
	}
}

TEST(objects_go_when_their_element_goes)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		const uint32_t cpus = is_percpu(all[i]) ? CPUS : 1;
		struct value got[CPUS * 8];
		uint32_t key = 3, out, keys[8], n = 8;
		struct skep_map *m;

		if (is_array(all[i]))
			continue;
		m = filled(all[i]);
		ASSERT_EQ(map_sys_delete(m, &key), 0);
		ASSERT_EQ(obj_live(store), 14 * cpus);
		key = 4;
		ASSERT_EQ(m->ops->delete (m, &key, VCPU_NONE), 0);
		key = 5;
		ASSERT_EQ(map_sys_lookup_delete(m, &key, got, 0), 0);
		ASSERT(!got[0].ptr && !got[0].percpu);
		ASSERT_EQ(obj_live(store), 10 * cpus);
		ASSERT_EQ(map_sys_batch_lookup(m, NULL, &out, keys, got, &n, true, 0), -ENOENT);
		ASSERT_EQ(n, 5);
		ASSERT_EQ(obj_live(store), 0);
		map_put(m);
	}
}

TEST(objects_go_when_their_element_is_evicted)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		const uint32_t cpus = is_percpu(all[i]) ? CPUS : 1;
		struct skep_map *m;
		struct value v = { 0 };

		if (!is_lru(all[i]))
			continue;
		m = filled(all[i]);
		for (uint32_t key = 100; key < 1000; key++)
			ASSERT_EQ(m->ops->update(m, &key, &v, BPF_NOEXIST, 0), 0);
		/* A few elements more than was asked for may be there. */
		ASSERT_LE(obj_live(store), 2 * cpus);
		map_put(m);
		ASSERT_EQ(obj_live(store), 0);
	}
}

/* A program that had looked an element up stores into it after it was deleted. */
TEST(objects_of_deleted_elements_go_with_the_map)
{
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct skep_map *m = filled(all[i]);
		uint32_t key = 3;
		struct value *v = m->ops->lookup(m, &key, 0);

		if (!is_array(all[i]))
			ASSERT_EQ(m->ops->delete (m, &key, VCPU_NONE), 0);
		ASSERT(is_array(all[i]) || !v->ptr);
		renew(&v->ptr, plain);
		map_put(m);
		ASSERT_EQ(obj_live(store), 0);
	}
}

/* --- many at once ----------------------------------------------------------------------------- */

static struct skep_map *shared;

static void *changer(void *arg)
{
	const struct value v = { 0 };

	for (uint32_t i = 0; i < 30000; i++) {
		struct vcpu *run = vcpu_get(&vcpus);
		uint32_t key = i * 2654435761u >> 28;
		struct value *at;

		switch (i % 4) {
		case 0:
			shared->ops->update(shared, &key, &v, BPF_ANY, vcpu_id(&vcpus, run));
			break;
		case 1:
			shared->ops->delete (shared, &key, VCPU_NONE);
			break;
		default:
			at = shared->ops->lookup(shared, &key, vcpu_id(&vcpus, run));
			if (at)
				renew(&at->ptr, plain);
		}
		vcpu_put(run);
		if (i % 100 == 0)
			map_sys_update(shared, &key, &v, BPF_ANY);
	}
	return arg;
}

TEST(objects_of_a_map_that_all_change)
{
	static const uint32_t kinds[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		pthread_t t[CPUS];

		shared = owning_map(kinds[i], 12);
		for (int n = 0; n < CPUS; n++)
			ASSERT_EQ(pthread_create(&t[n], NULL, changer, NULL), 0);
		for (int n = 0; n < CPUS; n++)
			pthread_join(t[n], NULL);
		map_put(shared);
		ASSERT_EQ(obj_live(store), 0);
	}
}
