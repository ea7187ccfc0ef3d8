/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86_mem.c - loads, stores and atomics on x86-64.
 *
 * A plain load is an acquire and a plain store a release; a locked instruction orders fully.
 */
#include "jit/x86_int.h"

/* Loads of 1, 2, 4, 8 bytes, by JIT_SIGNED and size. */
static unsigned load_opcode(const struct jit_op *op)
{
	static const uint16_t opcode[2][9] = {
		{ [1] = X86_MOVZX8, [2] = X86_MOVZX16, [4] = X86_MOV, [8] = X86_MOV | X86_W },
		{ [1] = X86_MOVSX8 | X86_W,
		  [2] = X86_MOVSX16 | X86_W,
		  [4] = X86_MOVSXD | X86_W,
		  [8] = X86_MOV | X86_W },
	};

	return opcode[!!(op->flags & JIT_SIGNED)][op->size];
}

void x86_lower_load(struct jit *j, const struct jit_op *op)
{
	x86_rm(j, load_opcode(op), x86_regs[op->dst], x86_op_mem(j, op));
}

static void store_imm(struct jit *j, const struct jit_op *op, struct x86_mem m)
{
	switch (op->size) {
	case 1:
		x86_rm(j, X86_MOV_IMM8, 0, m);
		x86_put8(j, (uint8_t)op->imm);
		break;
	case 2:
		x86_rm(j, X86_MOV_IMM | X86_PP_66, 0, m);
		x86_put8(j, (uint8_t)op->imm);
		x86_put8(j, (uint8_t)(op->imm >> 8));
		break;
	default:
		x86_rm(j, X86_MOV_IMM | (op->size == 8 ? X86_W : 0), 0, m);
		x86_put32(j, op->imm);
	}
}

static void store_reg(struct jit *j, const struct jit_op *op, unsigned reg, struct x86_mem m)
{
	static const uint16_t opcode[9] = {
		[1] = X86_MOV_MR8,
		[2] = X86_MOV_MR | X86_PP_66,
		[4] = X86_MOV_MR,
		[8] = X86_MOV_MR | X86_W,
	};

	x86_rm(j, opcode[op->size], reg, m);
}

void x86_lower_store(struct jit *j, const struct jit_op *op)
{
	struct x86_mem m = x86_op_mem(j, op);

	if (op->b == JIT_NONE)
		store_imm(j, op, m);
	else
		store_reg(j, op, x86_src(j, op->b, R10), m);
}

/* Opcodes of m op= reg, and GRP1 digits of m op= imm. */
static const struct {
	uint16_t opcode;
	uint8_t digit;
} updates[] = {
	[JIT_ADD] = { X86_ADD_MR, X86_D_ADD }, [JIT_SUB] = { X86_SUB_MR, X86_D_SUB },
	[JIT_AND] = { X86_AND_MR, X86_D_AND }, [JIT_OR] = { X86_OR_MR, X86_D_OR },
	[JIT_XOR] = { X86_XOR_MR, X86_D_XOR },
};

void x86_lower_update(struct jit *j, const struct jit_op *op)
{
	struct x86_mem m = x86_op_mem(j, op);
	unsigned w = x86_w(op);

	if (op->b != JIT_NONE) {
		x86_rm(j, updates[op->cc].opcode | w, x86_src(j, op->b, R10), m);
	} else if (is_imm8(op->imm)) {
		x86_rm(j, X86_GRP1_IMM8 | w, updates[op->cc].digit, m);
		x86_put8(j, (uint8_t)op->imm);
	} else {
		x86_rm(j, X86_GRP1 | w, updates[op->cc].digit, m);
		x86_put32(j, op->imm);
	}
}

static void locked(struct jit *j, unsigned opcode, unsigned reg, struct x86_mem m)
{
	x86_put8(j, X86_LOCK);
	x86_rm(j, opcode, reg, m);
}

/* b = what was in m; m = m op b, by a loop around cmpxchg, which wants rax. */
static void fetch_loop(struct jit *j, const struct jit_op *op, unsigned opcode, struct x86_mem m)
{
	unsigned w = x86_w(op), b = x86_src(j, op->b, R10);
	bool save = op->b != BPF_REG_0 && (op->live & jit_bit(BPF_REG_0));
	const uint8_t *again;

	/* rax may be the operand and part of the address: r9 and r10 stand in for it. */
	if (save || m.base == RAX || m.idx == RAX)
		x86_mov(j, X86_W, R9, RAX);
	if (m.base == RAX)
		m.base = R9;
	if (m.idx == RAX)
		m.idx = R9;
	if (b == RAX) {
		x86_mov(j, X86_W, R10, RAX);
		b = R10;
	}
	x86_rm(j, X86_MOV | w, RAX, m);
	again = j->p;
	x86_mov(j, X86_W, R11, RAX);
	x86_rr(j, opcode | w, R11, b);
	locked(j, X86_CMPXCHG | w, R11, m);
	x86_put8(j, X86_JCC_REL8 | X86_CC_NE);
	x86_put8(j, (uint8_t)(again - (j->p + 1)));
	x86_mov(j, w, x86_regs[op->dst], RAX);
	if (save)
		x86_mov(j, X86_W, RAX, R9);
}

static void cmpxchg(struct jit *j, const struct jit_op *op, struct x86_mem m)
{
	unsigned w = x86_w(op);

	locked(j, X86_CMPXCHG | w, x86_src(j, op->b, R10), m);
	if (!w) /* where it succeeds it does not write eax */
		x86_mov(j, 0, RAX, RAX);
}

void x86_lower_atomic(struct jit *j, const struct jit_op *op)
{
	struct x86_mem m = x86_op_mem(j, op);
	unsigned w = x86_w(op);

	switch (op->imm) {
	case BPF_LOAD_ACQ:
		x86_rm(j, load_opcode(op), x86_regs[op->dst], m);
		break;
	case BPF_STORE_REL:
		store_reg(j, op, x86_src(j, op->b, R10), m);
		break;
	case BPF_ADD:
		locked(j, X86_ADD_MR | w, x86_src(j, op->b, R10), m);
		break;
	case BPF_AND:
		locked(j, X86_AND_MR | w, x86_src(j, op->b, R10), m);
		break;
	case BPF_OR:
		locked(j, X86_OR_MR | w, x86_src(j, op->b, R10), m);
		break;
	case BPF_XOR:
		locked(j, X86_XOR_MR | w, x86_src(j, op->b, R10), m);
		break;
	case BPF_ADD | BPF_FETCH:
		locked(j, X86_XADD | w, x86_regs[op->dst], m);
		break;
	case BPF_XCHG:
		x86_rm(j, X86_XCHG | w, x86_regs[op->dst], m);
		break;
	case BPF_AND | BPF_FETCH:
		fetch_loop(j, op, X86_AND, m);
		break;
	case BPF_OR | BPF_FETCH:
		fetch_loop(j, op, X86_OR, m);
		break;
	case BPF_XOR | BPF_FETCH:
		fetch_loop(j, op, X86_XOR, m);
		break;
	case BPF_CMPXCHG:
		cmpxchg(j, op, m);
		break;
	}
}
