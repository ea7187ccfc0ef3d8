/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.h - the door to maps: struct skep_map and its ops tables, one row per type in types.def.
 *
 * Adding a map type costs a row in types.def, one file with a `const struct map_ops` and a
 * `const struct map_sys_ops`, one test.
 *
 * There are two callers.  Programs go by map_ops (hot: no libc, no malloc, no blocking), which
 * may lie in a hive's text.  bpf(2) goes through the map_* functions below, which add what
 * is common to all types: sizes, flags, frozen and read-only maps, per-CPU values (one
 * round_up(value_size, 8) block per possible CPU), special fields, batches.
 *
 * Who calls from a program holds a vCPU (hive/vcpu.h).  The bpf(2) side may wait for running
 * programs (vcpus_synchronize), so it must not be called from inside a run.
 *
 * Memory.  Every map has one memfd, which is at once its identity as a file descriptor and its
 * memory (struct map_area), so mmap() on the map's fd sees what programs see.  Memory that is
 * not touched is not committed; a map that may grow reserves its largest size at once and never
 * moves.  Hot code therefore never allocates.
 */
#ifndef SKEP_MAP_MAP_H
#define SKEP_MAP_MAP_H

#include "base/base.h"
#include "base/diag.h"
#include "base/lock.h"
#include "base/uapi.h"
#include "hive/vcpu.h"

struct btf_record;
struct obj_store;
struct object;
struct space;
struct hash_lost;
struct skep_btf;
struct skep_map;

/* The map's memory: a memfd, mapped shared. */
struct map_area {
	int fd;	      /* the memfd; -1 before map_area_init */
	uint8_t *mem; /* size bytes, page aligned, zero until written */
	size_t size; /* bytes, a multiple of the page size; 0: no memory, the fd is identity only */
	size_t head; /* bytes right before mem that are not the memfd's: see area.c */
	/* In a hive: */
	struct space *space;
	void *head_mem;	   /* where the head's memory is in data; NULL: there is no head */
	int row, head_row; /* of what members map; -1: none */
};

/* What an area is to be. */
struct area_want {
	const char *name;    /* of the memfd */
	size_t head, size;   /* bytes, rounded to pages */
	struct space *space; /* the hive's; NULL: there is none */
	bool readonly;	     /* nobody but the kernel gets to write */
};

/*
 * Who waits for a ring: an eventfd of the kernel's, made when somebody first asks for it (wait.c).
 * Programs read this and do not write it.  In a hive they run where the descriptor is not: they
 * say at `rung` that the ring has news, and ring for the server, which has a thread that wakes
 * (bell.c).
 */
struct waiters {
	_Atomic int fd;		/* -1: nobody ever waited */
	_Atomic uint32_t *rung; /* 1: there is news that the server has not seen; NULL: no hive */
	_Atomic uint32_t *bell; /* the server's futex */
	struct waiters *next;	/* the server's list of all */
};

/* What the value of an element is to bpf(2). */
enum map_fd_kind { MAP_FD_NONE, MAP_FD_PROG, MAP_FD_MAP, MAP_FD_PERF };

/* What programs do, hot; `cpu` is the vCPU of the run, VCPU_NONE for bpf(2).  An absent op:
 * -EOPNOTSUPP. */
struct map_ops {
	/* The value for a per-CPU type of that CPU, or NULL. */
	void *(*lookup)(struct skep_map *m, const void *key, uint32_t cpu);
	/* flags BPF_ANY, _NOEXIST, _EXIST, BPF_F_LOCK; 0 or -errno. */
	long (*update)(struct skep_map *m, const void *key, const void *value, uint64_t flags,
		       uint32_t cpu);
	long (*delete)(struct skep_map *m, const void *key, uint32_t cpu);
	/* Queue-like types only. */
	long (*push)(struct skep_map *m, const void *value, uint64_t flags, uint32_t cpu);
	long (*pop)(struct skep_map *m, void *value, uint32_t cpu);
	long (*peek)(struct skep_map *m, void *value, uint32_t cpu);
	/* Where XDP sends packets: is there a target under key?  *ret_ifindex: its device, if it
	 * is one (else untouched). */
	bool (*redirect)(struct skep_map *m, uint32_t key, uint32_t *ret_ifindex);
	uint64_t redirect_flags; /* what bpf_redirect_map takes besides a verdict */
	/* Calls cb on every element until it returns non-zero; the number visited, or -errno. */
	long (*for_each)(struct skep_map *m, uint32_t cpu,
			 uint64_t (*cb)(void *arg, const void *key, void *value), void *arg);
	/* True when [addr, addr + len) is memory that programs of this map may access: values,
	 * and keys for callbacks. NULL: there is none. */
	bool (*contains)(struct skep_map *m, uintptr_t addr, size_t len);
};

