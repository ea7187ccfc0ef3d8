/* SPDX-License-Identifier: BSD-2-Clause */
/* 64-bit multiply and xor-shift, one long dependency chain. */
#define CASE_NAME lcg64
#include "bench/case.h"

CASE
{
	u64 x = data.w[0];

	for (u32 i = 0; i < 4096; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		x ^= x >> 29;
	}
	return (u32)(x >> 32);
}
