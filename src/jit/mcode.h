/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mcode.h - memory for machine code: written through one mapping, run through another.
 *
 * Safe from several threads.  A child of fork() keeps running what its parent compiled, while
 * the parent keeps it; what it compiles itself lies in memory of its own.
 */
#ifndef SKEP_JIT_MCODE_H
#define SKEP_JIT_MCODE_H

#include "base/base.h"

#define MCODE_ALIGN 64 /* images begin on a cache line of their own */

/* A piece of code memory. */
struct mcode {
	const uint8_t *rx; /* where it runs */
	uint8_t *rw;	   /* the same bytes, writable */
	uint32_t size;	   /* bytes, a multiple of MCODE_ALIGN */
};

/**
 * Takes code memory, full of int3.
 *
 * @param near  only memory from which everything that mcode_is_near() is in reach
 * @return 0; -ENOMEM; -EMFILE or -ENFILE: it takes a descriptor, and there is none; or -EAGAIN:
 *         there is none that is near, try again without
 */
int mcode_alloc(size_t size, bool near, struct mcode **ret);

/** Gives it back and fills it with int3.  Nothing may run in it any more.  Accepts NULL. */
void mcode_free(struct mcode *m);

/* Memory for code that its owner chose: a piece of a memfd, mapped twice. */
struct mcode_home {
	int fd;	      /* borrowed for good */
	uint64_t off; /* where the piece begins in it */
	size_t size;  /* bytes, from there */
	uint8_t *rx, *rw;
	const uint8_t *text; /* what of code there calls lies in [text, rx + size) */
};

/** All code of this process goes there from now on.  Once, before any is made; 0 or -ENOMEM. */
int mcode_settle(const struct mcode_home *home);

/** True when a call with a 32-bit distance from near code memory reaches addr. */
bool mcode_is_near(const void *addr);

#endif