/* What bpf(2) does. */
struct map_sys_ops {
	const struct map_ops *run; /* the other half; create may choose another one for m->ops */
	/* Checks the attributes that are the type's own (sizes, flags); -errno as Linux. */
	int (*check)(const union bpf_attr *attr, struct skep_diag *reterr_diag);
	/* Allocates m->priv and m->area; the common fields are set.  On failure nothing is left. */
	int (*create)(struct skep_map *m, const union bpf_attr *attr,
		      struct skep_diag *reterr_diag);
	/*
	 * map_view()'s part for types with MAP_VIEWED: as create, over memory that is there.
	 * -EACCES where the type's views are for reading.
	 */
	int (*view)(struct skep_map *m, int fd, bool write);
	/* Frees what create made (not the area, not m); m may be half built. NULL: nothing. */
	void (*destroy)(struct skep_map *m);

	/* The key after `key` (NULL: the first) into next; -ENOENT at the end. */
	int (*next_key)(struct skep_map *m, const void *key, void *next);
	/* Copies the value as bpf(2) shows it (all CPUs of a per-CPU type); default: lookup. */
	int (*sys_lookup)(struct skep_map *m, const void *key, void *value, uint64_t flags);
	/* Writes the value as bpf(2) gives it; default: update. */
	int (*sys_update)(struct skep_map *m, const void *key, const void *value, uint64_t flags);
	/* Removes the element; default: delete. */
	int (*sys_delete)(struct skep_map *m, const void *key);
	/* Removes the element and hands out its value in one step; NULL: -ENOTSUPP. */
	int (*sys_lookup_delete)(struct skep_map *m, const void *key, void *value, uint64_t flags);
	/* map_sys_batch_lookup's work; NULL: the batch is a walk by next_key. */
	int (*sys_batch)(struct skep_map *m, const void *in_batch, void *out_batch, void *keys,
			 void *values, uint32_t *count, bool del, uint64_t flags);
	/* In a hive: the run of that vCPU has died; nobody is in it.  NULL: nothing is to be done.
	 */
	void (*cpu_died)(struct skep_map *m, uint32_t cpu);
	/*
	 * In a hive: looks at some of what members can write, from *pos on, which it moves (0: the
	 * beginning).  True: it was not what it must be, and was made new, in the map's own way.
	 */
	bool (*scrub)(struct skep_map *m, uint64_t *pos);
	/* The last fd and pin are gone: drops what only user space keeps alive. */
	void (*release_user)(struct skep_map *m);

	enum map_fd_kind fd_kind; /* what a value names; MAP_FD_NONE for plain bytes */

	/* The address of the value memory at offset `off` for BPF_PSEUDO_MAP_VALUE, or -errno. */
	int (*value_addr)(struct skep_map *m, uint64_t *ret_addr, uint32_t off);
};

/* What a type can, beyond its ops. */
enum map_trait {
	MAP_PERCPU = 1u << 0,	    /* bpf(2) sees one value per possible CPU */
	MAP_INNER = 1u << 1,	    /* may be the value of a map of maps */
	MAP_INNER_SIZED = 1u << 2,  /* ... but only with the template's max_entries */
	MAP_BATCH_LOOKUP = 1u << 3, /* BPF_MAP_LOOKUP_BATCH */
	MAP_BATCH_UPDATE = 1u << 4, /* BPF_MAP_UPDATE_BATCH */
	MAP_BATCH_DELETE = 1u << 5, /* BPF_MAP_DELETE_BATCH */
	MAP_ASKED = 1u << 6,	    /* bpf(2)'s lookup brings the value, and hears if it is there */
	MAP_BATCH_TAKE = 1u << 7,   /* BPF_MAP_LOOKUP_AND_DELETE_BATCH */
	MAP_VIEWED = 1u << 8,	    /* others may look at its memory: map_view() */
	MAP_VIEW_WRITE = 1u << 9,   /* ... and update elements */
	MAP_VIEW_FAR = 1u << 14,    /* ... and members change it by struct map_far */
	MAP_SYS_WRITES = 1u << 12,  /* only bpf(2) changes it: members of a hive just read */
	MAP_KEY_FD = 1u << 10,	    /* bpf(2)'s keys are descriptors of the machine's */
	MAP_VALUE_FD = 1u << 11,    /* ... its values are */
	MAP_STAYS = 1u << 13,	    /* programs with it are not run by members of a hive */
};

