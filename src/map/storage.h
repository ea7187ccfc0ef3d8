/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storage.h - the program side of local storage: maps whose elements belong to tasks, sockets,
 * inodes or cgroups (BPF_MAP_TYPE_*_STORAGE), and go with them.
 *
 * An owner is named by its identity on the machine, 64-bit words that are never used again for
 * another one (storage_sys.c).  Programs have pointers to tasks, to the cgroups that they are in,
 * and to the sockets of test runs.
 */
#ifndef SKEP_MAP_STORAGE_H
#define SKEP_MAP_STORAGE_H

#include "map/map.h"

#define STORAGE_VALUE_MAX (UINT16_MAX - 128) /* BPF_LOCAL_STORAGE_MAX_VALUE_SIZE */
#define STORAGE_TID_BITS  22		     /* of a task's identity: PID_MAX_LIMIT */
#define STORAGE_TIDS	  ((1u << STORAGE_TID_BITS) - 1)

/**
 * The identity of the task with that thread id: when it began, and the id.  0: there is none, or
 * /proc does not say.  Three system calls.  Hot.
 */
uint64_t storage_task(uint32_t tid);
/** Is that the identity of a task with this thread id? */
static inline bool storage_is_of(uint64_t task, uint32_t tid)
{
	return task && (task & STORAGE_TIDS) == tid;
}
/**
 * The root of the machine's unified hierarchy of cgroups, as this process sees it: a descriptor
 * (O_PATH) that the caller closes, or -ENOENT.  Hot.
 */
long storage_cgroups(void);
/**
 * The owner's value; with `create` it gets one where it has none: `init`, or zeroes for NULL.
 * NULL: it has none, or there is no memory.  Hot.
 */
void *storage_get(struct skep_map *m, const uint64_t *owner, const void *init, bool create,
		  uint32_t cpu);
/** -ENOENT where it has none.  Hot. */
long storage_delete(struct skep_map *m, const uint64_t *owner, uint32_t cpu);
/** bpf(2)'s update, by the rules of hashes but for -ENOMEM. */
long storage_update(struct skep_map *m, const uint64_t *owner, const void *value, uint64_t flags,
		    uint32_t cpu);
/** Takes out what cgroups had that are gone, as far as this process sees them (storage_gone.c). */
void storage_forget_gone(struct skep_map *m);
/** The scrub() of all kinds (map.h), which does that now and then. */
bool storage_scrub(struct skep_map *m, uint64_t *pos);

#endif
