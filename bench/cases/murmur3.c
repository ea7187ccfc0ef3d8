/* SPDX-License-Identifier: BSD-2-Clause */
/* Murmur3 over 6000 bytes: 32-bit multiplies and rotates. */
#define CASE_NAME murmur3
#include "bench/case.h"

CASE
{
	const u32 *in = (const u32 *)data.w;
	u32 h = 42;

	for (u32 i = 0; i < 1500; i++) {
		u32 k = in[i] * 0xcc9e2d51;

		h ^= rol32(k, 15) * 0x1b873593;
		h = rol32(h, 13) * 5 + 0xe6546b64;
	}
	h ^= 6000;
	h = (h ^ h >> 16) * 0x85ebca6b;
	h = (h ^ h >> 13) * 0xc2b2ae35;
	return h ^ h >> 16;
}
