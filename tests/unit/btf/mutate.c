/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mutate.c - what clang makes, and a few thousand spoilt copies of it, judged by us and by the
 * host: verdict, errno and log must be the same.  The random numbers are the same in every run.
 */
#include "raw.h"

#include "base/alloc.h"
#include "tests/harness/test.h"

extern const unsigned char seed_btf[];
extern const unsigned long seed_btf_size;

#define MUTANTS 6000

static uint8_t seed[1 << 15], mutant[1 << 15];
static struct verdict ours, host;
static uint64_t state = 0x9e3779b97f4a7c15;

static uint32_t rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % n;
}

static uint32_t get(const uint8_t *p, size_t off)
{
	uint32_t v;

	memcpy(&v, p + off, sizeof(v));
	return v;
}

static void put(uint8_t *p, size_t off, uint32_t v)
{
	memcpy(p + off, &v, sizeof(v));
}

/* clang leaves sizes and offsets of sections to the loader: variables of 64 bytes each. */
static void fix_sections(void)
{
	struct btf_header h;
	size_t at = sizeof(h);

	memcpy(seed, seed_btf, seed_btf_size);
	memcpy(&h, seed, sizeof(h));
	while (at < sizeof(h) + h.type_len) {
		static const uint8_t fixed[NR_BTF_KINDS] = {
			[BTF_KIND_INT] = 4,
			[BTF_KIND_ARRAY] = 12,
			[BTF_KIND_VAR] = 4,
			[BTF_KIND_DECL_TAG] = 4,
		};
		static const uint8_t each[NR_BTF_KINDS] = {
			[BTF_KIND_STRUCT] = 12,	   [BTF_KIND_UNION] = 12,   [BTF_KIND_ENUM] = 8,
			[BTF_KIND_FUNC_PROTO] = 8, [BTF_KIND_DATASEC] = 12, [BTF_KIND_ENUM64] = 12,
		};
		uint32_t info = get(seed, at + 4), kind = BTF_INFO_KIND(info);
		uint32_t n = BTF_INFO_VLEN(info);

		if (kind == BTF_KIND_DATASEC) {
			put(seed, at + 8, n * 64);
			for (uint32_t i = 0; i < n; i++) {
				put(seed, at + 12 + i * 12 + 4, i * 64);
				put(seed, at + 12 + i * 12 + 8, 64);
			}
		}
		at += 12 + fixed[kind] + (size_t)each[kind] * n;
	}
}

TEST(clang_made_btf_is_accepted_as_on_the_host)
{
	const char *why;

	fix_sections();
	judge_ours(seed, (uint32_t)seed_btf_size, &ours, NULL);
	ASSERT_MSG(!ours.err, "%d\n%s", ours.err, ours.log);
	if (!judge_host(seed, (uint32_t)seed_btf_size, &host, &why))
		test_skip("%s", why);
	ASSERT_EQ(host.err, 0);
	ASSERT_STREQ(ours.log, host.log);
}

/* Spoils the mutant in one of several ways; its size. */
static uint32_t spoil(uint32_t size)
{
	static const uint32_t values[] = { 0,	       1,	   2,	      3,	7,
					   32,	       33,	   64,	      0xff,	0xffff,
					   0x10000,    0xfffff,	   0x100000,  0xffffff, 0x1000000,
					   0x7fffffff, 0x80000000, 0xffffffff };
	uint32_t types = get(seed, 12), words = types / 4;
	size_t at = sizeof(struct btf_header) + rnd(words) * 4ul;
	size_t other = sizeof(struct btf_header) + rnd(words) * 4ul;

	uint32_t value = values[rnd(ARRAY_SIZE(values))];
	uint32_t word = rnd(2) ? value : rnd(size * 2);

	switch (rnd(16)) {
	case 0: /* the header */
		put(mutant, at % sizeof(struct btf_header) & ~3ul, word);
		return size;
	case 1: /* a string */
		mutant[sizeof(struct btf_header) + types + other % get(seed, 20)] = (uint8_t)word;
		return size;
	case 2: /* the end */
		return rnd(size);
	case 3: /* the order */
		put(mutant, at, get(seed, other));
		put(mutant, other, get(seed, at));
		return size;
	case 4: /* a bit */
		mutant[at + (word & 3)] ^= (uint8_t)(1 << (word >> 2 & 7));
		return size;
	case 5:
	case 6: /* a kind */
		mutant[at + 3] = (uint8_t)rnd(22);
		return size;
	case 7:
	case 8: /* a known value */
		put(mutant, at, value);
		return size;
	default: /* a small number: most words are ids, names and sizes */
		put(mutant, at, rnd(80));
		return size;
	}
}

TEST_LIMIT(mutants_get_the_verdict_of_the_host, 240)
{
	uint32_t refused = 0;
	bool asked = true;
	const char *why = NULL;

	fix_sections();
	for (int i = 0; i < MUTANTS && asked; i++) {
		uint32_t size = (uint32_t)seed_btf_size;

		memcpy(mutant, seed, size);
		for (uint32_t n = rnd(3) + 1; n && size > 64; n--)
			size = spoil(size);
		judge_ours(mutant, size, &ours, NULL);
		refused += ours.err != 0;
		asked = judge_host(mutant, size, &host, &why);
		ASSERT_MSG(!asked || (ours.err == host.err && !strcmp(ours.log, host.log)),
			   "mutant %d: ours %d, host %d\n--- ours\n%s\n--- host\n%s", i, ours.err,
			   host.err, ours.log, host.log);
	}
	if (!asked)
		test_skip("%s", why);
	/* The test is worth something: it saw both verdicts. */
	printf("# %u of %u mutants refused\n", refused, MUTANTS);
	ASSERT_GT(refused, MUTANTS / 4);
	ASSERT_LT(refused, MUTANTS);
}

TEST(every_allocation_may_fail)
{
	long n;

	fix_sections();
	for (n = 1;; n++) {
		struct skep_btf *b = NULL;
		int err;

		skep_alloc_fail_at(n);
		err = btf_new(seed, (uint32_t)seed_btf_size, NULL, NULL, &b, NULL);
		if (!skep_alloc_failed()) {
			skep_alloc_fail_at(0);
			ASSERT_EQ(err, 0);
			btf_put(b);
			break;
		}
		ASSERT_EQ(err, -ENOMEM);
		ASSERT(!b);
	}
	ASSERT_GT(n, 6);
}

TEST(no_mutant_harms_when_memory_is_short)
{
	fix_sections();
	for (int i = 0; i < 300; i++) {
		uint32_t size = (uint32_t)seed_btf_size;
		struct skep_btf *b = NULL;

		memcpy(mutant, seed, size);
		size = spoil(size);
		skep_alloc_fail_at(1 + rnd(12));
		btf_new(mutant, size, NULL, NULL, &b, NULL);
		skep_alloc_fail_at(0);
		btf_put(b);
	}
}
