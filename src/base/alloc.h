/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alloc.h - the one door to the heap, for cold code.
 *
 * Memory comes zeroed.  Products of sizes are checked.  Tests make the Nth allocation fail
 * (skep_alloc_fail_at) and run a case again and again until it passes without a failure.
 */
#ifndef SKEP_BASE_ALLOC_H
#define SKEP_BASE_ALLOC_H

#include "base/base.h"

/** Zeroed memory of `size` bytes (at least 1), or NULL.  The caller frees with skep_free. */
void *skep_alloc(size_t size) __attribute__((malloc, alloc_size(1)));

/** Zeroed memory of n * size bytes, or NULL, also where the product overflows. */
void *skep_alloc_array(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2)));

/** As realloc to n * size bytes; on failure NULL and the old block stays. New bytes are not zeroed.
 */
void *skep_realloc_array(void *p, size_t n, size_t size) __attribute__((alloc_size(2, 3)));

/** A copy of the n bytes at p, or NULL. */
void *skep_memdup(const void *p, size_t n) __attribute__((malloc, alloc_size(2)));

/** A copy of the string, or NULL. */
char *skep_strdup(const char *s) __attribute__((malloc));

/** Accepts NULL. */
void skep_free(void *p);

/** Frees *(void **)p: for _cleanup_(skep_free_p). */
void skep_free_p(void *p);

/**
 * For tests: lets the n-th allocation of this process from now on fail (1 is the next), 0: none.
 * skep_alloc_failed() tells whether that allocation was reached since.
 */
void skep_alloc_fail_at(long n);
bool skep_alloc_failed(void);

#endif
