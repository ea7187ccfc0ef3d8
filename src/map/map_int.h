/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_int.h - what the map types share: copying values, the array walk, objects as values.
 *
 * Programs read and write values while others copy them, so map memory is copied in aligned
 * words with relaxed atomics: a counter is never torn, a struct may be (as in the kernel).
 * Values in map memory are 8-byte aligned and padded to 8; memory of callers is neither.
 */
#ifndef SKEP_MAP_MAP_INT_H
#define SKEP_MAP_MAP_INT_H

#include "btf/btf.h"
#include "hive/lock.h"
#include "map/map.h"
#include "obj/obj.h"

#include <stdatomic.h>

#define MAP_ALWAYS_INLINE static inline __attribute__((always_inline))

/* Both halves of each type; the hashes' first by the size of keys: 4, 8 and 16 bytes. */
#define MAP_OPS(name)                               \
	extern const struct map_ops name##_map_ops; \
	extern const struct map_sys_ops name##_map_sys
#define MAP_HASH_OPS(name) \
	MAP_OPS(name);     \
	extern const struct map_ops name##_by_size[3]
MAP_OPS(array);
MAP_OPS(percpu_array);
MAP_OPS(prog_array);
MAP_HASH_OPS(hash);
MAP_HASH_OPS(percpu_hash);
MAP_HASH_OPS(lru_hash);
MAP_HASH_OPS(lru_percpu_hash);
MAP_OPS(array_of_maps);
MAP_OPS(hash_of_maps);
MAP_OPS(ringbuf);
MAP_OPS(queue);
MAP_OPS(stack);
MAP_OPS(bloom_filter);
MAP_OPS(lpm_trie);
MAP_OPS(perf_event_array);
MAP_OPS(user_ringbuf);
MAP_OPS(stack_trace);
MAP_OPS(cgroup_array);
MAP_OPS(devmap);
MAP_OPS(devmap_hash);
MAP_OPS(cpumap);
MAP_OPS(xskmap);
MAP_OPS(storage);
MAP_OPS(sockmap);
MAP_OPS(sockhash);
MAP_OPS(reuseport_sockarray);
MAP_OPS(arena);
MAP_OPS(struct_ops);

/** What stands in for a type that has no ops, in a kernel that only judges; NULL: none (judged.c).
 */
const struct map_sys_ops *map_judged_ops(uint32_t type);

/** STRUCT_OPS: is the value of a type that programs may be members of? 0, -ENOTSUPP, -EINVAL. */
int struct_ops_type(const union bpf_attr *attr, const struct skep_btf *kernel,
		    struct skep_diag *reterr_diag);

/** The check of types whose attributes rules.c has a row for. */
int map_rule_check(const union bpf_attr *attr, struct skep_diag *reterr_diag);
/** Is there such a row? */
bool map_has_rule(uint32_t type);

/* Largest value of a per-CPU type (the kernel's PCPU_MIN_UNIT_SIZE). */
#define PERCPU_VALUE_MAX (32u << 10)

/* Which access flags a map may have at creation. */
#define MAP_ACCESS_FLAGS (BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)
/** Read-only and write-only for programs at once is nothing. */
static inline bool map_access_ok(uint32_t flags)
{
	return ~flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG);
}

/** Takes a lock that runs on m take: true where one that ended had left it. */
MAP_ALWAYS_INLINE bool map_lock(const struct skep_map *m, struct spinlock *l, uint32_t cpu)
{
	return lock_take(l, m->vcpus, cpu);
}

/** Writes n bytes of the caller's into map memory. */
MAP_ALWAYS_INLINE void value_put(void *map, const void *from, size_t n)
{
	uint8_t *d = map;
	const uint8_t *s = from;

	for (; n >= 8; n -= 8, d += 8, s += 8) {
		uint64_t word;

		memcpy(&word, s, 8);
		__atomic_store_n((uint64_t *)d, word, __ATOMIC_RELAXED);
	}
	if (n & 4) {
		uint32_t word;

		memcpy(&word, s, 4);
		__atomic_store_n((uint32_t *)d, word, __ATOMIC_RELAXED);
		d += 4, s += 4;
	}
	for (n &= 3; n; n--)
		__atomic_store_n(d++, *s++, __ATOMIC_RELAXED);
}

