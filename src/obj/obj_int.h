/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * obj_int.h - what the files of this room share: blocks, words, and what runs have in hand.
 *
 * In a hive all of this but struct obj_store lies where members write, and may die.  So nothing is
 * a pointer: what leads to something is a *unit*, its distance from the beginning of the store in
 * steps of eight bytes, which is compared before it is followed.  0 is none.
 *
 * A *word* leads to an object or node, or counts who holds one.  A change of who owns something is
 * the change of one word, whose upper half then says whose change it was:
 *
 *	| stamp: cpu + 1, 20 bits that count | unit, or count |
 *
 * Before it, a run notes in its hand what it is about to change, and what comes or goes by that.
 * Whoever writes over a word says first, in the hand that the stamp names, that the change was
 * made. So of a run that died anybody can tell: it made its last change if the stamp is there, or
 * somebody saw it there.
 */
#ifndef SKEP_OBJ_OBJ_INT_H
#define SKEP_OBJ_OBJ_INT_H

#include "btf/btf.h"
#include "hive/lock.h"
#include "obj/obj.h"
#include "obj/timer.h"

#include <stdatomic.h>

#define CLASSES	 16 /* sizes that blocks come in */
#define UNIT	 8u
#define HELD_MAX 640 /* objects in one run's hands: a program's stack and registers hold fewer */

/* Stands before each object. */
struct block {
	_Atomic uint64_t count; /* a word: who holds it; 0: it is free, or was dropped */
	_Atomic uint32_t next;	/* free, dropped or doomed: the next one's unit */
	_Atomic uint32_t type;	/* of the object (struct obj_type); 0: there never was one */
};
static_assert(sizeof(struct block) == 16, "objects are aligned");

/* Objects that nobody holds any more, which may own others. */
struct doom {
	_Atomic uint32_t first; /* by struct block.next */
	_Atomic uint32_t now;	/* what it owns is being given back; 0: none is */
};

/* What a run of that vCPU has, and what it is about to do. */
struct hand {
	_Atomic uint32_t run;		    /* lock_word() of the run whose all this is */
	_Atomic uint32_t stamp;		    /* of the change that is noted */
	_Atomic uint32_t done;		    /* the last stamp that somebody else saw in its place */
	_Atomic uint32_t open;		    /* the change is noted, and not known to be made */
	_Atomic uint64_t word;		    /* its address; 0: no word, the change counts as made */
	_Atomic uint32_t gains, at, n_then; /* see hand_apply() */
	_Atomic uint32_t node; /* of a list or tree, its owner being changed; 0: none is */
	_Atomic uint64_t head; /* its owner before, or after */
	_Atomic uint32_t out;  /* it leaves */
	struct doom doom;
	_Atomic uint32_t n; /* of held */
	_Atomic uint32_t held[HELD_MAX];
};

/* Blocks of one size that are one row's. */
struct blocks {
	/* Free, waiting, dropped: the first of each, which list is which turning with phase. */
	_Atomic uint32_t list[3];
	_Atomic uint32_t phase;
	_Atomic uint64_t ticket; /* when runs that may look at what waits have ended */
	_Atomic uint32_t used;	 /* of the row's range: those behind were never taken */
	uint32_t pad;
};

/* What is one vCPU's, but for those that find nothing elsewhere; the last row is the kernel's. */
struct row {
	struct spinlock lock;		  /* of all but the hand */
	_Atomic uint32_t take, give;	  /* the block that is leaving a list, or coming to one */
	struct blocks blocks[2][CLASSES]; /* by pool and size */
	struct hand hand;
} __attribute__((aligned(64)));

/* How long what was dropped has to wait (pool.c). */
struct grace {
	struct spinlock lock;
	_Atomic uint64_t started, noted, over; /* periods that... */
};

enum damage {
	DAMAGE_NONE,
	DAMAGE_FOUND,	  /* obj_is_damaged()... */
	DAMAGE_LOOKED_AT, /* ...and obj_sweep() looks, or did */
};

/* At the beginning of the store's objects. */
struct shared {
	struct grace grace;
	_Atomic uint32_t damaged;			  /* enum damage */
	uint64_t nothing[8] __attribute__((aligned(64))); /* what a node that is none reads as */
	struct row row[];				  /* [vcpus + 1], then what grace saw */
};

/*
 * A pool: `copies` equal pieces of memory, one behind the other.  A block is handed out by its
 * address in the first; the same block of the others lies `size` bytes further on each.
 */
