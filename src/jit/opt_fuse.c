/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt_fuse.c - makes fewer ops of several: the walk and its bookkeeping; see fuse_int.h.
 *
 * First T's operands are followed through copies, which gives ops three operands and leaves the
 * copies without users; then the rules of T's code are tried (fuse_*.c).  Values that nobody uses
 * in the end are removed by the next opt_live.c.
 */
#include "jit/fuse_int.h"

#include "map/map.h"

#include <limits.h>

bool fuse_is_sole(struct fuse *f, uint32_t def)
{
	const struct jit_op *t = fuse_op(f, f->i);
	unsigned r;

	if (def == FUSE_ENTRY || fuse_val(f, def)->uses != 1)
		return false;
	r = fuse_op(f, def)->dst;
	return f->cur[r] != def || t->dst == r || !(t->live & jit_bit(r));
}

static bool among(uint32_t x, const uint32_t *list, unsigned n)
{
	while (n > 0)
		if (list[--n] == x)
			return true;
	return false;
}

bool fuse_holds(struct fuse *f, unsigned reg, uint32_t def, const uint32_t *gone, unsigned n)
{
	uint32_t c;

	if (reg == JIT_NONE)
		return true;
	c = f->cur[reg];
	while (c != FUSE_ENTRY && among(c, gone, n))
		c = fuse_val(f, c)->prev;
	return c == def;
}

bool fuse_holds_all(struct fuse *f, uint32_t reader, const uint32_t *gone, unsigned n)
{
	const struct jit_op *d = fuse_op(f, reader);
	const struct fuse_val *v = fuse_val(f, reader);

	return fuse_holds(f, d->a, v->a, gone, n) && fuse_holds(f, d->b, v->b, gone, n) &&
	       fuse_holds(f, d->base, v->base, gone, n) && fuse_holds(f, d->idx, v->idx, gone, n);
}

bool fuse_memory_same(struct fuse *f, uint32_t def)
{
	return !f->stored || def > f->written;
}

static void hold(struct fuse *f, uint32_t def)
{
	if (def != FUSE_ENTRY && fuse_val(f, def)->uses < UINT16_MAX)
		fuse_val(f, def)->uses++;
}

static void drop(struct fuse *f, uint32_t def)
{
	if (def != FUSE_ENTRY && fuse_val(f, def)->uses < UINT16_MAX)
		fuse_val(f, def)->uses--;
}

void fuse_set(struct fuse *f, struct fuse_src src, unsigned reg, uint32_t def)
{
	if (*src.reg != JIT_NONE)
		drop(f, *src.def);
	*src.reg = (uint8_t)reg;
	*src.def = reg == JIT_NONE ? FUSE_ENTRY : def;
	if (reg != JIT_NONE)
		hold(f, def);
}

void fuse_take_mem(struct fuse *f, uint32_t def)
{
	struct jit_op *t = fuse_op(f, f->i);
	const struct jit_op *d = fuse_op(f, def);

	fuse_set(f, fuse_base(f, f->i), d->base, fuse_val(f, def)->base);
	fuse_set(f, fuse_idx(f, f->i), d->idx, fuse_val(f, def)->idx);
	t->scale = d->scale;
	t->disp = d->disp;
	t->size = d->size;
}

void fuse_kill(struct fuse *f, uint32_t def)
{
	struct jit_op *d = fuse_op(f, def);
	struct fuse_val *v = fuse_val(f, def);
	uint32_t *link = &f->cur[d->dst];

	/* What a call has destroyed since is never asked for again. */
	while (*link != def && *link != FUSE_ENTRY && fuse_op(f, *link)->code < JIT_CALL_HELPER)
		link = &fuse_val(f, *link)->prev;
	if (*link == def)
		*link = v->prev;
	fuse_set(f, fuse_a(f, def), JIT_NONE, 0);
	fuse_set(f, fuse_b(f, def), JIT_NONE, 0);
	fuse_set(f, fuse_base(f, def), JIT_NONE, 0);
	fuse_set(f, fuse_idx(f, def), JIT_NONE, 0);
	d->code = JIT_NOP;
}

/* -- the walk -- */

/* How many bits of operands a and b T looks at. */
static unsigned operand_bits(const struct jit_op *t)
{
	switch (t->code) {
	case JIT_STORE:
	case JIT_SX:
	case JIT_ZX:
	case JIT_BSWAP:
		return t->size * 8u;
	}
	return fuse_is_wide(t) ? 64 : 32;
}

