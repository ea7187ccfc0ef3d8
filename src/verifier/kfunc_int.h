/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc_int.h - what kfunc.c, kfunc_args.c, kfunc_table.c and iter.c share: a call of a kfunc.
 */
#ifndef SKEP_VERIFIER_KFUNC_INT_H
#define SKEP_VERIFIER_KFUNC_INT_H

#include "verifier/verifier_int.h"

/* As in include/linux/btf.h. */
enum kfunc_flag {
	KF_ACQUIRE = 1u << 0,
	KF_RELEASE = 1u << 1,
	KF_RET_NULL = 1u << 2,
	KF_TRUSTED_ARGS = 1u << 4,
	KF_SLEEPABLE = 1u << 5,
	KF_DESTRUCTIVE = 1u << 6,
	KF_RCU = 1u << 7,
	KF_ITER_NEW = 1u << 8,
	KF_ITER_NEXT = 1u << 9,
	KF_ITER_DESTROY = 1u << 10,
	KF_RCU_PROTECTED = 1u << 11,
};
#define KF_ITER (KF_ITER_NEW | KF_ITER_NEXT | KF_ITER_DESTROY)

struct kfunc_facts {
	const char *name;
	uint32_t flags; /* enum kfunc_flag */
	uint32_t hooks; /* groups of program types, see kfunc_table.c */
};

/** What is known of the kfunc of that name, or NULL. */
const struct kfunc_facts *kfunc_facts(const char *name);
bool kfunc_allowed(const struct kfunc_facts *f, uint32_t prog_type);

/* One call. */
struct kcall {
	struct verifier *v;
	const struct skep_btf *btf; /* the kernel's */
	const char *name;
	uint32_t flags;		      /* enum kfunc_flag */
	const struct btf_type *proto; /* FUNC_PROTO */
	const struct btf_param *arg;  /* [arg_cnt] */
	uint32_t arg_cnt;
	uint32_t release;	      /* register whose reference is given back, 0: none */
	uint32_t ref_id;	      /* of an argument, 0: none */
	bool has_const;		      /* an argument must be a constant: it is... */
	uint64_t value;		      /* ...this */
	struct slot *iter;	      /* first slot of the iterator that is asked for its next */
	struct frame *iter_in;	      /* the frame that it is in */
	const struct btf_field *root; /* the list or tree that is worked on */
	struct reg object; /* the object of the program that is made, given, dropped, ... */
	uint16_t sub;	   /* the callback */
};

/** All arguments, in order. */
int kfunc_args(struct kcall *k);

/* -- kfunc_alloc.c, kfunc_graph.c: arguments `a`, results, and what is done in between -- */
int alloc_drop_arg(struct kcall *k, uint32_t a);
int alloc_refcounted_arg(struct kcall *k, uint32_t a);
int alloc_new_result(struct kcall *k);
int alloc_refcount_result(struct kcall *k);
int graph_list_arg(struct kcall *k, uint32_t a);
int graph_list_node_arg(struct kcall *k, uint32_t a);
int graph_tree_arg(struct kcall *k, uint32_t a);
int graph_tree_node_arg(struct kcall *k, uint32_t a);
/** The object belongs to the list or tree from now on. */
int graph_give(struct kcall *k);
/** Walks the callback that tells which of two nodes comes first. */
int graph_less(struct kcall *k);
int graph_result(struct kcall *k);

/* -- kfunc_lock.c -- */
int lock_arg(struct kcall *k, uint32_t a);
/** The lock may not be had: a path goes on without it, and with an error in r0. */
int lock_fork(struct kcall *k);
int lock_result(struct kcall *k);

/** The iterator argument `a` of the struct type id. */
int iter_arg(struct kcall *k, uint32_t a, uint32_t id);
/** r0 is what next gives, or NULL: the path splits. */
int iter_next(struct kcall *k);

#endif
