/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.h - the program side of arenas: sparse memory of up to 4 GiB that a program shares with
 * the processes that map it.
 *
 * A pointer into an arena is an address of those processes; 32 bits of it tell where in the arena
 * it leads, all others are the same.  In this process the arena is seen through a window, 4 GiB
 * that begin at a multiple of 4 GiB, with the same 32 bits:
 *
 *	processes	0x1000_f0000000 | map_extra, max_entries pages |
 *	window	   guard | 0 ... f0000000 | the same memory | ... 4 GiB | guard
 *
 * addr_space_cast puts the window's upper half in place of theirs, and theirs in place of the
 * window's.  Whatever the lower half says is memory: what no page was allocated for reads as zero.
 *
 * In a hive the window is at the same address in every member.  The arena is the same memory; what
 * lies around it each process has for itself.
 */
#ifndef SKEP_MAP_ARENA_H
#define SKEP_MAP_ARENA_H

#include "map/map.h"

#define ARENA_SEGV_ON_FAULT (1u << 17) /* flags: BPF_F_SEGV_ON_FAULT */
#define ARENA_NO_USER_CONV  (1u << 18) /* BPF_F_NO_USER_CONV */

/** Where the window begins. */
uint64_t arena_window(const struct skep_map *m);
/** The upper half of all pointers of processes; 0 where they do not want them converted. */
uint64_t arena_user_half(const struct skep_map *m);
/** Where processes map it; 0: it is not known. */
uint64_t arena_user(const struct skep_map *m);

/**
 * A process maps it there.  The first says where all do: -EINVAL for other addresses and less, or
 * where it would lie in two stretches of 4 GiB; -E2BIG for more; -ENOMEM.  Cold.
 */
int arena_mapped(struct skep_map *m, uint64_t addr, size_t len);

/** As bpf_arena_alloc_pages(), _free_pages() and _reserve_pages() of the kernel.  Hot. */
uint64_t arena_alloc_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt, int node,
			   uint32_t cpu);
void arena_free_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt, uint32_t cpu);
long arena_reserve_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt, uint32_t cpu);

#endif
