/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuse_mem.c - loads into the one op that uses them, read-modify-write, wider loads.
 *
 *	r2 = *(r3 + 8); r1 += r2				->  r1 += *(r3 + 8)
 *	r2 = *(r3 + 8); r2 += 1; *(r3 + 8) = r2			->  *(r3 + 8) += 1
 *	r1 = *(u8 *)(r3 + 1); r1 <<= 8; r2 = *(u8 *)(r3 + 0); r1 |= r2
 *								->  r1 = *(u16 *)(r3 + 0)
 *
 * A load moves down to T: nothing between may have written memory.
 */
#include "jit/fuse_int.h"

/* The load that made def, if T may do it itself in place of it. */
static const struct jit_op *movable_load(struct fuse *f, uint32_t def)
{
	const struct jit_op *d = fuse_made_by(f, def, JIT_LOAD);

	return d && fuse_is_sole(f, def) && fuse_memory_same(f, def) &&
			       fuse_holds_all(f, def, &def, 1)
		       ? d
		       : NULL;
}

/* T's memory operand is that of the load def, src is the register operand that it replaces. */
static void take_load(struct fuse *f, struct fuse_src src, uint32_t def)
{
	fuse_set(f, src, JIT_NONE, 0);
	fuse_take_mem(f, def);
	fuse_kill(f, def);
}

static void alu_load(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	struct fuse_src a = fuse_a(f, f->i), b = fuse_b(f, f->i);
	unsigned size = fuse_is_wide(t) ? 8 : 4;
	const struct jit_op *d;

	if (t->b == JIT_NONE || t->a == JIT_NONE || t->scale || (t->code == JIT_ADD && t->imm))
		return;
	d = movable_load(f, *b.def);
	if (!d || d->size != size) {
		d = t->code == JIT_SUB ? NULL : movable_load(f, *a.def);
		if (!d || d->size != size)
			return;
		fuse_swap(a, b);
	}
	take_load(f, b, *b.def);
	t->flags |= JIT_MEM;
}

static void bswap_load(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	uint32_t def = fuse_val(f, f->i)->a;
	const struct jit_op *d = movable_load(f, def);

	if (!f->j->target->swapped_loads || t->size < 4 || !d || d->size != t->size)
		return;
	take_load(f, fuse_a(f, f->i), def);
	t->flags |= JIT_MEM;
}

/* Orders of numbers without a sign, for both kinds of compare. */
static uint8_t unsigned_cc(uint8_t cc)
{
	static const uint8_t as[_JIT_CC_MAX] = {
		[JIT_EQ] = JIT_EQ,   [JIT_NE] = JIT_NE,	  [JIT_LTU] = JIT_LTU,
		[JIT_GEU] = JIT_GEU, [JIT_LEU] = JIT_LEU, [JIT_GTU] = JIT_GTU,
		[JIT_LT] = JIT_LTU,  [JIT_GE] = JIT_GEU,  [JIT_LE] = JIT_LEU,
		[JIT_GT] = JIT_GTU,  [JIT_SET] = JIT_SET, [JIT_CLEAR] = JIT_CLEAR,
	};

	return as[cc];
}

/*
 * May T compare at the width of load d?  It may where that is T's, and where the other side has
 * no bits beyond the load's: then both are numbers without a sign.
 */
static bool may_compare_at(struct fuse *f, const struct jit_op *d, uint32_t other, bool imm)
{
	const struct jit_op *t = fuse_op(f, f->i);
	unsigned width = fuse_is_wide(t) ? 8 : 4;

	if (d->size == width)
		return true;
	if (d->size > width || d->flags & JIT_SIGNED)
		return false;
	if (!imm)
		return fuse_bits(f, other) <= d->size * 8u;
	/* a 16-bit immediate would cost more than it saves */
	return t->imm >= 0 && t->imm <= (d->size == 1	? UINT8_MAX
					 : d->size == 2 ? INT8_MAX
							: INT32_MAX);
}

static void narrow_compare(struct jit_op *t, unsigned size)
{
	if (size != (fuse_is_wide(t) ? 8u : 4u))
		t->cc = unsigned_cc(t->cc);
}

static void jcc_load(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	struct fuse_src a = fuse_a(f, f->i), b = fuse_b(f, f->i);
	uint32_t left = *a.def, right = *b.def;
	const struct jit_op *d = movable_load(f, left);
	unsigned size;

	if (d && may_compare_at(f, d, right, t->b == JIT_NONE)) {
		size = d->size;
		take_load(f, a, left);
	} else {
		d = t->b == JIT_NONE ? NULL : movable_load(f, right);
		if (!d || !may_compare_at(f, d, left, false))
			return;
		size = d->size;
		take_load(f, b, right);
		t->flags |= JIT_MEM;
	}
	narrow_compare(t, size);
}

void fuse_load_operand(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);

	if (t->code == JIT_BSWAP)
		bswap_load(f);
	else if (!f->j->target->mem_operands || fuse_has_mem(t))
		return;
	else if (t->code == JIT_JCC)
		jcc_load(f);
	else
		alu_load(f);
}

