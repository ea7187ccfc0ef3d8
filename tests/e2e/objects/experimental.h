/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * experimental.h - what programs need to allocate objects: special fields, which older headers do
 * not know, and kfuncs.
 */
#ifndef SKEP_TESTS_EXPERIMENTAL_H
#define SKEP_TESTS_EXPERIMENTAL_H

#define bpf_refcount  uapi_bpf_refcount
#define bpf_list_head uapi_bpf_list_head
#define bpf_list_node uapi_bpf_list_node
#define bpf_rb_root   uapi_bpf_rb_root
#define bpf_rb_node   uapi_bpf_rb_node
#include <linux/bpf.h>
#undef bpf_refcount
#undef bpf_list_head
#undef bpf_list_node
#undef bpf_rb_root
#undef bpf_rb_node
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct bpf_refcount {
	__u32 __opaque[1];
} __attribute__((aligned(4)));

struct bpf_list_head {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	__u64 __opaque[3];
} __attribute__((aligned(8)));

struct bpf_rb_root {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_rb_node {
	__u64 __opaque[4];
} __attribute__((aligned(8)));

struct bpf_res_spin_lock {
	__u32 val;
};

/* For typedefs: right behind "struct name" clang 14 loses them. */
#define KPTR		      __attribute__((btf_type_tag("kptr")))
#define PERCPU_KPTR	      __attribute__((btf_type_tag("percpu_kptr")))
#define CONTAINS(type, field) __attribute__((btf_decl_tag("contains:" #type ":" #field)))
#define PRIVATE(name)	      SEC(".data." #name) __hidden __attribute__((aligned(8)))
#define of(ptr, type, field)  ((type *)((void *)(ptr)-offsetof(type, field)))

extern void *bpf_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_percpu_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_percpu_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *p, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				    void *meta, __u64 off) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node,
				   void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_back(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       bool(less)(struct bpf_rb_node *a, const struct bpf_rb_node *b),
			       void *meta, __u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root,
					     struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *root,
					   struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_right(struct bpf_rb_root *root,
					    struct bpf_rb_node *node) __ksym;
extern int bpf_res_spin_lock(struct bpf_res_spin_lock *lock) __ksym;
extern void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock) __ksym;
extern int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;
extern void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock,
					   unsigned long *flags) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;

static inline __attribute__((always_inline)) void end_loop(struct bpf_iter_num *it)
{
	bpf_iter_num_destroy(it);
}

/* A loop that the verifier need not unroll: i from start to end - 1. */
#define EACH(i, start, end)                                                              \
	for (struct bpf_iter_num it __attribute__((aligned(8), cleanup(end_loop))),      \
	     *it_start = (bpf_iter_num_new(&it, start, end), &it);                       \
	     ({                                                                          \
		     int *at = bpf_iter_num_next(it_start);                              \
                                                                                         \
		     (void)(at && (i = *at, i)); /* perhaps the body does not need it */ \
		     at;                                                                 \
	     });)

#define obj_new(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), NULL))
#define obj_drop(p)   bpf_obj_drop_impl(p, NULL)
#define percpu_new(name) \
	((name##_t PERCPU_KPTR *)bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct name), NULL))
#define percpu_drop(p)	     bpf_percpu_obj_drop_impl(p, NULL)
#define refcount_acquire(p)  ((__typeof__(p))bpf_refcount_acquire_impl(p, NULL))
#define push_front(h, n)     bpf_list_push_front_impl(h, n, NULL, 0)
#define push_back(h, n)	     bpf_list_push_back_impl(h, n, NULL, 0)
#define tree_add(r, n, less) bpf_rbtree_add_impl(r, n, less, NULL, 0)

#endif
