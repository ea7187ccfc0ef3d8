/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounds at six bits, halves of three: a set of values is a 64-bit mask, so the results of an
 * operation on all pairs of values are compared with what the bounds say in a few instructions.
 *
 * The abstract values are all unsigned ranges, all signed ranges, all ranges of the lower half
 * and all tnums, each synced.
 */
#define BOUNDS_W 6
/* clang-format off */
#include "verifier/bounds.c"
#include "verifier/bounds_alu.c"
#include "verifier/bounds_cmp.c"
/* clang-format on */

#include "tests/harness/test.h"

#define N	   (1u << W)
#define MAX_VALUES 8192

struct value {
	struct bounds b;
	uint64_t set; /* the values that it stands for */
};

static struct value values[MAX_VALUES];
static unsigned nr_values;

static uint64_t concretes(const struct bounds *b)
{
	uint64_t set = 0;

	for (uint64_t x = 0; x < N; x++)
		set |= (uint64_t)bounds_contain(b, x) << x;
	return set;
}

static void add_value(const struct bounds *b)
{
	struct value *v = &values[nr_values++];

	ASSERT_LT(nr_values, MAX_VALUES);
	v->b = *b;
	v->set = concretes(b);
	bounds_sync(&v->b);
	ASSERT_EQ(concretes(&v->b), v->set); /* nothing is lost, nothing is gained */
	ASSERT(bounds_sane(&v->b));
}

static void make_values(void)
{
	struct bounds b;

	for (uint64_t lo = 0; lo < N; lo++) {
		for (uint64_t hi = lo; hi < N; hi++) {
			bounds_unknown(&b);
			range_cap(&b.full, lo, hi);
			add_value(&b);
			bounds_unknown(&b);
			range_cap_signed(&b.full, (int64_t)lo - N / 2, (int64_t)hi - N / 2);
			add_value(&b);
		}
	}
	for (uint64_t lo = 0; lo < 1u << L; lo++) {
		for (uint64_t hi = lo; hi < 1u << L; hi++) {
			bounds_unknown(&b);
			range_cap(&b.low, lo, hi);
			add_value(&b);
			bounds_unknown(&b);
			range_cap_signed(&b.low, (int64_t)lo - (1 << (L - 1)),
					 (int64_t)hi - (1 << (L - 1)));
			add_value(&b);
		}
	}
	for (uint64_t m = 0; m < N; m++) {
		for (uint64_t v = 0; v < N; v++) {
			if (v & m)
				continue;
			bounds_unknown(&b);
			b.bits = TNUM(v, m);
			add_value(&b);
		}
	}
}

