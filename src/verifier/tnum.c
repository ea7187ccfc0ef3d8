/* SPDX-License-Identifier: BSD-2-Clause */
/* tnum.c - see tnum.h */
#include "verifier/tnum.h"

static uint64_t ones(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

struct tnum tnum_range(uint64_t min, uint64_t max)
{
	/* Bits above the highest one in which the ends differ are the same all the way. */
	uint64_t differ = min ^ max;
	uint64_t mask = differ ? ones(64 - (unsigned)__builtin_clzll(differ)) : 0;

	return TNUM(min & ~mask, mask);
}

struct tnum tnum_lshift(struct tnum a, unsigned shift)
{
	return TNUM(a.value << shift, a.mask << shift);
}

struct tnum tnum_rshift(struct tnum a, unsigned shift)
{
	return TNUM(a.value >> shift, a.mask >> shift);
}

struct tnum tnum_arshift(struct tnum a, unsigned shift, unsigned width)
{
	unsigned up = 64 - width;

	/* The sign bit, known or not, is copied down in value and mask alike. */
	return TNUM((uint64_t)((int64_t)(a.value << up) >> (shift + up)) & ones(width),
		    (uint64_t)((int64_t)(a.mask << up) >> (shift + up)) & ones(width));
}

/*
 * A bit of a sum is known when its operand bits are and the carry into it is.  Carries only grow
 * with the operands, so a carry is known just where the sum of the smallest operands and the sum
 * of the largest have the same one, that is where those two sums agree but for unknown bits.
 */
struct tnum tnum_add(struct tnum a, struct tnum b)
{
	uint64_t least = a.value + b.value;
	uint64_t most = tnum_max(a) + tnum_max(b);
	uint64_t mask = (least ^ most) | a.mask | b.mask;

	return TNUM(least & ~mask, mask);
}

/* As tnum_add, with borrows: the difference is least from min(a) - max(b). */
struct tnum tnum_sub(struct tnum a, struct tnum b)
{
	uint64_t least = a.value - tnum_max(b);
	uint64_t most = tnum_max(a) - b.value;
	uint64_t mask = (least ^ most) | a.mask | b.mask;

	return TNUM((a.value - b.value) & ~mask, mask);
}

struct tnum tnum_neg(struct tnum a)
{
	return tnum_sub(tnum_const(0), a);
}

struct tnum tnum_and(struct tnum a, struct tnum b)
{
	uint64_t one = a.value & b.value;

	return TNUM(one, tnum_max(a) & tnum_max(b) & ~one);
}

struct tnum tnum_or(struct tnum a, struct tnum b)
{
	uint64_t one = a.value | b.value;

	return TNUM(one, (a.mask | b.mask) & ~one);
}

struct tnum tnum_xor(struct tnum a, struct tnum b)
{
	uint64_t mask = a.mask | b.mask;

	return TNUM((a.value ^ b.value) & ~mask, mask);
}

/* Long multiplication: where a's bit is unknown, both outcomes of that row are kept. */
struct tnum tnum_mul(struct tnum a, struct tnum b)
{
	struct tnum sum = tnum_const(0);

	for (; a.value | a.mask; a = tnum_rshift(a, 1), b = tnum_lshift(b, 1)) {
		struct tnum with = tnum_add(sum, b);

		if (a.value & 1)
			sum = with;
		else if (a.mask & 1)
			sum = tnum_union(sum, with);
	}
	return sum;
}

uint64_t tnum_above(struct tnum t, uint64_t v)
{
	uint64_t bad, bit, free;

	if (v >= tnum_max(t))
		return tnum_max(t);
	v++;
	bad = (v ^ t.value) & ~t.mask;
	if (!bad)
		return v;
	/* Above its highest bit that is wrong, v is a beginning that values can have. */
	bit = UINT64_C(1) << (63 - __builtin_clzll(bad));
	if (t.value & bit)
		return (v & t.mask & -bit) | t.value;
	/* Too large there: the next bit that may be set above it makes up for it. */
	free = t.mask & ~v & -bit;
	free &= -free;
	return (v & t.mask & -free) | free | t.value;
}

struct tnum tnum_intersect(struct tnum a, struct tnum b)
{
	uint64_t mask = a.mask & b.mask;

	return TNUM((a.value | b.value) & ~mask, mask);
}

struct tnum tnum_union(struct tnum a, struct tnum b)
{
	uint64_t mask = (a.value ^ b.value) | a.mask | b.mask;

	return TNUM(a.value & ~mask, mask);
}

bool tnum_overlap(struct tnum a, struct tnum b)
{
	return ((a.value ^ b.value) & ~a.mask & ~b.mask) == 0;
}

bool tnum_in(struct tnum a, struct tnum b)
{
	return (b.mask & ~a.mask) == 0 && tnum_contains(a, b.value);
}

bool tnum_is_aligned(struct tnum a, uint64_t size)
{
	return size == 0 || (tnum_max(a) & (size - 1)) == 0;
}

struct tnum tnum_swap(struct tnum a, unsigned bytes)
{
	const unsigned up = 64 - 8 * bytes;

	return TNUM(__builtin_bswap64(a.value) >> up, __builtin_bswap64(a.mask) >> up);
}

struct tnum tnum_low(struct tnum a, unsigned bits)
{
	return TNUM(a.value & ones(bits), a.mask & ones(bits));
}

struct tnum tnum_with_low(struct tnum a, struct tnum low, unsigned bits)
{
	return TNUM((a.value & ~ones(bits)) | low.value, (a.mask & ~ones(bits)) | low.mask);
}
