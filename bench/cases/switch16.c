/* SPDX-License-Identifier: BSD-2-Clause */
/* A switch of sixteen cases over unpredictable bytes. */
#define CASE_NAME switch16
#include "bench/case.h"

CASE
{
	u32 acc = 1;

	for (u32 i = 0; i < 1024; i++) {
		switch (data.b[i] & 15) {
		case 0:
			acc += 3;
			break;
		case 1:
			acc ^= 0x55;
			break;
		case 2:
			acc *= 3;
			break;
		case 3:
			acc -= i;
			break;
		case 4:
			acc = ~acc;
			break;
		case 5:
			acc <<= 1;
			break;
		case 6:
			acc >>= 1;
			break;
		case 7:
			acc |= 8;
			break;
		case 8:
			acc &= ~2U;
			break;
		case 9:
			acc += i;
			break;
		case 10:
			acc ^= i;
			break;
		case 11:
			acc += 77;
			break;
		case 12:
			acc *= 5;
			break;
		case 13:
			acc -= 9;
			break;
		case 14:
			acc ^= acc >> 3;
			break;
		default:
			acc += acc << 2;
			break;
		}
	}
	return acc;
}
