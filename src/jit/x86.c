/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86.c - x86-64 lowering: moves, arithmetic, jumps, and the target's table.
 *
 * Every function handles its op for any choice of registers: dst may be any of the sources.
 */
#include "jit/x86_int.h"

#include <cpuid.h>

struct x86_cpu x86_cpu;

const uint8_t x86_regs[JIT_NONE + 1] = {
	RAX, RDI, RSI, RDX, RCX, R8, RBX, RBP, R14, R15, [JIT_FP... JIT_NONE] = X86_NONE,
};

struct x86_mem x86_mem_of(struct jit *j, unsigned base, unsigned idx, unsigned scale, int32_t disp)
{
	struct x86_mem m = { .base = X86_NONE, .idx = X86_NONE, .scale = (uint8_t)scale };

	if (idx == JIT_FP && scale == 0 && base != JIT_FP) {
		idx = base;
		base = JIT_FP;
	}
	if (idx != JIT_NONE)
		m.idx = (uint8_t)x86_src(j, idx, R11);
	if (base == JIT_FP) {
		m.base = RSP;
		disp += j->fp;
	} else if (base != JIT_NONE) {
		m.base = x86_regs[base];
	}
	/* A base of the rbp kind costs a displacement byte, as an index it does not. */
	if ((m.base & 7) == RBP && m.base != X86_NONE && m.idx != X86_NONE && scale == 0 &&
	    disp == 0 && (m.idx & 7) != RBP) {
		m.base ^= m.idx;
		m.idx ^= m.base;
		m.base ^= m.idx;
	}
	m.disp = disp;
	return m;
}

/* The instruction from `start` to here left the flags of op's result. */
static void tell_flags(struct jit *j, const struct jit_op *op, uint32_t start, unsigned kind)
{
	j->flags_reg = op->dst;
	j->flags_kind = (uint8_t)(kind | (op->flags & JIT_WIDE ? X86_TELL_WIDE : 0));
	j->flags_start = start;
	j->flags_end = jit_here(j);
}

/* Is op's successor a jump that the current flags could serve? */
static bool flags_are_wanted(const struct jit *j, const struct jit_op *op)
{
	const struct jit_op *next = op + 1;

	return j->flags_reg != JIT_NONE && next < j->ops + j->n && next->code == JIT_JCC &&
	       next->a == j->flags_reg;
}

static void lower_const(struct jit *j, const struct jit_op *op)
{
	x86_mov_imm(j, x86_regs[op->dst], jit_imm64(op), flags_are_wanted(j, op));
}

static void lower_mov(struct jit *j, const struct jit_op *op)
{
	unsigned dst = x86_regs[op->dst];

	x86_mov(j, x86_w(op), dst, x86_src(j, op->a, dst));
}

static void lower_sx(struct jit *j, const struct jit_op *op)
{
	static const uint16_t opcode[5] = {
		[1] = X86_MOVSX8 | X86_BYTE_RM,
		[2] = X86_MOVSX16,
		[4] = X86_MOVSXD,
	};

	x86_rr(j, opcode[op->size] | x86_w(op), x86_regs[op->dst], x86_src(j, op->a, R11));
}

static void lower_zx(struct jit *j, const struct jit_op *op)
{
	unsigned opcode = op->size == 1 ? X86_MOVZX8 | X86_BYTE_RM : X86_MOVZX16;

	x86_rr(j, opcode, x86_regs[op->dst], x86_src(j, op->a, R11));
}

static void lower_bswap(struct jit *j, const struct jit_op *op)
{
	unsigned dst = x86_regs[op->dst], w = op->size == 8 ? X86_W : 0;

	if (op->flags & JIT_MEM) {
		x86_rm(j, X86_MOVBE | w, dst, x86_op_mem(j, op));
	} else {
		unsigned a = x86_src(j, op->a, R11);

		if (dst != a)
			x86_mov(j, w, dst, a);
		x86_opcode(j, 0xc8 | (dst & 7) | X86_MAP_0F | w, dst >> 3, false);
	}
	if (op->size == 2)
		x86_shift_imm(j, 0, X86_D_SHR, dst, 16);
}

static void lower_neg(struct jit *j, const struct jit_op *op)
{
	unsigned dst = x86_regs[op->dst], a = x86_src(j, op->a, R11);
	uint32_t start;

	if (dst != a)
		x86_mov(j, x86_w(op), dst, a);
	start = jit_here(j);
	x86_rr(j, X86_GRP3 | x86_w(op), X86_D_NEG, dst);
	tell_flags(j, op, start, X86_TELL_ZERO);
}

