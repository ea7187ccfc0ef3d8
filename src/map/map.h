/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.h - the door to maps: struct skep_map and its ops table, one row per type in types.def.
 *
 * Adding a map type costs a row in types.def, one file with a `const struct map_ops`, one test.
 *
 * Two callers share the ops.  Programs call lookup, update, delete, push, pop, peek (hot: no
 * libc, no malloc, no blocking).  bpf(2) goes through the map_* functions below, which add what
 * is common to all types: sizes, flags, frozen and read-only maps, per-CPU values (one
 * round_up(value_size, 8) block per possible CPU), special fields, batches.
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

struct skep_btf;
struct skep_map;
struct vcpus;

/* The map's memory: a memfd, mapped shared. */
struct map_area {
	int fd;	      /* the memfd; -1 before map_area_init */
	uint8_t *mem; /* size bytes, page aligned, zero until written */
	size_t size; /* bytes, a multiple of the page size; 0: no memory, the fd is identity only */
};

/* What the value of an element is to bpf(2). */
enum map_fd_kind { MAP_FD_NONE, MAP_FD_PROG, MAP_FD_MAP };

struct map_ops {
	/* --- cold: creation ------------------------------------------------------------- */
	/* Checks the attributes that are the type's own (sizes, flags); -errno as Linux. */
	int (*check)(const union bpf_attr *attr, struct skep_diag *reterr_diag);
	/* Allocates m->priv and m->area; the common fields are set.  On failure nothing is left. */
	int (*create)(struct skep_map *m, const union bpf_attr *attr,
		      struct skep_diag *reterr_diag);
	/* Frees what create made (not the area, not m); m may be half built. */
	void (*destroy)(struct skep_map *m);

	/* --- hot: from programs; `cpu` is the vCPU of the run ----------------------------- */
	/* The value for a per-CPU type of that CPU, or NULL.  NULL op: -EOPNOTSUPP. */
	void *(*lookup)(struct skep_map *m, const void *key, uint32_t cpu);
	/* flags BPF_ANY, _NOEXIST, _EXIST, BPF_F_LOCK; 0 or -errno. */
	long (*update)(struct skep_map *m, const void *key, const void *value, uint64_t flags,
		       uint32_t cpu);
	long (*delete)(struct skep_map *m, const void *key);
	/* Queue-like types only. */
	long (*push)(struct skep_map *m, const void *value, uint64_t flags);
	long (*pop)(struct skep_map *m, void *value);
	long (*peek)(struct skep_map *m, void *value);

	/* --- bpf(2) side ------------------------------------------------------------------ */
	/* The key after `key` (NULL: the first) into next; -ENOENT at the end. */
	int (*next_key)(struct skep_map *m, const void *key, void *next);
	/* Copies the value as bpf(2) shows it (all CPUs of a per-CPU type); default: lookup. */
	int (*sys_lookup)(struct skep_map *m, const void *key, void *value, uint64_t flags);
	/* Writes the value as bpf(2) gives it; default: update. */
	int (*sys_update)(struct skep_map *m, const void *key, const void *value, uint64_t flags);
	/* Removes the element and hands out its value in one step; NULL: -EOPNOTSUPP. */
	int (*sys_lookup_delete)(struct skep_map *m, const void *key, void *value, uint64_t flags);

	/* --- values that are objects (PROG_ARRAY, *_OF_MAPS) -------------------------------- */
	enum map_fd_kind fd_kind; /* what a value names; MAP_FD_NONE for plain bytes */

	/* The address of the value memory at offset `off` for BPF_PSEUDO_MAP_VALUE, or -errno. */
	int (*value_addr)(struct skep_map *m, uint64_t *ret_addr, uint32_t off);
	/* True when [addr, addr + len) is memory that programs of this map may access. */
	bool (*contains)(struct skep_map *m, uintptr_t addr, size_t len);
	/* Calls cb on every element until it returns non-zero; the number visited, or -errno. */
	long (*for_each)(struct skep_map *m, uint32_t cpu,
			 uint64_t (*cb)(void *arg, const void *key, void *value), void *arg);
};

/* Static facts of a type: the columns of types.def. */
struct map_type {
	const char *name;	   /* bpftool's word, such as "percpu_hash" */
	const struct map_ops *ops; /* NULL: the type is not here */
	bool percpu;		   /* bpf(2) sees one value per possible CPU */
};

