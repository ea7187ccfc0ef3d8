/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of functions that are not inlined, two deep. */
#define CASE_NAME calls
#include "bench/case.h"

SUBPROG u64 leaf(u64 a, u64 b)
{
	return a * 3 + (b ^ a >> 7);
}

SUBPROG u64 middle(u64 a, u64 b)
{
	return leaf(a, b) + leaf(b, a);
}

CASE
{
	u64 x = data.w[0];

	for (u32 i = 0; i < 512; i++)
		x = middle(x, i);
	return (u32)x;
}
