/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86_emit.h - the encoder: operands to bytes, and nothing about BPF.
 *
 * Every function appends one instruction to the draft.  An instruction that writes the
 * arithmetic flags makes j->flags_reg unknown; whoever knows what they tell says so afterwards.
 */
#ifndef SKEP_JIT_X86_EMIT_H
#define SKEP_JIT_X86_EMIT_H

#include "jit/jit_int.h"
#include "jit/x86_target.h"

/* base + (idx << scale) + disp; either register may be X86_NONE. */
struct x86_mem {
	uint8_t base, idx; /* enum x86_reg; idx is not RSP */
	uint8_t scale;	   /* 0 to 3 */
	int32_t disp;
};

static inline struct x86_mem x86_at(unsigned base, size_t disp)
{
	return (struct x86_mem){
		.base = (uint8_t)base,
		.idx = X86_NONE,
		.disp = (int32_t)disp,
	};
}

static inline void x86_put8(struct jit *j, unsigned b)
{
	*j->p++ = (uint8_t)b;
}

static inline void x86_put32(struct jit *j, int32_t v)
{
	memcpy(j->p, &v, 4);
	j->p += 4;
}

static inline void x86_put64(struct jit *j, uint64_t v)
{
	memcpy(j->p, &v, 8);
	j->p += 8;
}

static inline bool is_imm8(int64_t v)
{
	return v == (int8_t)v;
}

static inline bool is_imm32(int64_t v)
{
	return v == (int32_t)v;
}

/* The op's X86_W where it is wide. */
static inline unsigned x86_w(const struct jit_op *op)
{
	return op->flags & JIT_WIDE ? X86_W : 0;
}

/* Prefixes, REX and opcode bytes; rex holds the bits R, X, B. */
static inline void x86_opcode(struct jit *j, unsigned op, unsigned rex, bool need_rex)
{
	static const uint8_t prefix[4] = { 0, 0x66, 0xf3, 0xf2 };
	unsigned map = op >> 8 & 3, pp = op >> 10 & 3;

	if (op & X86_FLAGS)
		j->flags_reg = JIT_NONE;
	if (pp)
		x86_put8(j, prefix[pp]);
	if (op & X86_W)
		rex |= 8;
	if (rex || need_rex)
		x86_put8(j, 0x40 | rex);
	if (map) {
		x86_put8(j, 0x0f);
		if (map > 1)
			x86_put8(j, map == 2 ? 0x38 : 0x3a);
	}
	x86_put8(j, op & 0xff);
}

/* ModRM, SIB and displacement. */
static inline void x86_modrm_mem(struct jit *j, unsigned reg, struct x86_mem m)
{
	bool sib = m.idx != X86_NONE || (m.base & 7) == RSP || m.base == X86_NONE;
	unsigned mod, rm = sib ? RSP : m.base & 7;

	if (m.base == X86_NONE || (m.disp == 0 && (m.base & 7) != RBP))
		mod = 0;
	else
		mod = is_imm8(m.disp) ? 1 : 2;
	x86_put8(j, mod << 6 | (reg & 7) << 3 | rm);
	if (sib)
		x86_put8(j, (unsigned)m.scale << 6 | (m.idx == X86_NONE ? RSP : (m.idx & 7)) << 3 |
				    (m.base == X86_NONE ? RBP : (m.base & 7)));
	if (mod == 1)
		x86_put8(j, (uint8_t)m.disp);
	else if (mod == 2 || m.base == X86_NONE)
		x86_put32(j, m.disp);
}

/* op reg, rm: two registers. */
static inline void x86_rr(struct jit *j, unsigned op, unsigned reg, unsigned rm)
{
	bool byte = ((op & X86_BYTE_REG) && reg >= RSP) || ((op & X86_BYTE_RM) && rm >= RSP);

	x86_opcode(j, op, (reg >> 3) << 2 | rm >> 3, byte);
	x86_put8(j, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* op reg, [m] */
static inline void x86_rm(struct jit *j, unsigned op, unsigned reg, struct x86_mem m)
{
	unsigned x = m.idx == X86_NONE ? 0 : m.idx >> 3, b = m.base == X86_NONE ? 0 : m.base >> 3;

	x86_opcode(j, op, (reg >> 3) << 2 | x << 1 | b, (op & X86_BYTE_REG) && reg >= RSP);
	x86_modrm_mem(j, reg, m);
}

/* The three bytes of a VEX prefix, and the opcode. */
static inline void x86_vex(struct jit *j, unsigned op, unsigned rex, unsigned v)
{
	x86_put8(j, 0xc4);
	x86_put8(j, (~rex & 7) << 5 | (op >> 8 & 3));
	x86_put8(j, (op & X86_W ? 0x80 : 0) | (~v & 15) << 3 | (op >> 10 & 3));
	x86_put8(j, op & 0xff);
}

/* op reg, rm, v: three registers. */
static inline void x86_rrv(struct jit *j, unsigned op, unsigned reg, unsigned rm, unsigned v)
{
	x86_vex(j, op, (reg >> 3) << 2 | rm >> 3, v);
	x86_put8(j, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static inline void x86_rorx(struct jit *j, unsigned w, unsigned reg, unsigned rm, unsigned count)
{
	x86_rrv(j, X86_RORX | w, reg, rm, 0);
	x86_put8(j, count);
}

/* A whole register; nothing where that changes nothing. */
static inline void x86_mov(struct jit *j, unsigned w, unsigned dst, unsigned src)
{
	if (dst != src || !w)
		x86_rr(j, X86_MOV | w, dst, src);
}

/* reg = v, in the shortest form; `keep_flags` excludes xor. */
static inline void x86_mov_imm(struct jit *j, unsigned reg, uint64_t v, bool keep_flags)
{
	if (v == 0 && !keep_flags) {
		x86_rr(j, X86_XOR, reg, reg);
	} else if (v == (uint32_t)v) {
		x86_opcode(j, 0xb8 | (reg & 7), reg >> 3, false);
		x86_put32(j, (int32_t)v);
	} else if (is_imm32((int64_t)v)) {
		x86_rr(j, X86_MOV_IMM | X86_W, 0, reg);
		x86_put32(j, (int32_t)v);
	} else {
		x86_opcode(j, 0xb8 | (reg & 7) | X86_W, reg >> 3, false);
		x86_put64(j, v);
	}
}

/* GRP1 `digit` reg, imm */
static inline void x86_alu_imm(struct jit *j, unsigned w, unsigned digit, unsigned reg, int32_t imm)
{
	if (is_imm8(imm)) {
		x86_rr(j, X86_GRP1_IMM8 | w, digit, reg);
		x86_put8(j, (uint8_t)imm);
	} else {
		x86_rr(j, X86_GRP1 | w, digit, reg);
		x86_put32(j, imm);
	}
}

/* GRP2 `digit` reg, count */
static inline void x86_shift_imm(struct jit *j, unsigned w, unsigned digit, unsigned reg,
				 unsigned count)
{
	x86_rr(j, X86_GRP2_IMM8 | w, digit, reg);
	x86_put8(j, count);
}

/* A short jump forward inside one op's code; x86_here() ends it. */
static inline uint8_t *x86_jcc_forth(struct jit *j, enum x86_cc cc)
{
	x86_put8(j, X86_JCC_REL8 | cc);
	x86_put8(j, 0);
	return j->p;
}

static inline void x86_here(struct jit *j, uint8_t *jump)
{
	assert(j->p - jump <= INT8_MAX);
	jump[-1] = (uint8_t)(j->p - jump);
}

#endif