struct obj_pool {
	uint8_t *mem; /* size * copies bytes, page-aligned */
	size_t size;  /* bytes of one copy */
	uint32_t copies;
	uint32_t nr;	/* 0 plain, 1 per-CPU */
	uint32_t shift; /* of the bytes of a row's range of one class: at most 27 */
};

/* What an object is: all that it takes to free one. */
struct obj_type {
	uint32_t size; /* bytes */
	bool percpu;
	const struct btf_record *record; /* its special fields, NULL: there are none */
};

#define OBJ_TYPES 4096

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

/* The store's head, which members read. */
struct obj_store {
	struct vcpus *vcpus; /* whose runs may look at what was dropped */
	struct shared *sh;
	uint64_t *seen;		 /* [vcpus->nr] where those stood when a grace period began */
	struct obj_pool pool[2]; /* plain objects, and those with a copy for each CPU */
	bool shared;		 /* runs may die: hands are kept */
	_Atomic uint32_t users;	 /* see obj_users() */
	struct timers timers;
	_Atomic uint32_t types;		 /* rows of type that are there, the first included */
	struct obj_type type[OBJ_TYPES]; /* 0 is nobody's */
};

/* --- where things are ------------------------------------------------------------------------- */

static inline uint32_t unit_of(const struct obj_store *s, const void *p)
{
	return p ? (uint32_t)(((uintptr_t)p - (uintptr_t)s->sh) / UNIT) : 0;
}

static inline void *unit_at(const struct obj_store *s, uint32_t unit)
{
	return (uint8_t *)s->sh + (uint64_t)unit * UNIT;
}

/** Is the address in the pool's first copy? */
static inline bool pool_has(const struct obj_pool *p, uintptr_t addr)
{
	return addr - (uintptr_t)p->mem < p->size;
}

static inline struct block *block_of(const void *obj)
{
	return (struct block *)(uintptr_t)obj - 1;
}

static inline void *block_object(struct block *b)
{
	return b + 1;
}

static inline uint32_t block_count(const struct block *b)
{
	return (uint32_t)atomic_load_explicit(&b->count, memory_order_relaxed);
}

/** The type of a block; of one that has none, as of an object without bytes. */
static inline const struct obj_type *block_type(const struct obj_store *s, const struct block *b)
{
	const uint32_t t = atomic_load_explicit(&b->type, memory_order_relaxed);

	return &s->type[t < atomic_load_explicit(&s->types, memory_order_acquire) ? t : 0];
}

/** Something is as no run leaves it. */
static inline void store_damaged(struct obj_store *s)
{
	if (atomic_load_explicit(&s->sh->damaged, memory_order_relaxed) != DAMAGE_FOUND)
		atomic_store_explicit(&s->sh->damaged, DAMAGE_FOUND, memory_order_relaxed);
}

/** The node with that number: where there is none, one that nobody has. */
static inline void *node_at(const struct obj_store *s, uint32_t unit)
{
	void *p = unit_at(s, unit);

	return pool_has(&s->pool[0], (uintptr_t)p) ? p : s->sh->nothing;
}

/* -- pool.c -- */
/** A block of that type, held once, in the hands of the run; NULL when memory is out. */
struct block *pool_take(struct obj_store *s, uint32_t type, uint32_t cpu);
/** Its fields own nothing any more: it is used again when the runs under way have ended. */
void pool_drop(struct obj_store *s, struct block *b, struct doom *d, uint32_t cpu);
/** The block that addr, of the pool's first copy, is in; NULL: it is in none. */
struct block *pool_find(const struct obj_pool *p, uintptr_t addr);
/** The block of the object with that number, of any pool, from its beginning; NULL: there is none.
 */
struct block *pool_block(const struct obj_store *s, uint32_t unit);
/** Puts right what a run that ended left there. */
void pool_mend(struct obj_store *s, uint32_t row);
/** Calls fn for each object that somebody holds. */
void pool_each(const struct obj_store *s, void (*fn)(void *arg, struct block *b), void *arg);
/*
 * For who looks at all of them (sweep.c): blocks stand in ranges, one for each pool, row and class.
 * How many of a range were ever taken; the n-th of them; where a block is.
 */