/** The row of a BPF_MAP_TYPE_*; NULL where Skep has no such type. */
const struct map_type *map_type(uint32_t type);
/** How many numbers map_type() is defined for (from 0). */
uint32_t map_type_count(void);

struct skep_map {
	const struct map_ops *ops;   /* never NULL */
	const struct map_type *kind; /* its row in types.def */
	uint8_t *values;      /* ARRAY, PERCPU_ARRAY: element 0 (the JIT inlines with these) */
	uint32_t elem_size;   /* stride between elements at `values`, bytes */
	uint32_t index_mask;  /* power of two minus 1 at or above max_entries - 1 */
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
	const struct map_prog_ops *progs; /* how PROG_ARRAY counts programs; may be NULL */

	_Atomic uint32_t refs;	     /* map_get, map_put */
	_Atomic bool frozen;	     /* BPF_MAP_FREEZE: bpf(2) may not write any more */
	_Atomic uint32_t writers;    /* bpf(2) writes under way; freeze waits for none */
	uint32_t id;		     /* object id, from 1; 0 while not published */
	char name[BPF_OBJ_NAME_LEN]; /* NUL-terminated */
	uint64_t load_time;	     /* ns since boot */
	struct skep_btf *btf;	     /* counted; may be NULL */
	uint32_t btf_key_id;	     /* type ids in btf */
	uint32_t btf_value_id;
	int32_t spin_lock_off;	/* offset of struct bpf_spin_lock in the value, or -1 */
	int32_t timer_off;	/* offset of struct bpf_timer in the value, or -1 */
	struct skep_map *inner; /* *_OF_MAPS: the template that values must equal; counted */
	/* PROG_ARRAY: the first program put in decides what else fits (type, engine). */
	uint32_t owner_type;
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

/* What core gives map_new() from its fds; all borrowed, map_new takes its own references. */
struct map_deps {
	struct skep_btf *btf;	/* of btf_fd, or NULL */
	struct skep_map *inner; /* of inner_map_fd, or NULL */
	struct vcpus *vcpus;
	const struct map_prog_ops *progs; /* static; only PROG_ARRAY needs it */
	uint32_t nr_cpus;		  /* possible CPUs */
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
struct skep_map *map_get(struct skep_map *m);
/** Drops a reference; the last one frees. Accepts NULL. */
void map_put(struct skep_map *m);
DEFINE_CLEANUP(struct skep_map, map_put)

/** Bytes of a value as bpf(2) passes it: all CPUs of a per-CPU type, 4 for fd values. */
size_t map_sys_value_size(const struct skep_map *m);

/*
 * The bpf(2) side.  Keys and values are plain memory of key_size and map_sys_value_size() bytes.
 * fd-valued maps take and give objects: `value` points at a pointer (struct skep_prog * or
 * struct skep_map *) on update, at a __u32 id on lookup.
 */
int map_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags);
int map_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags);
int map_sys_delete(struct skep_map *m, const void *key);
int map_sys_next_key(struct skep_map *m, const void *key, void *next);
int map_sys_lookup_delete(struct skep_map *m, const void *key, void *value, uint64_t flags);
/** -EPERM when frozen already, -EBUSY while a bpf(2) write is under way. */
int map_freeze(struct skep_map *m);

/** Area of a map: memfd of `size` bytes (rounded to pages), mapped shared.  Cold. */
int map_area_init(struct map_area *a, const char *name, size_t size);
void map_area_fini(struct map_area *a);

/** Linux's bpf_map_meta_equal: may b be the value where a is the template? */
bool map_meta_equal(const struct skep_map *a, const struct skep_map *b);

/* The ring buffer's program side (helpers); layout in map/ringbuf.h. */
void *ringbuf_reserve(struct skep_map *m, uint64_t size, uint64_t flags);
void ringbuf_commit(void *sample, uint64_t flags, bool discard);
long ringbuf_output(struct skep_map *m, const void *data, uint64_t size, uint64_t flags);
uint64_t ringbuf_query(struct skep_map *m, uint64_t flags);
/** An eventfd-like wake-up: the fd that becomes readable with data; epoll on the map waits on it.
 */
int ringbuf_wait_fd(struct skep_map *m);

#endif
