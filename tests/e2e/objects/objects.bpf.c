// SPDX-License-Identifier: BSD-2-Clause
/*
 * objects.bpf.c - programs that allocate: each returns 0 where all is as it should be, and leaves
 * in out[] what it saw.  The same on every kernel.
 */
#include "experimental.h"

char LICENSE[] SEC("license") = "GPL";

#define OUT 128

__u64 out[OUT]; /* what the last run saw */
__u32 nr_out;
__u64 seed = 88172645463325252ull;

static __always_inline void note(__u64 what)
{
	if (nr_out < OUT)
		out[nr_out++ & (OUT - 1)] = what;
}

static __always_inline __u64 next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* --- lists ------------------------------------------------------------------------------------ */

struct item {
	__u64 key;
	struct bpf_list_node node;
};

PRIVATE(A) struct bpf_spin_lock list_lock;
PRIVATE(A) struct bpf_list_head list CONTAINS(item, node);

static __always_inline int put_item(__u64 key, bool back)
{
	struct item *i = obj_new(struct item);

	if (!i)
		return 1;
	i->key = key;
	bpf_spin_lock(&list_lock);
	if (back)
		push_back(&list, &i->node);
	else
		push_front(&list, &i->node);
	bpf_spin_unlock(&list_lock);
	return 0;
}

/* The key, or 0 for an empty list. */
static __always_inline __u64 take_item(bool back)
{
	struct bpf_list_node *n;
	struct item *i;
	__u64 key;

	bpf_spin_lock(&list_lock);
	n = back ? bpf_list_pop_back(&list) : bpf_list_pop_front(&list);
	bpf_spin_unlock(&list_lock);
	if (!n)
		return 0;
	i = of(n, struct item, node);
	key = i->key;
	obj_drop(i);
	return key;
}

SEC("tc")
int list_order(void *ctx)
{
	int i, bad = 0;

	nr_out = 0;
	EACH(i, 1, 41)
	bad |= put_item(i, next_random() & 1);
	EACH(i, 0, 42)
	note(take_item(next_random() & 1));
	return bad;
}

SEC("tc")
int list_peek(void *ctx)
{
	struct bpf_list_node *n;
	int bad = 0;

	nr_out = 0;
	bad |= put_item(5, true) | put_item(6, true) | put_item(7, true);
	bpf_spin_lock(&list_lock);
	n = bpf_list_front(&list);
	if (n)
		note(of(n, struct item, node)->key);
	n = bpf_list_back(&list);
	if (n) {
		note(of(n, struct item, node)->key);
		of(n, struct item, node)->key = 70;
	}
	bpf_spin_unlock(&list_lock);
	note(take_item(true));
	note(take_item(true));
	note(take_item(true));
	bpf_spin_lock(&list_lock);
	bad |= bpf_list_front(&list) || bpf_list_back(&list);
	bpf_spin_unlock(&list_lock);
	return bad;
}

/* What is left in there goes with the map. */
SEC("tc")
int list_is_left(void *ctx)
{
	int i, bad = 0;

	EACH(i, 0, 100)
	bad |= put_item(i, true);
	return bad;
}

/* --- trees ------------------------------------------------------------------------------------ */

struct leaf {
	__u64 key, copy;
	struct bpf_rb_node node;
};

PRIVATE(B) struct bpf_spin_lock tree_lock;
PRIVATE(B) struct bpf_rb_root tree CONTAINS(leaf, node);

static bool leaf_less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return of(a, struct leaf, node)->key < of(b, struct leaf, node)->key;
}

static __noinline int put_leaf(__u64 key)
{
	struct leaf *l = obj_new(struct leaf);

	if (!l)
		return 1;
	l->key = key;
	l->copy = ~key;
	bpf_spin_lock(&tree_lock);
	tree_add(&tree, &l->node, leaf_less);
	bpf_spin_unlock(&tree_lock);
	return 0;
}

/* The least key, or ~0 for an empty tree. */
static __noinline __u64 take_leaf(void)
{
	struct bpf_rb_node *n;
	struct leaf *l;
	__u64 key;

	bpf_spin_lock(&tree_lock);
	n = bpf_rbtree_first(&tree);
	if (!n) {
		bpf_spin_unlock(&tree_lock);
		return ~0ull;
	}
	n = bpf_rbtree_remove(&tree, n);
	bpf_spin_unlock(&tree_lock);
	if (!n)
		return ~0ull;
	l = of(n, struct leaf, node);
	key = l->copy == ~l->key ? l->key : ~0ull;
	obj_drop(l);
	return key;
}

