/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum of 4 KiB, four times over. */
#define CASE_NAME csum
#include "bench/case.h"

CASE
{
	const u32 *in = (const u32 *)data.w;
	u64 sum = 0;

	for (u32 round = 0; round < 4; round++) {
		for (u32 i = 0; i < 1024; i++)
			sum += in[i];
		OPAQUE(sum);
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}