/* Two-operand opcodes and GRP1 digits of what x86 has as dst op= y. */
static const struct alu {
	uint16_t opcode;
	uint8_t digit;
	uint8_t tells; /* of the flags afterwards */
	bool commutative;
} alus[] = {
	[JIT_ADD] = { X86_ADD, X86_D_ADD, X86_TELL_ZERO, true },
	[JIT_SUB] = { X86_SUB, X86_D_SUB, X86_TELL_ZERO, false },
	[JIT_AND] = { X86_AND, X86_D_AND, X86_TELL_ZERO | X86_TELL_LOGIC, true },
	[JIT_OR] = { X86_OR, X86_D_OR, X86_TELL_ZERO | X86_TELL_LOGIC, true },
	[JIT_XOR] = { X86_XOR, X86_D_XOR, X86_TELL_ZERO | X86_TELL_LOGIC, true },
	[JIT_MUL] = { X86_IMUL, 0, 0, true },
};

static void tell_alu(struct jit *j, const struct jit_op *op, uint32_t start)
{
	if (alus[op->code].tells)
		tell_flags(j, op, start, alus[op->code].tells);
}

/* dst = a op m */
static void lower_alu_mem(struct jit *j, const struct jit_op *op)
{
	unsigned w = x86_w(op), dst = x86_regs[op->dst];
	bool clash = op->dst != op->a && (op->dst == op->base || op->dst == op->idx);
	unsigned acc = clash ? R10 : dst;
	struct x86_mem m = x86_op_mem(j, op);
	uint32_t start;

	if (op->dst != op->a)
		x86_mov(j, w, acc, x86_src(j, op->a, R9));
	start = jit_here(j);
	x86_rm(j, alus[op->code].opcode | w, acc, m);
	if (clash)
		x86_mov(j, X86_W, dst, acc);
	else
		tell_alu(j, op, start);
}

/* dst = a op b */
static void lower_alu_reg(struct jit *j, const struct jit_op *op)
{
	const struct alu *alu = &alus[op->code];
	unsigned w = x86_w(op), dst = x86_regs[op->dst];
	unsigned a = x86_src(j, op->a, R10), b = x86_src(j, op->b, R11);
	uint32_t start;

	if (dst == b && alu->commutative) {
		b = a;
	} else if (dst == b && dst != a) { /* dst = a - dst */
		x86_rr(j, X86_GRP3 | w, X86_D_NEG, dst);
		alu = &alus[JIT_ADD];
		b = a;
	} else if (dst != a) {
		x86_mov(j, w, dst, a);
	}
	start = jit_here(j);
	x86_rr(j, alu->opcode | w, dst, b);
	tell_alu(j, op, start);
}

static void lower_alu_imm(struct jit *j, const struct jit_op *op)
{
	const struct alu *alu = &alus[op->code];
	unsigned dst = x86_regs[op->dst], a = x86_src(j, op->a, R11);
	unsigned w = x86_w(op);
	uint32_t start;

	if (op->code == JIT_AND && op->imm >= 0)
		w = 0; /* the upper half is zero either way */
	if (dst != a)
		x86_mov(j, w, dst, a);
	start = jit_here(j);
	x86_alu_imm(j, w, alu->digit, dst, op->imm);
	tell_alu(j, op, start);
}

static void lower_alu(struct jit *j, const struct jit_op *op)
{
	if (op->flags & JIT_MEM)
		lower_alu_mem(j, op);
	else if (op->b != JIT_NONE)
		lower_alu_reg(j, op);
	else
		lower_alu_imm(j, op);
}

static void lower_and(struct jit *j, const struct jit_op *op)
{
	bool reg = op->b != JIT_NONE || op->flags & JIT_MEM;

	if (!reg && (op->imm == 0xff || op->imm == 0xffff)) {
		unsigned opcode = op->imm == 0xff ? X86_MOVZX8 | X86_BYTE_RM : X86_MOVZX16;

		x86_rr(j, opcode, x86_regs[op->dst], x86_src(j, op->a, R11));
	} else {
		lower_alu(j, op);
	}
}

