/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bounds.h - what is known of a register's number: its bits, and its range four times over.
 *
 * The same set of values is described as an unsigned and a signed range of all W bits, as an
 * unsigned and a signed range of the lower half, and as a tnum.  Each description knows something
 * that the others cannot say; bounds_sync() lets them learn from one another.
 *
 *	    all W bits                     lower half
 *	    [umin, umax]  [smin, smax]     [umin, umax]  [smin, smax]        tnum
 *	          \______ full ______/           \______ low ______/         bits
 *
 * W is 64.  The tests compile this file with a smaller W (BOUNDS_W) and try every value.
 *
 * Transfer functions are sound: the result holds op(x, y) for all x, y of the operands.  They
 * are as precise as the kernel's (kernel/bpf/verifier.c of 6.18), so that verdicts agree.
 * Knows nothing of BPF.
 */
#ifndef SKEP_VERIFIER_BOUNDS_H
#define SKEP_VERIFIER_BOUNDS_H

#include "base/base.h"
#include "verifier/tnum.h"

#ifndef BOUNDS_W
#define BOUNDS_W 64
#endif
#define BOUNDS_L (BOUNDS_W / 2)

/* Numbers of one width, unsigned and signed; a min above its max is the empty set. */
struct range {
	uint64_t umin, umax;
	int64_t smin, smax;
};

struct bounds {
	struct tnum bits;
	struct range full; /* all BOUNDS_W bits */
	struct range low;  /* the lowest BOUNDS_L bits */
};

enum bounds_op {
	BOUNDS_ADD,
	BOUNDS_SUB,
	BOUNDS_MUL,
	BOUNDS_AND,
	BOUNDS_OR,
	BOUNDS_XOR,
	BOUNDS_LSH, /* shifts: nothing is known unless the amount is, and is below the width */
	BOUNDS_RSH,
	BOUNDS_ARSH,
	BOUNDS_NEG, /* the second operand is not looked at */
	_BOUNDS_OP_MAX,
};

enum bounds_cmp {
	BOUNDS_EQ,
	BOUNDS_NE,
	BOUNDS_LT, /* unsigned */
	BOUNDS_LE,
	BOUNDS_GT,
	BOUNDS_GE,
	BOUNDS_SLT, /* signed */
	BOUNDS_SLE,
	BOUNDS_SGT,
	BOUNDS_SGE,
	BOUNDS_SET,  /* a & b != 0 */
	BOUNDS_NSET, /* a & b == 0 */
	_BOUNDS_CMP_MAX,
};

void bounds_unknown(struct bounds *b);
void bounds_const(struct bounds *b, uint64_t v);
/** The lower half is v; the upper one is what it was. */
void bounds_set_low(struct bounds *b, uint64_t v);
bool bounds_is_const(const struct bounds *b);
/** The lower half is one value. */
bool bounds_low_is_const(const struct bounds *b);
/** True when no description is empty and the tnum agrees where it is a constant. */
bool bounds_sane(const struct bounds *b);
/** True when v is in every description. */
bool bounds_contain(const struct bounds *b, uint64_t v);
/** True when every value of b is a value of a, as far as the descriptions show. */
bool bounds_within(const struct bounds *a, const struct bounds *b);

/** Lets the descriptions learn from one another; sets only shrink, and lose no value. */
void bounds_sync(struct bounds *b);

/**
 * d = d op s.  With `low` the operation is one of the lower half and the upper half of the
 * result is 0 (a 32-bit instruction).
 */
void bounds_alu(struct bounds *d, const struct bounds *s, enum bounds_op op, bool low);

/** Keeps the lowest `bits` bits, zero- or sign-extended to W, or to the lower half with `low`. */
void bounds_zext(struct bounds *b, unsigned bits);
void bounds_sext(struct bounds *b, unsigned bits, bool low);

/** Does `a cmp b` hold?  1 always, 0 never, -1 it depends. */
int bounds_cmp(const struct bounds *a, const struct bounds *b, enum bounds_cmp cmp, bool low);
/** The comparison that holds where cmp does not. */
enum bounds_cmp bounds_not(enum bounds_cmp cmp);
/** Shrinks a and b to what `a cmp b` leaves of them; both are synced. */
void bounds_refine(struct bounds *a, struct bounds *b, enum bounds_cmp cmp, bool low);

#endif
