/* SPDX-License-Identifier: BSD-2-Clause */
/* Copying 4 KiB by words, eight times. */
#define CASE_NAME memcpy4k
#include "bench/case.h"

CASE
{
	for (u32 round = 0; round < 8; round++) {
		for (u32 i = 0; i < 512; i++)
			data.w[512 + i] = data.w[i];
		data.w[round]++; /* or one round is enough */
	}
	return (u32)data.w[1023];
}