static void lower_xor(struct jit *j, const struct jit_op *op)
{
	unsigned dst = x86_regs[op->dst];

	if (op->b == JIT_NONE && !(op->flags & JIT_MEM) && op->imm == -1) {
		if (op->dst != op->a)
			x86_mov(j, x86_w(op), dst, x86_src(j, op->a, dst));
		x86_rr(j, 0xf7 | x86_w(op), X86_D_NOT, dst);
	} else {
		lower_alu(j, op);
	}
}

/* dst = a + imm */
static void lower_add_imm(struct jit *j, const struct jit_op *op, int32_t imm)
{
	unsigned w = x86_w(op), dst = x86_regs[op->dst];
	uint32_t start = jit_here(j);

	if (op->dst != op->a || op->a == JIT_FP) {
		if (imm == 0 && op->a != JIT_FP)
			x86_mov(j, w, dst, x86_regs[op->a]);
		else
			x86_rm(j, X86_LEA | w, dst, x86_mem_of(j, op->a, JIT_NONE, 0, imm));
		return;
	}
	if (imm == 0) {
		x86_mov(j, w, dst, dst);
		return;
	}
	if (imm == 128) /* -128 is a byte */
		x86_alu_imm(j, w, X86_D_SUB, dst, -128);
	else
		x86_alu_imm(j, w, X86_D_ADD, dst, imm);
	tell_flags(j, op, start, X86_TELL_ZERO);
}

static void lower_add(struct jit *j, const struct jit_op *op)
{
	if (op->flags & JIT_MEM) {
		lower_alu_mem(j, op);
	} else if (op->b == JIT_NONE) {
		lower_add_imm(j, op, op->imm);
	} else if (op->scale == 0 && op->imm == 0 && (op->dst == op->a || op->dst == op->b) &&
		   op->a != JIT_NONE) {
		lower_alu_reg(j, op);
	} else {
		x86_rm(j, X86_LEA | x86_w(op), x86_regs[op->dst],
		       x86_mem_of(j, op->a, op->b, op->scale, op->imm));
	}
}

static void lower_sub(struct jit *j, const struct jit_op *op)
{
	bool imm = op->b == JIT_NONE && !(op->flags & JIT_MEM);

	if (imm && op->dst != op->a && op->imm != INT32_MIN)
		lower_add_imm(j, op, -op->imm);
	else
		lower_alu(j, op);
}

static void lower_mul(struct jit *j, const struct jit_op *op)
{
	unsigned w = x86_w(op), dst = x86_regs[op->dst];
	unsigned a;

	if (op->b != JIT_NONE || op->flags & JIT_MEM) {
		lower_alu(j, op);
		return;
	}
	a = x86_src(j, op->a, R11);
	x86_rr(j, (is_imm8(op->imm) ? X86_IMUL_IMM8 : X86_IMUL_IMM32) | w, dst, a);
	if (is_imm8(op->imm))
		x86_put8(j, (uint8_t)op->imm);
	else
		x86_put32(j, op->imm);
}

/* Opcodes of the four shifts: GRP2 digit, and BMI2 form. */
static const struct shift {
	uint8_t digit;
	uint16_t vex;
} shifts[] = {
	[JIT_SHL] = { X86_D_SHL, X86_SHLX },
	[JIT_SHR] = { X86_D_SHR, X86_SHRX },
	[JIT_SAR] = { X86_D_SAR, X86_SARX },
	[JIT_ROR] = { X86_D_ROR, 0 },
};

/* Without BMI2 the count must be in cl, which is r4's. */
static void lower_shift_cl(struct jit *j, const struct jit_op *op, unsigned a, unsigned b)
{
	unsigned w = x86_w(op), dst = x86_regs[op->dst];
	bool save = b != RCX && dst != RCX;

	x86_mov(j, X86_W, R9, a);
	if (save)
		x86_mov(j, X86_W, R10, RCX);
	x86_mov(j, X86_W, RCX, b);
	x86_rr(j, X86_GRP2_CL | w, shifts[op->code].digit, R9);
	if (save)
		x86_mov(j, X86_W, RCX, R10);
	x86_mov(j, X86_W, dst, R9);
}

static void lower_shift_imm(struct jit *j, const struct jit_op *op)
{
	unsigned w = x86_w(op), dst = x86_regs[op->dst], a = x86_src(j, op->a, R11);
	unsigned count = (unsigned)op->imm & (w ? 63 : 31);
	uint32_t start;

	if (op->code == JIT_ROR && dst != a && x86_cpu.bmi2) {
		x86_rorx(j, w, dst, a, count);
		return;
	}
	if (dst != a || count == 0)
		x86_mov(j, w, dst, a);
	if (count == 0)
		return;
	start = jit_here(j);
	x86_shift_imm(j, w, shifts[op->code].digit, dst, count);
	if (op->code != JIT_ROR)
		tell_flags(j, op, start, X86_TELL_ZERO);
}

