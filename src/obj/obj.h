/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * obj.h - the door to objects: memory that programs allocate (bpf_obj_new and its kin), and the
 * special fields of objects and map values as the programs' functions see them: reference
 * counts, kptrs, linked lists, red-black trees.  Hot but for obj_store_init().
 *
 * Objects live in one store a kernel, in memory that its owner gives, at addresses that do not
 * change.  An object that is dropped may still be looked at by runs under way, as under RCU: its
 * memory is not used again before they have ended (hive/vcpu.h).
 *
 * In a hive the objects are in data: members write to all of it, and may die.  What an object is,
 * the store says, by a number that stands before it: types are kept as long as the store.  What
 * leads to objects is no pointer, and what a run has in hand is known (obj_int.h): when it dies,
 * obj_cpu_died() gives that back.
 *
 * cpu is that of the run, VCPU_NONE for the kernel's own threads.
 */
#ifndef SKEP_OBJ_OBJ_H
#define SKEP_OBJ_OBJ_H

#include "base/base.h"

#include <stdatomic.h>

struct btf_record;
struct vcpus;

struct obj_store;

#define OBJ_SIZE_MAX 4088 /* one object, as far as the kernel's allocator goes */

/*
 * Where a store lies: memory that is zero, on whole pages.  In a hive members read its head, and
 * write to the rest.
 */
struct obj_places {
	void *head, *objects, *timers;
};
/** Bytes of each, for that many CPUs; committed where they are touched. */
size_t obj_head_size(uint32_t nr_cpus);
size_t obj_objects_size(uint32_t nr_cpus);
size_t obj_timers_size(void);
/**
 * Makes a store of those three, which are all it ever uses: it ends with them.  vcpus: whose runs
 * may look at what was dropped.  shared: all processes of a hive have it.
 */
struct obj_store *obj_store_init(const struct obj_places *at, struct vcpus *vcpus, bool shared);
/** The same of one piece of memory, of obj_store_size(vcpus->nr) bytes. */
struct obj_store *obj_store_init_at(void *mem, struct vcpus *vcpus, bool shared);
size_t obj_store_size(uint32_t nr_cpus);
/** How many CPUs it is for. */
uint32_t obj_cpus(const struct obj_store *s);
/** How many may use it: maps whose values own objects, programs that allocate.  They count. */
_Atomic uint32_t *obj_users(struct obj_store *s);
/** Was something found that no run leaves, or memory out?  Whoever zeroes the objects forgets it.
 */
bool obj_is_damaged(const struct obj_store *s);
struct obj_sweep;
/** Is there something that obj_sweep() has not looked at? */
bool obj_wants_sweep(const struct obj_store *s);
/**
 * In a hive: looks for blocks that are in no list, some at a time, so it is called again and again,
 * by one thread.  *state is NULL at first.  Cold.
 *
 * @return -EAGAIN: there is more; -ENOMEM; how many were found, and *state is NULL again
 */
int obj_sweep(struct obj_store *s, struct obj_sweep **state);
/** Leaves it in the middle.  Accepts NULL. */
void obj_sweep_free(struct obj_sweep *state);
/** Objects that somebody holds, counted one by one.  Cold. */
uint32_t obj_live(const struct obj_store *s);

/** The type of objects of that size, with a copy for each CPU or not; 0: there is none yet. */
uint32_t obj_type_find(const struct obj_store *s, uint32_t size, bool percpu,
		       const struct btf_record *record);
/** Makes one; record, which is where programs find it, stays as long as the store.  -ENOSPC. */
int obj_type_add(struct obj_store *s, uint32_t size, bool percpu, const struct btf_record *record);

/** Is that memory of some map's values, which members write to? */
typedef bool (*obj_value_fn)(void *arg, uintptr_t addr, size_t len);
/** In a hive: the run of that vCPU has died.  What it had in hand comes back. */
void obj_cpu_died(struct obj_store *s, uint32_t cpu, obj_value_fn is_value, void *arg);

/** An object of that type, zero, held once; NULL when memory is out, or the type is 0. */
void *obj_new(struct obj_store *s, uint32_t type, uint32_t cpu);
/** Of one that has a copy for each CPU: that one. */
void *obj_of_cpu(const struct obj_store *s, void *obj, uint32_t cpu);
/** Gives a reference back; the last one frees what the object owns, and the object. */
void obj_put(struct obj_store *s, void *obj, uint32_t cpu);
/** Holds it once more: it, or NULL where nobody held it any more. */
void *obj_get(struct obj_store *s, void *obj, uint32_t cpu);
/** The object, of any pool, that the len bytes at addr lie in; NULL: in none that is there. */
void *obj_find(const struct obj_store *s, uintptr_t addr, size_t len, size_t *ret_size);
/** Is it an object, from its beginning, that somebody holds? */
bool obj_is_held(const struct obj_store *s, const void *obj);

/** Special fields of new memory, which is zero. */
void obj_fields_init(const struct btf_record *r, void *mem);
/** Drops what the fields of a map's value own, and leaves them empty. */
void obj_fields_free(struct obj_store *s, const struct btf_record *r, void *mem, uint32_t cpu);
/** What a kptr holds is obj from now on; what it held before is the caller's. Both may be NULL. */
void *obj_kptr_xchg(struct obj_store *s, void *kptr, void *obj, uint32_t cpu);
/** What programs read there: the address of the object that it holds, or 0. */
uint64_t obj_kptr_load(const struct obj_store *s, const void *kptr);

/*
 * Lists and trees.  head, root and node are struct bpf_list_head, bpf_rb_root, ...; the caller
 * holds their lock.  A node that is put in belongs to an object whose reference goes along; one
 * that is in some list or tree already is refused with -EINVAL, and the reference dropped.
 */
int obj_list_push(struct obj_store *s, void *head, void *node, bool back, uint32_t cpu);
void *obj_list_pop(struct obj_store *s, void *head, bool back, uint32_t cpu);
void *obj_list_peek(struct obj_store *s, void *head, bool back);
int obj_tree_add(struct obj_store *s, void *root, void *node,
		 bool (*less)(void *arg, void *a, void *b), void *arg, uint32_t cpu);
/** The node, which is out of the tree now; NULL where it is not in this one. */
void *obj_tree_remove(struct obj_store *s, void *root, void *node, uint32_t cpu);
void *obj_tree_first(struct obj_store *s, void *root);
void *obj_tree_root(struct obj_store *s, void *root);
void *obj_tree_child(struct obj_store *s, void *root, void *node, bool right);

#endif
