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
#define CPU  VCPU_NONE /* what is done as the kernel does it */

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
	uint64_t kptr; /* of struct owner */
	uint64_t percpu;
	uint64_t plain;
};

extern const struct btf_record *const thing_record, *const owner_record;

extern struct vcpus vcpus;

/** Makes a store for CPUS slots; it ends with the process. */
struct obj_store *make_store(void);
/** The same as one of a hive's, whose runs may die. */
struct obj_store *make_hive_store(void);
struct thing *new_thing(struct obj_store *s, uint64_t key);
struct owner *new_owner(struct obj_store *s);
struct thing *new_thing_on(struct obj_store *s, uint64_t key, uint32_t cpu);
struct owner *new_owner_on(struct obj_store *s, uint32_t cpu);
/** Without special fields; NULL when memory is out, or the size too large. */
void *new_plain(struct obj_store *s, uint32_t size);
void *new_percpu(struct obj_store *s, uint32_t size);
/** How often it is held. */
uint32_t refs_of(const void *obj);
/** As `less` of a tree. */
bool by_key(void *arg, void *a, void *b);
/** The thing that node, of a list or a tree, is in; NULL: NULL. */
struct thing *of_list(void *node);
struct thing *of_tree(void *node);

#endif