static void lower_shift(struct jit *j, const struct jit_op *op)
{
	unsigned a, b;

	if (op->b == JIT_NONE) {
		lower_shift_imm(j, op);
		return;
	}
	a = x86_src(j, op->a, R10);
	b = x86_src(j, op->b, R11);
	if (x86_cpu.bmi2)
		x86_rrv(j, shifts[op->code].vex | x86_w(op), x86_regs[op->dst], a, b);
	else
		lower_shift_cl(j, op, a, b);
}

static const uint8_t x86_ccs[] = {
	[JIT_CLEAR] = X86_CC_E, [JIT_EQ] = X86_CC_E,   [JIT_NE] = X86_CC_NE, [JIT_LTU] = X86_CC_B,
	[JIT_GEU] = X86_CC_AE,	[JIT_LEU] = X86_CC_BE, [JIT_GTU] = X86_CC_A, [JIT_LT] = X86_CC_L,
	[JIT_GE] = X86_CC_GE,	[JIT_LE] = X86_CC_LE,  [JIT_GT] = X86_CC_G,  [JIT_SET] = X86_CC_NE,
};

/* The condition on the flags as they are that decides op, or -1: a compare is needed. */
static int cc_by_flags(const struct jit *j, const struct jit_op *op)
{
	bool wide = j->flags_kind & X86_TELL_WIDE;

	if (op->a != j->flags_reg || op->b != JIT_NONE || op->flags & JIT_MEM || op->imm != 0 ||
	    op->cc >= JIT_SET)
		return -1;
	/* The upper half of a 32-bit result is zero: equality with 0 says the same of 64 bits. */
	if (op->cc == JIT_EQ || op->cc == JIT_NE)
		return wide && !(op->flags & JIT_WIDE) ? -1 : x86_ccs[op->cc];
	if (wide != !!(op->flags & JIT_WIDE))
		return -1;
	if (j->flags_kind & X86_TELL_LOGIC)
		return x86_ccs[op->cc];
	return op->cc == JIT_LT ? X86_CC_S : op->cc == JIT_GE ? X86_CC_NS : -1;
}

/* test a, imm */
static void test_imm(struct jit *j, unsigned w, unsigned a, int32_t imm)
{
	if (imm >= 0 && imm <= INT8_MAX) {
		x86_rr(j, X86_GRP3_8 | X86_BYTE_RM, X86_D_TEST, a);
		x86_put8(j, (uint8_t)imm);
	} else {
		x86_rr(j, X86_GRP3 | (imm < 0 ? w : 0), X86_D_TEST, a);
		x86_put32(j, imm);
	}
}

/* An opcode for operands of `size` bytes, by its forms for a byte and for more. */
static unsigned sized(unsigned byte, unsigned opcode, unsigned size)
{
	return size == 1 ? byte : opcode | (size == 2 ? X86_PP_66 : size == 8 ? X86_W : 0);
}

/* Sets the flags by m against imm. */
static void compare_mem_imm(struct jit *j, const struct jit_op *op, struct x86_mem m)
{
	bool test = op->cc >= JIT_SET, imm8 = is_imm8(op->imm) && !test;
	unsigned opcode = test ? X86_GRP3 : imm8 ? X86_GRP1_IMM8 : X86_GRP1;

	opcode = sized(test ? X86_GRP3_8 : X86_GRP1_8, opcode, op->size);
	x86_rm(j, opcode, test ? X86_D_TEST : X86_D_CMP, m);
	x86_put8(j, (uint8_t)op->imm);
	if (op->size == 1 || imm8)
		return;
	x86_put8(j, (uint8_t)(op->imm >> 8));
	if (op->size > 2) {
		x86_put8(j, (uint8_t)(op->imm >> 16));
		x86_put8(j, (uint8_t)(op->imm >> 24));
	}
}

