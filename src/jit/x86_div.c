/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86_div.c - division on x86-64: by a register with BPF's rules for 0 and -1, by constants
 * without `div`.
 *
 * `div` wants rdx:rax, which are r3 and r0.  They are kept in r9 and r10 meanwhile, where their
 * values are still needed.  The result is built in r11, which holds what a divisor of 0 gives
 * until then: one branch over the division serves that case.
 */
#include "jit/x86_int.h"

static bool is_mod(const struct jit_op *op)
{
	return op->code == JIT_MOD || op->code == JIT_SMOD;
}

/* Must the value of BPF register r survive op? */
static bool keeps(const struct jit_op *op, unsigned r)
{
	return op->dst != r && (op->live & jit_bit(r));
}

/* r11 = what a divisor of 0 gives. */
static void by_zero(struct jit *j, const struct jit_op *op)
{
	if (is_mod(op))
		x86_mov(j, x86_w(op), R11, x86_src(j, op->a, R11));
	else
		x86_mov_imm(j, R11, 0, false);
}

/* r11 = op's a / b or a % b; b is a machine register, not r9 nor r10, and not zero. */
static void divide(struct jit *j, const struct jit_op *op, unsigned b, bool is_signed)
{
	unsigned w = x86_w(op), a;
	bool keep_rax = keeps(op, BPF_REG_0) || b == RAX,
	     keep_rdx = keeps(op, BPF_REG_3) || b == RDX;

	if (keep_rax)
		x86_mov(j, X86_W, R10, RAX);
	if (keep_rdx)
		x86_mov(j, X86_W, R9, RDX);
	a = x86_src(j, op->a, RAX);
	if (a != RAX)
		x86_mov(j, w, RAX, a);
	if (is_signed)
		x86_opcode(j, X86_CQO | w, 0, false);
	else
		x86_rr(j, X86_XOR, RDX, RDX);
	b = b == RAX ? R10 : b == RDX ? R9 : b;
	x86_rr(j, X86_GRP3 | w, is_signed ? X86_D_IDIV : X86_D_DIV, b);
	x86_mov(j, w, R11, is_mod(op) ? RDX : RAX);
	if (keep_rax)
		x86_mov(j, X86_W, RAX, R10);
	if (keep_rdx)
		x86_mov(j, X86_W, RDX, R9);
}

static void div_reg(struct jit *j, const struct jit_op *op)
{
	unsigned w = x86_w(op), b = x86_src(j, op->b, R11);
	uint8_t *zero;

	if (op->b == JIT_FP) { /* an address is not zero */
		divide(j, op, b, false);
	} else {
		by_zero(j, op);
		x86_rr(j, X86_TEST | w, b, b);
		zero = x86_jcc_forth(j, X86_CC_E);
		divide(j, op, b, false);
		x86_here(j, zero);
	}
	x86_mov(j, X86_W, x86_regs[op->dst], R11);
}

/*
 * Division of `bits`-bit numbers by a constant d that is no power of two, after Granlund and
 * Montgomery: with 2^(l-1) < d < 2^l and m = floor(2^(bits+l-1) / d) + 1,
 *
 *	a / d = a * m >> (bits + l - 1)		where m * d - 2^(bits+l-1) <= 2^(l-1)
 *
 * and otherwise m needs one bit more than there is, so with m' = floor(2^(bits+l) / d) + 1 - 2^bits
 * and t = a * m' >> bits: a / d = ((a - t >> 1) + t) >> (l - 1).
 */
struct magic {
	uint64_t m;
	unsigned shift; /* l - 1 */
	bool fixup;	/* the second form */
};

static struct magic magic_of(uint64_t d, unsigned bits)
{
	unsigned l = 64 - (unsigned)__builtin_clzll(d);
	unsigned __int128 p = (unsigned __int128)1 << (bits + l - 1);
	struct magic g = { .m = (uint64_t)(p / d) + 1, .shift = l - 1 };
	uint64_t excess = (uint64_t)(d - (uint64_t)(p % d));

	if (excess > (UINT64_C(1) << (l - 1))) {
		/* floor(2 p / d) from floor(p / d): the remainder may be another d */
		uint64_t r = (uint64_t)(p % d);

		g.m = 2 * (uint64_t)(p / d) + (r >= d - r) + 1; /* its top bit falls off */
		g.fixup = true;
	}
	if (bits == 32)
		g.m = (uint32_t)g.m;
	return g;
}

/* r10 = upper half of a * m, for 64 bits; r11 and r9 are lost. */
static void multiply_high(struct jit *j, unsigned a, uint64_t m)
{
	if (x86_cpu.bmi2 && a == RDX) {
		x86_mov_imm(j, R11, m, true);
		x86_rrv(j, X86_MULX | X86_W, R10, R11, R11);
		return;
	}
	x86_mov(j, X86_W, R9, RDX);
	if (x86_cpu.bmi2) {
		x86_mov_imm(j, RDX, m, true);
		x86_rrv(j, X86_MULX | X86_W, R10, a, R11);
	} else {
		x86_mov(j, X86_W, R11, RAX);
		x86_mov(j, X86_W, R10, a);
		x86_mov_imm(j, RAX, m, true);
		x86_rr(j, X86_GRP3 | X86_W, X86_D_MUL, R10);
		x86_mov(j, X86_W, R10, RDX);
		x86_mov(j, X86_W, RAX, R11);
	}
	x86_mov(j, X86_W, RDX, R9);
}