/** Reads n bytes of map memory. */
MAP_ALWAYS_INLINE void value_get(void *to, const void *map, size_t n)
{
	uint8_t *d = to;
	const uint8_t *s = map;

	for (; n >= 8; n -= 8, d += 8, s += 8) {
		uint64_t word = __atomic_load_n((const uint64_t *)s, __ATOMIC_RELAXED);

		memcpy(d, &word, 8);
	}
	if (n & 4) {
		uint32_t word = __atomic_load_n((const uint32_t *)s, __ATOMIC_RELAXED);

		memcpy(d, &word, 4);
		d += 4, s += 4;
	}
	for (n &= 3; n; n--)
		*d++ = __atomic_load_n(s++, __ATOMIC_RELAXED);
}

/** As value_put with zeroes; n is a multiple of 8. */
static inline void value_zero(void *map, size_t n)
{
	for (uint64_t *d = map; n; n -= 8)
		__atomic_store_n(d++, 0, __ATOMIC_RELAXED);
}

/** BPF_F_LOCK needs a lock in the value. */
static inline bool value_has_lock(const struct skep_map *m)
{
	return btf_record_has(m->record, FIELD_SPIN_LOCK);
}

/* The slow half of value_write: steps over the special fields, under the lock with BPF_F_LOCK. */
void value_write_special(const struct skep_map *m, void *map, const void *from, uint64_t flags,
			 uint32_t cpu);

/** Drops what the value's special fields own: it is replaced, or its element goes. */
MAP_ALWAYS_INLINE void value_drop(const struct skep_map *m, void *map, uint32_t cpu)
{
	if (unlikely(m->objects != NULL))
		obj_fields_free(m->objects, m->record, map, cpu);
}

/**
 * Writes the value (value_size bytes) as an update does: special fields keep what they are;
 * BPF_F_LOCK holds the value's own lock (the caller has checked that there is one).
 */
MAP_ALWAYS_INLINE void value_write(const struct skep_map *m, void *map, const void *from,
				   uint64_t flags, uint32_t cpu)
{
	if (unlikely(m->record != NULL))
		value_write_special(m, map, from, flags, cpu);
	else
		value_put(map, from, m->value_size);
}

/** Reads the value for bpf(2): special fields as they begin; BPF_F_LOCK as above. */
void value_read(const struct skep_map *m, void *to, void *map, uint64_t flags);

/*
 * One CPU's value of a per-CPU element, n bytes of it: value_size, or the padding too.  Writing
 * drops what its fields own.
 */
void cpu_value_write(const struct skep_map *m, void *map, const void *from, size_t n);
void cpu_value_read(const struct skep_map *m, void *to, const void *map, size_t n);
/** Zeroes but for the special fields. */
void cpu_value_zero(const struct skep_map *m, void *map);

/* The array family (array.c): 4-byte index, -ENOENT after the last. */
int array_check(const union bpf_attr *attr, struct skep_diag *reterr_diag);
/*
 * Where the elements of max_entries and `blocks` blocks are, as fields of m; *ret_size bytes in
 * all.  False: more than there can be.
 */
bool array_layout(struct skep_map *m, uint32_t elem_size, uint32_t blocks, uint64_t *ret_size);
/* As array_check, for arrays of objects: 4-byte values, no access flags of programs. */
int object_array_check(const union bpf_attr *attr, struct skep_diag *reterr_diag);
/* Area and geometry for max_entries elements of elem_size bytes in `blocks` blocks. */
int array_alloc(struct skep_map *m, uint32_t elem_size, uint32_t blocks,
		struct skep_diag *reterr_diag);
/* map_view()'s part. */
int array_view(struct skep_map *m, int fd, bool write);
/* Drops what the values own. */
void array_destroy(struct skep_map *m);
int array_next_key(struct skep_map *m, const void *key, void *next);
bool array_contains(struct skep_map *m, uintptr_t addr, size_t len);
long array_no_delete(struct skep_map *m, const void *key, uint32_t cpu);

