/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bounds.c - see bounds.h.  Here: the set itself, and how its descriptions refine one another.
 * Arithmetic is in bounds_alu.c, comparison in bounds_cmp.c.
 */
#include "verifier/bounds.h"
#include "verifier/bounds_int.h"

void bounds_unknown(struct bounds *b)
{
	b->bits = TNUM(0, ones(W));
	b->full = range_unknown(W);
	b->low = range_unknown(L);
}

void bounds_const(struct bounds *b, uint64_t v)
{
	v &= ones(W);
	b->bits = tnum_const(v);
	b->full = range_const(v, W);
	b->low = range_const(v & ones(L), L);
}

void bounds_set_low(struct bounds *b, uint64_t v)
{
	v &= ones(L);
	b->bits = tnum_with_low(b->bits, tnum_const(v), L);
	b->low = (struct range){ v, v, sext(v, L), sext(v, L) };
}

bool bounds_is_const(const struct bounds *b)
{
	return tnum_is_const(b->bits);
}

bool bounds_low_is_const(const struct bounds *b)
{
	return tnum_is_const(tnum_low(b->bits, L));
}

static bool range_agrees(const struct range *r, struct tnum t, unsigned w)
{
	if (r->umin > r->umax || r->smin > r->smax)
		return false;
	return !tnum_is_const(t) || (r->umin == t.value && r->umax == t.value &&
				     r->smin == sext(t.value, w) && r->smax == r->smin);
}

bool bounds_sane(const struct bounds *b)
{
	return range_agrees(&b->full, b->bits, W) && range_agrees(&b->low, tnum_low(b->bits, L), L);
}

static bool range_contains(const struct range *r, uint64_t v, unsigned w)
{
	return r->umin <= v && v <= r->umax && r->smin <= sext(v, w) && sext(v, w) <= r->smax;
}

bool bounds_contain(const struct bounds *b, uint64_t v)
{
	return tnum_contains(b->bits, v) && range_contains(&b->full, v, W) &&
	       range_contains(&b->low, v & ones(L), L);
}

static bool range_within(const struct range *a, const struct range *b)
{
	return a->umin <= b->umin && a->umax >= b->umax && a->smin <= b->smin && a->smax >= b->smax;
}

bool bounds_within(const struct bounds *a, const struct bounds *b)
{
	return range_within(&a->full, &b->full) && range_within(&a->low, &b->low) &&
	       tnum_in(a->bits, b->bits);
}

/* --- learning ------------------------------------------------------------------------------- */

/*
 * Signed and unsigned.  On the circle of w-bit numbers the unsigned range is an arc that does not
 * cross 0, the signed range one that does not cross the sign boundary:
 *
 *	   0          umin          umax        max
 *	   |           [=============]           |        unsigned
 *	   [====smax]                    [smin===|        signed, here around 0
 *
 * An arc that crosses neither line is a range of both kinds.  A signed arc around 0 whose one
 * side the unsigned range cannot reach is cut to its other side.
 */
static void range_deduce(struct range *r, unsigned w)
{
	uint64_t lo, hi;

	if (sext(r->umin, w) <= sext(r->umax, w))
		range_cap_signed(r, sext(r->umin, w), sext(r->umax, w));
	lo = (uint64_t)r->smin & ones(w);
	hi = (uint64_t)r->smax & ones(w);
	if (lo <= hi) {
		range_cap(r, lo, hi);
	} else if (r->umax < lo) {
		r->smin = sext(r->umin, w);
		r->umax = MIN(r->umax, hi);
	} else if (hi < r->umin) {
		r->smax = sext(r->umax, w);
		r->umin = MAX(r->umin, lo);
	}
}

