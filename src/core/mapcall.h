/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapcall.h - inside the room: a command on a map under way, single or batch.
 */
#ifndef SKEP_CORE_MAPCALL_H
#define SKEP_CORE_MAPCALL_H

#include "core/core_int.h"

#define MAP_READ  1u /* the descriptor must be readable */
#define MAP_WRITE 2u /* it must be writable and the map not frozen */

struct mapcall {
	struct object_ref ref;
	struct skep_map *m;	   /* ref's payload */
	struct scratch key, value; /* copies of the caller's, and what goes back */
	int fd;			   /* copy of the descriptor that one of them is; -1: neither */
};

/**
 * Finds the map and checks rights and flags; mapcall_end is due in any case.
 *
 * @param flags  of which only BPF_F_LOCK is looked at: the value must have a lock then
 * @param bad	 true: flags that the command does not take; -EINVAL before all else
 * @return 0, -EINVAL, -EBADF, -EPERM
 */
int mapcall_begin(struct mapcall *mc, struct call *c, uint32_t fd, unsigned need, uint64_t flags,
		  bool bad);
void mapcall_end(struct mapcall *mc);

/** Copies the key in; -EINVAL for a key where the map has none. */
int mapcall_key(struct mapcall *mc, uint64_t ukey);
/** Updates key with value, a descriptor where the map holds objects. */
int mapcall_update(struct mapcall *mc, struct call *c, uint64_t flags);

#endif
