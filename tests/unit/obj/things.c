/* SPDX-License-Identifier: BSD-2-Clause */
#include "things.h"
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

struct obj_store *make_store(void)
{
	void *mem;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, CPUS), 0);
	mem = mmap(NULL, obj_store_size(CPUS), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT(mem != MAP_FAILED);
	return obj_store_init_at(mem, &vcpus);
}

struct thing *new_thing(struct obj_store *s, uint64_t key)
{
	struct thing *t = obj_new(s, sizeof(*t), thing_record);

	ASSERT(t);
	t->key = key;
	return t;
}

struct owner *new_owner(struct obj_store *s)
{
	struct owner *o = obj_new(s, sizeof(*o), owner_record);

	ASSERT(o);
	return o;
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
