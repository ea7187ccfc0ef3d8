/* SPDX-License-Identifier: BSD-2-Clause */
/* Ethernet, IPv4, TCP and UDP headers of 128 packets of 64 bytes, eight times: loads, swaps,
 * branches. */
#define CASE_NAME parse5t
#include "bench/case.h"

struct flow {
	u32 saddr, daddr;
	u16 sport, dport;
	u8 proto;
};

static inline __attribute__((always_inline)) int parse(const u8 *p, const u8 *end, struct flow *f)
{
	u32 ihl;

	if (p + 14 + 20 > end)
		return 0;
	if ((p[12] << 8 | p[13]) == 0x0806) /* ARP; the bytes are random, so hardly ever */
		return 0;
	p += 14;
	ihl = (p[0] & 3) * 4 + 20;
	f->proto = p[9];
	f->saddr = *(const u32 *)(p + 12);
	f->daddr = *(const u32 *)(p + 16);
	p += ihl;
	if (p + 4 > end)
		return 0;
	f->sport = __builtin_bswap16(*(const u16 *)p);
	f->dport = __builtin_bswap16(*(const u16 *)(p + 2));
	return f->proto & 1 ? 1 : 2;
}

CASE
{
	u32 sum = 0;

	for (u32 round = 0; round < 8; round++) {
		for (u32 i = 0; i < 128; i++) {
			const u8 *p = &data.b[i * 64];
			struct flow f = { 0 };

			if (parse(p, p + 64, &f))
				sum += f.saddr ^ f.daddr ^ ((u32)f.sport << 16 | f.dport) ^ f.proto;
		}
		OPAQUE(sum);
	}
	return sum;
}
