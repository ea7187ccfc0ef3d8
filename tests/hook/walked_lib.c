/* SPDX-License-Identifier: BSD-2-Clause */
/* walked_lib.c - a way through a library. */
#include "walked.h"

static __attribute__((noinline)) long inner(way_fn fn, long n)
{
	volatile char room[1000];

	room[n] = 1;
	return fn(n) + room[n];
}

__attribute__((visibility("default"))) long by_library(way_fn fn, long n)
{
	return inner(fn, n) * 3;
}
