/* SPDX-License-Identifier: BSD-2-Clause */
/* bounds_int.h - what the three files of bounds share: ranges of one width w. */
#ifndef SKEP_VERIFIER_BOUNDS_INT_H
#define SKEP_VERIFIER_BOUNDS_INT_H

#include "verifier/bounds.h"

#define W BOUNDS_W
#define L BOUNDS_L

static inline uint64_t ones(unsigned w)
{
	return w >= 64 ? UINT64_MAX : (UINT64_C(1) << w) - 1;
}

/* The w-bit number v, sign-extended. */
static inline int64_t sext(uint64_t v, unsigned w)
{
	return (int64_t)(v << (64 - w)) >> (64 - w);
}

static inline struct range range_unknown(unsigned w)
{
	return (struct range){ 0, ones(w), sext(UINT64_C(1) << (w - 1), w),
			       (int64_t)(ones(w) >> 1) };
}

static inline struct range range_const(uint64_t v, unsigned w)
{
	return (struct range){ v, v, sext(v, w), sext(v, w) };
}

/* Intersections with an unsigned and with a signed range. */
static inline void range_cap(struct range *r, uint64_t lo, uint64_t hi)
{
	r->umin = MAX(r->umin, lo);
	r->umax = MIN(r->umax, hi);
}

static inline void range_cap_signed(struct range *r, int64_t lo, int64_t hi)
{
	r->smin = MAX(r->smin, lo);
	r->smax = MIN(r->smax, hi);
}

/* Takes over what the tnum says of both ranges. */
void bounds_from_bits(struct bounds *b);

#endif
