/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-2-4 over 5984 bytes: 64-bit rotates. */
#define CASE_NAME siphash
#include "bench/case.h"

#define ROUND                                                               \
	do {                                                                \
		v0 += v1, v1 = rol64(v1, 13), v1 ^= v0, v0 = rol64(v0, 32); \
		v2 += v3, v3 = rol64(v3, 16), v3 ^= v2;                     \
		v0 += v3, v3 = rol64(v3, 21), v3 ^= v0;                     \
		v2 += v1, v1 = rol64(v1, 17), v1 ^= v2, v2 = rol64(v2, 32); \
	} while (0)

CASE
{
	u64 v0 = 0x736f6d6570736575ULL, v1 = 0x646f72616e646f6dULL;
	u64 v2 = 0x6c7967656e657261ULL, v3 = 0x7465646279746573ULL;

	for (u32 i = 0; i < 748; i++) {
		u64 m = data.w[i];

		v3 ^= m;
		ROUND;
		ROUND;
		v0 ^= m;
	}
	v2 ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	ROUND;
	v0 ^= v1 ^ v2 ^ v3;
	return (u32)(v0 ^ v0 >> 32);
}
