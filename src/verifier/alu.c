/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alu.c - one arithmetic instruction: what it may work on, and what comes out.
 */
#include "verifier/verifier_int.h"

#define OP_SLOT(op) ((op) >> 4)

/* Operations that bounds can follow, plus 1; 0: the result is an unknown number. */
static const uint8_t alu_ops[16] = {
	[OP_SLOT(BPF_ADD)] = 1 + BOUNDS_ADD,   [OP_SLOT(BPF_SUB)] = 1 + BOUNDS_SUB,
	[OP_SLOT(BPF_MUL)] = 1 + BOUNDS_MUL,   [OP_SLOT(BPF_AND)] = 1 + BOUNDS_AND,
	[OP_SLOT(BPF_OR)] = 1 + BOUNDS_OR,     [OP_SLOT(BPF_XOR)] = 1 + BOUNDS_XOR,
	[OP_SLOT(BPF_LSH)] = 1 + BOUNDS_LSH,   [OP_SLOT(BPF_RSH)] = 1 + BOUNDS_RSH,
	[OP_SLOT(BPF_ARSH)] = 1 + BOUNDS_ARSH, [OP_SLOT(BPF_NEG)] = 1 + BOUNDS_NEG,
};

static const struct bpf_insn *insn_of(const struct verifier *v)
{
	return &v->insns[v->i];
}

static bool is_wide(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_ALU64;
}

static bool is_shift(const struct bpf_insn *insn)
{
	const unsigned op = BPF_OP(insn->code);

	return op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
}

/* The amount of a shift is one number that is no larger than it may be. */
static bool shift_known(const struct bounds *n, bool wide)
{
	return (wide ? bounds_is_const(n) : bounds_low_is_const(n)) &&
	       n->full.umax < (wide ? 64 : 32);
}

/* The value, or its lower half, is all ones or 0: as after an arithmetic shift. */
static bool is_sign(const struct reg *d, bool low)
{
	const struct range *r = low ? &d->n.low : &d->n.full;

	return r->smin == -1 && r->smax == 0;
}

static void set_sign(struct reg *d, bool low, uint64_t v)
{
	if (low)
		bounds_set_low(&d->n, v);
	else
		bounds_const(&d->n, v);
}

/*
 * x s>> 63 & a, x s>> 63 | a: compilers choose between two constants so.  The path at hand goes on
 * with all ones, another one with 0, and takes the instruction once more.
 */
static int fork_sign(struct verifier *v, struct reg *d, const struct reg *s)
{
	const struct bpf_insn *insn = insn_of(v);
	const bool low = !is_sign(d, false);
	struct vstate *other;
	int err;

	if ((BPF_OP(insn->code) != BPF_AND && BPF_OP(insn->code) != BPF_OR) ||
	    !bounds_is_const(&s->n) || !is_sign(d, low))
		return 0;
	other = state_push(v, v->i, v->i, false, &err);
	if (!other)
		return err;
	set_sign(&other->frame[other->cur]->reg[insn->dst_reg], low, 0);
	set_sign(d, low, UINT64_MAX);
	return 0;
}

/* A scalar result: `*d op= *s`. */
static int scalar_alu(struct verifier *v, struct reg *d, const struct reg *s)
{
	const struct bpf_insn *insn = insn_of(v);
	unsigned op = alu_ops[OP_SLOT(BPF_OP(insn->code))];
	int err;

	d->type = SCALAR_VALUE;
	d->off = 0;
	if (!op || reg_absurd(s, !is_wide(insn)) ||
	    (is_shift(insn) && !shift_known(&s->n, is_wide(insn)))) {
		/* Linux forgets the upper half too. */
		reg_unknown(v, d);
		return 0;
	}
	err = fork_sign(v, d, s);
	if (err)
		return err;
	bounds_alu(&d->n, &s->n, (enum bounds_op)(op - 1), !is_wide(insn));
	return reg_check(v, d, "alu");
}

/*
 * r1 = r2; r1 += 8: r1 and r2 go on sharing what comparisons teach, 8 apart.  `was` is r1 before,
 * `by` what is added or subtracted; a sum of 32 bits needs a term that has no upper half.
 */
static void keep_link(struct verifier *v, struct reg *d, const struct reg *was,
		      const struct reg *by)
{
	const struct bpf_insn *insn = insn_of(v);
	const bool wide = is_wide(insn), sub = BPF_OP(insn->code) == BPF_SUB;
	int64_t off = wide ? by->n.full.smin : by->n.low.smin;

	d->id = 0;
	if (!was->id || was->id & ID_ADD_CONST || !v->opts->rights.bpf_capable ||
	    (!sub && BPF_OP(insn->code) != BPF_ADD) ||
	    !(wide ? bounds_is_const(&by->n) : bounds_low_is_const(&by->n)) ||
	    (BPF_SRC(insn->code) == BPF_X && insn->src_reg == insn->dst_reg) ||
	    (!wide && was->n.full.umax > UINT32_MAX))
		return;
	if (off < INT32_MIN || off > INT32_MAX || (sub && off == INT32_MIN))
		return;
	d->id = was->id | (wide ? ID_ADD_64 : ID_ADD_32);
	d->off = (int32_t)(sub ? -off : off);
}