/* What the ends [lo, hi] of a W-bit range say of the lower half. */
static void low_from_ends(struct range *low, uint64_t lo, uint64_t hi)
{
	uint64_t low_lo = lo & ones(L), low_hi = hi & ones(L);
	uint64_t up_lo = lo >> L, up_hi = hi >> L;
	int64_t s_lo = sext(low_lo, L), s_hi = sext(low_hi, L);

	if (up_lo == up_hi) {
		/* The upper half stays: the lower half runs from end to end. */
		if (low_lo <= low_hi)
			range_cap(low, low_lo, low_hi);
		if (s_lo <= s_hi)
			range_cap_signed(low, s_lo, s_hi);
	} else if (((up_lo + 1) & ones(L)) == up_hi && s_lo < 0 && s_hi >= 0) {
		/* It steps once, while the lower half runs through zero. */
		range_cap_signed(low, s_lo, s_hi);
	}
}

static void low_from_full(struct bounds *b)
{
	low_from_ends(&b->low, b->full.umin, b->full.umax);
	low_from_ends(&b->low, (uint64_t)b->full.smin & ones(W), (uint64_t)b->full.smax & ones(W));
}

/* Puts the lower half's ends into the ends of the whole: they cannot lie beyond. */
static void full_from_ends(struct range *full, uint64_t lo, uint64_t hi)
{
	uint64_t up = ~ones(L);

	range_cap(full, (full->umin & up) | lo, (full->umax & up) | hi);
	range_cap_signed(full, (full->smin & (int64_t)up) | (int64_t)lo,
			 (full->smax & (int64_t)up) | (int64_t)hi);
}

static void full_from_low(struct bounds *b)
{
	const int64_t low_min = -(INT64_C(1) << (L - 1)), low_max = (INT64_C(1) << (L - 1)) - 1;
	uint64_t lo = (uint64_t)b->low.smin & ones(L), hi = (uint64_t)b->low.smax & ones(L);

	full_from_ends(&b->full, b->low.umin, b->low.umax);
	if (lo <= hi)
		full_from_ends(&b->full, lo, hi);
	/* A sign-extended lower half that is not negative: the upper half is zero. */
	if (b->low.smin >= 0 && b->full.smin >= low_min && b->full.smax <= low_max) {
		b->full.umin = (uint64_t)(b->full.smin = b->low.smin);
		b->full.umax = (uint64_t)(b->full.smax = b->low.smax);
		b->bits = tnum_intersect(b->bits, tnum_range(b->full.umin, b->full.umax));
	}
}

/* The ends of a tnum, as unsigned and as signed numbers. */
static void range_from_tnum(struct range *r, struct tnum t, unsigned w)
{
	uint64_t sign = UINT64_C(1) << (w - 1);

	range_cap(r, tnum_min(t), tnum_max(t));
	range_cap_signed(r, sext(t.value | (t.mask & sign), w),
			 sext(t.value | (t.mask & (sign - 1)), w));
}

/*
 * The range and the bits have one value in common: that is it.  (Where they have none, because no
 * machine takes this path, the kernel settles for the largest that the bits allow.)
 */
static void meet_in_one(struct bounds *b)
{
	const uint64_t lo = b->full.umin, hi = b->full.umax, next = tnum_above(b->bits, lo);

	if (tnum_contains(b->bits, lo)) {
		if (next > hi)
			bounds_const(b, lo);
	} else if (next == tnum_max(b->bits) || (next <= hi && tnum_above(b->bits, next) > hi)) {
		bounds_const(b, next);
	}
}

void bounds_from_bits(struct bounds *b)
{
	range_from_tnum(&b->low, tnum_low(b->bits, L), L);
	range_from_tnum(&b->full, b->bits, W);
	meet_in_one(b);
}

static void bits_from_bounds(struct bounds *b)
{
	struct tnum full = tnum_intersect(b->bits, tnum_range(b->full.umin, b->full.umax));
	struct tnum low = tnum_intersect(tnum_low(full, L), tnum_range(b->low.umin, b->low.umax));

	b->bits = tnum_with_low(full, low, L);
}

void bounds_sync(struct bounds *b)
{
	bounds_from_bits(b);
	/* Three times is what the kernel does; what a fourth would find never mattered there. */
	for (int i = 0; i < 3; i++) {
		low_from_full(b);
		range_deduce(&b->low, L);
		range_deduce(&b->full, W);
		full_from_low(b);
	}
	bits_from_bounds(b);
	bounds_from_bits(b);
}
