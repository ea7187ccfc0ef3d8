/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuse.c - instructions that stand together in most programs, because bytecode has two operands
 * and no rotates, are run as one.
 *
 * Each rule looks at the image from instruction i on and rewrites code[i]; the slots behind keep
 * their plain code.
 */
#include "interp/interp_int.h"

/* What a rule looks at. */
struct at {
	struct interp_prog *ip;
	const struct bpf_insn *insn; /* of i and, where op is not INSN_INVALID, what follows */
	struct code *code;	     /* the same, decoded */
	const enum insn_op *op;	     /* the same, as rows; INSN_INVALID beyond the end */
};

#define WINDOW 4 /* instructions that the longest rule looks at */

static const uint16_t mov_then[_INSN_MAX] = {
#define X(op)                                                                                 \
	[INSN_##op##64_IMM] = OP_MOV_##op##64_IMM, [INSN_##op##64_REG] = OP_MOV_##op##64_REG, \
	[INSN_##op##32_IMM] = OP_MOV_##op##32_IMM, [INSN_##op##32_REG] = OP_MOV_##op##32_REG,
	FUSED_BINARY(X)
#undef X
};

/* The opposite comparison, for a branch that leads around a goto. */
static const uint16_t not_goto[_INSN_MAX] = {
#define X(op, not )                                   \
	[INSN_##op##64_IMM] = OP_##not ##64_IMM_GOTO, \
	[INSN_##op##64_REG] = OP_##not ##64_REG_GOTO, \
	[INSN_##op##32_IMM] = OP_##not ##32_IMM_GOTO, \
	[INSN_##op##32_REG] = OP_##not ##32_REG_GOTO,
	FUSED_COMPARE(X)
#undef X
};

static const struct {
	uint16_t same, not ;
} count[_INSN_MAX] = {
#define X(op, not ) [INSN_##op##64_IMM] = { OP_COUNT_##op, OP_COUNT_##not },
	FUSED_COMPARE(X)
#undef X
};

static const uint16_t indexed[_INSN_MAX] = {
#define X(bits) [INSN_LDX##bits] = OP_INDEX_LDX##bits,
	FUSED_LOAD(X)
#undef X
};

static void become(const struct at *a, unsigned op)
{
	a->code->op = interp_labels()[op];
}

static bool is_goto(enum insn_op op)
{
	return op == INSN_JA || op == INSN_JA32;
}

/* Does the branch at n lead just around a goto? */
static bool around_goto(const struct at *a, unsigned n)
{
	return is_goto(a->op[n + 1]) && a->insn[n].off == 1;
}

/* t = x; t >>= a; x <<= b; x |= t; where a + b is the width, and the same the other way round. */
static bool rotate(const struct at *a)
{
	const bool wide = a->op[0] == INSN_MOV64_REG;
	const enum insn_op right = wide ? INSN_RSH64_IMM : INSN_RSH32_IMM;
	const enum insn_op left = wide ? INSN_LSH64_IMM : INSN_LSH32_IMM;
	const unsigned t = a->insn[0].dst_reg, x = a->insn[0].src_reg;
	int by;

	if ((!wide && a->op[0] != INSN_MOV32_REG) || t == x ||
	    !((a->op[1] == right && a->op[2] == left) || (a->op[1] == left && a->op[2] == right)) ||
	    a->op[3] != (wide ? INSN_OR64_REG : INSN_OR32_REG))
		return false;
	by = a->insn[1].imm;
	if (by + a->insn[2].imm != (wide ? 64 : 32) || by == 0 || a->insn[2].imm == 0 ||
	    a->insn[1].dst_reg != t || a->insn[2].dst_reg != x || a->insn[3].dst_reg != x ||
	    a->insn[3].src_reg != t)
		return false;
	a->code->dst = CELL(x);
	a->code->src = CELL(t);
	/* Rotation to the left is by what goes left. */
	a->code->imm = (uint64_t)by | (uint64_t)(a->op[1] == left ? by : a->insn[2].imm) << 8;
	if (a->op[1] == right)
		become(a, wide ? OP_ROTATE_RSH64 : OP_ROTATE_RSH32);
	else
		become(a, wide ? OP_ROTATE_LSH64 : OP_ROTATE_LSH32);
	return true;
}

/* p = base; p += index; v = *(p + off) */
static bool indexed_load(const struct at *a)
{
	const unsigned p = a->insn[0].dst_reg;

	if (a->op[0] != INSN_MOV64_REG || a->op[1] != INSN_ADD64_REG || !indexed[a->op[2]] ||
	    a->insn[1].dst_reg != p || a->insn[2].src_reg != p)
		return false;
	a->code->src2 = a->insn[1].src_reg == p ? a->code->src : a->code[1].src;
	a->code->dst2 = a->code[2].dst;
	a->code->off = a->code[2].off;
	become(a, indexed[a->op[2]]);
	return true;
}

/* d = s; d op= imm or r */
static bool copy_and_alter(const struct at *a)
{
	const bool wide = BPF_CLASS(insn_desc(a->op[1])->code) == BPF_ALU64;

	/* A narrow move in front of a wide operation cuts; in front of a narrow one it does not
	 * matter. */
	if ((a->op[0] != INSN_MOV64_REG && (a->op[0] != INSN_MOV32_REG || wide)) ||
	    !mov_then[a->op[1]] || a->insn[1].dst_reg != a->insn[0].dst_reg)
		return false;
	a->code->src2 = a->insn[1].src_reg == a->insn[0].dst_reg ? a->code->src : a->code[1].src;
	/* Not that of code[1]: it may be the beginning of a run itself by now. */
	a->code->imm = (uint64_t)(int64_t)a->insn[1].imm;
	become(a, mov_then[a->op[1]]);
	return true;
}

/* i += n; if i ?? limit goto; and the same around a goto back */
static bool count_and_branch(const struct at *a)
{
	const bool around = around_goto(a, 1);

	if (a->op[0] != INSN_ADD64_IMM || !count[a->op[1]].same ||
	    a->insn[1].dst_reg != a->insn[0].dst_reg)
		return false;
	a->code->imm = (uint32_t)a->insn[0].imm | (uint64_t)(uint32_t)a->insn[1].imm << 32;
	a->code->off = a->code[around ? 2 : 1].off + (around ? 2 : 1) * (int)sizeof(struct code);
	a->code->dst2 = around ? 3 : 2;
	become(a, around ? count[a->op[1]].not : count[a->op[1]].same);
	return true;
}

/* if d ?? s goto +1; goto back */
static bool branch_around_goto(const struct at *a)
{
	if (!not_goto[a->op[0]] || !around_goto(a, 0))
		return false;
	a->code->off = a->code[1].off + (int)sizeof(struct code);
	a->code->dst2 = 2;
	become(a, not_goto[a->op[0]]);
	return true;
}

typedef bool (*rule_fn)(const struct at *a);

/* The rules for runs that begin with an instruction; the longest first. */
static const rule_fn rules[_INSN_MAX][3] = {
	[INSN_MOV64_REG] = { rotate, indexed_load, copy_and_alter },
	[INSN_MOV32_REG] = { rotate, copy_and_alter },
	[INSN_ADD64_IMM] = { count_and_branch },
#define X(op, not )                                   \
	[INSN_##op##64_IMM] = { branch_around_goto }, \
	[INSN_##op##64_REG] = { branch_around_goto }, \
	[INSN_##op##32_IMM] = { branch_around_goto }, \
	[INSN_##op##32_REG] = { branch_around_goto },
	FUSED_COMPARE(X)
#undef X
};

void interp_fuse(struct interp_prog *ip)
{
	const struct prog_image *image = &ip->prog->image;
	enum insn_op ops[WINDOW] = { 0 };

	for (uint32_t i = image->insn_cnt; i-- > 0;) {
		const struct at a = { ip, &image->insns[i], &ip->code[i], ops };

		for (unsigned n = WINDOW - 1; n > 0; n--)
			ops[n] = ops[n - 1];
		/*
		 * The second slot of an LD_IMM64 is no instruction, and a probe is no plain load;
		 * they end every run.
		 */
		ops[0] = ip->code[i].op && !image->aux[i].probe && !image->aux[i].kptr
				 ? insn_decode(&image->insns[i])
				 : INSN_INVALID;
		for (size_t r = 0; r < ARRAY_SIZE(rules[0]) && rules[ops[0]][r]; r++)
			if (rules[ops[0]][r](&a))
				break;
	}
}
