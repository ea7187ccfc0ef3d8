/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bounds_alu.c - arithmetic on bounds: one row an operation, each a function of one width.
 *
 * A row works on ranges of w bits and is used twice, for all bits and for the lower half; the
 * tnum of the result is known to it.  What the rows leave open, bounds_sync() fills in.
 */
#include "verifier/bounds.h"
#include "verifier/bounds_int.h"

/* One step of a transfer: a and b are ranges of w bits, res the tnum of the result. */
struct step {
	const struct range *a, *b;
	struct tnum res;
	unsigned w;
};

typedef void (*range_fn)(const struct step *s, struct range *r);

/* The w-bit number that x wraps to; true when it had to. */
static bool wrap(__int128 x, unsigned w, uint64_t *r)
{
	*r = (uint64_t)x & ones(w);
	return x < 0 || x > (__int128)ones(w);
}

static bool wrap_signed(__int128 x, unsigned w, int64_t *r)
{
	*r = sext((uint64_t)x & ones(w), w);
	return x != *r;
}

/* Signed follows unsigned where that does not cross the sign boundary. */
static void signed_from_unsigned(const struct step *s, struct range *r)
{
	struct range all = range_unknown(s->w);

	r->smin = sext(r->umin, s->w);
	r->smax = sext(r->umax, s->w);
	if (r->smin > r->smax) {
		r->smin = all.smin;
		r->smax = all.smax;
	}
}

/* A range stays one as long as both ends wrap, or neither does. */
static void range_add(const struct step *s, struct range *r)
{
	struct range all = range_unknown(s->w);
	bool min = wrap((__int128)s->a->umin + s->b->umin, s->w, &r->umin);
	bool max = wrap((__int128)s->a->umax + s->b->umax, s->w, &r->umax);
	bool smin = wrap_signed((__int128)s->a->smin + s->b->smin, s->w, &r->smin);
	bool smax = wrap_signed((__int128)s->a->smax + s->b->smax, s->w, &r->smax);

	if (min != max) {
		r->umin = all.umin;
		r->umax = all.umax;
	}
	if (smin || smax) {
		r->smin = all.smin;
		r->smax = all.smax;
	}
}

static void range_sub(const struct step *s, struct range *r)
{
	struct range all = range_unknown(s->w);
	bool min = wrap((__int128)s->a->umin - s->b->umax, s->w, &r->umin);
	bool max = wrap((__int128)s->a->umax - s->b->umin, s->w, &r->umax);
	bool smin = wrap_signed((__int128)s->a->smin - s->b->smax, s->w, &r->smin);
	bool smax = wrap_signed((__int128)s->a->smax - s->b->smin, s->w, &r->smax);

	if (min != max) {
		r->umin = all.umin;
		r->umax = all.umax;
	}
	if (smin || smax) {
		r->smin = all.smin;
		r->smax = all.smax;
	}
}

/* The extremes of a product lie at the corners. */
static void range_mul(const struct step *s, struct range *r)
{
	struct range all = range_unknown(s->w);
	const int64_t x[2] = { s->a->smin, s->a->smax }, y[2] = { s->b->smin, s->b->smax };
	unsigned __int128 most = (unsigned __int128)s->a->umax * s->b->umax;
	bool lost = false;

	*r = all;
	if (most <= ones(s->w)) {
		r->umin = s->a->umin * s->b->umin;
		r->umax = (uint64_t)most;
	}
	r->smin = INT64_MAX;
	r->smax = INT64_MIN;
	for (int i = 0; i < 4; i++) {
		int64_t p;

		lost |= wrap_signed((__int128)x[i / 2] * y[i % 2], s->w, &p);
		r->smin = MIN(r->smin, p);
		r->smax = MAX(r->smax, p);
	}
	if (lost) {
		r->smin = all.smin;
		r->smax = all.smax;
	}
}

static void range_and(const struct step *s, struct range *r)
{
	r->umin = tnum_min(s->res);
	r->umax = MIN(s->a->umax, s->b->umax);
	signed_from_unsigned(s, r);
}

