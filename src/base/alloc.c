/* SPDX-License-Identifier: BSD-2-Clause */
/* alloc.c - see alloc.h */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* Counts down to the allocation that shall fail; 0 is off.  Relaxed: a counter, nothing hangs on
 * it. */
static _Atomic long fail_in;
static _Atomic bool failed;

static bool must_fail(void)
{
	if (likely(atomic_load_explicit(&fail_in, memory_order_relaxed) == 0))
		return false;
	if (atomic_fetch_sub_explicit(&fail_in, 1, memory_order_relaxed) != 1)
		return false;
	atomic_store_explicit(&failed, true, memory_order_relaxed);
	return true;
}

void skep_alloc_fail_at(long n)
{
	atomic_store_explicit(&failed, false, memory_order_relaxed);
	atomic_store_explicit(&fail_in, n, memory_order_relaxed);
}

bool skep_alloc_failed(void)
{
	return atomic_load_explicit(&failed, memory_order_relaxed);
}

void *skep_alloc(size_t size)
{
	return skep_alloc_array(1, size);
}

/*
 * glibc's calloc passes its thread's cache of small blocks by, and costs three times as much; of
 * malloc and memset the compiler makes a calloc.
 */
#define CACHED_MAX 1032

void *skep_alloc_array(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (must_fail())
		return NULL;
	if (__builtin_mul_overflow(n, size, &bytes) || bytes > CACHED_MAX)
		return calloc(n, size);
	bytes = MAX(bytes, 1);
	p = reallocarray(NULL, 1, bytes);
	if (p)
		memset(p, 0, bytes);
	return p;
}

void *skep_realloc_array(void *p, size_t n, size_t size)
{
	if (must_fail())
		return NULL;
	if (n == 0 || size == 0)
		n = size = 1;
	return reallocarray(p, n, size);
}

void *skep_memdup(const void *p, size_t n)
{
	void *copy = skep_alloc(n);

	if (copy && n)
		memcpy(copy, p, n);
	return copy;
}

char *skep_strdup(const char *s)
{
	return skep_memdup(s, strlen(s) + 1);
}

void skep_free(void *p)
{
	free(p);
}

void skep_free_p(void *p)
{
	free(*(void **)p);
}

void close_fd_p(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}
