/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bounds_cmp.c - comparison: is it decided, and what does its outcome teach?
 */
#include "verifier/bounds.h"
#include "verifier/bounds_int.h"

/*
 * Every ordering is `x < y` or `x <= y`, signed or not, after a swap; one row says which.
 */
static const struct ordering {
	bool is;     /* an ordering at all */
	bool swap;   /* a > b is b < a */
	bool strict; /* <, not <= */
	bool is_signed;
} orderings[_BOUNDS_CMP_MAX] = {
	[BOUNDS_LT] = { .is = true, .strict = true },
	[BOUNDS_LE] = { .is = true },
	[BOUNDS_GT] = { .is = true, .strict = true, .swap = true },
	[BOUNDS_GE] = { .is = true, .swap = true },
	[BOUNDS_SLT] = { .is = true, .strict = true, .is_signed = true },
	[BOUNDS_SLE] = { .is = true, .is_signed = true },
	[BOUNDS_SGT] = { .is = true, .strict = true, .swap = true, .is_signed = true },
	[BOUNDS_SGE] = { .is = true, .swap = true, .is_signed = true },
};

static const uint8_t opposites[_BOUNDS_CMP_MAX] = {
	[BOUNDS_EQ] = BOUNDS_NE,   [BOUNDS_NE] = BOUNDS_EQ,    [BOUNDS_LT] = BOUNDS_GE,
	[BOUNDS_GE] = BOUNDS_LT,   [BOUNDS_LE] = BOUNDS_GT,    [BOUNDS_GT] = BOUNDS_LE,
	[BOUNDS_SLT] = BOUNDS_SGE, [BOUNDS_SGE] = BOUNDS_SLT,  [BOUNDS_SLE] = BOUNDS_SGT,
	[BOUNDS_SGT] = BOUNDS_SLE, [BOUNDS_SET] = BOUNDS_NSET, [BOUNDS_NSET] = BOUNDS_SET,
};

enum bounds_cmp bounds_not(enum bounds_cmp cmp)
{
	return (enum bounds_cmp)opposites[cmp];
}

/* 1, 0 or -1 for x < y (strict) or x <= y, of ranges [xmin, xmax] and [ymin, ymax]. */
#define ORDERED(xmin, xmax, ymin, ymax, strict) \
	((strict) ? ((xmax) < (ymin)	? 1     \
		     : (xmin) >= (ymax) ? 0     \
					: -1)   \
		  : ((xmax) <= (ymin)  ? 1      \
		     : (xmin) > (ymax) ? 0      \
				       : -1))

static int cmp_order(const struct range *x, const struct range *y, const struct ordering *o)
{
	if (o->is_signed)
		return ORDERED(x->smin, x->smax, y->smin, y->smax, o->strict);
	return ORDERED(x->umin, x->umax, y->umin, y->umax, o->strict);
}

static bool ranges_overlap(const struct range *a, const struct range *b)
{
	return a->umin <= b->umax && b->umin <= a->umax && a->smin <= b->smax && b->smin <= a->smax;
}

static int cmp_equal(const struct bounds *a, const struct bounds *b, bool low)
{
	struct tnum x = low ? tnum_low(a->bits, L) : a->bits;
	struct tnum y = low ? tnum_low(b->bits, L) : b->bits;

	if (tnum_is_const(x) && tnum_is_const(y))
		return x.value == y.value;
	if (!tnum_overlap(x, y) || !ranges_overlap(&a->low, &b->low))
		return 0;
	return low || ranges_overlap(&a->full, &b->full) ? -1 : 0;
}

/* Decided only where one operand is a constant, as in the kernel. */
static int cmp_set(struct tnum x, struct tnum y)
{
	struct tnum a = tnum_is_const(y) ? x : y, c = tnum_is_const(y) ? y : x;

	if (!tnum_is_const(c))
		return -1;
	if (a.value & c.value)
		return 1;
	return tnum_max(a) & c.value ? -1 : 0;
}

static int negate(int taken)
{
	return taken < 0 ? taken : !taken;
}

