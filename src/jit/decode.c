/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.c - bytecode to ops, one to one: the plain form, before any pass.
 *
 * Structure was checked by the verifier.  What would make later steps run outside their arrays
 * is checked here again, as is every opcode.
 */
#include "jit/jit_int.h"

#include "helper/helper.h"
#include "map/map.h"

static const struct jit_op blank = {
	.code = JIT_NOP,
	.dst = JIT_NONE,
	.a = JIT_NONE,
	.b = JIT_NONE,
	.base = JIT_NONE,
	.idx = JIT_NONE,
	.live = 0xffff,
};

/* By the upper four bits of the opcode byte; JIT_NOP: not one of these. */
static const uint8_t alu_code[16] = {
	[BPF_ADD >> 4] = JIT_ADD, [BPF_SUB >> 4] = JIT_SUB,  [BPF_MUL >> 4] = JIT_MUL,
	[BPF_DIV >> 4] = JIT_DIV, [BPF_OR >> 4] = JIT_OR,    [BPF_AND >> 4] = JIT_AND,
	[BPF_LSH >> 4] = JIT_SHL, [BPF_RSH >> 4] = JIT_SHR,  [BPF_MOD >> 4] = JIT_MOD,
	[BPF_XOR >> 4] = JIT_XOR, [BPF_ARSH >> 4] = JIT_SAR,
};

static const uint8_t jmp_cc[16] = {
	[BPF_JA >> 4] = _JIT_CC_MAX,	[BPF_JEQ >> 4] = JIT_EQ,
	[BPF_JGT >> 4] = JIT_GTU,	[BPF_JGE >> 4] = JIT_GEU,
	[BPF_JSET >> 4] = JIT_SET,	[BPF_JNE >> 4] = JIT_NE,
	[BPF_JSGT >> 4] = JIT_GT,	[BPF_JSGE >> 4] = JIT_GE,
	[BPF_CALL >> 4] = _JIT_CC_MAX,	[BPF_EXIT >> 4] = _JIT_CC_MAX,
	[BPF_JLT >> 4] = JIT_LTU,	[BPF_JLE >> 4] = JIT_LEU,
	[BPF_JSLT >> 4] = JIT_LT,	[BPF_JSLE >> 4] = JIT_LE,
	[BPF_JCOND >> 4] = _JIT_CC_MAX, [15] = _JIT_CC_MAX,
};

static const uint8_t mem_size[4] = {
	[BPF_B >> 3] = 1,
	[BPF_H >> 3] = 2,
	[BPF_W >> 3] = 4,
	[BPF_DW >> 3] = 8,
};

static unsigned size_of(uint8_t code)
{
	return mem_size[BPF_SIZE(code) >> 3];
}

static int decode_end(struct jit_op *op, const struct bpf_insn *insn)
{
	bool swap = BPF_CLASS(insn->code) == BPF_ALU64 || BPF_SRC(insn->code) == BPF_TO_BE;

	if (insn->imm != 16 && insn->imm != 32 && insn->imm != 64)
		return -EINVAL;
	op->dst = op->a = insn->dst_reg;
	op->size = (uint8_t)(insn->imm / 8);
	if (swap)
		op->code = JIT_BSWAP;
	else if (insn->imm == 64)
		*op = blank;
	else
		op->code = insn->imm == 32 ? JIT_MOV : JIT_ZX;
	return 0;
}

static int decode_mov(struct jit_op *op, const struct bpf_insn *insn, const struct insn_aux *aux)
{
	op->dst = insn->dst_reg;
	if (BPF_SRC(insn->code) == BPF_K) {
		op->code = JIT_CONST;
		jit_set_imm64(op, op->flags & JIT_WIDE ? (uint64_t)(int64_t)insn->imm
						       : (uint32_t)insn->imm);
		return 0;
	}
	op->a = insn->src_reg;
	if (insn->off == 0) {
		op->code = JIT_MOV;
		return 0;
	}
	if (insn->off == SKEP_ADDR_SPACE_CAST) {
		op->code = JIT_CAST;
		op->flags = 0;
		op->cc = insn->imm == SKEP_CAST_TO_ARENA ? JIT_EQ : JIT_NE;
		jit_set_imm64(op, aux->addr);
		return 0;
	}
	if (insn->off != 8 && insn->off != 16 && insn->off != 32)
		return -EINVAL;
	op->code = JIT_SX;
	op->size = (uint8_t)(insn->off / 8);
	return 0;
}