static void range_or(const struct step *s, struct range *r)
{
	r->umin = MAX(s->a->umin, s->b->umin);
	r->umax = tnum_max(s->res);
	signed_from_unsigned(s, r);
}

static void range_xor(const struct step *s, struct range *r)
{
	r->umin = tnum_min(s->res);
	r->umax = tnum_max(s->res);
	signed_from_unsigned(s, r);
}

/* Shifts come with a constant amount below w. */
static void range_lsh(const struct step *s, struct range *r)
{
	unsigned k = (unsigned)s->b->umin;

	*r = range_unknown(s->w);
	if (s->a->umax <= UINT64_C(1) << (s->w - 1 - k)) {
		r->umin = s->a->umin << k;
		r->umax = s->a->umax << k;
	}
}

static void range_rsh(const struct step *s, struct range *r)
{
	*r = range_unknown(s->w);
	r->umin = s->a->umin >> s->b->umin;
	r->umax = s->a->umax >> s->b->umin;
}

static void range_arsh(const struct step *s, struct range *r)
{
	*r = range_unknown(s->w);
	r->smin = s->a->smin >> s->b->umin;
	r->smax = s->a->smax >> s->b->umin;
}

/* Tnums know no width: the caller cuts. */
static struct tnum bits_lsh(struct tnum a, struct tnum b, unsigned w)
{
	return tnum_lshift(a, (unsigned)b.value);
}

static struct tnum bits_rsh(struct tnum a, struct tnum b, unsigned w)
{
	return tnum_rshift(a, (unsigned)b.value);
}

static struct tnum bits_arsh(struct tnum a, struct tnum b, unsigned w)
{
	return tnum_arshift(a, (unsigned)b.value, w);
}

#define BITS(op)                                                               \
	static struct tnum bits_##op(struct tnum a, struct tnum b, unsigned w) \
	{                                                                      \
		return tnum_##op(a, b);                                        \
	}
BITS(add)
BITS(sub)
BITS(mul)
BITS(and)
BITS(or)
BITS(xor)

static const struct {
	range_fn range;
	struct tnum (*bits)(struct tnum a, struct tnum b, unsigned w);
	bool shift; /* the amount must be a constant below the width */
	bool down;  /* brings bits down from the upper half: the lower half is known by its bits */
} ops[_BOUNDS_OP_MAX] = {
	[BOUNDS_ADD] = { range_add, bits_add },
	[BOUNDS_SUB] = { range_sub, bits_sub },
	[BOUNDS_MUL] = { range_mul, bits_mul },
	[BOUNDS_AND] = { range_and, bits_and },
	[BOUNDS_OR] = { range_or, bits_or },
	[BOUNDS_XOR] = { range_xor, bits_xor },
	[BOUNDS_LSH] = { range_lsh, bits_lsh, .shift = true },
	[BOUNDS_RSH] = { range_rsh, bits_rsh, .shift = true, .down = true },
	[BOUNDS_ARSH] = { range_arsh, bits_arsh, .shift = true, .down = true },
	[BOUNDS_NEG] = { range_sub, bits_sub },
};

/* The upper half becomes 0. */
static void zero_upper(struct bounds *b)
{
	b->bits = tnum_low(b->bits, L);
	b->full.umin = b->low.umin;
	b->full.umax = b->low.umax;
	if (b->low.smin >= 0) {
		b->full.smin = b->low.smin;
		b->full.smax = b->low.smax;
	} else {
		b->full.smin = 0;
		b->full.smax = (int64_t)ones(L);
	}
}

/* The lower half of a W-bit operation; a left shift may push all of it out. */
static void alu_lower_half(struct bounds *r, const struct bounds *a, const struct bounds *b,
			   enum bounds_op op)
{
	const struct step s = { &a->low, &b->low, tnum_low(r->bits, L), L };

	if (ops[op].down || (ops[op].shift && b->full.umin >= L))
		r->low = range_unknown(L);
	else
		ops[op].range(&s, &r->low);
}