/*
 * Looks up the value of an operand.  One that is a copy becomes what it is a copy of, where that
 * is still at hand and T looks at no more than `bits` bits.
 */
static inline void read_operand(struct fuse *f, struct fuse_src src, unsigned bits)
{
	const struct jit_op *m;

	*src.def = FUSE_ENTRY;
	if (*src.reg == JIT_NONE)
		return;
	*src.def = f->cur[*src.reg];
	hold(f, *src.def);
	m = fuse_made_by(f, *src.def, JIT_MOV);
	if (m && bits <= (fuse_is_wide(m) ? 64 : 32) &&
	    fuse_holds(f, m->a, fuse_val(f, *src.def)->a, NULL, 0))
		fuse_set(f, src, m->a, fuse_val(f, *src.def)->a);
}

static void read_operands(struct fuse *f)
{
	const struct jit_op *t = fuse_op(f, f->i);
	unsigned bits = operand_bits(t);

	/* Registers that a call or an atomic names are fixed, but for an address: no bits. */
	if (t->code == JIT_ATOMIC || t->code >= JIT_CALL_HELPER)
		bits = UINT_MAX;
	fuse_val(f, f->i)->uses = 0;
	fuse_val(f, f->i)->bits = FUSE_UNKNOWN;
	read_operand(f, fuse_a(f, f->i), bits);
	read_operand(f, fuse_b(f, f->i), bits);
	read_operand(f, fuse_base(f, f->i), 64);
	read_operand(f, fuse_idx(f, f->i), 64);
}

/* Values that T's surroundings need: calls' arguments, and what is live where a jump leads. */
static void read_implicit(struct fuse *f)
{
	const struct jit_op *t = fuse_op(f, f->i);
	jit_regs need = 0;

	if (t->code >= JIT_CALL_HELPER)
		need = jit_op_uses(f->j, t);
	else if (t->code == JIT_JCC || t->code == JIT_MAY_GOTO || t->code == JIT_JUMP)
		need = f->j->live_in[t->target];
	for (unsigned r = 0; need; r++, need >>= 1)
		if (need & 1 && r < JIT_FP)
			hold(f, f->cur[r]);
}

static bool writes_memory(const struct jit_op *t)
{
	return t->code == JIT_STORE || t->code == JIT_UPDATE || t->code == JIT_ATOMIC ||
	       (t->code >= JIT_CALL_HELPER && t->code != JIT_EXIT);
}

static void write_results(struct fuse *f)
{
	const struct jit_op *t = fuse_op(f, f->i);

	if (t->dst != JIT_NONE) {
		fuse_val(f, f->i)->prev = f->cur[t->dst];
		f->cur[t->dst] = f->i;
	}
	if (t->code >= JIT_CALL_HELPER) {
		jit_regs regs = jit_op_writes(t);

		for (unsigned r = 0; regs; r++, regs >>= 1)
			if (regs & 1)
				f->cur[r] = f->i;
	}
	if (writes_memory(t)) {
		f->written = f->i;
		f->stored = true;
	}
}

/* A move of a value that has no upper half is a plain copy. */
static void fuse_mov(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);

	if (fuse_bits(f, fuse_val(f, f->i)->a) <= 32)
		t->flags |= JIT_WIDE;
	if (t->dst == t->a && fuse_is_wide(t)) {
		fuse_set(f, fuse_a(f, f->i), JIT_NONE, 0);
		t->code = JIT_NOP;
		t->dst = JIT_NONE;
	}
}

/* Division of values without an upper half needs 32 bits only. */
static void fuse_div(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	const struct fuse_val *v = fuse_val(f, f->i);
	bool small = t->b == JIT_NONE ? t->imm >= 0 : fuse_bits(f, v->b) <= 32;

	if (small && fuse_bits(f, v->a) <= 32)
		t->flags &= ~JIT_WIDE;
}

static void fuse_and(struct fuse *f)
{
	if (!fuse_mask(f))
		fuse_load_operand(f);
}

