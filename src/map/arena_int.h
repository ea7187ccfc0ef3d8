/* SPDX-License-Identifier: BSD-2-Clause */
/* arena_int.h - what an arena's hot half (arena.c) and its cold half (arena_sys.c) share. */
#ifndef SKEP_MAP_ARENA_INT_H
#define SKEP_MAP_ARENA_INT_H

#include "map/arena.h"
#include "map/map_int.h"

#define ARENA_PAGE  4096u
#define ARENA_4G    (UINT64_C(1) << 32)
#define ARENA_GUARD 65536u /* what an instruction's 16-bit offset may add, on each side */

/* m->priv */
struct arena {
	uint8_t *window;      /* see arena.h */
	uint64_t user;	      /* where processes map it; 0: nobody did, map_extra is 0 */
	uint32_t pages;	      /* that they map */
	int fd;		      /* of the memory, of our own: its position is nobody's name */
	struct spinlock lock; /* taken; user and pages while user is 0 */
	uint64_t taken[];     /* [max_entries / 64] pages that are allocated or reserved */
};

static inline struct arena *arena_of(const struct skep_map *m)
{
	return m->priv;
}

#endif