static int binary(struct verifier *v)
{
	const struct bpf_insn *insn = insn_of(v);
	struct reg *regs = cur_regs(v), *d = &regs[insn->dst_reg], imm;
	const struct reg *s = &imm;
	const struct reg was = *d;
	int err = 0;

	if (BPF_SRC(insn->code) == BPF_X)
		s = &regs[insn->src_reg];
	else
		reg_known(&imm, (uint64_t)(int64_t)insn->imm);
	/* Any arithmetic of a pointer into an arena is one. */
	if (d->type == PTR_TO_ARENA || s->type == PTR_TO_ARENA) {
		*d = d->type == PTR_TO_ARENA ? *d : *s;
		return arena_math(v, true);
	}
	err = arena_math(v, false);
	if (err)
		return err;
	if (d->type != SCALAR_VALUE && s->type != SCALAR_VALUE) {
		/* pointer - pointer is a number, for who may know it */
		if (BPF_OP(insn->code) == BPF_SUB && v->opts->rights.allow_ptr_leaks) {
			reg_unknown(v, d);
			return 0;
		}
		return fail(v, -EACCES, "R%u pointer %s pointer prohibited", insn->dst_reg,
			    alu_texts[OP_SLOT(BPF_OP(insn->code))]);
	}
	if (d->type != SCALAR_VALUE || s->type != SCALAR_VALUE) {
		const bool ptr_is_d = d->type != SCALAR_VALUE;
		struct reg ptr = ptr_is_d ? *d : *s, off = ptr_is_d ? *s : *d;

		/* What is added to a pointer decides where it points. */
		if (!ptr_is_d || BPF_SRC(insn->code) == BPF_X)
			err = precise_mark(v, ptr_is_d ? insn->src_reg : insn->dst_reg);
		return err ? err : pointer_alu(v, insn, &ptr, &off);
	}
	err = spec_scalar_alu(v, insn);
	if (err)
		return err;
	err = scalar_alu(v, d, s);
	keep_link(v, d, &was, s);
	return err;
}

/* A copy keeps the relation; 32 bits of it only when the upper half was zero. */
static int mov_reg(struct verifier *v)
{
	const struct bpf_insn *insn = insn_of(v);
	struct reg *s = &cur_regs(v)[insn->src_reg], *d = &cur_regs(v)[insn->dst_reg];
	const unsigned bits = insn->off ? (unsigned)insn->off : is_wide(insn) ? 64 : 32;
	const bool fits =
		s->type == SCALAR_VALUE &&
		s->n.full.umax <= (insn->off ? (UINT64_C(1) << (bits - 1)) - 1 : UINT32_MAX);

	if (is_wide(insn) && !insn->off) {
		reg_link(v, s);
		*d = *s;
		return 0;
	}
	if (reg_is_secret(v, s))
		return fail(v, -EACCES,
			    is_wide(insn) ? "R%u sign-extension part of pointer"
					  : "R%u partial copy of pointer",
			    insn->src_reg);
	if (s->type != SCALAR_VALUE) {
		reg_unknown(v, d);
		if (!is_wide(insn))
			bounds_zext(&d->n, 32);
		return 0;
	}
	if (fits)
		reg_link(v, s);
	*d = *s;
	if (!fits) {
		d->id = 0;
		d->off = 0;
	}
	if (insn->off)
		bounds_sext(&d->n, bits, !is_wide(insn));
	else
		bounds_zext(&d->n, 32);
	return 0;
}

static int mov(struct verifier *v)
{
	const struct bpf_insn *insn = insn_of(v);
	struct reg *d = &cur_regs(v)[insn->dst_reg];

	if (BPF_SRC(insn->code) == BPF_X)
		return mov_reg(v);
	reg_known(d, is_wide(insn) ? (uint64_t)(int64_t)insn->imm : (uint32_t)insn->imm);
	d->precise = !v->opts->rights.bpf_capable;
	return 0;
}

/* Are bytes swapped?  Of an order that is the machine's own, the lowest ones are kept. */
static bool swaps(const struct bpf_insn *insn)
{
	return is_wide(insn) ||
	       BPF_SRC(insn->code) ==
		       (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? BPF_TO_BE : BPF_TO_LE);
}

/* Where bits change their places what ranges said is lost. */
static void byte_order(struct reg *d, const struct bpf_insn *insn)
{
	const unsigned bits = (unsigned)insn->imm;
	const struct tnum was = tnum_low(d->n.bits, bits);

	if (swaps(insn)) {
		bounds_unknown(&d->n);
		d->n.bits = tnum_swap(was, bits / 8);
		bounds_sync(&d->n);
	} else if (bits < 64) {
		bounds_zext(&d->n, bits);
	}
}

/* Negation and byte order: numbers only. */
static int unary(struct verifier *v)
{
	const struct bpf_insn *insn = insn_of(v);
	struct reg *d = &cur_regs(v)[insn->dst_reg];
	int err = 0;

	if (reg_is_secret(v, d))
		return fail(v, -EACCES, "R%u pointer arithmetic prohibited", insn->dst_reg);
	if (d->type != SCALAR_VALUE)
		reg_unknown(v, d);
	else if (BPF_OP(insn->code) == BPF_END)
		byte_order(d, insn);
	else
		err = scalar_alu(v, d, d);
	if (BPF_OP(insn->code) == BPF_END && insn->imm == 64 && !swaps(insn))
		return err; /* nothing has happened */
	d->id = 0;
	d->off = 0;
	return err;
}

int alu_step(struct verifier *v)
{
	const struct bpf_insn *insn = insn_of(v);
	const unsigned op = BPF_OP(insn->code);
	int err = 0;

	if (BPF_SRC(insn->code) == BPF_X && op != BPF_END)
		err = reg_read(v, insn->src_reg);
	if (!err && op != BPF_MOV)
		err = reg_read(v, insn->dst_reg);
	if (!err)
		err = reg_write(v, insn->dst_reg);
	if (err)
		return err;
	if (op == BPF_MOV && BPF_SRC(insn->code) == BPF_X && insn->off == SKEP_ADDR_SPACE_CAST)
		return arena_cast(v);
	if (op == BPF_MOV)
		return mov(v);
	if (op == BPF_NEG || op == BPF_END)
		return unary(v);
	return binary(v);
}