uint32_t pool_used(const struct obj_store *s, uint32_t range);
struct block *pool_nth(const struct obj_store *s, uint32_t range, uint32_t n);
uint32_t pool_place(const struct obj_store *s, const struct block *b, uint32_t *ret_n);
/** The lists of a row stay as they are, but for the kernel's own thread that says so. */
void pool_lock(struct obj_store *s, uint32_t row);
void pool_unlock(struct obj_store *s, uint32_t row);
/** As many blocks as there may be: no walk is longer. */
uint32_t pool_most(const struct obj_store *s);

/* -- hand.c -- */

/* A change that a run is about to make. */
struct change {
	_Atomic uint64_t *word; /* NULL: of nothing but the hand */
	uint32_t gains, loses;	/* objects; 0: none */
};

/** The hand of the run on that vCPU; NULL where nobody dies: all of the following accept that. */
struct hand *hand_of(struct obj_store *s, uint32_t cpu);
/** Notes the change: what to write into the word's upper half. */
uint64_t hand_note(struct hand *h, const struct change *c);
/** It was made. */
void hand_done(struct hand *h);
/** Somebody is about to write over that word. */
void word_seen(struct obj_store *s, const struct hand *h, uint64_t word);
/** Writes a word that others do not write just now. */
void word_put(struct obj_store *s, const struct hand *h, _Atomic uint64_t *w, uint64_t to);
/** The same as a change that is noted. */
void word_change(struct obj_store *s, struct hand *h, const struct change *c, uint32_t to);
/** Does what a noted change that was made does to the hand; once or twice is the same. */
void hand_apply(struct hand *h);

/** Leads to... */
static inline uint32_t word_unit(_Atomic uint64_t *w)
{
	return (uint32_t)atomic_load_explicit(w, memory_order_acquire);
}

/* -- object.c -- */
/** Frees the doomed, and what they own. */
void doom_all(struct obj_store *s, struct doom *d, uint32_t cpu);

/* -- list.c, tree.c -- */

/* struct bpf_list_head. */
struct list {
	_Atomic uint64_t first; /* a word */
	_Atomic uint32_t last;
	_Atomic uint32_t busy; /* being changed: what is not a word may be wrong */
};

/* struct bpf_list_node. */
struct list_node {
	_Atomic uint64_t next; /* a word */
	_Atomic uint32_t prev;
	uint32_t pad;
	_Atomic uint64_t owner; /* address of the list's head; 0: it is in none */
};

/* struct bpf_rb_root. */
struct tree {
	_Atomic uint64_t first; /* a word: nodes are a list too, in their order */
	_Atomic uint32_t top;
	_Atomic uint32_t busy; /* as of a list */
};

/* struct bpf_rb_node. */
struct tree_node {
	_Atomic uint64_t next; /* a word */
	_Atomic uint32_t prev;
	_Atomic uint32_t up;	   /* the parent; the highest bit is set where the node is red */
	_Atomic uint32_t child[2]; /* left, right */
	_Atomic uint64_t owner;	   /* address of the tree's root; 0: it is in none */
};
static_assert(sizeof(struct list) == 16 && sizeof(struct list_node) == 24 &&
		      sizeof(struct tree) == 16 && sizeof(struct tree_node) == 32,
	      "as in <linux/bpf.h>");

/** The object that node is a part of, by the store. */
void *node_object(const struct obj_store *s, const void *node);
/* A walk that may be in a circle: what it met at some step, further apart each time. */
struct circle {
	uint32_t steps, met;
};
/** Was it there before?  Known before the third round. */
static inline bool circle_closes(struct circle *c, uint32_t unit)
{
	const bool closes = c->met == unit;

	c->steps++;
	if (IS_POW2(c->steps))
		c->met = unit;
	return closes;
}

/** What an owner is while a run of that vCPU puts the node somewhere: no address. */
static inline uint64_t node_claimed(uint32_t cpu)
{
	return (uint64_t)(cpu + 2) << 1 | 1; /* VCPU_NONE too */
}
/** The node is nobody's, and ours to put somewhere: else false. */
bool node_claim(struct obj_store *s, struct hand *h, void *node, _Atomic uint64_t *owner,
		void *head, uint32_t cpu);
/** It is ours to take out of head. */
void node_leave(struct obj_store *s, struct hand *h, void *node, void *head);
/** The change was made: whose is it now?  head, NULL: nobody's. */
void node_settle(struct hand *h, _Atomic uint64_t *owner, void *head);
/** Takes one node out of the list, or tree: NULL when it is empty. */
void *list_take(struct obj_store *s, struct list *l, uint32_t cpu);
void *tree_take(struct obj_store *s, struct tree *t, uint32_t cpu);

#endif
