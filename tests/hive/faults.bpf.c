// SPDX-License-Identifier: BSD-2-Clause
/*
 * faults.bpf.c - programs that members run until they are killed (faults_objects.c): objects with a
 * number each go round a list, a tree and values of a map, one place at a time; others are held
 * twice, in two values; and storage comes and goes.
 */
#include "tests/e2e/objects/experimental.h"
#include "tests/hive/faults_objects.h"

#define MAGIC  0x600d600d600d600dull
#define PLACES 32

struct token {
	__u64 magic, number;
	struct bpf_list_node in_list;
	struct bpf_rb_node in_tree;
	struct bpf_refcount refs; /* never more than one: Linux wants it of who has two nodes */
};
typedef struct token token_t;

struct twin {
	__u64 magic;
	struct bpf_refcount refs;
	__u64 more[6];
};
typedef struct twin twin_t;

struct hand {
	struct bpf_spin_lock lock;
	struct bpf_list_head list CONTAINS(token, in_list);
	struct bpf_rb_root tree CONTAINS(token, in_tree);
};

struct place {
	token_t KPTR *token;
	twin_t KPTR *twin;
};

#define MAP(name, kind, k, v, n)                   \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__type(key, k);                    \
		__type(value, v);                  \
		__uint(max_entries, n);            \
	} name SEC(".maps")

MAP(hands, ARRAY, __u32, struct hand, 1);
MAP(places, HASH, __u32, struct place, PLACES);

#define STORAGE(name, kind)                           \
	struct {                                      \
		__uint(type, kind);                   \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__type(key, int);                     \
		__type(value, __u64);                 \
	} name SEC(".maps")

STORAGE(of_tasks, BPF_MAP_TYPE_TASK_STORAGE);
STORAGE(of_cgroups, 32); /* BPF_MAP_TYPE_CGRP_STORAGE, which older headers lack */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct cgroup {
	int level;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	struct css_set *cgroups;
};
#pragma clang attribute pop

static void *(*cgrp_storage_get)(void *map, struct cgroup *c, void *value,
				 __u64 flags) = (void *)210;
static long (*cgrp_storage_delete)(void *map, struct cgroup *c) = (void *)211;

/* As faults_objects.h has it. */
struct faults_objects seen;

static __always_inline struct hand *the_hand(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&hands, &zero);
}

static __always_inline struct place *some_place(void)
{
	__u32 key = bpf_get_prandom_u32() % PLACES;

	return bpf_map_lookup_elem(&places, &key);
}

static __always_inline void look(__u64 magic)
{
	if (magic != MAGIC)
		__sync_fetch_and_add(&seen.wrong, 1);
}

static bool lower(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return of(a, struct token, in_tree)->number < of(b, struct token, in_tree)->number;
}

static __always_inline struct token *from_list(struct hand *h, bool back)
{
	struct bpf_list_node *n;

	bpf_spin_lock(&h->lock);
	n = back ? bpf_list_pop_back(&h->list) : bpf_list_pop_front(&h->list);
	bpf_spin_unlock(&h->lock);
	return n ? of(n, struct token, in_list) : NULL;
}

static __always_inline struct token *from_tree(struct hand *h)
{
	struct bpf_rb_node *n;

	bpf_spin_lock(&h->lock);
	n = bpf_rbtree_first(&h->tree);
	if (n)
		n = bpf_rbtree_remove(&h->tree, n);
	bpf_spin_unlock(&h->lock);
	return n ? of(n, struct token, in_tree) : NULL;
}

static __always_inline void to_list(struct hand *h, struct token *t)
{
	bpf_spin_lock(&h->lock);
	push_back(&h->list, &t->in_list);
	bpf_spin_unlock(&h->lock);
}

static __always_inline void to_tree(struct hand *h, struct token *t)
{
	bpf_spin_lock(&h->lock);
	tree_add(&h->tree, &t->in_tree, lower);
	bpf_spin_unlock(&h->lock);
}

static __noinline int make(void)
{
	struct hand *h = the_hand();
	struct token *t = h ? obj_new(struct token) : NULL;

	if (!t) {
		__sync_fetch_and_add(&seen.out_of_memory, 1);
		return 0;
	}
	t->magic = MAGIC;
	t->number = __sync_fetch_and_add(&seen.made, 1) + 1;
	to_list(h, t);
	return 1;
}

