// SPDX-License-Identifier: BSD-2-Clause
/*
 * juggle.bpf.c - programs that allocate, in members of a hive: objects go through a list, a tree,
 * and values of maps, and are counted under the lock that guards them.
 */
#include "tests/e2e/objects/experimental.h"

#define MAGIC 0x600d600d600d600dull

struct counter {
	__u64 n;
};
typedef struct counter counter_t;

struct ball {
	__u64 magic, key;
	struct bpf_list_node in_list;
	struct bpf_rb_node in_tree;
	struct bpf_refcount refs;
};
typedef struct ball ball_t;

struct plain {
	__u64 magic;
	__u64 more[20];
};
typedef struct plain plain_t;

/* What is counted under the lock: it is exact where nobody dies. */
struct hand {
	struct bpf_spin_lock lock;
	struct bpf_list_head list CONTAINS(ball, in_list);
	struct bpf_rb_root tree CONTAINS(ball, in_tree);
	__u64 pushed, popped, added, removed;
};

struct slot {
	__u64 n;
	plain_t KPTR *plain;
	ball_t KPTR *ball;
	counter_t PERCPU_KPTR *counter;
};

#define MAP(name, kind, k, v, n)                   \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__type(key, k);                    \
		__type(value, v);                  \
		__uint(max_entries, n);            \
	} name SEC(".maps")

MAP(hands, ARRAY, __u32, struct hand, 1);
MAP(slots, HASH, __u64, struct slot, 64);
MAP(few, LRU_HASH, __u64, struct slot, 16);

__u64 wrong; /* objects that are not what they were */
__u64 out_of_memory;

static __always_inline struct hand *the_hand(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&hands, &zero);
}

static bool lower(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return of(a, struct ball, in_tree)->key < of(b, struct ball, in_tree)->key;
}

static __always_inline void look(__u64 magic)
{
	if (magic != MAGIC)
		__sync_fetch_and_add(&wrong, 1);
}

static __always_inline struct ball *new_ball(__u64 key)
{
	struct ball *b = obj_new(struct ball);

	if (!b) {
		__sync_fetch_and_add(&out_of_memory, 1);
		return NULL;
	}
	b->magic = MAGIC;
	b->key = key;
	return b;
}

static __noinline int push(bool back)
{
	struct hand *h = the_hand();
	struct ball *b = h ? new_ball(0) : NULL;

	if (!b)
		return 0;
	bpf_spin_lock(&h->lock);
	if (back)
		push_back(&h->list, &b->in_list);
	else
		push_front(&h->list, &b->in_list);
	h->pushed++;
	bpf_spin_unlock(&h->lock);
	return 1;
}

static __noinline int pop(bool back)
{
	struct hand *h = the_hand();
	struct bpf_list_node *n;
	struct ball *b;

	if (!h)
		return 0;
	bpf_spin_lock(&h->lock);
	n = back ? bpf_list_pop_back(&h->list) : bpf_list_pop_front(&h->list);
	if (n)
		h->popped++;
	bpf_spin_unlock(&h->lock);
	if (!n)
		return 0;
	b = of(n, struct ball, in_list);
	look(b->magic);
	obj_drop(b);
	return 1;
}

static __noinline int add(__u64 key)
{
	struct hand *h = the_hand();
	struct ball *b = h ? new_ball(key) : NULL;

	if (!b)
		return 0;
	bpf_spin_lock(&h->lock);
	tree_add(&h->tree, &b->in_tree, lower);
	h->added++;
	bpf_spin_unlock(&h->lock);
	return 1;
}

static __noinline int remove(bool first)
{
	struct hand *h = the_hand();
	struct bpf_rb_node *n;
	struct ball *b;

	if (!h)
		return 0;
	bpf_spin_lock(&h->lock);
	n = bpf_rbtree_first(&h->tree);
	if (n)
		n = bpf_rbtree_remove(&h->tree, n);
	if (n)
		h->removed++;
	bpf_spin_unlock(&h->lock);
	if (!n)
		return 0;
	b = of(n, struct ball, in_tree);
	look(b->magic);
	obj_drop(b);
	return 1;
}

