/* SPDX-License-Identifier: BSD-2-Clause */
/* Trial division: 64-bit modulo by a variable. */
#define CASE_NAME prime
#include "bench/case.h"

CASE
{
	u32 found = 0;

	for (u32 n = 3 + (u32)(data.w[0] & 1); n < 600; n += 2) {
		u64 d;

		for (d = 3; d * d <= n; d += 2)
			if (n % d == 0)
				break;
		if (d * d > n)
			found++;
	}
	return found;
}