static __noinline int list_to_tree(void)
{
	struct hand *h = the_hand();
	struct token *t = h ? from_list(h, bpf_get_prandom_u32() & 1) : NULL;

	if (!t)
		return make();
	look(t->magic);
	to_tree(h, t);
	return 1;
}

/* What was there goes back to the list. */
static __noinline int tree_to_place(void)
{
	struct hand *h = the_hand();
	struct place *p = some_place();
	struct token *t = h && p ? from_tree(h) : NULL;

	if (!t)
		return 0;
	look(t->magic);
	t = bpf_kptr_xchg(&p->token, t);
	if (t)
		to_list(h, t);
	return 1;
}

static __noinline int place_to_list(void)
{
	struct hand *h = the_hand();
	struct place *p = some_place();
	struct token *t = h && p ? bpf_kptr_xchg(&p->token, NULL) : NULL;

	if (!t)
		return 0;
	look(t->magic);
	to_list(h, t);
	return 1;
}

static __noinline int drop_one(void)
{
	struct hand *h = the_hand();
	struct token *t = h ? from_tree(h) : NULL;

	if (!t)
		return 0;
	__sync_fetch_and_add(&seen.dropped, 1);
	obj_drop(t);
	return 1;
}

/* One object in two values. */
static __noinline int twins(void)
{
	struct place *p = some_place(), *q = some_place();
	struct twin *a, *b;

	if (!p || !q)
		return 0;
	a = obj_new(struct twin);
	if (!a)
		return 0;
	a->magic = MAGIC;
	b = refcount_acquire(a);
	a = bpf_kptr_xchg(&p->twin, a);
	if (a) {
		look(a->magic);
		obj_drop(a);
	}
	b = bpf_kptr_xchg(&q->twin, b);
	if (b) {
		look(b->magic);
		obj_drop(b);
	}
	return 1;
}

static __always_inline void look_stored(__u64 *v)
{
	if (v && *v != MAGIC)
		__sync_fetch_and_add(&seen.wrong, 1);
}

static __noinline int store(bool away)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u64 first = MAGIC;

	bpf_rcu_read_lock();
	look_stored(bpf_task_storage_get(&of_tasks, t, &first, BPF_LOCAL_STORAGE_GET_F_CREATE));
	look_stored(cgrp_storage_get(&of_cgroups, t->cgroups->dfl_cgrp, &first,
				     BPF_LOCAL_STORAGE_GET_F_CREATE));
	if (away) {
		bpf_task_storage_delete(&of_tasks, t);
		cgrp_storage_delete(&of_cgroups, t->cgroups->dfl_cgrp);
	}
	bpf_rcu_read_unlock();
	return 1;
}

SEC("syscall")
int work(void *ctx)
{
	__sync_fetch_and_add(&seen.moves, 1);
	switch (bpf_get_prandom_u32() % 16) {
	case 0 ... 3:
		return list_to_tree();
	case 4 ... 6:
		return tree_to_place();
	case 7 ... 9:
		return place_to_list();
	case 10:
		return drop_one();
	case 11:
		return make();
	case 12:
	case 13:
		return twins();
	default:
		return store(bpf_get_prandom_u32() & 1);
	}
}

static __always_inline void find(struct token *t)
{
	look(t->magic);
	if (seen.nr_found < FOUND_MAX)
		seen.found[seen.nr_found & (FOUND_MAX - 1)] = t->number;
	seen.nr_found++;
	obj_drop(t);
}

/* Takes out what is left of list and tree, some at a time, and of a place: how many there were.
 * Alone. */
SEC("syscall")
int drain(void *ctx)
{
	struct hand *h = the_hand();
	struct place *p;
	struct token *t;
	struct twin *twin;
	int i, n = 0;

	if (!h)
		return 0;
	EACH(i, 0, 16)
	{
		t = from_list(h, false);
		if (t) {
			find(t);
			n++;
		}
		t = from_tree(h);
		if (t) {
			find(t);
			n++;
		}
	}
	p = some_place();
	t = p ? bpf_kptr_xchg(&p->token, NULL) : NULL;
	if (t) {
		find(t);
		n++;
	}
	twin = p ? bpf_kptr_xchg(&p->twin, NULL) : NULL;
	if (twin) {
		look(twin->magic);
		obj_drop(twin);
	}
	return n;
}

char LICENSE[] SEC("license") = "GPL";
