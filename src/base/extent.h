/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * extent.h - which parts of a range of addresses are free: first fit, neighbours merged.
 *
 * What is kept lies on the heap, not in the range, so nobody who can write to the range can change
 * it.  Not for several threads at once.
 */
#ifndef SKEP_BASE_EXTENT_H
#define SKEP_BASE_EXTENT_H

#include "base/vec.h"

struct extent {
	uintptr_t at; /* address */
	size_t size;  /* bytes, not 0 */
};

struct extents {
	VEC(struct extent); /* free, by address, none touching the next */
};

/** All of [at, at + size) is free: 0 or -ENOMEM. */
int extents_init(struct extents *e, uintptr_t at, size_t size);
void extents_fini(struct extents *e);
/** Takes size bytes (not 0) at a multiple of align, a power of two; 0: there is no room. */
uintptr_t extents_take(struct extents *e, size_t size, size_t align);
/** Gives back what was taken.  Where memory for that is out, the addresses are lost. */
void extents_give(struct extents *e, uintptr_t at, size_t size);

#endif
