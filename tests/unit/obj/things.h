/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * things.h - for the tests of objects: a store, and objects of every sort.
 */
#ifndef SKEP_TESTS_OBJ_THINGS_H
#define SKEP_TESTS_OBJ_THINGS_H

#include "base/base.h"
#include "btf/btf.h"
#include "hive/vcpu.h"
#include "obj/obj.h"

#define CPUS 2

/* An object that lists and trees hold. */
struct thing {
	uint64_t key;
	uint64_t list[3]; /* struct bpf_list_node */
	uint64_t tree[4]; /* struct bpf_rb_node */
	uint32_t refs;	  /* struct bpf_refcount */
};

/* What owns them: an object, or a map's value. */
struct owner {
	uint32_t lock; /* struct bpf_spin_lock */
	uint64_t list[2], tree[2];
	void *kptr; /* struct owner */
	void *percpu;
	uint64_t plain;
};

extern const struct btf_record *const thing_record, *const owner_record;

extern struct vcpus vcpus;

/** Makes a store for CPUS slots; it ends with the process. */
struct obj_store *make_store(void);
struct thing *new_thing(struct obj_store *s, uint64_t key);
struct owner *new_owner(struct obj_store *s);
/** As `less` of a tree. */
bool by_key(void *arg, void *a, void *b);
/** The thing that node, of a list or a tree, is in; NULL: NULL. */
struct thing *of_list(void *node);
struct thing *of_tree(void *node);

#endif