static inline uint32_t array_index(const void *key)
{
	uint32_t index;

	memcpy(&index, key, sizeof(index));
	return index;
}

/** May a program update element `index` with these flags? 0 or -errno, in Linux's order. */
static inline long array_update_check(const struct skep_map *m, uint32_t index, uint64_t flags)
{
	if (unlikely((flags & ~(uint64_t)BPF_F_LOCK) > BPF_EXIST))
		return -EINVAL;
	if (unlikely(index >= m->max_entries))
		return -E2BIG;
	if (unlikely(flags & BPF_NOEXIST))
		return -EEXIST;
	return unlikely((flags & BPF_F_LOCK) && !value_has_lock(m)) ? -EINVAL : 0;
}

/** Where the object pointer of an array of objects stands; NULL beyond the end. */
static inline _Atomic(void *) *object_slot(const struct skep_map *m, const void *key)
{
	uint32_t index = array_index(key);

	return index < m->max_entries ? (_Atomic(void *) *)m->values + index : NULL;
}

/* Maps as values (map.c): the template, the check, the end of a replaced one. */
int inner_template(struct skep_map *m, const struct skep_map *like);
/* 0 with a reference taken, or -EINVAL where inner does not equal the template. */
int inner_get(const struct skep_map *m, struct skep_map *inner);
/* After programs that may use `old` (or its absence) have ended, drops it; accepts NULL. */
void inner_retire(struct skep_map *m, struct skep_map *old);
/* As map_area_init, of memory that is there: map_view()'s errors (area.c). */
int map_area_view(struct map_area *a, int fd, size_t head, size_t size, bool write);
/* A view's own memory, before what it shows: no heap is needed, nor freed. */
struct view_head {
	struct skep_map map;
	struct map_far far;
	uint8_t priv[256] __attribute__((aligned(8))); /* the type's */
};
/* Where that is, once the area is there. */
static inline struct view_head *view_head(const struct map_area *a)
{
	return (struct view_head *)(a->mem - a->head);
}
/* far.c: what views do by struct map_far, -EAGAIN where there is no way. */
int far_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags);
int far_update(struct skep_map *m, const void *key, const void *value, uint64_t flags);
int far_delete(struct skep_map *m, const void *key);
int far_take(struct skep_map *m, const void *key, void *value, uint64_t flags);
int far_next_key(struct skep_map *m, const void *key, void *next);
/* map_sys_ops.view of types whose memory tells members nothing without a run. */
int far_view(struct skep_map *m, int fd, bool write);
/* The area of a map: head and size as in struct area_want. */
int map_area_of(struct skep_map *m, size_t head, size_t size);
/* Memory that programs read and only bpf(2) writes: zeroed, or NULL; and back (area.c). */
void *map_priv_new(struct skep_map *m, size_t size);
void map_priv_free(struct skep_map *m, void *p, size_t size);
/* A non-blocking eventfd, or -errno (area.c). */
int map_eventfd(void);
void map_eventfd_close(int fd);

/* machine.c */
bool map_device_exists(uint32_t ifindex);
/* A descriptor of our own of the AF_XDP socket fd: -EBADF, -ENOTSOCK, -EOPNOTSUPP for others. */
int map_xsk_open(int fd);
/* Closes it; -1: nothing. */
void map_socket_close(int fd);
/* The id of the cgroup (of version 2) that the descriptor is of; -EBADF for all others. */
int map_cgroup_id(int fd, uint64_t *ret_id);

/* wait.c */
/* rung: in memory that programs may write, zero; space as of the map that it is of. */
void waiters_init(struct waiters *w, struct space *space, _Atomic uint32_t *rung);
void waiters_fini(struct waiters *w);
/* bell.c: what the thread looks at. */
void bell_add(struct waiters *w);
void bell_del(struct waiters *w);

void waiters_wake(const struct waiters *w);
/* The eventfd, or -errno; *ret_first: it was made just now.  Cold. */
int waiters_fd(struct waiters *w, bool *ret_first);

#endif