static int decode_alu(struct jit *j, uint32_t i, struct jit_op *op, const struct bpf_insn *insn)
{
	if (BPF_CLASS(insn->code) == BPF_ALU64)
		op->flags = JIT_WIDE;
	switch (BPF_OP(insn->code)) {
	case BPF_END:
		op->flags = 0;
		return decode_end(op, insn);
	case BPF_MOV:
		return decode_mov(op, insn, &j->image->aux[i]);
	case BPF_NEG:
		op->code = JIT_NEG;
		op->dst = op->a = insn->dst_reg;
		return 0;
	}
	op->code = alu_code[insn->code >> 4];
	op->dst = op->a = insn->dst_reg;
	if (BPF_SRC(insn->code) == BPF_X)
		op->b = insn->src_reg;
	else
		op->imm = insn->imm;
	if (insn->off == 1 && op->code == JIT_DIV)
		op->code = JIT_SDIV;
	else if (insn->off == 1 && op->code == JIT_MOD)
		op->code = JIT_SMOD;
	return op->code == JIT_NOP ? -EINVAL : 0;
}

static int decode_target(struct jit *j, uint32_t i, struct jit_op *op, int64_t distance)
{
	int64_t target = (int64_t)i + 1 + distance;

	if (target < 0 || target >= j->n)
		return -EINVAL;
	op->target = (uint32_t)target;
	j->label[target]++;
	if (target <= i) {
		j->label[target] |= JIT_LABEL_LOOP;
		j->loops = true;
	}
	return 0;
}

static bool lookup_is_inlined(const struct insn_aux *aux)
{
	const struct skep_map *m = aux->map;

	return m && aux->helper->id == BPF_FUNC_map_lookup_elem && m->values &&
	       (m->type == BPF_MAP_TYPE_ARRAY || m->type == BPF_MAP_TYPE_PERCPU_ARRAY) &&
	       m->elem_size <= INT32_MAX && m->cpu_stride <= INT32_MAX;
}

const struct jit_map_call jit_map_calls[] = {
	{ BPF_FUNC_map_lookup_elem, offsetof(struct map_ops, lookup), BPF_REG_3 },
	{ BPF_FUNC_map_update_elem, offsetof(struct map_ops, update), BPF_REG_5 },
	{ BPF_FUNC_map_delete_elem, offsetof(struct map_ops, delete), BPF_REG_3 },
	{ BPF_FUNC_map_push_elem, offsetof(struct map_ops, push), BPF_REG_4 },
	{ BPF_FUNC_map_pop_elem, offsetof(struct map_ops, pop), BPF_REG_3 },
	{ BPF_FUNC_map_peek_elem, offsetof(struct map_ops, peek), BPF_REG_3 },
};

/* A helper on a known map, whose type has the operation, becomes a call of that. */
static void decode_map_call(struct jit_op *op, const struct insn_aux *aux)
{
	for (unsigned i = 0; aux->map && i < ARRAY_SIZE(jit_map_calls); i++) {
		const char *ops = (const char *)aux->map->ops;
		void *fn;

		if (jit_map_calls[i].helper != aux->helper->id)
			continue;
		memcpy(&fn, ops + jit_map_calls[i].op, sizeof(fn));
		if (fn) {
			op->code = JIT_CALL_MAP;
			op->imm = (int32_t)i;
		}
	}
}