#define EACH(x, set)                                                                    \
	(uint64_t x, s_##x = (set); s_##x && (x = (uint64_t)__builtin_ctzll(s_##x), 1); \
	 s_##x &= s_##x - 1)

typedef uint64_t (*concrete_fn)(uint64_t x, uint64_t y, unsigned w);

/*
 * Runs op on all values against every step-th one, at an offset that moves along, so that all
 * meet all sorts; prints how many results are as tight as the descriptions allow.
 */
static void check_alu(enum bounds_op op, concrete_fn fn, bool low, unsigned step)
{
	unsigned w = low ? L : W;
	unsigned long pairs = 0, exact = 0;

	for (unsigned j = 0; j < nr_values; j++) {
		uint64_t row[N] = { 0 };

		for (uint64_t x = 0; x < N; x++)
			for (uint64_t y = 0; y < N; y++)
				if (values[j].set >> y & 1)
					row[x] |= UINT64_C(1)
						  << (fn(x & ones(w), y & ones(w), w) & ones(w));
		for (unsigned i = j % step; i < nr_values; i += step) {
			struct bounds r = values[i].b;
			uint64_t want = 0, got;

			for (uint64_t x = 0; x < N; x++)
				if (values[i].set >> x & 1)
					want |= row[x];
			bounds_alu(&r, &values[j].b, op, low);
			got = concretes(&r);
			ASSERT_MSG((want & ~got) == 0,
				   "op %d: %#" PRIx64 " with %#" PRIx64 " gives %#" PRIx64
				   ", bounds say %#" PRIx64,
				   op, values[i].set, values[j].set, want, got);
			pairs++;
			exact += want == got;
		}
	}
	printf("# op %d%s: %lu of %lu results exact\n", op, low ? " (lower half)" : "", exact,
	       pairs);
}

#define ALU(name, OP, expr)                                                 \
	static uint64_t concrete_##name(uint64_t x, uint64_t y, unsigned w) \
	{                                                                   \
		return expr;                                                \
	}                                                                   \
	TEST_LIMIT(bounds_##name##_is_sound, 300)                           \
	{                                                                   \
		make_values();                                              \
		check_alu(OP, concrete_##name, false, 61);                  \
		check_alu(OP, concrete_##name, true, 61);                   \
	}

ALU(add, BOUNDS_ADD, x + y)
ALU(sub, BOUNDS_SUB, x - y)
ALU(mul, BOUNDS_MUL, x *y)
ALU(and, BOUNDS_AND, x &y)
ALU(or, BOUNDS_OR, x | y)
ALU(xor, BOUNDS_XOR, x ^ y)
ALU(neg, BOUNDS_NEG, -x)
/* A shift by more than the width never runs as such: the amount is masked, or the load refused. */
ALU(lsh, BOUNDS_LSH, x << y % w)
ALU(rsh, BOUNDS_RSH, x >> y % w)
ALU(arsh, BOUNDS_ARSH, (uint64_t)(sext(x, w) >> y % w))

TEST(bounds_extensions_are_sound)
{
	make_values();
	for (unsigned i = 0; i < nr_values; i++) {
		for (unsigned bits = 1; bits < W; bits++) {
			struct bounds z = values[i].b, s = values[i].b, h = values[i].b;

			bounds_zext(&z, bits);
			bounds_sext(&s, bits, false);
			if (bits < L)
				bounds_sext(&h, bits, true);
			for (uint64_t x = 0; x < N; x++) {
				uint64_t cut = x & ones(bits);

				if (!(values[i].set >> x & 1))
					continue;
				ASSERT(bounds_contain(&z, cut));
				ASSERT(bounds_contain(&s, (uint64_t)sext(cut, bits) & ones(W)));
				if (bits < L)
					ASSERT(bounds_contain(&h,
							      (uint64_t)sext(cut, bits) & ones(L)));
			}
		}
	}
}

static bool holds(enum bounds_cmp cmp, uint64_t x, uint64_t y, unsigned w)
{
	int64_t s = sext(x, w), t = sext(y, w);

	switch (cmp) {
	case BOUNDS_EQ:
		return x == y;
	case BOUNDS_NE:
		return x != y;
	case BOUNDS_LT:
		return x < y;
	case BOUNDS_LE:
		return x <= y;
	case BOUNDS_GT:
		return x > y;
	case BOUNDS_GE:
		return x >= y;
	case BOUNDS_SLT:
		return s < t;
	case BOUNDS_SLE:
		return s <= t;
	case BOUNDS_SGT:
		return s > t;
	case BOUNDS_SGE:
		return s >= t;
	case BOUNDS_SET:
		return x & y;
	case BOUNDS_NSET:
		return !(x & y);
	default:
		return false;
	}
}

/* For one pair: the decision is right, and refinement keeps every pair that satisfies cmp. */
static void check_cmp_pair(const struct value *a, const struct value *b, enum bounds_cmp cmp,
			   bool low)
{
	unsigned w = low ? L : W;
	int taken = bounds_cmp(&a->b, &b->b, cmp, low);
	uint64_t left = 0, right = 0;
	bool any = false, all = true;
	struct bounds x = a->b, y = b->b;

	for (uint64_t u = 0; u < N; u++) {
		for (uint64_t v = 0; v < N; v++) {
			bool h;

			if (!(a->set >> u & 1) || !(b->set >> v & 1))
				continue;
			h = holds(cmp, u & ones(w), v & ones(w), w);
			any |= h;
			all &= h;
			left |= (uint64_t)h << u;
			right |= (uint64_t)h << v;
		}
	}
	ASSERT_MSG(!(taken == 1 && !all) && !(taken == 0 && any),
		   "cmp %d of %#" PRIx64 " and %#" PRIx64 " is not %d", cmp, a->set, b->set, taken);
	if (taken >= 0)
		return;
	bounds_refine(&x, &y, cmp, low);
	ASSERT_MSG((left & ~concretes(&x)) == 0 && (right & ~concretes(&y)) == 0,
		   "cmp %d of %#" PRIx64 " and %#" PRIx64 " loses values", cmp, a->set, b->set);
}

static void check_cmp(enum bounds_cmp cmp)
{
	make_values();
	for (unsigned i = 0; i < nr_values; i += 3) {
		for (unsigned j = i % 199; j < nr_values; j += 199) {
			check_cmp_pair(&values[i], &values[j], cmp, false);
			check_cmp_pair(&values[j], &values[i], cmp, true);
		}
	}
	for (int c = 0; c < _BOUNDS_CMP_MAX; c++)
		ASSERT_EQ(bounds_not(bounds_not((enum bounds_cmp)c)), c);
}

#define CMP(cmp)                          \
	TEST_LIMIT(bounds_cmp_##cmp, 300) \
	{                                 \
		check_cmp(BOUNDS_##cmp);  \
	}
CMP(EQ)
CMP(NE)
CMP(LT)
CMP(LE)
CMP(GT)
CMP(GE)
CMP(SLT)
CMP(SLE)
CMP(SGT)
CMP(SGE)
CMP(SET)
CMP(NSET)
