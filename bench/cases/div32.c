/* SPDX-License-Identifier: BSD-2-Clause */
/* 32-bit division and modulo by a variable. */
#define CASE_NAME div32
#include "bench/case.h"

CASE
{
	u32 sum = 0;

	for (u32 i = 0; i < 512; i++) {
		u32 d = (u32)data.w[i & (WORDS - 1)] >> 16;

		sum += 0xfffffffbU / (d | 1) + i % (d | 3);
	}
	return sum;
}
