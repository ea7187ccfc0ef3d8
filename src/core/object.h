/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object.h - what bpf(2) hands out: programs, maps, BTF, links, as file descriptors and ids.
 *
 * A descriptor is a description of a memfd: home.h says how it names its object.
 *
 * An object lives while a descriptor, a pin or another object holds it.  Nobody tells us about
 * close(2), so the dead are collected when it would show: before ids are listed or opened, when
 * descriptors run out, and when the number of objects has doubled.
 *
 * Locks: k->lock guards ids, pins and the making of descriptors; each bucket's spin lock guards
 * its chain.  A payload's last reference is always the table's, and is dropped with no lock held,
 * after the programs that ran have ended.
 */
#ifndef SKEP_CORE_OBJECT_H
#define SKEP_CORE_OBJECT_H

#include "base/base.h"
#include "base/lock.h"
#include "base/vec.h"
#include "core/home.h"

struct call;
struct skep_map;
struct skep_kernel;

/* In the order in which the dead are collected: who holds comes before who is held. */
enum object_kind {
	OBJ_LINK,
	OBJ_STATS, /* BPF_ENABLE_STATS: statistics are kept while such a descriptor is open */
	OBJ_PROBE, /* a perf event that runs a program: as OBJ_PERF */
	OBJ_PROG,
	OBJ_MAP,
	OBJ_PERF, /* a perf event: it has an id too, which nobody lists */
	OBJ_BTF,
	_OBJ_KINDS,
	OBJ_ANY = _OBJ_KINDS, /* object_get: whatever it is */
};

struct object {
	struct object *next;   /* in its bucket; afterwards in a list of the dead */
	enum object_kind kind; /* row in the kinds' table */
	uint32_t id;	       /* from 1, unique within the kind */
	uint64_t serial;       /* unique in the kernel: what positions name */
	struct home *home;     /* what its descriptors are descriptions of */
	_Atomic uint32_t pins; /* names in the file system, or 1 for good */
	bool user;	       /* a map: counts as its user, as descriptors and pins do in Linux */
	void *payload;	       /* struct skep_map * and so on; one reference is ours */
};

#define OBJECT_BUCKETS 1024

/* Everything about objects in a kernel. */
struct objects {
	uint64_t base;		 /* of positions; a multiple of 4 */
	int dir;		 /* of home_dir() */
	_Atomic uint64_t serial; /* given out last */
	uint32_t live;		 /* objects in the table */
	uint32_t collect_at;	 /* collect when live reaches this */
	struct id_list {
		VEC(struct object *); /* ordered by id */
		uint32_t last;	      /* id given out last; they go round like the kernel's */
	} ids[_OBJ_KINDS];
	struct home *home[_OBJ_KINDS]; /* where the next ones live; NULL: nowhere yet */
	struct {
		struct spinlock lock;
		struct object *first;
	} bucket[OBJECT_BUCKETS]; /* by serial */
};

/* A reference that object_get gave. */
struct object_ref {
	enum object_kind kind;
	void *payload;	    /* with a reference of the caller's */
	struct object *obj; /* valid while the caller holds the payload */
	int mode;	    /* O_RDWR, O_RDONLY or O_WRONLY of the descriptor */
};

/** Sets up an empty table; 0 or -errno. */
int objects_init(struct objects *t);
/** Drops every object; pins must be gone. */
void objects_fini(struct skep_kernel *k);

/**
 * The object behind a descriptor.
 *
 * @return 0 and *ret with a reference for object_put, -EBADF for no descriptor, -EINVAL for
 *	   another kind or a foreign file. Hot for maps.
 */
int object_get(struct skep_kernel *k, int fd, enum object_kind kind, struct object_ref *ret);
/** Drops the reference. */
void object_put(struct object_ref *r);
DEFINE_CLEANUP(struct object_ref, object_put)

/**
 * Gives a new object its id and its first descriptor.
 *
 * @param payload  one reference goes over to the table on success
 * @param fd	   the memfd of a payload that has one (maps, perf events), else -1
 * @return a descriptor, or -errno; then the payload stays the caller's
 */
long object_publish(struct call *c, enum object_kind kind, void *payload, int fd, int mode);

/**
 * Puts a payload under a fixed id for good, without a descriptor; 0 or -errno.  The reference
 * goes over on success; k->lock is held.
 */
int object_keep_locked(struct skep_kernel *k, enum object_kind kind, void *payload, uint32_t id);

/** A new descriptor of a live object: -ENOENT where no object has that id. */
long object_open_id(struct call *c, enum object_kind kind, uint32_t id, int mode);
/** The same of an object that the caller holds. */
long object_open(struct call *c, struct object_ref *r, int mode);

/** A reference to the object of that id: 0 or -ENOENT. */
int object_ref_id(struct skep_kernel *k, enum object_kind kind, uint32_t id,
		  struct object_ref *ret);

/** The same of the one whose payload lies there, if any does. */
int object_ref_payload(struct skep_kernel *k, enum object_kind kind, uint64_t payload,
		       struct object_ref *ret);

/** The first id after `start` of a live object; 0 or -ENOENT. */
int object_next_id(struct call *c, enum object_kind kind, uint32_t start, uint32_t *ret);

/** True while an object of the kind lives (after a collection). */
bool object_any_live(struct call *c, enum object_kind kind);

/**
 * Does a descriptor or a pin hold the map, which is published?  Takes no lock: from within a run,
 * which the map's object outlives.
 */
bool object_map_used(const struct skep_map *m);

/** Removes what nobody holds.  Not from inside a program's run. */
void objects_collect(struct skep_kernel *k);

/** A reference to an object of the table; k->lock is held. */
void object_ref_locked(struct object *o, struct object_ref *ret);
/** Counts names of an object; k->lock is held. */
void object_pin_locked(struct object *o);
void object_unpin_locked(struct object *o);

#endif
