/* SPDX-License-Identifier: BSD-2-Clause */
/* Copying 4 KiB by words. */
#define CASE_NAME memcpy4k
#include "bench/case.h"

CASE
{
	for (u32 i = 0; i < 512; i++)
		data.w[512 + i] = data.w[i];
	return (u32)data.w[1023];
}
