/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuse_bits.c - rotates, extensions by two shifts, needless masks, tests; how many bits a value
 * can have.
 *
 *	r2 = r1; r2 <<= 13; r1 >>= 51; r1 |= r2		->  r1 = r1 rotated right by 51
 *	r1 <<= 32; r1 >>= 32				->  w1 = w1
 *	r1 &= 4; if r1 == 0 goto			->  if !(r1 & 4) goto
 */
#include "jit/fuse_int.h"

static bool is_shift_imm(const struct jit_op *d)
{
	return d && d->b == JIT_NONE;
}

bool fuse_rotate(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	struct fuse_src a = fuse_a(f, f->i), b = fuse_b(f, f->i);
	const struct jit_op *l, *r;
	uint32_t gone[2];
	int width = fuse_is_wide(t) ? 64 : 32;

	if (t->b == JIT_NONE || t->a == JIT_NONE || t->scale || t->imm)
		return false;
	if (fuse_made_by(f, *b.def, JIT_SHL))
		fuse_swap(a, b);
	gone[0] = *a.def;
	gone[1] = *b.def;
	l = fuse_made_by(f, gone[0], JIT_SHL);
	r = fuse_made_by(f, gone[1], JIT_SHR);
	if (!is_shift_imm(l) || !is_shift_imm(r) || l->imm <= 0 || r->imm <= 0 ||
	    l->imm + r->imm != width || fuse_is_wide(l) != fuse_is_wide(t) ||
	    fuse_is_wide(r) != fuse_is_wide(t) ||
	    fuse_val(f, gone[0])->a != fuse_val(f, gone[1])->a || l->a != r->a ||
	    !fuse_is_sole(f, gone[0]) || !fuse_is_sole(f, gone[1]) ||
	    !fuse_holds_all(f, gone[0], gone, 2))
		return false;
	t->code = JIT_ROR;
	t->imm = r->imm;
	fuse_set(f, b, JIT_NONE, 0);
	fuse_set(f, a, l->a, fuse_val(f, gone[0])->a);
	fuse_kill(f, gone[0]);
	fuse_kill(f, gone[1]);
	return true;
}

void fuse_two_shifts(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	uint32_t def = fuse_val(f, f->i)->a;
	const struct jit_op *l = fuse_made_by(f, def, JIT_SHL);
	int bits;
	bool kill;

	if (t->b != JIT_NONE || !is_shift_imm(l) || l->imm != t->imm || t->imm <= 0 ||
	    fuse_is_wide(l) != fuse_is_wide(t))
		return;
	bits = (fuse_is_wide(t) ? 64 : 32) - t->imm;
	if (bits != 8 && bits != 16 && bits != 32)
		return;
	kill = fuse_is_sole(f, def);
	if (!fuse_holds_all(f, def, &def, kill))
		return;
	fuse_set(f, fuse_a(f, f->i), l->a, fuse_val(f, def)->a);
	t->size = (uint8_t)(bits / 8);
	if (t->code == JIT_SAR) {
		t->code = JIT_SX;
	} else {
		t->code = bits == 32 ? JIT_MOV : JIT_ZX;
		t->flags = 0;
	}
	if (kill)
		fuse_kill(f, def);
}

/* A mask of low bits over a value that has no others is a copy. */
bool fuse_mask(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);

	if (!fuse_by_imm(t) || t->imm < 0 || !IS_POW2((uint32_t)t->imm + 1) ||
	    fuse_bits(f, fuse_val(f, f->i)->a) > (unsigned)__builtin_ctz((uint32_t)t->imm + 1))
		return false;
	t->code = JIT_MOV;
	t->flags = JIT_WIDE;
	return true;
}

void fuse_test(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	uint32_t def = fuse_val(f, f->i)->a;
	const struct jit_op *d = fuse_made_by(f, def, JIT_AND);

	if (!d || fuse_has_mem(d) || !fuse_by_imm(t) || t->imm != 0 ||
	    (t->cc != JIT_EQ && t->cc != JIT_NE) || !fuse_is_sole(f, def) ||
	    !fuse_holds_all(f, def, &def, 1))
		return;
	t->cc = t->cc == JIT_EQ ? JIT_CLEAR : JIT_SET;
	t->imm = d->imm;
	t->flags &= d->flags;
	fuse_set(f, fuse_b(f, f->i), d->b, fuse_val(f, def)->b);
	fuse_set(f, fuse_a(f, f->i), d->a, fuse_val(f, def)->a);
	fuse_kill(f, def);
}

static unsigned bits_of(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* Of y, the second operand of op i, in an operation of `width` bits. */
static unsigned operand_bits(struct fuse *f, uint32_t i, unsigned width)
{
	const struct jit_op *t = fuse_op(f, i);

	if (fuse_has_mem(t))
		return t->size * 8u;
	if (t->b == JIT_NONE)
		return t->imm >= 0 ? bits_of((uint32_t)t->imm) : width;
	return fuse_bits(f, fuse_val(f, i)->b);
}

/* Of the value of op i, which computes with a and y. */
static unsigned computed_bits(struct fuse *f, uint32_t i, unsigned width)
{
	const struct jit_op *t = fuse_op(f, i);
	unsigned a = t->a == JIT_NONE ? width : MIN(fuse_bits(f, fuse_val(f, i)->a), width);
	unsigned y = MIN(operand_bits(f, i, width), width), count = (unsigned)t->imm;

	switch (t->code) {
	case JIT_AND:
		return MIN(a, y);
	case JIT_OR:
	case JIT_XOR:
		return MAX(a, y);
	case JIT_ADD:
		return t->scale || (t->b != JIT_NONE && t->imm) ? width : MAX(a, y) + 1;
	case JIT_MUL:
		return a + y;
	case JIT_DIV:
		return a;
	case JIT_MOD:
		return fuse_by_imm(t) && t->imm > 0 ? MIN(a, y) : a;
	case JIT_SHL:
		return t->b == JIT_NONE ? a + count : width;
	case JIT_SHR:
		return t->b == JIT_NONE ? a - MIN(a, count) : a;
	}
	return width;
}

static unsigned result_bits(struct fuse *f, uint32_t i)
{
	const struct jit_op *t = fuse_op(f, i);
	unsigned width = fuse_is_wide(t) ? 64 : 32;

	switch (t->code) {
	case JIT_CONST:
		return bits_of(jit_imm64(t));
	case JIT_MOV:
		return MIN(fuse_bits(f, fuse_val(f, i)->a), width);
	case JIT_ZX:
	case JIT_BSWAP:
		return t->size * 8u;
	case JIT_LOAD:
		return t->flags & JIT_SIGNED ? 64 : t->size * 8u;
	case JIT_SX:
	case JIT_NEG:
		return width;
	case JIT_CAST:
		return 64;
	}
	if (t->code < JIT_LOAD)
		return MIN(computed_bits(f, i, width), width);
	return 64;
}

/* Found out when somebody asks, and kept. */
unsigned fuse_bits(struct fuse *f, uint32_t def)
{
	struct fuse_val *v;

	if (def == FUSE_ENTRY)
		return 64;
	v = fuse_val(f, def);
	if (v->bits == FUSE_UNKNOWN)
		v->bits = (uint8_t)result_bits(f, def);
	return v->bits;
}
