/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.h spreads keys as somebody would choose them: in a row, or to make the hash collide
 * without knowing its seed.
 */
#include "base/hash.h"
#include "tests/harness/test.h"

#define BUCKETS 4096
#define KEYS	4096
#define LOAD	12 /* of a bucket, at most: chance gives 6 to 10 */

static const uint32_t sizes[] = { 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 24, 32, 40, 64 };
static const uint64_t seeds[] = { 0, 1, UINT64_C(0x123456789abcdef0),
				  UINT64_C(0xf00dfeedc0ffee11) };

/* Keys of n bytes that count in the 8 bytes at off, the others are of the words fix[0], fix[1]. */
static void spreads(uint32_t n, uint32_t off, unsigned shift, const uint64_t fix[2], uint64_t seed)
{
	static uint16_t load[BUCKETS];
	const uint32_t room = MIN(n - off, 8u), bits = 8 * room - shift;
	const uint32_t keys = bits < 12 ? 1u << bits : KEYS;
	uint32_t most = 0;

	memset(load, 0, sizeof(load));
	for (uint64_t i = 0; i < keys; i++) {
		const uint64_t count = i << shift;
		uint8_t key[64];
		uint32_t bucket;

		for (uint32_t at = 0; at < n; at += 8)
			memcpy(key + at, &fix[at / 8 % 2], MIN(n - at, 8u));
		memcpy(key + off, &count, room);
		bucket = hash_bytes(key, n, seed) % BUCKETS;
		load[bucket]++;
		most = MAX(most, load[bucket]);
	}
	ASSERT_MSG(most <= LOAD, "%u bytes, count at %u << %u, seed %#" PRIx64 ": %u in a bucket",
		   n, off, shift, seed, most);
}

TEST(hash_spreads_counters)
{
	static const uint64_t zeroes[2];

	for (size_t s = 0; s < ARRAY_SIZE(seeds); s++)
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			for (uint32_t off = 0; off < sizes[i]; off += 8)
				for (unsigned shift = 0; shift < 8 * MIN(sizes[i] - off, 8u);
				     shift += 8)
					spreads(sizes[i], off, shift, zeroes, seeds[s]);
}

/* Words that make a factor zero where the seed is not in it. */
TEST(hash_cannot_be_made_to_collide_without_its_seed)
{
	static const uint64_t words[] = { 0, HASH_K0, HASH_K1, HASH_K0 ^ HASH_K1, UINT64_MAX };

	for (size_t s = 1; s < ARRAY_SIZE(seeds); s++)
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			for (uint32_t off = 0; off < sizes[i]; off += 8)
				for (size_t w = 0; w < ARRAY_SIZE(words) * ARRAY_SIZE(words); w++) {
					const uint64_t fix[2] = { words[w % ARRAY_SIZE(words)],
								  words[w / ARRAY_SIZE(words)] };

					spreads(sizes[i], off, 0, fix, seeds[s]);
				}
}