/* r10 = a / d; a is not r9 to r11. */
static void divide_by_magic(struct jit *j, unsigned w, unsigned a, uint64_t d)
{
	struct magic g = magic_of(d, w ? 64 : 32);

	if (w) {
		multiply_high(j, a, g.m);
	} else {
		x86_mov(j, 0, R10, a);
		x86_mov_imm(j, R11, g.m, true);
		x86_rr(j, X86_IMUL | X86_W, R10, R11);
		x86_shift_imm(j, X86_W, X86_D_SHR, R10, g.fixup ? 32 : 32 + g.shift);
	}
	if (g.fixup) {
		x86_mov(j, w, R11, a);
		x86_rr(j, X86_SUB | w, R11, R10);
		x86_shift_imm(j, w, X86_D_SHR, R11, 1);
		x86_rr(j, X86_ADD | w, R10, R11);
	}
	if ((w || g.fixup) && g.shift)
		x86_shift_imm(j, w, X86_D_SHR, R10, g.shift);
}

/* dst = a - r10 * d */
static void remainder_of(struct jit *j, unsigned w, unsigned dst, unsigned a, int32_t d)
{
	x86_rr(j, X86_IMUL_IMM32 | w, R10, R10);
	x86_put32(j, d);
	if (dst != a)
		x86_mov(j, w, dst, a);
	x86_rr(j, X86_SUB | w, dst, R10);
}

static void div_pow2(struct jit *j, const struct jit_op *op, unsigned a, uint64_t d)
{
	unsigned w = x86_w(op), dst = x86_regs[op->dst], shift = (unsigned)__builtin_ctzll(d);

	if (!is_mod(op)) {
		if (dst != a || shift == 0)
			x86_mov(j, w, dst, a);
		if (shift)
			x86_shift_imm(j, w, X86_D_SHR, dst, shift);
	} else {
		if (dst != a)
			x86_mov(j, w, dst, a);
		x86_alu_imm(j, w, X86_D_AND, dst, (int32_t)(d - 1));
	}
}

/* The constant is sign-extended to the operation's width and taken as unsigned. */
static void div_imm(struct jit *j, const struct jit_op *op)
{
	unsigned w = x86_w(op), dst = x86_regs[op->dst], a = x86_src(j, op->a, dst);
	uint64_t d = w ? (uint64_t)(int64_t)op->imm : (uint32_t)op->imm;

	if (d == 0) {
		if (is_mod(op))
			x86_mov(j, w, dst, a);
		else
			x86_mov_imm(j, dst, 0, false);
	} else if (IS_POW2(d)) {
		div_pow2(j, op, a, d);
	} else {
		divide_by_magic(j, w, a, d);
		if (is_mod(op))
			remainder_of(j, w, dst, a, op->imm);
		else
			x86_mov(j, X86_W, dst, R10);
	}
}

void x86_lower_div(struct jit *j, const struct jit_op *op)
{
	if (op->b == JIT_NONE)
		div_imm(j, op);
	else
		div_reg(j, op);
}

/* r11 = what a divisor of -1 gives. */
static void by_minus_one(struct jit *j, const struct jit_op *op)
{
	if (is_mod(op)) {
		x86_mov_imm(j, R11, 0, false);
	} else {
		x86_mov(j, x86_w(op), R11, x86_src(j, op->a, R11));
		x86_rr(j, X86_GRP3 | x86_w(op), X86_D_NEG, R11);
	}
}

static void sdiv_imm(struct jit *j, const struct jit_op *op)
{
	if (op->imm == -1) {
		by_minus_one(j, op);
	} else if (op->imm == 0) {
		by_zero(j, op);
	} else {
		x86_mov_imm(j, R11, (uint64_t)(int64_t)op->imm, true);
		divide(j, op, R11, true);
	}
	x86_mov(j, X86_W, x86_regs[op->dst], R11);
}

static void sdiv_reg(struct jit *j, const struct jit_op *op)
{
	unsigned w = x86_w(op), b = x86_src(j, op->b, R11);
	uint8_t *minus_one, *zero;

	if (op->b == JIT_FP) { /* an address is neither -1 nor 0 */
		divide(j, op, b, true);
	} else {
		by_minus_one(j, op);
		x86_alu_imm(j, w, X86_D_CMP, b, -1);
		minus_one = x86_jcc_forth(j, X86_CC_E);
		by_zero(j, op);
		x86_rr(j, X86_TEST | w, b, b);
		zero = x86_jcc_forth(j, X86_CC_E);
		divide(j, op, b, true);
		x86_here(j, minus_one);
		x86_here(j, zero);
	}
	x86_mov(j, X86_W, x86_regs[op->dst], R11);
}

void x86_lower_sdiv(struct jit *j, const struct jit_op *op)
{
	if (op->b == JIT_NONE)
		sdiv_imm(j, op);
	else
		sdiv_reg(j, op);
}
