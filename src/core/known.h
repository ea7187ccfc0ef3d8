/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * known.h - positions of this process's descriptors that are objects' names (home.h), so that no
 * system call has to ask for them again.
 *
 * A number is known until it is closed or made another's.  Who stands between the program and its
 * system calls sees that, and says so; without such a one nothing is remembered.  A program that
 * closes a descriptor behind its back, by an instruction of its own, and uses the number of it for
 * bpf(2) while it is another file's, would be answered for the object that it was.
 *
 * Hot: words in static memory, safe in signal handlers.
 */
#ifndef SKEP_CORE_KNOWN_H
#define SKEP_CORE_KNOWN_H

#include "base/base.h"

#include <stdatomic.h>

#define KNOWN_FDS 4096 /* numbers beyond are asked for each time */

extern _Atomic int64_t known_positions[KNOWN_FDS]; /* 0: not known */
extern atomic_bool known_on;

/** Somebody sees every close from now on. */
void known_start(void);

/** The position of an object's descriptor; 0: not known. */
static inline int64_t known_position(int fd)
{
	return (unsigned)fd < KNOWN_FDS
		       ? atomic_load_explicit(&known_positions[fd], memory_order_relaxed)
		       : 0;
}

/** It names an object. */
static inline void known_is(int fd, int64_t position)
{
	if ((unsigned)fd < KNOWN_FDS && atomic_load_explicit(&known_on, memory_order_relaxed))
		atomic_store_explicit(&known_positions[fd], position, memory_order_relaxed);
}

/** That number is about to be another's, or nobody's. */
static inline void known_forget_one(int fd)
{
	if (unlikely(known_position(fd)))
		atomic_store_explicit(&known_positions[fd], 0, memory_order_relaxed);
}

/** Numbers from first to last are about to be others', or nobody's. */
void known_forget(unsigned first, unsigned last);

#endif