/* Static facts of a type: the columns of types.def. */
struct map_type {
	const char *name;	       /* bpftool's word, such as "percpu_hash" */
	const struct map_sys_ops *sys; /* NULL: the type is not here */
	uint32_t traits;	       /* enum map_trait */
	bool percpu;		       /* MAP_PERCPU, at hand */
};

/** The row of a BPF_MAP_TYPE_*, sys NULL where Skep lacks it; NULL where Linux has no such type. */
const struct map_type *map_type(uint32_t type);
/** The i-th of all that the `ops` of maps which run can be; NULL past the end.  Hot. */
const struct map_ops *map_ops_at(uint32_t i);
/** How many numbers map_type() is defined for (from 0). */
uint32_t map_type_count(void);

struct skep_map {
	const struct map_ops *ops;     /* for programs; never NULL */
	const struct map_sys_ops *sys; /* for bpf(2); never NULL */
	const struct map_type *kind;   /* its row in types.def */
	uint8_t *values;     /* ARRAY, PERCPU_ARRAY: element 0 (the JIT inlines with these) */
	uint32_t elem_size;  /* stride between elements at `values`, bytes */
	uint32_t index_mask; /* power of two minus 1 at or above max_entries - 1 */
	/*
	 * PERCPU_ARRAY: bytes between the blocks of two CPUs, so that the JIT inlines a lookup as
	 * values + cpu * cpu_stride + index * elem_size; 0 for the other types.
	 */
	uint64_t cpu_stride;
	uint32_t type;	      /* BPF_MAP_TYPE_* */
	uint32_t key_size;    /* bytes */
	uint32_t value_size;  /* bytes, as the creator gave it */
	uint32_t max_entries; /* as the creator gave it (ringbuf: bytes) */
	uint32_t flags;	      /* BPF_F_* of creation */
	uint64_t extra;	      /* map_extra */
	uint32_t nr_cpus;     /* possible CPUs, for per-CPU types */
	uint64_t seed;	      /* of the hash; 0 with BPF_F_ZERO_SEED */
	void *priv;	      /* the type's own, on the heap or inside the area */
	struct map_area area; /* memory and identity */
	struct vcpus *vcpus;  /* borrowed from the kernel; for reclamation; may be NULL */
	struct space *space;  /* the hive that it lies in; NULL: there is none */
	bool percpu;	      /* kind->percpu, for programs */
	const struct map_prog_ops *progs; /* how PROG_ARRAY counts programs; may be NULL */

	uint64_t scrubbed;	     /* how far scrub() has come */
	struct hash_lost *lost;	     /* what it looks for (hash_lost.c); NULL: nothing */
	struct spinlock lock;	     /* object values under bpf(2), owner_*; never from programs */
	_Atomic uint32_t refs;	     /* map_get, map_put */
	_Atomic uint32_t users;	     /* fds and pins: map_user_get, map_user_put */
	_Atomic bool frozen;	     /* BPF_MAP_FREEZE: bpf(2) may not write any more */
	_Atomic uint32_t writers;    /* bpf(2) writes under way; freeze waits for none */
	uint32_t id;		     /* object id, from 1; 0 while not published */
	const struct object *object; /* core's, which names it; NULL while not published */
	_Atomic uint64_t serial; /* of that, never 0 or another's; 0: it goes, or is not there */
	char name[BPF_OBJ_NAME_LEN]; /* NUL-terminated */
	uint64_t load_time;	     /* ns since boot */
	struct skep_btf *btf;	     /* counted; may be NULL */
	uint32_t btf_key_id;	     /* type ids in btf */
	uint32_t btf_value_id;
	struct btf_record *record; /* special fields of the value, owned; NULL: there are none */
	/* Borrowed from the kernel: where objects and timers of values are; NULL: they have none.
	 */
	struct obj_store *objects;
	/* *_OF_MAPS: what values must equal; owned.  Facts only: it has no memory, no fd, no id. */
	struct skep_map *inner;
	/* PROG_ARRAY: the first program put in decides what else fits (type, engine). */
	uint32_t owner_type;
	uint32_t owner_attach_type; /* its expected_attach_type */
	bool owner_frags;	    /* it has BPF_F_XDP_HAS_FRAGS */
	const void *owner_engine;
};

/* prog/ is above this room, so PROG_ARRAY is told how to count a program and who fits. */
struct map_prog_ops {
	void (*get)(void *prog);
	void (*put)(void *prog);
	uint32_t (*id)(const void *prog);
	/* 0 when prog may stand in m (type, engine), else -EINVAL. */
	int (*fits)(struct skep_map *m, const void *prog);
};

