/* SPDX-License-Identifier: BSD-2-Clause */
/* Sixteen blocks of ChaCha20: sixteen live 32-bit words, more than there are registers. */
#define CASE_NAME chacha20
#include "bench/case.h"

#define QUARTER(a, b, c, d)                   \
	do {                                  \
		a += b, d = rol32(d ^ a, 16); \
		c += d, b = rol32(b ^ c, 12); \
		a += b, d = rol32(d ^ a, 8);  \
		c += d, b = rol32(b ^ c, 7);  \
	} while (0)

CASE
{
	const u32 *in = (const u32 *)data.w;
	u32 *out = (u32 *)&data.w[512];
	u32 sum = 0;

	for (u32 block = 0; block < 16; block++) {
		u32 x0 = in[0], x1 = in[1], x2 = in[2], x3 = in[3];
		u32 x4 = in[4], x5 = in[5], x6 = in[6], x7 = in[7];
		u32 x8 = in[8], x9 = in[9], x10 = in[10], x11 = in[11];
		u32 x12 = in[12] + block, x13 = in[13], x14 = in[14], x15 = in[15];

		for (u32 i = 0; i < 10; i++) {
			QUARTER(x0, x4, x8, x12);
			QUARTER(x1, x5, x9, x13);
			QUARTER(x2, x6, x10, x14);
			QUARTER(x3, x7, x11, x15);
			QUARTER(x0, x5, x10, x15);
			QUARTER(x1, x6, x11, x12);
			QUARTER(x2, x7, x8, x13);
			QUARTER(x3, x4, x9, x14);
		}
		out[block * 4 + 0] = x0 + x4 + x8 + x12;
		out[block * 4 + 1] = x1 + x5 + x9 + x13;
		out[block * 4 + 2] = x2 + x6 + x10 + x14;
		out[block * 4 + 3] = x3 + x7 + x11 + x15;
		sum += out[block * 4] ^ out[block * 4 + 1] ^ out[block * 4 + 2] ^
		       out[block * 4 + 3];
	}
	return sum;
}