/* One ball in the list, the tree and a slot. */
static __noinline int share(struct slot *s)
{
	struct hand *h = the_hand();
	struct ball *b = h ? new_ball(bpf_get_prandom_u32()) : NULL, *second, *third;

	if (!b || !s) {
		if (b)
			obj_drop(b);
		return 0;
	}
	second = refcount_acquire(b);
	third = refcount_acquire(b);
	bpf_spin_lock(&h->lock);
	push_back(&h->list, &b->in_list);
	h->pushed++;
	tree_add(&h->tree, &second->in_tree, lower);
	h->added++;
	bpf_spin_unlock(&h->lock);
	third = bpf_kptr_xchg(&s->ball, third);
	if (third)
		obj_drop(third);
	return 1;
}

static __noinline int stash(struct slot *s)
{
	struct plain *p = obj_new(struct plain);
	counter_t PERCPU_KPTR *c;

	if (!p || !s) {
		if (p)
			obj_drop(p);
		return 0;
	}
	p->magic = MAGIC;
	p = bpf_kptr_xchg(&s->plain, p);
	if (p) {
		look(p->magic);
		obj_drop(p);
	}
	if (bpf_get_prandom_u32() % 4)
		return 1;
	c = percpu_new(counter);
	if (!c)
		return 0;
	c = bpf_kptr_xchg(&s->counter, c);
	if (c)
		percpu_drop(c);
	return 1;
}

/* As a reader that takes no reference. */
static __noinline int read(struct slot *s)
{
	counter_t PERCPU_KPTR *c;
	struct plain *p;

	if (!s)
		return 0;
	bpf_rcu_read_lock();
	p = s->plain;
	if (p)
		look(p->magic);
	c = s->counter;
	if (c) {
		struct counter *mine = bpf_this_cpu_ptr(c);

		mine->n++;
	}
	bpf_rcu_read_unlock();
	return 1;
}

/* -- exact: where nobody dies -- */

SEC("syscall")
int push_pop(void *ctx)
{
	bool back = bpf_get_prandom_u32() & 1;

	push(back);
	return pop(!back);
}

SEC("syscall")
int add_remove(void *ctx)
{
	add(bpf_get_prandom_u32() % 1000);
	return remove(true);
}

/* -- any of it -- */

SEC("syscall")
int juggle(void *ctx)
{
	__u64 key = bpf_get_prandom_u32() % 80;
	struct slot fresh = { .n = key }, *s;

	switch (bpf_get_prandom_u32() % 12) {
	case 0:
		return push(bpf_get_prandom_u32() & 1);
	case 1:
	case 2:
		return pop(bpf_get_prandom_u32() & 1);
	case 3:
		return add(bpf_get_prandom_u32());
	case 4:
	case 5:
		return remove(true);
	case 6:
		bpf_map_delete_elem(&slots, &key);
		return 0;
	case 7:
		bpf_map_update_elem(&slots, &key, &fresh, BPF_ANY);
		return 0;
	case 8:
		s = bpf_map_lookup_elem(&slots, &key);
		return share(s);
	case 9:
		bpf_map_update_elem(&few, &key, &fresh, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&few, &key);
		return stash(s);
	case 10:
		s = bpf_map_lookup_elem(&slots, &key);
		return stash(s);
	default:
		s = bpf_map_lookup_elem(&slots, &key);
		return read(s);
	}
}

/* What list and tree still hold, at most 100 at a time. */
SEC("syscall")
int drain(void *ctx)
{
	int i, n = 0;

	EACH(i, 0, 100)
	n += pop(false) + remove(true);
	return n;
}

/* The least: what a bench takes. */
SEC("syscall")
int new_drop(void *ctx)
{
	struct plain *p = obj_new(struct plain);

	if (p)
		obj_drop(p);
	return !!p;
}

char LICENSE[] SEC("license") = "GPL";
