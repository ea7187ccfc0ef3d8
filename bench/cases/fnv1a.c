/* SPDX-License-Identifier: BSD-2-Clause */
/* FNV-1a over 1500 bytes: load, xor, multiply. */
#define CASE_NAME fnv1a
#include "bench/case.h"

CASE
{
	u64 h = 0xcbf29ce484222325ULL;

	for (u32 i = 0; i < 1500; i++) {
		h ^= data.b[i];
		h *= 0x100000001b3ULL;
	}
	return (u32)(h ^ h >> 32);
}