static void alu_full(struct bounds *r, const struct bounds *a, const struct bounds *b,
		     enum bounds_op op)
{
	r->bits = tnum_low(ops[op].bits(a->bits, b->bits, W), W);
	ops[op].range(&(const struct step){ &a->full, &b->full, r->bits, W }, &r->full);
	alu_lower_half(r, a, b, op);
	/* Shifting by half the width and back is how compilers sign-extend: keep the sign. */
	if (op == BOUNDS_LSH && b->full.umin == L) {
		r->full.smin = (int64_t)((uint64_t)a->low.smin << L);
		r->full.smax = (int64_t)((uint64_t)a->low.smax << L);
		r->full.smin = sext((uint64_t)r->full.smin & ones(W), W);
		r->full.smax = sext((uint64_t)r->full.smax & ones(W), W);
	}
}

static void alu_low(struct bounds *r, const struct bounds *a, const struct bounds *b,
		    enum bounds_op op)
{
	r->bits = tnum_low(ops[op].bits(tnum_low(a->bits, L), tnum_low(b->bits, L), L), L);
	ops[op].range(&(const struct step){ &a->low, &b->low, r->bits, L }, &r->low);
	zero_upper(r);
}

void bounds_alu(struct bounds *d, const struct bounds *s, enum bounds_op op, bool low)
{
	struct bounds a = *d, b = *s;

	if (op == BOUNDS_NEG) {
		b = *d;
		bounds_const(&a, 0);
	}
	if (ops[op].shift && !(low ? bounds_low_is_const(&b) && b.low.umin < L
				   : bounds_is_const(&b) && b.full.umin < W)) {
		bounds_unknown(d);
		if (low)
			zero_upper(d);
	} else if (low) {
		alu_low(d, &a, &b, op);
	} else {
		alu_full(d, &a, &b, op);
	}
	bounds_sync(d);
}

void bounds_zext(struct bounds *b, unsigned bits)
{
	uint64_t mask = ones(bits);

	b->bits = tnum_low(b->bits, bits);
	if ((b->full.umin & ~mask) == (b->full.umax & ~mask)) {
		b->full.umin &= mask;
		b->full.umax &= mask;
	} else {
		b->full.umin = 0;
		b->full.umax = mask;
	}
	b->full.smin = sext(b->full.umin, W);
	b->full.smax = sext(b->full.umax, W);
	if (bits < L)
		b->low = range_unknown(L);
	bounds_sync(b);
}

/* Sign-extends the lowest bits of a w-bit range; false where nothing but the type is known. */
static bool range_sext(const struct range *r, unsigned bits, unsigned w, struct range *ret)
{
	uint64_t min = (uint64_t)r->smin & ones(w), max = (uint64_t)r->smax & ones(w);
	int64_t a = sext(min & ones(bits), bits), b = sext(max & ones(bits), bits);

	if ((min & ~ones(bits)) != (max & ~ones(bits)) || (a < 0) != (b < 0))
		return false;
	ret->smin = MIN(a, b);
	ret->smax = MAX(a, b);
	ret->umin = (uint64_t)ret->smin & ones(w);
	ret->umax = (uint64_t)ret->smax & ones(w);
	return true;
}

void bounds_sext(struct bounds *b, unsigned bits, bool low)
{
	unsigned w = low ? L : W;
	struct range r;

	if (tnum_is_const(b->bits)) {
		bounds_const(b, (uint64_t)sext(b->bits.value & ones(bits), bits) & ones(w));
		return;
	}
	if (!range_sext(low ? &b->low : &b->full, bits, w, &r)) {
		r = range_unknown(w);
		r.smin = -(INT64_C(1) << (bits - 1));
		r.smax = (INT64_C(1) << (bits - 1)) - 1;
		b->bits = TNUM(0, ones(w));
	} else {
		b->bits = tnum_range(r.umin, r.umax);
	}
	if (low) {
		b->low = r;
		zero_upper(b);
	} else {
		b->full = r;
		b->low = range_unknown(L);
	}
	bounds_sync(b);
}
