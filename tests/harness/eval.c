/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eval.c - what instructions mean, spelled out from RFC 9669; shares nothing with the engines.
 */
#include "tests/harness/eval.h"

#include <stdlib.h>
#include <string.h>

static uint64_t eval_alu(const struct bpf_insn *in, uint64_t a, uint64_t b, bool wide)
{
	uint64_t mask = wide ? UINT64_MAX : UINT32_MAX;
	int64_t sa = wide ? (int64_t)a : (int32_t)a, sb = wide ? (int64_t)b : (int32_t)b;
	unsigned count = (unsigned)b & (wide ? 63 : 31);

	a &= mask;
	b &= mask;
	switch (BPF_OP(in->code)) {
	case BPF_ADD:
		return (a + b) & mask;
	case BPF_SUB:
		return (a - b) & mask;
	case BPF_MUL:
		return (a * b) & mask;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return (a << count) & mask;
	case BPF_RSH:
		return a >> count;
	case BPF_ARSH:
		return (uint64_t)(sa >> count) & mask;
	case BPF_NEG:
		return (0 - a) & mask;
	case BPF_DIV:
		if (in->off == 0)
			return b ? a / b : 0;
		return (sb == 0 ? 0 : sb == -1 ? 0 - a : (uint64_t)(sa / sb)) & mask;
	case BPF_MOD:
		if (in->off == 0)
			return b ? a % b : a;
		return (sb == 0 ? a : sb == -1 ? 0 : (uint64_t)(sa % sb)) & mask;
	}
	abort();
}

static uint64_t eval_sx(uint64_t v, unsigned bits)
{
	return (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
}

static uint64_t eval_end(const struct bpf_insn *in, uint64_t v)
{
	bool swap = BPF_CLASS(in->code) == BPF_ALU64 || BPF_SRC(in->code) == BPF_TO_BE;
	uint64_t r = 0;

	for (int i = 0; i < in->imm; i += 8)
		r |= (v >> i & 0xff) << (swap ? in->imm - 8 - i : i);
	return r;
}

static bool jcc(unsigned op, uint64_t a, uint64_t b, bool wide)
{
	int64_t sa = wide ? (int64_t)a : (int32_t)a, sb = wide ? (int64_t)b : (int32_t)b;

	a = wide ? a : (uint32_t)a;
	b = wide ? b : (uint32_t)b;
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
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
	case BPF_JSLE:
		return sa <= sb;
	case BPF_JSET:
		return (a & b) != 0;
	}
	abort();
}

static unsigned bytes_of(uint8_t code)
{
	switch (BPF_SIZE(code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	}
	return 8;
}

static uint64_t eval_load(const void *p, unsigned n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

static uint8_t *at(uint64_t base, int16_t off)
{
	return (uint8_t *)(uintptr_t)(base + (uint64_t)(int64_t)off);
}

static void eval_atomic(const struct bpf_insn *in, uint64_t *r)
{
	unsigned n = bytes_of(in->code);
	uint8_t *p = at(r[in->dst_reg], in->off);
	uint64_t old, src = r[in->src_reg], v;

	if (in->imm == BPF_LOAD_ACQ) {
		p = at(r[in->src_reg], in->off);
		r[in->dst_reg] = eval_load(p, n);
		return;
	}
	old = eval_load(p, n);
	v = src;
	switch (in->imm & ~BPF_FETCH) {
	case BPF_ADD:
		v = old + src;
		break;
	case BPF_OR:
		v = old | src;
		break;
	case BPF_AND:
		v = old & src;
		break;
	case BPF_XOR:
		v = old ^ src;
		break;
	case BPF_CMPXCHG & ~BPF_FETCH:
		v = (n == 8 ? r[0] : (uint32_t)r[0]) == old ? src : old;
		break;
	}
	memcpy(p, &v, n);
	if (in->imm == BPF_CMPXCHG)
		r[0] = old;
	else if (in->imm & BPF_FETCH && in->imm != BPF_STORE_REL)
		r[in->src_reg] = old;
}

void eval_alu_insn(const struct bpf_insn *in, uint64_t *r)
{
	bool wide = BPF_CLASS(in->code) == BPF_ALU64;
	uint64_t b = BPF_SRC(in->code) == BPF_X ? r[in->src_reg] : (uint64_t)(int64_t)in->imm;

	if (BPF_OP(in->code) == BPF_END)
		r[in->dst_reg] = eval_end(in, r[in->dst_reg]);
	else if (BPF_OP(in->code) == BPF_MOV)
		r[in->dst_reg] = (in->off ? eval_sx(b, (unsigned)in->off) : b) &
				 (wide ? UINT64_MAX : UINT32_MAX);
	else
		r[in->dst_reg] = eval_alu(in, r[in->dst_reg], b, wide);
}

void eval_mem(const struct bpf_insn *in, uint64_t *r)
{
	unsigned n = bytes_of(in->code);
	uint8_t *dst = at(r[in->dst_reg], in->off);
	const uint8_t *src = at(r[in->src_reg], in->off);
	int64_t imm = in->imm;

	if (BPF_CLASS(in->code) == BPF_LDX && BPF_MODE(in->code) == BPF_MEMSX)
		r[in->dst_reg] = eval_sx(eval_load(src, n), n * 8);
	else if (BPF_CLASS(in->code) == BPF_LDX)
		r[in->dst_reg] = eval_load(src, n);
	else if (BPF_MODE(in->code) == BPF_ATOMIC)
		eval_atomic(in, r);
	else
		memcpy(dst, BPF_CLASS(in->code) == BPF_ST ? (void *)&imm : &r[in->src_reg], n);
}

bool eval_taken(const struct bpf_insn *in, const uint64_t *r)
{
	return jcc(BPF_OP(in->code), r[in->dst_reg],
		   BPF_SRC(in->code) == BPF_X ? r[in->src_reg] : (uint64_t)(int64_t)in->imm,
		   BPF_CLASS(in->code) == BPF_JMP);
}
