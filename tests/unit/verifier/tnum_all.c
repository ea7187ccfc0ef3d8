/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every operation on every pair of tnums of six bits: sound for all their values, and how often
 * the result is the best there is.
 */
#include "tests/harness/test.h"
#include "verifier/tnum.h"

#define BITS  6
#define N     (1u << BITS)
#define TNUMS 729 /* 3^6 */

static struct tnum all[TNUMS];

static void make_all(void)
{
	unsigned n = 0;

	for (uint64_t m = 0; m < N; m++)
		for (uint64_t v = 0; v < N; v++)
			if (!(v & m))
				all[n++] = TNUM(v, m);
	ASSERT_EQ(n, TNUMS);
}

struct op {
	const char *name;
	struct tnum (*abstract)(struct tnum a, struct tnum b);
	uint64_t (*concrete)(uint64_t x, uint64_t y);
	unsigned optimal; /* at least so many results are the smallest tnum */
};

/* Compares in 64 bits, with negative results and all: nothing is cut to six bits. */
static void check_op(const struct op *op)
{
	unsigned optimal = 0;

	make_all();
	for (unsigned i = 0; i < TNUMS; i++) {
		for (unsigned j = 0; j < TNUMS; j++) {
			struct tnum a = all[i], b = all[j], r = op->abstract(a, b);
			uint64_t ones = UINT64_MAX, zeroes = UINT64_MAX;

			ASSERT_EQ(r.value & r.mask, 0);
			/* x and y run through the subsets of the masks. */
			for (uint64_t s = a.mask;; s = (s - 1) & a.mask) {
				for (uint64_t t = b.mask;; t = (t - 1) & b.mask) {
					uint64_t c = op->concrete(a.value | s, b.value | t);

					ASSERT_MSG(tnum_contains(r, c),
						   "%s: (%#llx, %#llx) (%#llx, %#llx) misses %#llx",
						   op->name, (unsigned long long)a.value,
						   (unsigned long long)a.mask,
						   (unsigned long long)b.value,
						   (unsigned long long)b.mask,
						   (unsigned long long)c);
					ones &= c;
					zeroes &= ~c;
					if (!t)
						break;
				}
				if (!s)
					break;
			}
			optimal += r.mask == ~(ones | zeroes);
		}
	}
	printf("# %s: %u of %u results are the smallest tnum\n", op->name, optimal, TNUMS * TNUMS);
	ASSERT_GE(optimal, op->optimal);
}

#define CONCRETE(name, expr)                                    \
	static uint64_t concrete_##name(uint64_t x, uint64_t y) \
	{                                                       \
		return expr;                                    \
	}
CONCRETE(add, x + y)
CONCRETE(sub, x - y)
CONCRETE(mul, x *y)
CONCRETE(and, x &y)
CONCRETE(or, x | y)
CONCRETE(xor, x ^ y)
CONCRETE(neg, -x)

static struct tnum abstract_neg(struct tnum a, struct tnum b)
{
	return tnum_neg(a);
}

/*
 * Addition, subtraction and the bitwise operations are optimal, always (CGO 2022, theorems 6
 * and 22).  Of multiplication the kernel's (Linux 6.12) reaches 202,444 on the same pairs.
 */
