/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * obj_int.h - what the files of this room share: blocks, and how lists and trees lie in objects.
 */
#ifndef SKEP_OBJ_OBJ_INT_H
#define SKEP_OBJ_OBJ_INT_H

#include "base/lock.h"
#include "btf/btf.h"
#include "obj/obj.h"
#include "obj/timer.h"

#include <stdatomic.h>

#define CLASSES 16 /* sizes that blocks come in */

/*
 * A pool: `copies` equal pieces of memory, one behind the other.  A block is handed out by its
 * address in the first; the same block of the others lies `size` bytes further on each.
 */
struct obj_pool {
	uint8_t *mem; /* size * copies bytes, page-aligned */
	size_t size;  /* bytes of one copy */
	uint32_t copies;
	struct vcpus *vcpus;	 /* whose runs may look at what was dropped */
	uint64_t *seen;		 /* [vcpus->nr] where those stood when `waiting` was closed */
	struct spinlock lock;	 /* chunks, waiting, seen */
	_Atomic uint32_t chunks; /* given out, from the first on */
	_Atomic uint64_t free[CLASSES]; /* blocks of each size, see pool.c */
	_Atomic uint64_t dropped;	/* blocks since `waiting` was closed */
	uint32_t waiting;		/* blocks dropped before that */
	_Atomic uint32_t live;		/* objects */
};

enum block_state {
	BLOCK_FREE,
	BLOCK_LIVE,
	BLOCK_DROPPED, /* nobody holds it, but runs may look at it */
};

/* Stands before each object. */
struct block {
	const struct btf_record *record; /* of the object, NULL: it has no special fields */
	_Atomic uint32_t next;		 /* free or dropped: the next one, in units of 16 bytes */
	uint16_t size;			 /* of the object */
	uint8_t class;			 /* of sizes */
	_Atomic uint8_t state;		 /* enum block_state */
};
static_assert(sizeof(struct block) == 16, "objects are aligned");

static inline struct block *block_of(const void *obj)
{
	return (struct block *)(uintptr_t)obj - 1;
}

static inline void *block_object(struct block *b)
{
	return b + 1;
}

/* -- pool.c -- */
/** A block for an object of size bytes, live, not cleared; NULL when memory is out. */
struct block *pool_take(struct obj_pool *p, uint32_t size);
/** Nobody holds it any more. */
void pool_drop(struct obj_pool *p, struct block *b);
/** The pool that obj is of. */
static inline bool pool_has(const struct obj_pool *p, uintptr_t addr)
{
	return addr - (uintptr_t)p->mem < p->size * p->copies;
}
struct block *pool_find(const struct obj_pool *p, uintptr_t addr);

/* -- list.c, tree.c -- */

/* Links of a node, and of a head: as the kernel's struct list_head. */
struct links {
	struct links *next, *prev; /* both NULL in memory that is zero: an empty list */
};

struct list_node {
	struct links links;
	_Atomic(void *) owner; /* the list's head, NULL: it is in none */
};

struct tree_node {
	struct tree_node *up;	    /* the parent; the lowest bit is set where the node is red */
	struct tree_node *child[2]; /* left, right */
	_Atomic(void *) owner;	    /* the tree's root, NULL: it is in none */
};

struct tree {
	struct tree_node *top, *first; /* the root node, and the leftmost */
};

/* -- timer.c -- */

struct timer_table;

/* What programs read of timers, and the kernel alone writes. */
struct timers {
	struct timer_table *table;
	bool shared;			     /* all processes of a hive have them */
	_Atomic uint32_t pid;		     /* where not: whose they are; 0: nobody's yet */
	_Atomic uint32_t running;	     /* row whose callback is being called, + 1; 0: none */
	_Atomic int64_t first[TIMER_CLOCKS]; /* when the thread wakes by itself, for each clock */
};

/* At the beginning of the store's head. */
struct obj_store {
	struct obj_pool plain;	/* one copy */
	struct obj_pool percpu; /* one for each CPU */
	struct timers timers;
};

/** The object that node is a part of, by the store. */
void *node_object(const struct obj_store *s, void *node);
/** Takes all nodes out of the list, or tree, one at a time: NULL when it is empty. */
void *list_take(struct links *head);
void *tree_take(struct tree *t);

#endif