static int decode_call(struct jit *j, uint32_t i, struct jit_op *op, const struct bpf_insn *insn)
{
	const struct insn_aux *aux = &j->image->aux[i];

	op->dst = BPF_REG_0;
	switch (aux->ref) {
	case INSN_REF_HELPER:
		if (!aux->helper)
			return -EINVAL;
		op->code = JIT_CALL_HELPER;
		if (aux->helper->id == BPF_FUNC_tail_call) {
			op->code = JIT_TAIL_CALL;
			op->b = BPF_REG_3;
		} else if (lookup_is_inlined(aux)) {
			op->code =
				aux->map->type == BPF_MAP_TYPE_ARRAY ? JIT_LOOKUP : JIT_LOOKUP_CPU;
			op->base = BPF_REG_2;
			op->size = 4;
		} else {
			decode_map_call(op, aux);
		}
		return 0;
	case INSN_REF_KFUNC:
		op->code = JIT_CALL_KFUNC;
		return aux->kfunc ? 0 : -EINVAL;
	case INSN_REF_SUBPROG:
		op->code = JIT_CALL_SUB;
		op->imm = aux->sub;
		if (aux->sub >= j->image->sub_cnt)
			return -EINVAL;
		if (j->image->sub[aux->sub].start <= i) {
			j->label[j->image->sub[aux->sub].start] |= JIT_LABEL_LOOP;
			j->loops = true;
		}
		return 0;
	case INSN_REF_CALLX:
		op->code = JIT_CALLX;
		op->a = insn->dst_reg;
		return 0;
	}
	return -EINVAL;
}

static int decode_jmp(struct jit *j, uint32_t i, struct jit_op *op, const struct bpf_insn *insn)
{
	bool wide = BPF_CLASS(insn->code) == BPF_JMP;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		op->code = JIT_JUMP;
		return decode_target(j, i, op, wide ? insn->off : insn->imm);
	case BPF_CALL:
		return wide ? decode_call(j, i, op, insn) : -EINVAL;
	case BPF_EXIT:
		op->code = JIT_EXIT;
		op->a = BPF_REG_0;
		return wide ? 0 : -EINVAL;
	case BPF_JCOND:
		op->code = JIT_MAY_GOTO;
		if (!wide || insn->src_reg != SKEP_MAY_GOTO)
			return -EINVAL;
		return decode_target(j, i, op, insn->off);
	}
	op->code = JIT_JCC;
	op->cc = jmp_cc[insn->code >> 4];
	op->flags = wide ? JIT_WIDE : 0;
	op->a = insn->dst_reg;
	if (BPF_SRC(insn->code) == BPF_X)
		op->b = insn->src_reg;
	else
		op->imm = insn->imm;
	return op->cc == _JIT_CC_MAX ? -EINVAL : decode_target(j, i, op, insn->off);
}

static int decode_ldx(struct jit *j, uint32_t i, struct jit_op *op, const struct bpf_insn *insn)
{
	op->code = JIT_LOAD;
	op->dst = insn->dst_reg;
	op->base = insn->src_reg;
	op->disp = insn->off;
	op->size = (uint8_t)size_of(insn->code);
	if (BPF_MODE(insn->code) == BPF_MEMSX && op->size < 8)
		op->flags = JIT_SIGNED;
	else if (BPF_MODE(insn->code) != BPF_MEM)
		return -EINVAL;
	if (j->image->aux[i].kptr) {
		op->code = JIT_KPTR;
		op->flags = 0;
		op->imm = 0;
	} else if (j->image->aux[i].probe) {
		op->code = JIT_PROBE;
		op->flags = 0;
		op->imm = (int32_t)probe_how(insn->code);
	}
	return 0;
}

static int decode_st(struct jit *j, uint32_t i, struct jit_op *op, const struct bpf_insn *insn)
{
	op->code = JIT_STORE;
	op->base = insn->dst_reg;
	op->disp = insn->off;
	op->imm = insn->imm;
	op->size = (uint8_t)size_of(insn->code);
	return BPF_MODE(insn->code) == BPF_MEM ? 0 : -EINVAL;
}

