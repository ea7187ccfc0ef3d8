/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuse_addr.c - address arithmetic: into memory operands, and into one addition of the form
 * a + (b << scale) + imm.
 *
 *	r1 = r2; r1 += r3; r4 = *(r1 + 8)	->  r4 = *(r2 + r3 + 8)
 *	r1 <<= 3; r2 += r1			->  r2 += r1 << 3
 */
#include "jit/fuse_int.h"

static bool add_fits(int32_t x, int64_t y, int32_t *ret)
{
	int64_t sum = x + y;

	*ret = (int32_t)sum;
	return sum == (int32_t)sum;
}

/* May T read what op def reads, in place of its value?  Then *ret_kill says if def goes. */
static bool reach_through(struct fuse *f, uint32_t def, bool *ret_kill)
{
	*ret_kill = fuse_is_sole(f, def);
	return fuse_holds_all(f, def, &def, *ret_kill);
}

static bool is_plain_add(const struct jit_op *d)
{
	return d && fuse_is_wide(d) && !fuse_has_mem(d);
}

/* base was made by an addition */
static bool base_through_add(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	uint32_t def = fuse_val(f, f->i)->base;
	struct jit_op *d = fuse_made_by(f, def, JIT_ADD);
	int32_t disp;
	bool kill;

	if (!is_plain_add(d) || d->a == JIT_NONE || (d->b != JIT_NONE && t->idx != JIT_NONE) ||
	    !add_fits(t->disp, d->imm, &disp) || !reach_through(f, def, &kill))
		return false;
	if (d->b != JIT_NONE) {
		fuse_set(f, fuse_idx(f, f->i), d->b, fuse_val(f, def)->b);
		t->scale = d->scale;
	}
	fuse_set(f, fuse_base(f, f->i), d->a, fuse_val(f, def)->a);
	t->disp = disp;
	if (kill)
		fuse_kill(f, def);
	return true;
}

/* idx was made by adding a constant */
static bool idx_through_add(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	uint32_t def = fuse_val(f, f->i)->idx;
	struct jit_op *d = fuse_made_by(f, def, JIT_ADD);
	int32_t disp;
	bool kill;

	if (!is_plain_add(d) || d->a == JIT_NONE || d->b != JIT_NONE ||
	    !add_fits(t->disp, (int64_t)d->imm * (INT64_C(1) << t->scale), &disp) ||
	    !reach_through(f, def, &kill))
		return false;
	fuse_set(f, fuse_idx(f, f->i), d->a, fuse_val(f, def)->a);
	t->disp = disp;
	if (kill)
		fuse_kill(f, def);
	return true;
}

/* idx was made by a shift, or base was and they can change places */
static bool idx_through_shift(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	struct fuse_src base = fuse_base(f, f->i), idx = fuse_idx(f, f->i);
	uint32_t def = *idx.def;
	struct jit_op *d;
	bool kill;

	if (t->idx == JIT_NONE)
		return false;
	if (t->scale == 0 && !fuse_made_by(f, def, JIT_SHL) &&
	    fuse_made_by(f, *base.def, JIT_SHL)) {
		fuse_swap(base, idx);
		def = *idx.def;
	}
	d = fuse_made_by(f, def, JIT_SHL);
	if (!d || !fuse_is_wide(d) || d->b != JIT_NONE || d->imm < 0 || d->imm + t->scale > 3 ||
	    d->a == JIT_FP || !reach_through(f, def, &kill))
		return false;
	fuse_set(f, idx, d->a, fuse_val(f, def)->a);
	t->scale = (uint8_t)(t->scale + d->imm);
	if (kill)
		fuse_kill(f, def);
	return true;
}

void fuse_address(struct fuse *f)
{
	while (base_through_add(f) || idx_through_add(f) || idx_through_shift(f))
		;
}

/* May T, an addition, swallow op def? */
static bool may_swallow(struct fuse *f, uint32_t def)
{
	const struct jit_op *t = fuse_op(f, f->i);
	bool kill;

	return (fuse_is_wide(fuse_op(f, def)) || !fuse_is_wide(t)) &&
	       reach_through(f, def, &kill) && kill;
}

/*
 * a = x + k, T = a + y + k': T = x + y + (k + k').  An accumulator stays as it is: three terms
 * in one take longer than two.
 */
static bool add_through_add(struct fuse *f, struct fuse_src src)
{
	struct jit_op *t = fuse_op(f, f->i);
	uint32_t def = *src.def;
	struct jit_op *d = fuse_made_by(f, def, JIT_ADD);
	int32_t imm;

	if (!d || fuse_has_mem(d) || d->a == JIT_NONE || d->b != JIT_NONE || t->dst == d->a ||
	    (src.reg == &t->b && t->scale) || !add_fits(t->imm, d->imm, &imm) ||
	    !may_swallow(f, def))
		return false;
	fuse_set(f, src, d->a, fuse_val(f, def)->a);
	t->imm = imm;
	fuse_kill(f, def);
	return true;
}

/* a = x + (y << s), T = a + k: T = x + (y << s) + k */
static bool add_const_to_sum(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	uint32_t def = fuse_val(f, f->i)->a;
	struct jit_op *d = fuse_made_by(f, def, JIT_ADD);
	int32_t imm;

	if (t->b != JIT_NONE || !d || fuse_has_mem(d) || d->b == JIT_NONE || d->a == JIT_NONE ||
	    t->dst == d->a || t->dst == d->b || !add_fits(t->imm, d->imm, &imm) ||
	    !may_swallow(f, def))
		return false;
	fuse_set(f, fuse_b(f, f->i), d->b, fuse_val(f, def)->b);
	t->scale = d->scale;
	fuse_set(f, fuse_a(f, f->i), d->a, fuse_val(f, def)->a);
	t->imm = imm;
	fuse_kill(f, def);
	return true;
}

/* b = x << s, T = a + b: T = a + (x << s) */
static bool add_through_shift(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	struct fuse_src a = fuse_a(f, f->i), b = fuse_b(f, f->i);
	uint32_t def;
	struct jit_op *d;

	if (t->b == JIT_NONE || t->scale || t->a == JIT_NONE)
		return false;
	if (!fuse_made_by(f, *b.def, JIT_SHL) && fuse_made_by(f, *a.def, JIT_SHL))
		fuse_swap(a, b);
	def = *b.def;
	d = fuse_made_by(f, def, JIT_SHL);
	if (!d || d->b != JIT_NONE || d->imm < 0 || d->imm > 3 || d->a == JIT_FP ||
	    !may_swallow(f, def))
		return false;
	fuse_set(f, b, d->a, fuse_val(f, def)->a);
	t->scale = (uint8_t)d->imm;
	fuse_kill(f, def);
	return true;
}

void fuse_add(struct fuse *f)
{
	struct fuse_src a = fuse_a(f, f->i), b = fuse_b(f, f->i);

	if (fuse_has_mem(fuse_op(f, f->i)))
		return;
	while (add_through_add(f, a) || add_through_add(f, b) || add_const_to_sum(f) ||
	       add_through_shift(f))
		;
}
