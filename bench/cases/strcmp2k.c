/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparing two strings of 2 KiB that are equal to the end. */
#define CASE_NAME strcmp2k
#include "bench/case.h"

CASE
{
	u32 i;

	for (i = 0; i < 2048; i++) {
		u8 a = data.b[i], b = data.b[i];

		OPAQUE(b);
		if (a != b || a == 0)
			break;
	}
	return i;
}
