/* SPDX-License-Identifier: BSD-2-Clause */
/* arena_int.h - what an arena's hot half (arena.c) and its cold half (arena_sys.c) share. */
#ifndef SKEP_MAP_ARENA_INT_H
#define SKEP_MAP_ARENA_INT_H

#include "map/arena.h"
#include "map/map_int.h"

#define ARENA_PAGE    4096u
#define ARENA_4G      (UINT64_C(1) << 32)
#define ARENA_GUARD   65536u /* what an instruction's 16-bit offset may add, on each side */

#define ARENA_GUARDED (ARENA_4G + 2 * ARENA_GUARD)
#define ARENA_SPACE   (ARENA_GUARDED + ARENA_4G) /* so that it begins where it should */

/* What programs change: in a hive members write to it. */
struct arena_pages {
	struct spinlock lock; /* of taken (hive/lock.h) */
	uint64_t taken[];     /* [max_entries / 64] pages that are allocated or reserved */
};

/* m->priv: what they only read. */
struct arena {
	uint8_t *window; /* see arena.h */
	uint64_t user;	 /* where processes map it; 0: nobody did, map_extra is 0 */
	uint32_t pages;	 /* that they map; user and pages change once, under m->lock */
	int fd;		 /* of the memory, of our own: its position is nobody's name */
	uint32_t server; /* in a hive: the process that fd is of; else 0 */
	struct arena_pages *mem;
	/* The kernel's alone: */
	uint8_t *space; /* ARENA_SPACE bytes that the window lies in */
	int row[3];	/* in a hive: what members map, see arena_sys.c; -1: none */
};

static inline struct arena *arena_of(const struct skep_map *m)
{
	return m->priv;
}

#endif
