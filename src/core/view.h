/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view.h - a map that another process looks at: bpf(2)'s reading and writing of single elements
 * without a call of the kernel's process.
 *
 * Of an array, memory is all there is, and a hash can be searched without a lock.  A process that
 * has a descriptor of the map may therefore ask for the facts once, map the memory and answer
 * bpf(2) itself, by the same handlers as the kernel.  Who does that keeps the views: it finds one
 * by the position of a descriptor, which names the map and the access mode (home.h).
 *
 * A freeze reaches views by a seal on the memory.  It is looked for at each update, so one that is
 * under way at that moment still ends; maps that are read-only for programs, whose values the
 * verifier believes once they are frozen, are therefore never written to through a view.
 */
#ifndef SKEP_CORE_VIEW_H
#define SKEP_CORE_VIEW_H

#include "base/base.h"
#include "map/map.h"

struct skep_kernel;

/**
 * Tells about a descriptor's map: struct map_facts goes to the caller's address, the position being
 * the one by which the map was found.
 *
 * @return a new descriptor of its memory alone, which is read-only where the map may not be written
 *	   to through it; -EOPNOTSUPP where there can be no view; -errno
 */
long core_map_view(struct skep_kernel *k, int fd, uint64_t ufacts);

/* Who keeps views. */
struct core_views {
	/* The view of the caller's descriptor, which stays until end() of *ret_use; NULL: the
	 * kernel is to be asked.  Handlers of signals come between the two. */
	struct skep_map *(*begin)(int fd, bool write, void **ret_use);
	void (*end)(void *use);
};

/** Answers a command of bpf(2) by views: true and *ret, or false. */
bool core_view_call(const struct core_views *v, int cmd, uint64_t uattr, uint32_t size, long *ret);
/** Would a view help with that command? */
bool core_view_helps(int cmd);

#endif