int bounds_cmp(const struct bounds *a, const struct bounds *b, enum bounds_cmp cmp, bool low)
{
	const struct ordering *o = &orderings[cmp];
	const struct bounds *x = o->swap ? b : a, *y = o->swap ? a : b;

	if (o->is)
		return cmp_order(low ? &x->low : &x->full, low ? &y->low : &y->full, o);
	if (cmp == BOUNDS_EQ)
		return cmp_equal(a, b, low);
	if (cmp == BOUNDS_NE)
		return negate(cmp_equal(a, b, low));
	if (cmp == BOUNDS_NSET)
		return negate(bounds_cmp(a, b, BOUNDS_SET, low));
	return low ? cmp_set(tnum_low(a->bits, L), tnum_low(b->bits, L))
		   : cmp_set(a->bits, b->bits);
}

/* --- refinement ----------------------------------------------------------------------------- */

/* x < y: x ends below y's end, y begins above x's beginning. */
static void refine_order(struct range *x, struct range *y, const struct ordering *o)
{
	int gap = o->strict;

	if (o->is_signed) {
		x->smax = MIN(x->smax, y->smax - gap);
		y->smin = MAX(x->smin + gap, y->smin);
	} else {
		x->umax = MIN(x->umax, y->umax - gap);
		y->umin = MAX(x->umin + gap, y->umin);
	}
}

static void refine_equal(struct bounds *a, struct bounds *b, bool low)
{
	struct range *x = low ? &a->low : &a->full, *y = low ? &b->low : &b->full;
	struct tnum t;

	range_cap(x, y->umin, y->umax);
	range_cap_signed(x, y->smin, y->smax);
	*y = *x;
	t = low ? tnum_intersect(tnum_low(a->bits, L), tnum_low(b->bits, L))
		: tnum_intersect(a->bits, b->bits);
	a->bits = low ? tnum_with_low(a->bits, t, L) : t;
	b->bits = low ? tnum_with_low(b->bits, t, L) : t;
}

/* A constant at an edge of the range cuts that edge. */
static void refine_unequal(struct range *r, const struct range *c)
{
	r->umin += r->umin == c->umin;
	r->umax -= r->umax == c->umin;
	r->smin += r->smin == c->smin;
	r->smax -= r->smax == c->smin;
}

/* The bits of c in a: a single one is set, or none is. */
static void refine_set(struct bounds *a, uint64_t c, bool set, bool low)
{
	struct tnum t = low ? tnum_low(a->bits, L) : a->bits;

	if (set && !IS_POW2(c))
		return;
	if (!set) {
		/* The ranges are forgotten: on a dead branch they would contradict the bits. */
		struct tnum bits = a->bits;

		bounds_unknown(a);
		a->bits = bits;
	}
	t = set ? tnum_or(t, tnum_const(c)) : tnum_and(t, tnum_const(~c & ones(low ? L : W)));
	a->bits = low ? tnum_with_low(a->bits, t, L) : t;
}

static bool is_const(const struct bounds *b, bool low)
{
	return low ? bounds_low_is_const(b) : bounds_is_const(b);
}

void bounds_refine(struct bounds *a, struct bounds *b, enum bounds_cmp cmp, bool low)
{
	const struct ordering *o = &orderings[cmp];
	struct bounds *x = o->swap ? b : a, *y = o->swap ? a : b;
	struct bounds *c = is_const(b, low) ? b : a, *var = c == b ? a : b;

	if (o->is)
		refine_order(low ? &x->low : &x->full, low ? &y->low : &y->full, o);
	else if (cmp == BOUNDS_EQ)
		refine_equal(a, b, low);
	else if (!is_const(c, low))
		return;
	else if (cmp == BOUNDS_NE)
		refine_unequal(low ? &var->low : &var->full, low ? &c->low : &c->full);
	else
		refine_set(var, low ? c->low.umin : c->full.umin, cmp == BOUNDS_SET, low);
	bounds_sync(a);
	bounds_sync(b);
}