SEC("tc")
int tree_sorts(void *ctx)
{
	__u64 key, last = 0;
	int i, bad = 0;

	nr_out = 0;
	EACH(i, 0, 100)
	bad |= put_leaf(next_random() % 500);
	EACH(i, 0, 100)
	{
		key = take_leaf();
		bad |= key < last;
		note(key);
		last = key;
	}
	return bad || ~take_leaf();
}

/* Looks for a key from the top: how many steps that takes says how the tree is shaped. */
static __noinline int steps_to(__u64 key)
{
	struct bpf_rb_node *n;
	int steps = 0, i;

	bpf_spin_lock(&tree_lock);
	n = bpf_rbtree_root(&tree);
	for (i = 0; i < 12 && n; i++) {
		struct leaf *l = of(n, struct leaf, node);

		if (l->key == key)
			break;
		steps = steps * 2 + 1;
		if (key < l->key) {
			n = bpf_rbtree_left(&tree, n);
		} else {
			steps++;
			n = bpf_rbtree_right(&tree, n);
		}
	}
	if (!n)
		steps = -1;
	bpf_spin_unlock(&tree_lock);
	return steps;
}

static __noinline int fill_tree(__u32 i)
{
	return put_leaf(i * 37 % 101);
}

SEC("tc")
int tree_search(void *ctx)
{
	int i, bad = 0;

	nr_out = 0;
	EACH(i, 0, 101)
	bad |= fill_tree(i);
	EACH(i, 0, 30)
	bad |= take_leaf() != i;
	EACH(i, 30, 101)
	note(steps_to(i));
	note(steps_to(29));
	EACH(i, 30, 101)
	bad |= take_leaf() != i;
	return bad;
}

SEC("tc")
int tree_is_left(void *ctx)
{
	int i, bad = 0;

	EACH(i, 0, 100)
	bad |= put_leaf(i);
	return bad;
}

/* --- objects that are shared ------------------------------------------------------------------ */

struct shared {
	__u64 key;
	struct bpf_list_node in_list;
	struct bpf_rb_node in_tree;
	struct bpf_refcount refs;
};
typedef struct shared shared_t;

struct stash {
	__u64 plain;
	shared_t KPTR *shared;
	struct bpf_refcount refs;
	__u32 end;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct stash);
	__uint(max_entries, 4);
} stashes SEC(".maps");

PRIVATE(C) struct bpf_spin_lock shared_lock;
PRIVATE(C) struct bpf_list_head shared_list CONTAINS(shared, in_list);
PRIVATE(C) struct bpf_rb_root shared_tree CONTAINS(shared, in_tree);
PRIVATE(D) struct bpf_spin_lock other_lock;
PRIVATE(D) struct bpf_rb_root other_tree CONTAINS(shared, in_tree);

static bool shared_less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return of(a, struct shared, in_tree)->key < of(b, struct shared, in_tree)->key;
}

/* Into the list, the tree and the map: one object. */
static __noinline int share(__u32 slot, __u64 key)
{
	struct stash *st = bpf_map_lookup_elem(&stashes, &slot);
	struct shared *s, *second, *third;
	int err;

	if (!st)
		return 1;
	s = obj_new(struct shared);
	if (!s)
		return 2;
	s->key = key;
	second = refcount_acquire(s);
	third = refcount_acquire(s);
	bpf_spin_lock(&shared_lock);
	err = push_back(&shared_list, &s->in_list);
	err |= tree_add(&shared_tree, &second->in_tree, shared_less);
	bpf_spin_unlock(&shared_lock);
	third = bpf_kptr_xchg(&st->shared, third);
	if (third)
		obj_drop(third);
	return err;
}

SEC("tc")
int shared_by_three(void *ctx)
{
	struct bpf_list_node *l;
	struct bpf_rb_node *r;
	struct shared *s;
	struct stash *st;
	__u32 slot = 1;

	nr_out = 0;
	if (share(slot, 100) || share(slot, 50))
		return 1;
	bpf_spin_lock(&shared_lock);
	l = bpf_list_pop_front(&shared_list);
	bpf_spin_unlock(&shared_lock);
	if (!l)
		return 2;
	s = of(l, struct shared, in_list);
	note(s->key);
	s->key = 101;
	obj_drop(s); /* the tree has it */
	bpf_spin_lock(&shared_lock);
	r = bpf_rbtree_first(&shared_tree);
	if (r) {
		note(of(r, struct shared, in_tree)->key);
		r = bpf_rbtree_remove(&shared_tree, r);
	}
	bpf_spin_unlock(&shared_lock);
	if (!r)
		return 3;
	obj_drop(of(r, struct shared, in_tree)); /* the list and the map have it */
	st = bpf_map_lookup_elem(&stashes, &slot);
	if (!st)
		return 4;
	s = bpf_kptr_xchg(&st->shared, NULL);
	if (!s)
		return 5;
	note(s->key);
	obj_drop(s);
	bpf_spin_lock(&shared_lock);
	r = bpf_rbtree_first(&shared_tree);
	if (r)
		note(of(r, struct shared, in_tree)->key);
	l = bpf_list_front(&shared_list);
	if (l)
		note(of(l, struct shared, in_list)->key);
	bpf_spin_unlock(&shared_lock);
	return !r || !l;
}

