/* SPDX-License-Identifier: BSD-2-Clause */
/* sha1.c - see sha1.h */
#include "base/sha1.h"

#include <endian.h>

static uint32_t rol(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

/* FIPS 180-4, 4.1.1 and 4.2.1: what each of the four groups of twenty rounds adds. */
static uint32_t mix(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
	switch (round / 20) {
	case 0:
		return ((b & c) | (~b & d)) + 0x5a827999;
	case 1:
		return (b ^ c ^ d) + 0x6ed9eba1;
	case 2:
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	default:
		return (b ^ c ^ d) + 0xca62c1d6;
	}
}

static inline __attribute__((always_inline)) void twenty(uint32_t s[5], const uint32_t *w,
							 unsigned from)
{
#pragma GCC unroll 5
	for (unsigned i = from; i < from + 20; i++) {
		const uint32_t t = rol(s[0], 5) + mix(from, s[1], s[2], s[3]) + s[4] + w[i];

		s[4] = s[3];
		s[3] = s[2];
		s[2] = rol(s[1], 30);
		s[1] = s[0];
		s[0] = t;
	}
}

static void sha1_block(uint32_t state[5], const uint8_t *p)
{
	uint32_t s[5], w[80];

	for (unsigned i = 0; i < 16; i++) {
		memcpy(&w[i], p + 4 * i, 4);
		w[i] = be32toh(w[i]);
	}
	for (unsigned i = 16; i < 80; i++)
		w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(s, state, sizeof(s));
	twenty(s, w, 0);
	twenty(s, w, 20);
	twenty(s, w, 40);
	twenty(s, w, 60);
	for (unsigned i = 0; i < 5; i++)
		state[i] += s[i];
}

void sha1_init(struct sha1 *s)
{
	*s = (struct sha1){ .state = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
				       0xc3d2e1f0 } };
}

void sha1_add(struct sha1 *s, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n > 0) {
		size_t at = s->len % SHA1_BLOCK, take = MIN(n, SHA1_BLOCK - at);

		memcpy(s->block + at, p, take);
		s->len += take;
		p += take;
		n -= take;
		if (at + take == SHA1_BLOCK)
			sha1_block(s->state, s->block);
	}
}

void sha1_end(struct sha1 *s, uint8_t ret_digest[SHA1_SIZE])
{
	static const uint8_t pad[SHA1_BLOCK] = { 0x80 };
	uint64_t bits = htobe64(s->len * 8);

	/* One 1 bit, zeroes, and the length in the last eight bytes of a block. */
	sha1_add(s, pad, 1 + (SHA1_BLOCK * 2 - 9 - s->len % SHA1_BLOCK) % SHA1_BLOCK);
	sha1_add(s, &bits, sizeof(bits));
	for (unsigned i = 0; i < ARRAY_SIZE(s->state); i++) {
		uint32_t word = htobe32(s->state[i]);

		memcpy(ret_digest + 4 * i, &word, 4);
	}
}
