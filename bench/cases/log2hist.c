/* SPDX-License-Identifier: BSD-2-Clause */
/* A histogram of powers of two, as every latency tool has it. */
#define CASE_NAME log2hist
#include "bench/case.h"

static inline __attribute__((always_inline)) u32 log2_u32(u32 v)
{
	u32 r, shift;

	r = (v > 0xffff) << 4;
	v >>= r;
	shift = (v > 0xff) << 3;
	v >>= shift;
	r |= shift;
	shift = (v > 0xf) << 2;
	v >>= shift;
	r |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	r |= shift;
	return r | v >> 1;
}

CASE
{
	u32 sum = 0;

	for (u32 i = 0; i < 512; i++) {
		u64 v = data.w[i] >> (i & 31);
		u32 hi = (u32)(v >> 32);
		u32 slot = hi ? log2_u32(hi) + 32 : log2_u32((u32)v);

		data.w[512 + (slot & 63)]++;
		sum += slot;
	}
	return sum;
}
