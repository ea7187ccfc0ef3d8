/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scalar.c - arithmetic on constants: as much as decides branches on configuration.
 */
#include "verifier/verifier_int.h"

bool scalar_alu(const struct bpf_insn *insn, uint64_t a, uint64_t b, uint64_t *ret)
{
	const bool wide = BPF_CLASS(insn->code) == BPF_ALU64;
	const unsigned shift = b & (wide ? 63 : 31);
	uint64_t r;

	if (!wide)
		a = (uint32_t)a;
	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
		r = a + b;
		break;
	case BPF_SUB:
		r = a - b;
		break;
	case BPF_MUL:
		r = a * b;
		break;
	case BPF_OR:
		r = a | b;
		break;
	case BPF_AND:
		r = a & b;
		break;
	case BPF_XOR:
		r = a ^ b;
		break;
	case BPF_LSH:
		r = a << shift;
		break;
	case BPF_RSH:
		r = a >> shift;
		break;
	case BPF_ARSH:
		r = wide ? (uint64_t)((int64_t)a >> shift)
			 : (uint64_t)(int64_t)((int32_t)a >> shift);
		break;
	default:
		return false;
	}
	*ret = wide ? r : (uint32_t)r;
	return true;
}

bool scalar_taken(const struct bpf_insn *insn, uint64_t a, uint64_t b)
{
	int64_t sa = (int64_t)a, sb = (int64_t)b;

	if (BPF_CLASS(insn->code) == BPF_JMP32) {
		a = (uint32_t)a;
		b = (uint32_t)b;
		sa = (int32_t)a;
		sb = (int32_t)b;
	}
	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JSET:
		return (a & b) != 0;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSGT:
		return sa > sb;
	case BPF_JSGE:
		return sa >= sb;
	case BPF_JSLT:
		return sa < sb;
	default: /* BPF_JSLE */
		return sa <= sb;
	}
}
