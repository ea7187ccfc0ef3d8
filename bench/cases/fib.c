/* SPDX-License-Identifier: BSD-2-Clause */
/* A dependent 64-bit loop: add, add, compare. */
#define CASE_NAME fib
#include "bench/case.h"

CASE
{
	u64 a = data.w[0] & 1, b = 1;

	for (u32 i = 0; i < 4096; i++) {
		u64 t = a + b;

		a = b;
		b = t;
		OPAQUE(a); /* or clang solves pairs of steps in closed form */
	}
	return (u32)a;
}