/* Patterns of which one side is a shift up. */
static bool fuse_shifted(struct fuse *f)
{
	const struct fuse_val *v = fuse_val(f, f->i);

	return (fuse_made_by(f, v->a, JIT_SHL) || fuse_made_by(f, v->b, JIT_SHL)) &&
	       (fuse_wider_load(f) || fuse_rotate(f));
}

static void fuse_commutative(struct fuse *f)
{
	if (!fuse_shifted(f))
		fuse_load_operand(f);
}

static void fuse_sum(struct fuse *f)
{
	if (!fuse_shifted(f)) {
		fuse_add(f);
		fuse_load_operand(f);
	}
}

/* a against a: what looked like a choice is none, or asks for the bits of a. */
static bool fuse_compare_self(struct fuse *f)
{
	struct jit_op *t = fuse_op(f, f->i);
	bool always = t->cc == JIT_EQ || t->cc == JIT_GEU || t->cc == JIT_LEU || t->cc == JIT_GE ||
		      t->cc == JIT_LE;

	if (t->b == JIT_NONE || t->a != t->b)
		return false;
	fuse_set(f, fuse_b(f, f->i), JIT_NONE, 0);
	if (t->cc == JIT_SET || t->cc == JIT_CLEAR) {
		t->cc = t->cc == JIT_SET ? JIT_NE : JIT_EQ;
		t->imm = 0;
		return false;
	}
	fuse_set(f, fuse_a(f, f->i), JIT_NONE, 0);
	if (always)
		jit_always_jumps(f->j, f->i, f->end);
	else
		jit_never_jumps(f->j, f->i);
	return true;
}

static void fuse_jcc(struct fuse *f)
{
	if (!fuse_compare_self(f)) {
		fuse_test(f);
		fuse_load_operand(f);
	}
}

/* A constant index into a known array is a known slot. */
static void fuse_tail_call(struct fuse *f)
{
	const struct skep_map *m = f->j->image->aux[f->i].map;
	struct jit_op *t = fuse_op(f, f->i);
	const struct jit_op *d = fuse_made_by(f, fuse_val(f, f->i)->b, JIT_CONST);
	uint32_t index = d ? (uint32_t)d->imm : 0;

	if (!m || !d || index >= m->max_entries)
		return;
	fuse_set(f, fuse_b(f, f->i), JIT_NONE, 0);
	t->imm = (int32_t)index;
}

static void (*const rules[_JIT_CODE_MAX])(struct fuse *f) = {
	[JIT_MOV] = fuse_mov,
	[JIT_ADD] = fuse_sum,
	[JIT_SUB] = fuse_load_operand,
	[JIT_AND] = fuse_and,
	[JIT_OR] = fuse_commutative,
	[JIT_XOR] = fuse_commutative,
	[JIT_MUL] = fuse_load_operand,
	[JIT_SHR] = fuse_two_shifts,
	[JIT_SAR] = fuse_two_shifts,
	[JIT_BSWAP] = fuse_load_operand,
	[JIT_DIV] = fuse_div,
	[JIT_MOD] = fuse_div,
	[JIT_LOAD] = fuse_address,
	[JIT_STORE] = fuse_store,
	[JIT_LOOKUP] = fuse_address,
	[JIT_LOOKUP_CPU] = fuse_address,
	[JIT_TAIL_CALL] = fuse_tail_call,
	[JIT_JCC] = fuse_jcc,
};

static void begin_stretch(struct fuse *f, uint32_t i)
{
	for (unsigned r = 0; r <= JIT_FP; r++)
		f->cur[r] = FUSE_ENTRY;
	f->top = i;
	f->stored = false;
}

static void fuse_sub(struct fuse *f, const struct prog_sub *sub)
{
	f->end = sub->end;
	begin_stretch(f, sub->start);
	for (f->i = sub->start; f->i < f->end; f->i++) {
		struct jit_op *t = fuse_op(f, f->i);

		if (f->j->label[f->i] || f->i - f->top == FUSE_STRETCH_MAX)
			begin_stretch(f, f->i);
		if (t->code == JIT_NOP)
			continue;
		read_operands(f);
		if (rules[t->code])
			rules[t->code](f);
		read_implicit(f);
		write_results(f);
	}
}

void jit_opt_fuse(struct jit *j)
{
	struct fuse f;

	f.j = j;
	for (uint32_t s = 0; s < j->image->sub_cnt; s++)
		fuse_sub(&f, &j->image->sub[s]);
}
