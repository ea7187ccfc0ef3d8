/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparing two strings of 4 KiB that are equal to the end. */
#define CASE_NAME strcmp4k
#include "bench/case.h"

CASE
{
	u32 i;

	for (i = 0; i < 4096; i++) {
		u8 a = data.b[i], b = data.b[i];

		OPAQUE(b);
		if (a != b || a == 0)
			break;
	}
	return i;
}