/* A plain load is an acquire and a plain store a release where the target is x86-64. */
static int decode_atomic(struct jit_op *op, const struct bpf_insn *insn)
{
	op->code = JIT_ATOMIC;
	op->imm = insn->imm;
	op->flags = op->size == 8 ? JIT_WIDE : 0;
	switch (insn->imm) {
	case BPF_LOAD_ACQ:
		op->base = insn->src_reg;
		op->dst = insn->dst_reg;
		return 0;
	case BPF_STORE_REL:
		op->b = insn->src_reg;
		return 0;
	case BPF_CMPXCHG:
		op->a = op->dst = BPF_REG_0;
		break;
	case BPF_XCHG:
	case BPF_ADD | BPF_FETCH:
	case BPF_AND | BPF_FETCH:
	case BPF_OR | BPF_FETCH:
	case BPF_XOR | BPF_FETCH:
		op->dst = insn->src_reg;
		break;
	case BPF_ADD:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		break;
	default:
		return -EINVAL;
	}
	op->b = insn->src_reg;
	return op->size >= 4 ? 0 : -EINVAL;
}

static int decode_stx(struct jit *j, uint32_t i, struct jit_op *op, const struct bpf_insn *insn)
{
	op->base = insn->dst_reg;
	op->disp = insn->off;
	op->size = (uint8_t)size_of(insn->code);
	if (BPF_MODE(insn->code) == BPF_ATOMIC)
		return decode_atomic(op, insn);
	op->code = JIT_STORE;
	op->b = insn->src_reg;
	return BPF_MODE(insn->code) == BPF_MEM ? 0 : -EINVAL;
}

static int decode_imm64(struct jit *j, uint32_t i, struct jit_op *op, const struct bpf_insn *insn)
{
	const struct insn_aux *aux = &j->image->aux[i];

	if (i + 1 >= j->n)
		return -EINVAL;
	op->code = JIT_CONST;
	op->dst = insn->dst_reg;
	switch (aux->ref) {
	case INSN_REF_NONE:
		jit_set_imm64(op, insn_imm64(insn));
		return 0;
	case INSN_REF_MAP:
		jit_set_imm64(op, (uintptr_t)aux->map);
		return 0;
	case INSN_REF_MAP_VALUE:
	case INSN_REF_ADDR:
		jit_set_imm64(op, aux->addr);
		return 0;
	case INSN_REF_FUNC:
		op->code = JIT_FUNC;
		op->imm = aux->sub;
		if (aux->sub >= j->image->sub_cnt)
			return -EINVAL;
		j->sub[aux->sub].thunk = 0;
		return 0;
	}
	return -EINVAL;
}

static int decode_ld(struct jit *j, uint32_t i, struct jit_op *op, const struct bpf_insn *insn)
{
	if (insn_is_ld_imm64(insn))
		return decode_imm64(j, i, op, insn);
	op->code = JIT_LD_ABS;
	op->dst = BPF_REG_0;
	op->a = BPF_REG_6;
	op->imm = insn->imm;
	op->size = (uint8_t)size_of(insn->code);
	if (BPF_MODE(insn->code) == BPF_IND)
		op->b = insn->src_reg;
	else if (BPF_MODE(insn->code) != BPF_ABS)
		return -EINVAL;
	return op->size <= 4 ? 0 : -EINVAL;
}

typedef int (*decode_fn)(struct jit *j, uint32_t i, struct jit_op *op, const struct bpf_insn *insn);

static const decode_fn decode_class[8] = {
	[BPF_LD] = decode_ld,	  [BPF_LDX] = decode_ldx,   [BPF_ST] = decode_st,
	[BPF_STX] = decode_stx,	  [BPF_ALU] = decode_alu,   [BPF_JMP] = decode_jmp,
	[BPF_JMP32] = decode_jmp, [BPF_ALU64] = decode_alu,
};

int jit_decode(struct jit *j, struct skep_diag *reterr_diag)
{
	for (uint32_t i = 0; i < j->n; i++) {
		const struct bpf_insn *insn = &j->image->insns[i];
		struct jit_op *op = &j->ops[i];

		*op = blank;
		if (insn->dst_reg > JIT_FP || insn->src_reg > JIT_FP ||
		    decode_class[BPF_CLASS(insn->code)](j, i, op, insn) < 0)
			return diag_set(reterr_diag, -EINVAL, SKEP_AT_INSN, i,
					"the compiler does not know opcode 0x%02x", insn->code);
		if (insn_is_ld_imm64(insn))
			j->ops[++i] = blank;
	}
	return 0;
}
