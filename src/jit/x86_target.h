/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86_target.h - x86-64 as the compiler uses it: registers and opcodes.
 *
 *	BPF  r0   r1   r2   r3   r4   r5   r6   r7   r8   r9   r10      run   free for lowering
 *	x86  rax  rdi  rsi  rdx  rcx  r8   rbx  rbp  r14  r15  rsp+fp   r12   r9 r10 r11
 *
 * Arguments and result stand where C wants them, so a helper call moves nothing but the run into
 * r9, its sixth argument.  r10 needs no register: a frame's size is known, so it is the stack
 * pointer plus a constant, and rbp is free to be r7.
 */
#ifndef SKEP_JIT_X86_TARGET_H
#define SKEP_JIT_X86_TARGET_H

#include "base/base.h"

enum x86_reg {
	RAX,
	RCX,
	RDX,
	RBX,
	RSP,
	RBP,
	RSI,
	RDI,
	R8,
	R9,
	R10,
	R11,
	R12,
	R13,
	R14,
	R15,
	X86_NONE,
};

#define X86_RUN R12

/* Condition codes: the low four bits of jcc and setcc. */
enum x86_cc {
	X86_CC_B = 2,
	X86_CC_AE = 3,
	X86_CC_E = 4,
	X86_CC_NE = 5,
	X86_CC_BE = 6,
	X86_CC_A = 7,
	X86_CC_S = 8,
	X86_CC_NS = 9,
	X86_CC_L = 12,
	X86_CC_GE = 13,
	X86_CC_LE = 14,
	X86_CC_G = 15,
};

/*
 * An opcode: its byte, and above it what the encoder has to know.
 */
enum {
	X86_MAP_0F = 1 << 8,   /* after 0x0f */
	X86_MAP_0F38 = 2 << 8, /* after 0x0f 0x38 */
	X86_MAP_0F3A = 3 << 8, /* after 0x0f 0x3a */
	X86_PP_66 = 1 << 10,   /* prefix; the two bits are VEX's pp */
	X86_PP_F3 = 2 << 10,
	X86_PP_F2 = 3 << 10,
	X86_W = 1 << 12,	/* 64-bit operands */
	X86_BYTE_REG = 1 << 13, /* the reg operand is a byte register */
	X86_BYTE_RM = 1 << 14,	/* the r/m operand is */
	X86_FLAGS = 1 << 15,	/* writes the arithmetic flags */
};

enum x86_opcode {
	/* reg, r/m */
	X86_ADD = 0x03 | X86_FLAGS,
	X86_OR = 0x0b | X86_FLAGS,
	X86_AND = 0x23 | X86_FLAGS,
	X86_SUB = 0x2b | X86_FLAGS,
	X86_XOR = 0x33 | X86_FLAGS,
	X86_CMP = 0x3b | X86_FLAGS,
	X86_CMP8 = 0x3a | X86_FLAGS | X86_BYTE_REG,
	X86_MOV = 0x8b,
	X86_LEA = 0x8d,
	X86_IMUL = 0xaf | X86_MAP_0F | X86_FLAGS,
	X86_MOVZX8 = 0xb6 | X86_MAP_0F,
	X86_MOVZX16 = 0xb7 | X86_MAP_0F,
	X86_MOVSX8 = 0xbe | X86_MAP_0F,
	X86_MOVSX16 = 0xbf | X86_MAP_0F,
	X86_MOVSXD = 0x63,
	X86_MOVBE = 0xf0 | X86_MAP_0F38,
	X86_IMUL_IMM8 = 0x6b | X86_FLAGS, /* reg = r/m * imm */
	X86_IMUL_IMM32 = 0x69 | X86_FLAGS,
	/* r/m, reg */
	X86_ADD_MR = 0x01 | X86_FLAGS,
	X86_OR_MR = 0x09 | X86_FLAGS,
	X86_AND_MR = 0x21 | X86_FLAGS,
	X86_SUB_MR = 0x29 | X86_FLAGS,
	X86_XOR_MR = 0x31 | X86_FLAGS,
	X86_CMP_MR = 0x39 | X86_FLAGS,
	X86_CMP_MR8 = 0x38 | X86_FLAGS | X86_BYTE_REG,
	X86_TEST = 0x85 | X86_FLAGS,
	X86_TEST8 = 0x84 | X86_FLAGS | X86_BYTE_REG,
	X86_XCHG = 0x87,
	X86_MOV_MR = 0x89,
	X86_MOV_MR8 = 0x88 | X86_BYTE_REG,
	X86_XADD = 0xc1 | X86_MAP_0F | X86_FLAGS,
	X86_CMPXCHG = 0xb1 | X86_MAP_0F | X86_FLAGS,
	/* r/m and a digit in place of reg */
	X86_GRP1_8 = 0x80 | X86_FLAGS, /* byte operand */
	X86_GRP1 = 0x81 | X86_FLAGS,
	X86_GRP1_IMM8 = 0x83 | X86_FLAGS,
	X86_GRP2_IMM8 = 0xc1 | X86_FLAGS,
	X86_GRP2_CL = 0xd3 | X86_FLAGS,
	X86_GRP3_8 = 0xf6 | X86_FLAGS, /* byte operand */
	X86_GRP3 = 0xf7 | X86_FLAGS,
	X86_GRP5 = 0xff,
	X86_MOV_IMM = 0xc7,
	X86_MOV_IMM8 = 0xc6, /* byte operand */
	/* VEX: reg, r/m, v */
	X86_SHLX = 0xf7 | X86_MAP_0F38 | X86_PP_66,
	X86_SARX = 0xf7 | X86_MAP_0F38 | X86_PP_F3,
	X86_SHRX = 0xf7 | X86_MAP_0F38 | X86_PP_F2,
	X86_MULX = 0xf6 | X86_MAP_0F38 | X86_PP_F2, /* reg:v = rdx * r/m */
	X86_RORX = 0xf0 | X86_MAP_0F3A | X86_PP_F2, /* reg = r/m, imm8 */
};

/* Digits of GRP1; also the middle bits of the two-operand forms. */
enum { X86_D_ADD, X86_D_OR, X86_D_AND = 4, X86_D_SUB, X86_D_XOR, X86_D_CMP };
/* Of GRP2. */
enum { X86_D_ROL, X86_D_ROR, X86_D_SHL = 4, X86_D_SHR, X86_D_SAR = 7 };
/* Of GRP3. */
enum { X86_D_TEST, X86_D_NOT = 2, X86_D_NEG, X86_D_MUL, X86_D_IMUL, X86_D_DIV, X86_D_IDIV };
/* Of GRP5. */
enum { X86_D_INC, X86_D_DEC, X86_D_CALL, X86_D_JMP = 4 };

#define X86_CALL_REL32 0xe8
#define X86_JMP_REL32  0xe9
#define X86_JMP_REL8   0xeb
#define X86_JCC_REL8   0x70
#define X86_JCC_REL32  0x80 /* after 0x0f */
#define X86_RET	       0xc3
#define X86_PUSH       0x50
#define X86_POP	       0x58
#define X86_LOCK       0xf0
#define X86_CQO	       0x99

#endif
