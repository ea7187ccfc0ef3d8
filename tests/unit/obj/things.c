/* SPDX-License-Identifier: BSD-2-Clause */
#include "things.h"
#include "obj/obj_int.h"
#include "tests/harness/test.h"

#include <sys/mman.h>

struct vcpus vcpus;

static const struct btf_record of_thing = {
	.cnt = 3,
	.mask = FIELD_LIST_NODE | FIELD_RB_NODE | FIELD_REFCOUNT,
	.refcount_off = offsetof(struct thing, refs),
	.field = { { .type = FIELD_LIST_NODE, .off = offsetof(struct thing, list), .size = 24 },
		   { .type = FIELD_RB_NODE, .off = offsetof(struct thing, tree), .size = 32 },
		   { .type = FIELD_REFCOUNT, .off = offsetof(struct thing, refs), .size = 4 } },
};

const struct btf_record *const thing_record = &of_thing;

static const struct btf_record of_owner = {
	.cnt = 5,
	.mask = FIELD_SPIN_LOCK | FIELD_LIST_HEAD | FIELD_RB_ROOT | FIELD_KPTR_REF |
		FIELD_KPTR_PERCPU,
	.spin_lock_off = offsetof(struct owner, lock),
	.field = { { .type = FIELD_SPIN_LOCK, .off = offsetof(struct owner, lock), .size = 4 },
		   { .type = FIELD_LIST_HEAD,
		     .off = offsetof(struct owner, list),
		     .size = 16,
		     .node_off = offsetof(struct thing, list) },
		   { .type = FIELD_RB_ROOT,
		     .off = offsetof(struct owner, tree),
		     .size = 16,
		     .node_off = offsetof(struct thing, tree) },
		   { .type = FIELD_KPTR_REF, .off = offsetof(struct owner, kptr), .size = 8 },
		   { .type = FIELD_KPTR_PERCPU,
		     .off = offsetof(struct owner, percpu),
		     .size = 8 } },
};

const struct btf_record *const owner_record = &of_owner;

static struct obj_store *make(bool shared)
{
	void *mem;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, CPUS), 0);
	mem = mmap(NULL, obj_store_size(CPUS), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT(mem != MAP_FAILED);
	return obj_store_init_at(mem, &vcpus, shared);
}

struct obj_store *make_store(void)
{
	return make(false);
}

struct obj_store *make_hive_store(void)
{
	return make(true);
}

static uint32_t type_of(struct obj_store *s, uint32_t size, bool percpu,
			const struct btf_record *record)
{
	const uint32_t known = obj_type_find(s, size, percpu, record);
	const int type = known ? (int)known : obj_type_add(s, size, percpu, record);

	return type > 0 ? (uint32_t)type : 0;
}

void *new_plain(struct obj_store *s, uint32_t size)
{
	return obj_new(s, type_of(s, size, false, NULL), CPU);
}

void *new_percpu(struct obj_store *s, uint32_t size)
{
	return obj_new(s, type_of(s, size, true, NULL), CPU);
}

uint32_t refs_of(const void *obj)
{
	return block_count(block_of(obj));
}

struct thing *new_thing_on(struct obj_store *s, uint64_t key, uint32_t cpu)
{
	struct thing *t = obj_new(s, type_of(s, sizeof(*t), false, thing_record), cpu);

	ASSERT(t);
	t->key = key;
	return t;
}

struct thing *new_thing(struct obj_store *s, uint64_t key)
{
	return new_thing_on(s, key, CPU);
}

struct owner *new_owner_on(struct obj_store *s, uint32_t cpu)
{
	struct owner *o = obj_new(s, type_of(s, sizeof(*o), false, owner_record), cpu);

	ASSERT(o);
	return o;
}

struct owner *new_owner(struct obj_store *s)
{
	return new_owner_on(s, CPU);
}

struct thing *of_list(void *node)
{
	return node ? (struct thing *)((uint8_t *)node - offsetof(struct thing, list)) : NULL;
}

struct thing *of_tree(void *node)
{
	return node ? (struct thing *)((uint8_t *)node - offsetof(struct thing, tree)) : NULL;
}

bool by_key(void *arg, void *a, void *b)
{
	return of_tree(a)->key < of_tree(b)->key;
}
