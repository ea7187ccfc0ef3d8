/* SPDX-License-Identifier: BSD-2-Clause */
/* Bubble sort of 64 words that lie the wrong way round. */
#define CASE_NAME sort
#include "bench/case.h"

CASE
{
	u32 swaps = 0;

	for (u32 i = 0; i < 64; i++)
		data.w[i] = 64 - i;
	for (u32 i = 0; i < 63; i++) {
		for (u32 j = 0; j < 63; j++) {
			u64 a = data.w[j], b = data.w[j + 1];

			if (a > b) {
				data.w[j] = b;
				data.w[j + 1] = a;
				swaps++;
			}
		}
	}
	return swaps + (u32)data.w[0];
}
