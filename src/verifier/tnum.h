/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tnum.h - tristate numbers: what is known about each bit of a value.
 *
 * A bit is known to be 0 (value 0, mask 0), known to be 1 (value 1, mask 0) or unknown (value 0,
 * mask 1); value and mask are never both 1.  A tnum stands for the set
 *
 *	{ x : (x & ~mask) == value }
 *
 * Every operation here is sound: the result's set holds f(x, y) for all x and y of the
 * operands' sets.  tests/unit/verifier/tnum.c proves that for all tnums of a few bits, and
 * counts how often the result is the smallest tnum there is.
 *
 * Names and meaning follow kernel/bpf/tnum.c.  See Vishwanathan et al., "Sound, Precise, and
 * Fast Abstract Interpretation with Tristate Numbers" (CGO 2022).  Knows nothing of BPF.
 */
#ifndef SKEP_VERIFIER_TNUM_H
#define SKEP_VERIFIER_TNUM_H

#include "base/base.h"

struct tnum {
	uint64_t value; /* the bits known to be 1 */
	uint64_t mask;	/* the bits that are not known */
};

#define TNUM(v, m)   ((struct tnum){ .value = (v), .mask = (m) })
#define TNUM_UNKNOWN TNUM(0, UINT64_MAX)

static inline struct tnum tnum_const(uint64_t v)
{
	return TNUM(v, 0);
}

static inline bool tnum_is_const(struct tnum t)
{
	return t.mask == 0;
}

static inline bool tnum_is_unknown(struct tnum t)
{
	return t.mask == UINT64_MAX;
}

static inline bool tnum_contains(struct tnum t, uint64_t v)
{
	return (v & ~t.mask) == t.value;
}

static inline uint64_t tnum_min(struct tnum t)
{
	return t.value;
}

static inline uint64_t tnum_max(struct tnum t)
{
	return t.value | t.mask;
}

/** The smallest tnum that holds all of [min, max]. */
struct tnum tnum_range(uint64_t min, uint64_t max);

struct tnum tnum_lshift(struct tnum a, unsigned shift);
struct tnum tnum_rshift(struct tnum a, unsigned shift);
/** Of the lowest `width` bits; those above become 0. */
struct tnum tnum_arshift(struct tnum a, unsigned shift, unsigned width);
struct tnum tnum_add(struct tnum a, struct tnum b);
struct tnum tnum_sub(struct tnum a, struct tnum b);
struct tnum tnum_neg(struct tnum a);
struct tnum tnum_and(struct tnum a, struct tnum b);
struct tnum tnum_or(struct tnum a, struct tnum b);
struct tnum tnum_xor(struct tnum a, struct tnum b);
struct tnum tnum_mul(struct tnum a, struct tnum b);

/** The smallest value above v; tnum_max() where there is none. */
uint64_t tnum_above(struct tnum t, uint64_t v);
/** What both say; where they disagree about a known bit (an empty set) it comes out as 1. */
struct tnum tnum_intersect(struct tnum a, struct tnum b);
/** The smallest tnum that holds both. */
struct tnum tnum_union(struct tnum a, struct tnum b);
/** False: no value is in both. */
bool tnum_overlap(struct tnum a, struct tnum b);
/** True: every value of b is in a. */
bool tnum_in(struct tnum a, struct tnum b);
/** True: every value is a multiple of size, a power of two (or size is 0). */
bool tnum_is_aligned(struct tnum a, uint64_t size);

/** The lowest `bytes` bytes in reverse order; those above are lost. */
struct tnum tnum_swap(struct tnum a, unsigned bytes);
/** The lowest `bits` bits, zero above. */
struct tnum tnum_low(struct tnum a, unsigned bits);
/** a with its lowest `bits` bits replaced by those of low. */
struct tnum tnum_with_low(struct tnum a, struct tnum low, unsigned bits);

#endif
