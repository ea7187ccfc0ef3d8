/* SPDX-License-Identifier: BSD-2-Clause */
/* Table-driven CRC over 1500 bytes: an index that depends on a load. */
#define CASE_NAME crc32
#include "bench/case.h"

CASE
{
	const u32 *table = (const u32 *)data.w;
	u32 crc = ~0U;

	for (u32 i = 0; i < 1500; i++)
		crc = table[(crc ^ data.b[i]) & 0xff] ^ crc >> 8;
	return ~crc;
}