#define ALWAYS (TNUMS * TNUMS)
#define OP(name, least)                                                                     \
	TEST(tnum_##name##_is_sound)                                                        \
	{                                                                                   \
		check_op(&(const struct op){ #name, tnum_##name, concrete_##name, least }); \
	}
OP(add, ALWAYS)
OP(sub, ALWAYS)
OP(and, ALWAYS)
OP(or, ALWAYS)
OP(xor, ALWAYS)
OP(mul, 202444)

TEST(tnum_neg_is_sound)
{
	check_op(&(const struct op){ "neg", abstract_neg, concrete_neg, ALWAYS });
}

TEST(tnum_range_holds_its_range)
{
	for (uint64_t lo = 0; lo < N; lo++) {
		for (uint64_t hi = lo; hi < N; hi++) {
			struct tnum t = tnum_range(lo, hi);
			uint64_t ones = UINT64_MAX, zeroes = UINT64_MAX;

			for (uint64_t x = lo; x <= hi; x++) {
				ASSERT(tnum_contains(t, x));
				ones &= x;
				zeroes &= ~x;
			}
			/* It is also exact above the highest bit that changes. */
			ASSERT_EQ(t.mask & ~(ones | zeroes), ~(ones | zeroes));
		}
	}
	ASSERT(tnum_is_unknown(tnum_range(0, UINT64_MAX)));
}

TEST(tnum_sets)
{
	make_all();
	for (unsigned i = 0; i < TNUMS; i++) {
		for (unsigned j = 0; j < TNUMS; j++) {
			struct tnum a = all[i], b = all[j];
			struct tnum both = tnum_intersect(a, b), either = tnum_union(a, b);
			bool overlap = false, in = true;

			for (uint64_t x = 0; x < N; x++) {
				bool in_a = tnum_contains(a, x), in_b = tnum_contains(b, x);

				overlap |= in_a && in_b;
				in &= !in_b || in_a;
				ASSERT(!(in_a && in_b) || tnum_contains(both, x));
				ASSERT(!(in_a || in_b) || tnum_contains(either, x));
			}
			ASSERT_EQ(tnum_overlap(a, b), overlap);
			ASSERT_EQ(tnum_in(a, b), in);
		}
	}
}

TEST(tnum_shifts_are_exact)
{
	make_all();
	for (unsigned i = 0; i < TNUMS; i++) {
		for (unsigned k = 0; k < BITS; k++) {
			struct tnum a = all[i], l = tnum_lshift(a, k), r = tnum_rshift(a, k);
			struct tnum s = tnum_arshift(a, k, BITS);

			for (uint64_t x = 0; x < N; x++) {
				int64_t wide = (int64_t)(x << (64 - BITS)) >> (64 - BITS);

				if (!tnum_contains(a, x))
					continue;
				ASSERT(tnum_contains(l, x << k));
				ASSERT(tnum_contains(r, x >> k));
				ASSERT(tnum_contains(s, (uint64_t)(wide >> k) & (N - 1)));
			}
			/* Not one value more than went in can come out. */
			ASSERT_LE(__builtin_popcountll(s.mask), __builtin_popcountll(a.mask) + k);
			ASSERT_EQ(l.mask, a.mask << k);
			ASSERT_EQ(r.mask, a.mask >> k);
		}
	}
}

TEST(tnum_halves)
{
	struct tnum a = TNUM(0x500000001, 0xa0000000a), low = TNUM(0x4, 0x3);

	ASSERT_EQ(tnum_low(a, 32).value, 1);
	ASSERT_EQ(tnum_low(a, 32).mask, 0xa);
	ASSERT_EQ(tnum_with_low(a, low, 32).value, 0x500000004);
	ASSERT_EQ(tnum_with_low(a, low, 32).mask, 0xa00000003);
	ASSERT(tnum_is_aligned(TNUM(0x10, 0x8), 8));
	ASSERT(!tnum_is_aligned(TNUM(0x10, 0x4), 8));
	ASSERT(tnum_is_aligned(TNUM(0x11, 0x4), 0));
}

/* The next value, by looking at all of them. */
TEST(tnum_above_is_the_next_value)
{
	make_all();
	for (unsigned i = 0; i < TNUMS; i++) {
		for (uint64_t v = 0; v < N; v++) {
			uint64_t next = v + 1;

			while (next < N && !tnum_contains(all[i], next))
				next++;
			ASSERT_EQ(tnum_above(all[i], v), next < N ? next : tnum_max(all[i]));
		}
	}
	ASSERT_EQ(tnum_above(TNUM_UNKNOWN, UINT64_MAX - 1), UINT64_MAX);
	ASSERT_EQ(tnum_above(TNUM(UINT64_C(1) << 63, 1), 5), UINT64_C(1) << 63);
}
