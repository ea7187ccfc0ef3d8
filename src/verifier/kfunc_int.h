/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc_int.h - what kfunc.c, kfunc_args.c, kfunc_table.c and iter.c share: a call of a kfunc.
 */
#ifndef SKEP_VERIFIER_KFUNC_INT_H
#define SKEP_VERIFIER_KFUNC_INT_H

#include "verifier/objects.h"

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
	KF_FASTCALL = 1u << 12,
	/* not of the kernel's flags: */
	KF_THROWS = 1u << 29,	 /* ends the program */
	KF_DEVICE = 1u << 30,	 /* only for programs that are bound to a device */
	KF_MOVES_PKT = 1u << 31, /* pointers to the packet are stale afterwards */
};
#define KF_ITER (KF_ITER_NEW | KF_ITER_NEXT | KF_ITER_DESTROY)

struct kcall;

struct kfunc_facts {
	const char *name;
	uint32_t flags; /* enum kfunc_flag */
	uint32_t hooks; /* groups of program types, see kfunc_table.c */
	/* What it does beyond its prototype, each NULL for nothing. */
	int (*before_args)(struct kcall *k);
	int (*after_args)(struct kcall *k);
	int (*result)(struct kcall *k); /* fills r0, but for what flags say of it */
};

/** What is known of the kfunc of that name, or NULL. */
const struct kfunc_facts *kfunc_facts(const char *name);
bool kfunc_allowed(const struct kfunc_facts *f, const struct skep_prog *p);

/* One call. */
struct kcall {
	struct verifier *v;
	const struct skep_btf *btf; /* the kernel's */
	const char *name;
	const struct kfunc_facts *facts;
	uint32_t flags;		      /* enum kfunc_flag */
	const struct btf_type *proto; /* FUNC_PROTO */
	const struct btf_param *arg;  /* [arg_cnt] */
	uint32_t arg_cnt;
	uint32_t release;     /* register whose reference is given back, 0: none */
	uint32_t ref_id;      /* of an argument, 0: none */
	bool has_const;	      /* an argument must be a constant: it is... */
	uint64_t value;	      /* ...this */
	uint64_t buf_size;    /* r0 points to so many bytes, 0: its type tells... */
	bool buf_rdonly;      /* ...that can only be read */
	struct skep_map *map; /* of a map argument, or where a work queue lies */
	uint32_t map_uid;
	struct dynptr dynptr;  /* of an argument that is one already, kind DYNPTR_NONE: none */
	struct slot *iter;     /* first slot of the iterator that is asked for its next */
	struct frame *iter_in; /* the frame that it is in */
	const struct btf_field *root; /* the list or tree that is worked on */
	struct reg object; /* the object of the program that is made, given, dropped, ... */
	uint16_t sub;	   /* of a callback argument */
};

/* One pointer argument. */
struct karg {
	struct kcall *k;
	struct verifier *v;
	uint32_t a;		  /* from 0 */
	uint32_t n;		  /* its register */
	struct reg *r;		  /* what that holds */
	uint32_t ptr;		  /* its type... */
	uint32_t to;		  /* ...and what that points to */
	const struct btf_type *t; /* the same */
};

/** Does the name of argument a end so ("__sz")? */
bool kfunc_arg_has(const struct kcall *k, uint32_t a, const char *suffix);
/** It points to the kernel's struct of that name. */
bool kfunc_arg_points_to(const struct karg *a, const char *name);
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
/** The same for a tree; walks the callback that tells which of two nodes comes first. */
int graph_add(struct kcall *k);
int graph_result(struct kcall *k);

/* -- kfunc_lock.c -- */
int lock_arg(struct kcall *k, uint32_t a);
/** The lock may not be had: a path goes on without it, and with an error in r0. */
int lock_fork(struct kcall *k);
int lock_result(struct kcall *k);
/* -- kfunc_dynptr.c -- */
bool kfunc_is_dynptr(const struct karg *a);
int kfunc_check_dynptr(struct karg *a);
/** r0 is a slice of k->dynptr, to be read, or to be written too. */
int kfunc_slice(struct kcall *k);
int kfunc_slice_rdwr(struct kcall *k);

/* -- exception.c -- */
int exception_throw(struct kcall *k);

/* -- async.c -- */
bool kfunc_is_async(const struct karg *a);
int kfunc_check_async(struct karg *a);
/** The map argument is the map of the argument before it. */
int kfunc_same_map(const struct karg *a);
bool kfunc_is_callback(const struct karg *a);
int kfunc_check_callback(struct karg *a);
int kfunc_wq_callback(struct kcall *k);
int kfunc_task_work_callback(struct kcall *k);

/* -- region.c -- */
int region_rcu_lock(struct kcall *k);
int region_rcu_unlock(struct kcall *k);
int region_preempt_disable(struct kcall *k);
int region_preempt_enable(struct kcall *k);
bool kfunc_is_irq_flag(const struct karg *a);
int kfunc_check_irq_flag(struct karg *a);

/* -- kfunc.c: results that BTF does not tell -- */
int kfunc_result_ctx(struct kcall *k);
int kfunc_result_cast(struct kcall *k);
int kfunc_result_cache(struct kcall *k);
/** r0 is a word that the program may write. */
int kfunc_session_cookie(struct kcall *k);
/** The compiler found that a value was never set. */
int kfunc_trap(struct kcall *k);

/** The iterator argument `a` of the struct type id. */
int iter_arg(struct kcall *k, uint32_t a, uint32_t id);
/** r0 is what next gives, or NULL: the path splits. */
int iter_next(struct kcall *k);

#endif