/* What bpf(2) does to one element; of a queue and its like: peek, push, nothing, pop. */
enum map_op { MAP_OP_LOOKUP, MAP_OP_UPDATE, MAP_OP_DELETE, MAP_OP_TAKE };

/* The way to a map in a hive's memory for members that do what bpf(2) asks as runs of their own. */
struct map_far {
	struct skep_map *map; /* where it lies; NULL: there is no way */
	uint64_t serial;      /* its own: where another one stands the map is gone */
	/* 0, the operation's -errno, or -EAGAIN: the kernel is to be asked. */
	long (*call)(const struct map_far *f, enum map_op op, const void *key, void *value,
		     uint64_t flags);
};

/*
 * A map as another process may build it over the same memory (map_view): the facts that say where
 * each value is, and what bpf(2) says to whom.
 */
struct map_facts {
	uint64_t position; /* of the descriptor that was asked about; the door's */
	uint32_t type;	   /* and what follows, as in struct skep_map */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t flags;
	uint32_t nr_cpus;
	bool write; /* views may be for writing */
	uint64_t seed;
	struct map_far far; /* but for the call: that is the member's to know */
};

/* What core gives map_new() from its fds; all borrowed, map_new takes its own references. */
struct map_deps {
	struct skep_btf *btf;	       /* of btf_fd, or NULL */
	const struct skep_btf *kernel; /* whose objects kptrs may point to; it outlives the map */
	int btf_err;		       /* why btf is NULL, once it is needed: 0 reads as -EBADF */
	struct skep_map *inner;	       /* of inner_map_fd, or NULL */
	int inner_err;		       /* why inner is NULL, once it is needed: 0 reads as -EBADF */
	struct vcpus *vcpus;
	struct space *space;		  /* the hive's memory; NULL: there is no hive */
	struct obj_store *objects;	  /* NULL: values cannot own any */
	const struct map_prog_ops *progs; /* static; only PROG_ARRAY needs it */
	uint32_t nr_cpus;		  /* possible CPUs */
	bool judge; /* types that Skep lacks may be made, by Linux's rules: nothing can be stored */
};

/**
 * Creates a map from MAP_CREATE's attributes (kernel/bpf/syscall.c map_create and the type's
 * alloc_check).  The fds in attr are not looked at: they come resolved in deps.
 *
 * Returns 0 and *ret with one reference, or -errno exactly as Linux: -EINVAL for attributes that
 * do not fit, -E2BIG for sizes beyond the type's limit, -ENOMEM.
 */
int map_new(const union bpf_attr *attr, const struct map_deps *deps, struct skep_map **ret,
	    struct skep_diag *reterr_diag);
/** Do its values own objects? */
bool map_owns(const struct skep_map *m);
/** Are there timers or work in them? */
bool map_has_timers(const struct skep_map *m);
struct skep_map *map_get(struct skep_map *m);
/**
 * Counts fds and pins, beside the references.  When the last one goes, a PROG_ARRAY lets its
 * programs go, and timers go: their programs may hold the map itself, and would keep each other
 * alive for ever.
 */
void map_user_get(struct skep_map *m);
void map_user_put(struct skep_map *m);
/** Drops a reference; the last one frees. Accepts NULL. */
void map_put(struct skep_map *m);
DEFINE_CLEANUP(struct skep_map, map_put)

/** Bytes of a value as bpf(2) passes it: all CPUs of a per-CPU type, 4 for fd values. */
size_t map_sys_value_size(const struct skep_map *m);

/*
 * The bpf(2) side.  Keys and values are plain memory of key_size and map_sys_value_size() bytes.
 * fd-valued maps take and give objects: `value` points at a pointer (struct skep_prog *, struct
 * skep_map *, struct perf_event *) on update, at a __u32 id on lookup.
 */
int map_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags);
int map_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags);
int map_sys_delete(struct skep_map *m, const void *key);
int map_sys_next_key(struct skep_map *m, const void *key, void *next);
int map_sys_lookup_delete(struct skep_map *m, const void *key, void *value, uint64_t flags);
/**
 * BPF_MAP_LOOKUP_BATCH, and BPF_MAP_LOOKUP_AND_DELETE_BATCH with del; flags are elem_flags
 * (core refuses batch.flags).  The tokens are opaque: 4 bytes for hashes, a key for the others;
 * in_batch NULL begins.  *count is the room in keys[] and values[], and comes back as how many
 * were written, also with -ENOENT (the end was reached) and -ENOSPC (not even one bucket fits).
 */
int map_sys_batch_lookup(struct skep_map *m, const void *in_batch, void *out_batch, void *keys,
			 void *values, uint32_t *count, bool del, uint64_t flags);
