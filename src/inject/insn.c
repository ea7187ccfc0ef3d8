/* SPDX-License-Identifier: BSD-2-Clause */
/* insn.c - see insn.h */
#include "inject/insn.h"

#include <Zydis/Zydis.h>

/* Of relative branches: jcc are told from those without a long form by their opcodes. */
static enum insn_kind kind_of_relative(const ZydisDecodedInstruction *in)
{
	switch (in->mnemonic) {
	case ZYDIS_MNEMONIC_JMP:
		return INSN_JMP;
	case ZYDIS_MNEMONIC_CALL:
		return INSN_CALL;
	default:
		return in->meta.category == ZYDIS_CATEGORY_COND_BR && (in->opcode & 0xf0) == 0x70 &&
				       in->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT
			       ? INSN_JCC
		       : (in->opcode & 0xf0) == 0x80 && in->opcode_map == ZYDIS_OPCODE_MAP_0F
			       ? INSN_JCC
			       : INSN_BOUND;
	}
}

static enum insn_kind kind_of(const ZydisDecodedInstruction *in)
{
	const bool near = in->meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR;

	switch (in->mnemonic) {
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_INT3:
		return INSN_PAD;
	case ZYDIS_MNEMONIC_JMP:
		return near ? INSN_JMP_IND : INSN_BOUND;
	case ZYDIS_MNEMONIC_CALL:
		return near ? INSN_CALL_IND : INSN_BOUND;
	case ZYDIS_MNEMONIC_RET:
		return near ? INSN_RET : INSN_BOUND;
	case ZYDIS_MNEMONIC_SYSCALL:
		return INSN_SYSCALL;
	default:
		return INSN_PLAIN;
	}
}

static void look_at_operand(const ZydisDecodedOperand *op, const ZydisDecodedInstruction *in,
			    struct insn *ret)
{
	if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		ret->rsp |= op->reg.value == ZYDIS_REGISTER_RSP;
		return;
	}
	if (op->type != ZYDIS_OPERAND_TYPE_MEMORY)
		return;
	ret->rsp |= op->mem.base == ZYDIS_REGISTER_RSP;
	if (op->mem.base == ZYDIS_REGISTER_RIP) {
		ret->disp_at = in->raw.disp.offset;
		ret->target += (uint64_t)op->mem.disp.value;
	} else if (op->mem.base == ZYDIS_REGISTER_EIP) {
		ret->kind = INSN_BOUND;
	}
}

static bool is_ax(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, op->reg.value) ==
		       ZYDIS_REGISTER_RAX;
}

/* The number that is in %rax after `mov $n,%eax` or `xor %eax,%eax`; -1: another instruction. */
static int32_t number_in_ax(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *ops)
{
	if (in->operand_count_visible != 2 || !is_ax(&ops[0]) || ops[0].size < 32)
		return -1;
	if (in->mnemonic == ZYDIS_MNEMONIC_XOR && is_ax(&ops[1]) && ops[1].size == ops[0].size)
		return 0;
	if (in->mnemonic != ZYDIS_MNEMONIC_MOV || ops[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE ||
	    ops[1].imm.value.u > INT32_MAX)
		return -1;
	return (int32_t)ops[1].imm.value.u;
}

static void look_at_ax(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *ops,
		       struct insn *ret)
{
	for (uint8_t i = 0; i < in->operand_count; i++)
		ret->sets_ax |= is_ax(&ops[i]) && ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
	ret->ax = number_in_ax(in, ops);
}

int insn_decode(const uint8_t *text, size_t n, uint64_t at, struct insn *ret)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction in;
	ZydisDecoder decoder;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, text, n, &in, ops)))
		return -EILSEQ;
	*ret = (struct insn){ .kind = kind_of(&in), .size = in.length, .target = at + in.length };
	if (in.raw.imm[0].is_relative) {
		ret->kind = kind_of_relative(&in);
		ret->branches = true;
		ret->cc = in.opcode & 0xf;
		ret->target += (uint64_t)in.raw.imm[0].value.s;
		return 0;
	}
	look_at_ax(&in, ops, ret);
	ret->modrm = in.raw.modrm.offset;
	for (uint8_t i = 0; i < in.operand_count_visible; i++)
		look_at_operand(&ops[i], &in, ret);
	return 0;
}
