/* SPDX-License-Identifier: BSD-2-Clause */
/* 16 x 16 matrices of 32-bit integers. */
#define CASE_NAME matmul
#include "bench/case.h"

CASE
{
	const u32 *a = (const u32 *)data.w, *b = a + 256;
	u32 *c = (u32 *)&data.w[512];
	u32 trace = 0;

	for (u32 i = 0; i < 16; i++) {
		for (u32 j = 0; j < 16; j++) {
			u32 sum = 0;

			for (u32 k = 0; k < 16; k++)
				sum += a[i * 16 + k] * b[k * 16 + j];
			c[i * 16 + j] = sum;
		}
		trace += c[i * 17];
	}
	return trace;
}