/** -EBUSY when frozen already or while a bpf(2) write is under way, -ENOTSUPP with special fields.
 */
int map_freeze(struct skep_map *m);

/** May this program stand in (or tail call through) the PROG_ARRAY m? 0 or -EINVAL. */
int map_prog_fits(struct skep_map *m, const void *prog);

/**
 * Memory: a memfd of size bytes, mapped shared, with head bytes before it that are not the memfd's.
 * -EMFILE, -ENFILE, -ENOMEM.  A head needs a size too.  Cold.
 */
int map_area_init(struct map_area *a, const struct area_want *want);
void map_area_fini(struct map_area *a);
/** No writable mapping of the fd can be made from now on; those that exist stay. */
void map_area_freeze(const struct map_area *a);

/**
 * The facts of a map that others may view, but for the position; false where they may not: by
 * its type, or as its values have special fields.
 */
bool map_facts(const struct skep_map *m, struct map_facts *ret);
/** A new description of the map's memory, without its locks and position; -errno. */
int map_area_open(const struct map_area *a, int mode);
/**
 * A map of those facts over memory that is there already.  Whoever has it does what map_sys_* do to
 * the map that the facts are of, at the same time as others; -EAGAIN is none of their errors: that
 * cannot be said from here.  The facts are not believed: memory
 * that is too small for them is -EINVAL.
 *
 * @param fd     of map_area_open(); it stays the caller's
 * @param write  false: map_sys_update must not be called
 * It takes no memory but one mapping, so this may be done in a signal's handler.
 *
 * @return 0 and *ret, to be freed by map_view_free() alone; -EINVAL, -ENOMEM, -errno of mmap(2)
 */
int map_view(const struct map_facts *f, int fd, bool write, struct skep_map **ret);
/** What it cannot do in its memory a view does by f.far: updates are not -EACCES then. */
bool map_view_is_far(const struct skep_map *m);
void map_view_free(struct skep_map *m);

/** Linux's map_meta_equal operations: may b be the value where a is the template? */
bool map_meta_equal(const struct skep_map *a, const struct skep_map *b);

/* The ring buffer's program side (helpers); layout in map/ringbuf.h. */
void *ringbuf_reserve(struct skep_map *m, uint64_t size, uint64_t flags, uint32_t cpu);
/* m: where it is likely to be of, or NULL. */
void ringbuf_commit(struct skep_map *m, void *sample, uint64_t flags, bool discard);
long ringbuf_output(struct skep_map *m, const void *data, uint64_t size, uint64_t flags,
		    uint32_t cpu);
uint64_t ringbuf_query(struct skep_map *m, uint64_t flags);
/** True for a record that is reserved, and has that many bytes. */
bool ringbuf_reserved(struct skep_map *m, const void *sample, uint64_t size);
/* A stack's addresses, innermost first, and what they are in files. */
struct stack_ips {
	const uint64_t *at;
	uint32_t n;
	void (*name)(void *arg, uint64_t ip, struct bpf_stack_build_id *ret);
	void *arg;
};
/**
 * STACK_TRACE's program side: the number of a stack, of whose addresses as many count as fit the
 * value.  -EEXIST where another has that number, unless flags have
 * BPF_F_REUSE_STACKID; BPF_F_FAST_STACK_CMP takes equal hashes for equal stacks; -ENOMEM.  Hot.
 */
long stack_trace_put(struct skep_map *m, const struct stack_ips *ips, uint64_t flags, uint32_t cpu);
/*
 * USER_RINGBUF's program side: between _begin, which is false where another run drains it, and
 * _end, which may wake the producer, _peek gives the next sample and its size and _release goes
 * on behind it.  _peek's errors: -ENODATA nothing (yet), -EAGAIN stepped over one that was
 * discarded, -EINVAL and -E2BIG for what no producer may write.
 */
bool user_ringbuf_begin(struct skep_map *m, uint32_t cpu);
long user_ringbuf_peek(struct skep_map *m, void **ret_sample);
void user_ringbuf_release(struct skep_map *m, uint32_t size);
void user_ringbuf_end(struct skep_map *m, bool wake);
/**
 * The eventfd that stands in for the map in poll and epoll: written on every wake-up, never read
 * by the ring.  A waiter takes it edge-triggered, or reads it and looks at the positions again.
 * Made at the first call; borrowed.  -errno when out of fds.  Cold.
 */
int ringbuf_wait_fd(struct skep_map *m);
/**
 * Starts the thread that wakes who waits for rings of this hive, and calls on_ring whenever
 * somebody rang: 0 or -errno.  Once, cold.
 */
int bell_start(struct space *s, void (*on_ring)(void));

#endif
