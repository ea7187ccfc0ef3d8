/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.h - hashing of short byte strings, seeded, inline for hot rooms.
 *
 * One 64x64->128 multiply per 16 bytes (the wyhash/"mum" construction) and one more at the end: on
 * an 8-byte key it costs a few cycles.  Not cryptographic, but the seed is in both factors, so
 * nobody who does not know it can choose keys that make one of them zero.  Without the last one,
 * keys in a row would be spread as their multiples are, evenly for most seeds and badly for some.
 */
#ifndef SKEP_BASE_HASH_H
#define SKEP_BASE_HASH_H

#include "base/base.h"

#define HASH_K0 UINT64_C(0xa0761d6478bd642f)
#define HASH_K1 UINT64_C(0xe7037ed1a0b428db)
#define HASH_K2 UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t hash_mum(uint64_t a, uint64_t b)
{
	unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* The n bytes at p (at most 8) as a number, the first one lowest; no call where n varies. */
static inline uint64_t hash_load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	uint32_t low, high;

	if (__builtin_constant_p(n)) {
		memcpy(&v, p, n);
		return v;
	}
	if (n >= 4) {
		/* They may overlap: the same bits fall onto the same place. */
		memcpy(&low, p, 4);
		memcpy(&high, p + n - 4, 4);
		return low | (uint64_t)high << (n - 4) * 8;
	}
	if (n)
		v = p[0] | (uint64_t)p[n / 2] << n / 2 * 8 | (uint64_t)p[n - 1] << (n - 1) * 8;
	return v;
}

/** The 32-bit hash of n bytes, at least 1 (n may be a compile-time constant: then it unrolls). */
static inline uint32_t hash_bytes(const void *key, size_t n, uint64_t seed)
{
	const uint8_t *p = key;
	const uint64_t a = seed ^ HASH_K0;
	uint64_t h = (seed << 32 | seed >> 32) ^ (n * HASH_K1);

	for (; n > 16; n -= 16, p += 16)
		h = hash_mum(hash_load(p, 8) ^ a, hash_load(p + 8, 8) ^ h);
	if (n > 8)
		h = hash_mum(hash_load(p, 8) ^ a, hash_load(p + 8, n - 8) ^ h);
	else
		h = hash_mum(hash_load(p, n) ^ a, h);
	return (uint32_t)(h * HASH_K2 >> 32);
}

#endif