/* A node that is in a tree already, and one that is not in the tree that it is taken from. */
SEC("tc")
int nodes_at_their_place(void *ctx)
{
	struct shared *s = obj_new(struct shared), *again, *more;
	struct bpf_rb_node *r;
	int bad = 0, err;

	nr_out = 0;
	if (!s)
		return 1;
	again = refcount_acquire(s);
	more = refcount_acquire(s);
	bpf_spin_lock(&other_lock);
	bad |= tree_add(&other_tree, &s->in_tree, shared_less);
	err = tree_add(&other_tree, &again->in_tree, shared_less);
	note(err);
	bpf_spin_unlock(&other_lock);
	bpf_spin_lock(&shared_lock);
	err = push_front(&shared_list, &more->in_list);
	note(err);
	r = bpf_rbtree_remove(&shared_tree, &more->in_tree);
	note(!r);
	bpf_spin_unlock(&shared_lock);
	if (r)
		obj_drop(of(r, struct shared, in_tree));
	return bad;
}

/* --- kptrs ------------------------------------------------------------------------------------ */

struct plain {
	__u64 key;
	__u64 words[20];
};
typedef struct plain plain_t;

struct slot {
	__u64 count;
	plain_t KPTR *plain;
	__u64 end;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct slot);
	__uint(max_entries, 64);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u32);
	__type(value, struct slot);
	__uint(max_entries, 16);
} lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, __u32);
	__type(value, struct slot);
	__uint(max_entries, 8);
} percpu_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct slot);
	__uint(max_entries, 8);
} percpu_array SEC(".maps");

static __always_inline int stash_in(void *map, __u32 key)
{
	struct slot zero = {}, *s;
	struct plain *p;

	zero.count = key;
	bpf_map_update_elem(map, &key, &zero, BPF_ANY);
	s = bpf_map_lookup_elem(map, &key);
	if (!s)
		return 1;
	p = obj_new(struct plain);
	if (!p)
		return 2;
	p->key = key + 1000;
	p->words[19] = key;
	p = bpf_kptr_xchg(&s->plain, p);
	if (p) {
		obj_drop(p);
		return 3;
	}
	s->end = key;
	return 0;
}

#define STASH(name, map, n)               \
	SEC("tc")                         \
	int stash_##name(void *ctx)       \
	{                                 \
		int bad = 0, i;           \
                                          \
		EACH(i, 0, n)             \
		bad |= stash_in(&map, i); \
		return bad;               \
	}

STASH(hash, hash, 48)
STASH(lru, lru, 40)
STASH(percpu_hash, percpu_hash, 8)
STASH(percpu_array, percpu_array, 8)

/* Again: each update drops what was there. */
SEC("tc")
int restash_hash(void *ctx)
{
	int bad = 0, i;

	EACH(i, 0, 48)
	bad |= stash_in(&hash, i);
	return bad;
}

SEC("tc")
int read_hash(void *ctx)
{
	struct plain *p;
	struct slot *s;
	__u32 i;

	nr_out = 0;
	bpf_rcu_read_lock();
	EACH(i, 0, 64)
	{
		s = bpf_map_lookup_elem(&hash, &i);
		p = s ? s->plain : NULL;
		note(p ? p->key * 1000 + p->words[19] : !!s);
	}
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc")
int delete_hash(void *ctx)
{
	int bad = 0;
	__u32 i;

	EACH(i, 0, 24)
	{
		i *= 2;
		bad |= bpf_map_delete_elem(&hash, &i) != 0;
	}
	return bad;
}

/* --- objects in objects ----------------------------------------------------------------------- */

struct branch {
	__u64 key;
	struct bpf_spin_lock lock;
	struct bpf_rb_root leaves CONTAINS(leaf, node);
};
typedef struct branch branch_t;

struct branch_slot {
	branch_t KPTR *branch;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct branch_slot);
	__uint(max_entries, 2);
} branches SEC(".maps");

