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
 * What its types say of it (struct btf_record) is kept beside the object and borrowed: who holds
 * an object, a program or a map, holds the BTF too.
 */
#ifndef SKEP_OBJ_OBJ_H
#define SKEP_OBJ_OBJ_H

#include "base/base.h"

struct btf_record;
struct vcpus;

struct obj_store;

#define OBJ_SIZE_MAX 4088 /* one object, as far as the kernel's allocator goes */

/*
 * Where a store lies: memory that is zero, on whole pages.  In a hive members read its head, write
 * to its timers, and do not see its objects.
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
 * may look at what was dropped.  shared: all processes of a hive have its timers.
 */
struct obj_store *obj_store_init(const struct obj_places *at, struct vcpus *vcpus, bool shared);
/** The same of one piece of memory, of obj_store_size(vcpus->nr) bytes. */
struct obj_store *obj_store_init_at(void *mem, struct vcpus *vcpus);
size_t obj_store_size(uint32_t nr_cpus);
/** How many CPUs it is for. */
uint32_t obj_cpus(const struct obj_store *s);
/** Objects that somebody holds. */
uint32_t obj_live(const struct obj_store *s);

/**
 * An object of size bytes, zero, its special fields ready, held once; NULL when memory is out or
 * the size too large.  record: its special fields, NULL: it has none.
 */
void *obj_new(struct obj_store *s, uint32_t size, const struct btf_record *record);
/** The same with a copy for each CPU; obj_of_cpu() finds them. */
void *obj_new_percpu(struct obj_store *s, uint32_t size);
void *obj_of_cpu(const struct obj_store *s, void *obj, uint32_t cpu);
/** Gives a reference back; the last one frees what the object owns, and the object. */
void obj_put(struct obj_store *s, void *obj);
/** Holds it once more: it, or NULL where nobody held it any more. */
void *obj_get(void *obj);
/** The object, of any pool, that the len bytes at addr lie in; NULL: in none that is there. */
void *obj_find(const struct obj_store *s, uintptr_t addr, size_t len, size_t *ret_size);
/** Is it an object, from its beginning, that somebody holds? */
bool obj_is_held(const struct obj_store *s, const void *obj);

/** Special fields of new memory, which is zero. */
void obj_fields_init(const struct btf_record *r, void *mem);
/** Drops what the fields of a map's value own, and leaves them empty.  cpu: of the run. */
void obj_fields_free(struct obj_store *s, const struct btf_record *r, void *mem, uint32_t cpu);
/** What a kptr holds is obj from now on; what it held before is the caller's. Both may be NULL. */
static inline void *obj_kptr_xchg(void *kptr, void *obj)
{
	/* Release: who loads the pointer sees the object; acquire pairs with it. */
	return __atomic_exchange_n((void **)kptr, obj, __ATOMIC_ACQ_REL);
}

/*
 * Lists and trees.  head, root and node are struct bpf_list_head, bpf_rb_root, ...; the caller
 * holds their lock.  A node that is put in belongs to an object whose reference goes along; one
 * that is in some list or tree already is refused with -EINVAL, and the reference dropped.
 */
int obj_list_push(struct obj_store *s, void *head, void *node, bool back);
void *obj_list_pop(void *head, bool back);
void *obj_list_peek(void *head, bool back);
int obj_tree_add(struct obj_store *s, void *root, void *node,
		 bool (*less)(void *arg, void *a, void *b), void *arg);
/** The node, which is out of the tree now; NULL where it is not in this one. */
void *obj_tree_remove(void *root, void *node);
void *obj_tree_first(void *root);
void *obj_tree_root(void *root);
void *obj_tree_child(void *root, void *node, bool right);

#endif
