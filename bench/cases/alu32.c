/* SPDX-License-Identifier: BSD-2-Clause */
/* 32-bit arithmetic: every operation extends its result. */
#define CASE_NAME alu32
#include "bench/case.h"

CASE
{
	u32 a = (u32)data.w[0], b = (u32)data.w[1], c = 0x9e3779b9;

	for (u32 i = 0; i < 4096; i++) {
		a += b ^ c;
		b = (b >> 3) - a;
		c = c * 5 + (a | i);
		a ^= c << 7;
		b &= ~(c >> 5);
	}
	return a ^ b ^ c;
}