static __noinline int put_in_branch(struct branch_slot *s, int n)
{
	struct branch *b;
	struct leaf *l;

	if (!s)
		return 1;
	b = bpf_kptr_xchg(&s->branch, NULL);
	if (!b) {
		b = obj_new(struct branch);
		if (!b)
			return 2;
		b->key = 0; /* bpf_obj_new() clears special fields alone */
	}
	l = obj_new(struct leaf);
	if (!l) {
		obj_drop(b);
		return 3;
	}
	l->key = n;
	bpf_spin_lock(&b->lock);
	tree_add(&b->leaves, &l->node, leaf_less);
	bpf_spin_unlock(&b->lock);
	b->key++;
	b = bpf_kptr_xchg(&s->branch, b);
	if (b)
		obj_drop(b);
	return 0;
}

SEC("tc")
int grow_branches(void *ctx)
{
	__u32 zero = 0, one = 1;
	struct branch_slot *s = bpf_map_lookup_elem(&branches, &zero);
	struct branch_slot *t = bpf_map_lookup_elem(&branches, &one);
	int bad = 0, i;

	if (!s || !t)
		return 1;
	EACH(i, 0, 20)
	{
		bad |= put_in_branch(s, i);
		bad |= put_in_branch(t, -i);
	}
	return bad;
}

SEC("tc")
int cut_branch(void *ctx)
{
	__u32 zero = 0;
	struct branch_slot *s = bpf_map_lookup_elem(&branches, &zero);
	struct branch *b = s ? bpf_kptr_xchg(&s->branch, NULL) : NULL;

	nr_out = 0;
	if (!b)
		return 1;
	note(b->key);
	obj_drop(b);
	return 0;
}

/* --- a copy for each CPU ---------------------------------------------------------------------- */

struct counter {
	__u64 n, more;
};
typedef struct counter counter_t;

struct counter_slot {
	counter_t PERCPU_KPTR *counter;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct counter_slot);
	__uint(max_entries, 2);
} counters SEC(".maps");

SEC("tc")
int count_per_cpu(void *ctx)
{
	struct counter_slot *s;
	struct counter *c;
	__u64 sum = 0;
	__u32 zero = 0;

	nr_out = 0;
	s = bpf_map_lookup_elem(&counters, &zero);
	if (!s)
		return 1;
	if (!s->counter) {
		counter_t PERCPU_KPTR *p = percpu_new(counter);

		if (!p)
			return 2;
		p = bpf_kptr_xchg(&s->counter, p);
		if (p)
			percpu_drop(p);
	}
	bpf_rcu_read_lock();
	counter_t PERCPU_KPTR *p = s->counter;

	if (p) {
		c = bpf_this_cpu_ptr(p);
		c->n += 3;
		c->more = 7;
		for (int cpu = 0; cpu < 2; cpu++) {
			c = bpf_per_cpu_ptr(p, cpu);
			if (c)
				sum += c->n;
		}
		c = bpf_per_cpu_ptr(p, 1 << 20);
		note(!c);
	}
	bpf_rcu_read_unlock();
	note(sum);
	return !p;
}

/* --- locks ------------------------------------------------------------------------------------ */

struct locked {
	struct bpf_res_spin_lock lock;
	__u32 n;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct locked);
	__uint(max_entries, 2);
} locks SEC(".maps");

SEC("tc")
int lock_twice(void *ctx)
{
	__u32 zero = 0, one = 1;
	struct locked *a = bpf_map_lookup_elem(&locks, &zero);
	struct locked *b = bpf_map_lookup_elem(&locks, &one);
	struct locked *same = bpf_map_lookup_elem(&locks, &zero);
	int err;

	nr_out = 0;
	if (!a || !b || !same)
		return 1;
	err = bpf_res_spin_lock(&a->lock);
	note(err);
	if (err)
		return 2;
	err = bpf_res_spin_lock(&same->lock);
	note(err);
	if (!err)
		bpf_res_spin_unlock(&same->lock);
	err = bpf_res_spin_lock(&b->lock);
	note(err);
	if (!err) {
		b->n++;
		bpf_res_spin_unlock(&b->lock);
	}
	a->n++;
	bpf_res_spin_unlock(&a->lock);
	return 0;
}

SEC("tc")
int lock_with_flags(void *ctx)
{
	__u32 zero = 0;
	struct locked *a = bpf_map_lookup_elem(&locks, &zero);
	unsigned long flags;
	int err;

	nr_out = 0;
	if (!a)
		return 1;
	err = bpf_res_spin_lock_irqsave(&a->lock, &flags);
	note(err);
	if (err)
		return 2;
	a->n++;
	note(a->n);
	bpf_res_spin_unlock_irqrestore(&a->lock, &flags);
	return 0;
}