/* Sets the flags by a against y where one of them is m. */
static void compare_mem(struct jit *j, const struct jit_op *op)
{
	struct x86_mem m = x86_op_mem(j, op);

	if (op->cc >= JIT_SET && (op->flags & JIT_MEM || op->b != JIT_NONE))
		x86_rm(j, sized(X86_TEST8, X86_TEST, op->size),
		       x86_src(j, op->flags & JIT_MEM ? op->a : op->b, R10), m);
	else if (op->flags & JIT_MEM)
		x86_rm(j, sized(X86_CMP8, X86_CMP, op->size), x86_src(j, op->a, R10), m);
	else if (op->b != JIT_NONE)
		x86_rm(j, sized(X86_CMP_MR8, X86_CMP_MR, op->size), x86_src(j, op->b, R10), m);
	else
		compare_mem_imm(j, op, m);
}

/* Sets the flags by a against y. */
static void compare(struct jit *j, const struct jit_op *op)
{
	unsigned w = x86_w(op), a;

	if (op->base != JIT_NONE || op->idx != JIT_NONE) {
		compare_mem(j, op);
		return;
	}
	a = x86_src(j, op->a, R10);
	if (op->b != JIT_NONE) {
		x86_rr(j, (op->cc >= JIT_SET ? X86_TEST : X86_CMP) | w, a, x86_src(j, op->b, R11));
	} else if (op->cc >= JIT_SET) {
		test_imm(j, w, a, op->imm);
	} else if (op->imm == 0) {
		uint32_t start = jit_here(j);

		x86_rr(j, X86_TEST | w, a, a);
		j->flags_reg = op->a;
		j->flags_kind = (uint8_t)(X86_TELL_ZERO | X86_TELL_LOGIC | (w ? X86_TELL_WIDE : 0));
		j->flags_start = start;
		j->flags_end = jit_here(j);
	} else {
		x86_alu_imm(j, w, X86_D_CMP, a, op->imm);
	}
}

static void lower_jcc(struct jit *j, const struct jit_op *op)
{
	int cc = j->flags_reg == JIT_NONE ? -1 : cc_by_flags(j, op);
	uint32_t start = jit_here(j);

	if (cc < 0) {
		cc = x86_ccs[op->cc];
		compare(j, op);
	} else if (j->flags_end == start && j->flags_start >= j->frag[j->nr_frags - 1].start) {
		start = j->flags_start;
	}
	jit_end_frag(j, (uint8_t)cc, op->target, (uint8_t)(jit_here(j) - start));
}

static void lower_cast(struct jit *j, const struct jit_op *op)
{
	unsigned dst = x86_regs[op->dst];
	uint8_t *none = NULL;

	x86_mov(j, 0, dst, x86_src(j, op->a, R10));
	if (op->cc == JIT_NE) {
		x86_rr(j, X86_TEST, dst, dst);
		none = x86_jcc_forth(j, X86_CC_E);
	}
	x86_mov_imm(j, R11, jit_imm64(op), true);
	x86_rr(j, X86_ADD | X86_W, dst, R11);
	if (none)
		x86_here(j, none);
}

static void lower_jump(struct jit *j, const struct jit_op *op)
{
	jit_end_frag(j, JIT_ALWAYS, op->target, 0);
}

static const x86_lower_fn lower_fns[_JIT_CODE_MAX] = {
	[JIT_CONST] = lower_const,
	[JIT_MOV] = lower_mov,
	[JIT_SX] = lower_sx,
	[JIT_ZX] = lower_zx,
	[JIT_BSWAP] = lower_bswap,
	[JIT_NEG] = lower_neg,
	[JIT_ADD] = lower_add,
	[JIT_SUB] = lower_sub,
	[JIT_AND] = lower_and,
	[JIT_OR] = lower_alu,
	[JIT_XOR] = lower_xor,
	[JIT_MUL] = lower_mul,
	[JIT_SHL] = lower_shift,
	[JIT_SHR] = lower_shift,
	[JIT_SAR] = lower_shift,
	[JIT_ROR] = lower_shift,
	[JIT_DIV] = x86_lower_div,
	[JIT_MOD] = x86_lower_div,
	[JIT_SDIV] = x86_lower_sdiv,
	[JIT_SMOD] = x86_lower_sdiv,
	[JIT_CAST] = lower_cast,
	[JIT_LOAD] = x86_lower_load,
	[JIT_STORE] = x86_lower_store,
	[JIT_UPDATE] = x86_lower_update,
	[JIT_ATOMIC] = x86_lower_atomic,
	[JIT_JUMP] = lower_jump,
	[JIT_JCC] = lower_jcc,
	[JIT_MAY_GOTO] = x86_lower_may_goto,
	[JIT_CALL_HELPER] = x86_lower_helper,
	[JIT_CALL_MAP] = x86_lower_call_map,
	[JIT_CALL_KFUNC] = x86_lower_kfunc,
	[JIT_CALL_SUB] = x86_lower_call_sub,
	[JIT_CALLX] = x86_lower_callx,
	[JIT_TAIL_CALL] = x86_lower_tail_call,
	[JIT_LOOKUP] = x86_lower_lookup,
	[JIT_LOOKUP_CPU] = x86_lower_lookup,
	[JIT_LD_ABS] = x86_lower_ld_abs,
	[JIT_FUNC] = x86_lower_func,
	[JIT_KPTR] = x86_lower_probe,
	[JIT_PROBE] = x86_lower_probe,
	[JIT_EXIT] = x86_lower_exit,
};