/* Do ops x and y name the same memory, at one time? */
static bool same_place(struct fuse *f, uint32_t x, uint32_t y)
{
	const struct jit_op *p = fuse_op(f, x), *q = fuse_op(f, y);
	const struct fuse_val *v = fuse_val(f, x), *w = fuse_val(f, y);

	return p->base == q->base && v->base == w->base && p->idx == q->idx && v->idx == w->idx &&
	       p->scale == q->scale && p->disp == q->disp && p->size == q->size;
}

static bool may_update(const struct jit_op *d)
{
	switch (d->code) {
	case JIT_ADD:
		return d->scale == 0 && d->a != JIT_NONE && (d->b == JIT_NONE || d->imm == 0);
	case JIT_SUB:
	case JIT_AND:
	case JIT_OR:
	case JIT_XOR:
		return true;
	}
	return false;
}

/* *m = *m op y, where y is d's b, or its a when d's own operand is the memory */
static void make_update(struct fuse *f, uint32_t def, uint32_t load)
{
	struct jit_op *t = fuse_op(f, f->i), *d = fuse_op(f, def);
	bool mem = fuse_has_mem(d);
	unsigned y = mem ? d->a : d->b;
	uint32_t y_def = mem ? fuse_val(f, def)->a : fuse_val(f, def)->b;
	uint8_t code = d->code;

	t->imm = d->imm;
	fuse_set(f, fuse_b(f, f->i), y, y_def);
	fuse_kill(f, def);
	if (!mem)
		fuse_kill(f, load);
	t->code = JIT_UPDATE;
	t->cc = code;
	t->flags = t->size == 8 ? JIT_WIDE : 0;
}

void fuse_store(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i), *d;
	uint32_t def = fuse_val(f, f->i)->b, gone[2];
	bool mem;

	fuse_address(f);
	if (!f->j->target->mem_operands || t->b == JIT_NONE || def == FUSE_ENTRY || t->size < 4)
		return;
	d = fuse_op(f, def);
	mem = fuse_has_mem(d);
	if (!may_update(d) || (mem && d->code == JIT_SUB) || !fuse_is_sole(f, def) ||
	    (t->size == 8 && !fuse_is_wide(d)))
		return;
	gone[0] = def;
	gone[1] = mem ? def : fuse_val(f, def)->a;
	if (!mem && (!fuse_made_by(f, gone[1], JIT_LOAD) || !fuse_is_sole(f, gone[1])))
		return;
	if (fuse_memory_same(f, gone[1]) && same_place(f, f->i, gone[1]) &&
	    fuse_holds(f, mem ? d->a : d->b, mem ? fuse_val(f, def)->a : fuse_val(f, def)->b, gone,
		       2))
		make_update(f, def, gone[1]);
}

/* Is op def a load of s bytes at T's disposal, or such a load shifted up by its own size? */
struct part {
	uint32_t load, shift; /* defs; shift is FUSE_ENTRY where there is none */
};

static bool is_part(struct fuse *f, uint32_t def, struct part *ret)
{
	const struct jit_op *s = fuse_made_by(f, def, JIT_SHL), *d;

	ret->shift = s ? def : FUSE_ENTRY;
	ret->load = s ? fuse_val(f, def)->a : def;
	d = fuse_made_by(f, ret->load, JIT_LOAD);
	return d && !(d->flags & JIT_SIGNED) && d->size < 8 && fuse_memory_same(f, ret->load) &&
	       fuse_is_sole(f, ret->load) &&
	       (!s || (s->b == JIT_NONE && s->imm == d->size * 8 && fuse_is_sole(f, def) &&
		       (fuse_is_wide(s) || d->size < 4)));
}

/* Two neighbours: the lower half of T's value at [m], the upper half behind it. */
bool fuse_wider_load(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	const struct jit_op *lo, *hi;
	struct part x, y;
	uint32_t gone[3];

	if (t->b == JIT_NONE || t->scale || t->imm || !is_part(f, fuse_val(f, f->i)->a, &x) ||
	    !is_part(f, fuse_val(f, f->i)->b, &y) ||
	    (x.shift == FUSE_ENTRY) == (y.shift == FUSE_ENTRY))
		return false;
	if (x.shift != FUSE_ENTRY) {
		struct part swap = x;

		x = y;
		y = swap;
	}
	lo = fuse_op(f, x.load);
	hi = fuse_op(f, y.load);
	gone[0] = x.load;
	gone[1] = y.load;
	gone[2] = y.shift;
	if (lo->size != hi->size || (lo->size == 4 && !fuse_is_wide(t)) || lo->base != hi->base ||
	    fuse_val(f, x.load)->base != fuse_val(f, y.load)->base || lo->idx != hi->idx ||
	    fuse_val(f, x.load)->idx != fuse_val(f, y.load)->idx || lo->scale != hi->scale ||
	    (int64_t)lo->disp + lo->size != hi->disp || !fuse_holds_all(f, x.load, gone, 3))
		return false;
	fuse_set(f, fuse_a(f, f->i), JIT_NONE, 0);
	fuse_set(f, fuse_b(f, f->i), JIT_NONE, 0);
	fuse_take_mem(f, x.load);
	for (unsigned k = 3; k-- > 0;)
		fuse_kill(f, gone[k]);
	t->code = JIT_LOAD;
	t->flags = 0;
	t->size *= 2;
	fuse_address(f);
	return true;
}