static void x86_lower(struct jit *j, const struct jit_op *op)
{
	uint32_t told = j->flags_end;

	lower_fns[op->code](j, op);
	/* Flags that tell of an older value of dst tell nothing. */
	if (op->dst == j->flags_reg && j->flags_end == told)
		j->flags_reg = JIT_NONE;
}

static void x86_put_jump(uint8_t *p, uint8_t cc, bool near, int32_t distance)
{
	if (cc == JIT_ALWAYS) {
		*p++ = near ? X86_JMP_REL32 : X86_JMP_REL8;
	} else if (near) {
		*p++ = 0x0f;
		*p++ = X86_JCC_REL32 | cc;
	} else {
		*p++ = X86_JCC_REL8 | cc;
	}
	if (near)
		memcpy(p, &distance, 4);
	else
		*p = (uint8_t)distance;
}

static void x86_put_nops(uint8_t *p, uint32_t n)
{
	/* The forms that both vendors' manuals recommend. */
	static const uint8_t nop[10][9] = {
		[1] = { 0x90 },
		[2] = { 0x66, 0x90 },
		[3] = { 0x0f, 0x1f, 0x00 },
		[4] = { 0x0f, 0x1f, 0x40, 0x00 },
		[5] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		[6] = { 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		[7] = { 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 },
		[8] = { 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
		[9] = { 0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
	};

	while (n > 0) {
		uint32_t len = MIN(n, 9);

		memcpy(p, nop[len], len);
		p += len;
		n -= len;
	}
}

/* lfence */
static void x86_barrier(struct jit *j)
{
	x86_put8(j, 0x0f);
	x86_put8(j, 0xae);
	x86_put8(j, 0xe8);
}

static struct jit_target x86_target = {
	.name = "x86-64",
	.entry_align = 16,
	.loop_align = 32,
	.loop_line = 64,
	.mem_operands = true,
	.jump_short = 2,
	.jump_near = 5,
	.jcc_short = 2,
	.jcc_near = 6,
	.short_min = INT8_MIN,
	.short_max = INT8_MAX,
	.prologue = x86_prologue,
	.lower = x86_lower,
	.barrier = x86_barrier,
	.thunk = x86_thunk,
	.tail_thunk = x86_tail_thunk,
	.put_jump = x86_put_jump,
	.put_nops = x86_put_nops,
};

const struct jit_target *const jit_host_target = &x86_target;

/* Intel's Skylake to Comet Lake (erratum SKX102 and its siblings). */
static bool has_jcc_erratum(unsigned family, unsigned model)
{
	static const uint8_t models[] = { 0x4e, 0x55, 0x5e, 0x8e, 0x9e, 0xa5, 0xa6 };

	return family == 6 && memchr(models, (int)model, sizeof(models));
}

__attribute__((constructor)) static void x86_probe(void)
{
	unsigned a, b, c, d, max = __get_cpuid_max(0, &b);
	bool intel = b == signature_INTEL_ebx;

	if (__get_cpuid(1, &a, &b, &c, &d)) {
		unsigned family = a >> 8 & 15, model = (a >> 4 & 15) | (a >> 12 & 0xf0);

		x86_cpu.movbe = c & bit_MOVBE;
		x86_cpu.jcc_erratum = intel && has_jcc_erratum(family, model);
	}
	if (max >= 7 && __get_cpuid_count(7, 0, &a, &b, &c, &d))
		x86_cpu.bmi2 = b & bit_BMI2;
	x86_target.swapped_loads = x86_cpu.movbe;
	if (x86_cpu.jcc_erratum)
		x86_target.jump_window = 32;
}
