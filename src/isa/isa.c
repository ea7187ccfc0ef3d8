/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * isa.c - the tables of the instruction set, and the check of a single instruction.
 *
 * Messages and errno are those of Linux's resolve_pseudo_ldimm64(), check_alu_op() and do_check()
 * (kernel/bpf/verifier.c).
 */
#include "isa/isa.h"

#define V     ISA_LINUX
#define NEVER ISA_ALL

const struct insn_desc insn_descs[_INSN_MAX] = {
#define INSN(name_, code_, key_, dst_, src_, off_, imm_, group_, since_, text_, sem_) \
	[INSN_##name_] = {                                                            \
		.name = #name_,                                                       \
		.text = text_,                                                        \
		.semantics = sem_,                                                    \
		.key = key_,                                                          \
		.since = since_,                                                      \
		.code = code_,                                                        \
		.group = INSN_GROUP_##group_,                                         \
		.dst = USE_##dst_,                                                    \
		.src = USE_##src_,                                                    \
		.off = USE_##off_,                                                    \
		.imm = USE_##imm_,                                                    \
	},
#include "isa/opcodes.def"
};

#define KEY_OF(src, off, imm)                  \
	(USE_##src == USE_KEY	? INSN_KEY_SRC \
	 : USE_##off == USE_KEY ? INSN_KEY_OFF \
	 : USE_##imm == USE_KEY ? INSN_KEY_IMM \
				: INSN_KEY_NONE)

const struct insn_slot insn_slots[256] = {
#define INSN(name, code, key, dst, src, off, imm, ...) \
	[code] = { INSN_##name, KEY_OF(src, off, imm) },
#define INSN_ALT(...)
#include "isa/opcodes.def"
};

/* The word in "BPF_... uses reserved fields". */
static const char *const group_word[_INSN_GROUP_MAX] = {
	[INSN_GROUP_ALU] = "BPF_ALU",
	[INSN_GROUP_MOV] = "BPF_MOV",
	[INSN_GROUP_NEG] = "BPF_NEG",
	[INSN_GROUP_END] = "BPF_END",
	[INSN_GROUP_JMP] = "BPF_JMP/JMP32",
	[INSN_GROUP_JA] = "BPF_JA",
	[INSN_GROUP_JCOND] = "BPF_JCOND",
	[INSN_GROUP_CALL] = "BPF_CALL",
	[INSN_GROUP_EXIT] = "BPF_EXIT",
	[INSN_GROUP_LDX] = "BPF_LDX",
	[INSN_GROUP_ST] = "BPF_ST",
	[INSN_GROUP_STX] = "BPF_STX",
	[INSN_GROUP_ATOMIC] = "BPF_ATOMIC",
	[INSN_GROUP_LD_IMM64] = "BPF_LD_IMM64",
	[INSN_GROUP_LD_ABS] = "BPF_LD_[ABS|IND]",
};

static bool use_is_reg(uint8_t use)
{
	return use == USE_R || use == USE_W || use == USE_RW;
}

static bool use_writes(uint8_t use)
{
	return use == USE_W || use == USE_RW;
}

#define BAD(...) diag_set(diag, -EINVAL, SKEP_AT_INSN, at, __VA_ARGS__)

/* The group has its own words for what the general check would call reserved fields. */
static int bad_fields(const struct bpf_insn *i, uint8_t group, uint32_t at, struct skep_diag *diag)
{
	struct bpf_insn wide = *i;

	switch (group) {
	case INSN_GROUP_JCOND:
		return BAD("invalid may_goto off %d imm %d", i->off, i->imm);
	case INSN_GROUP_ATOMIC:
		wide.code = BPF_STX | BPF_ATOMIC | BPF_DW;
		if (insn_decode(&wide) != INSN_INVALID)
			return BAD("invalid atomic operand size");
		return BAD("BPF_ATOMIC uses invalid atomic opcode %02x", i->imm);
	case INSN_GROUP_LD_IMM64:
		if (!i->off)
			return BAD("unrecognized bpf_ld_imm64 insn");
		break;
	}
	return BAD("%s uses reserved fields", group_word[group]);
}

static int check_imm(const struct bpf_insn *i, uint8_t use, uint32_t at, struct skep_diag *diag)
{
	if (use == USE_NZ && !i->imm)
		return BAD("div by zero");
	if ((use == USE_SH32 && (uint32_t)i->imm > 31) ||
	    (use == USE_SH64 && (uint32_t)i->imm > 63))
		return BAD("invalid shift %d", i->imm);
	if (use == USE_CAST && i->imm != 1 && i->imm != 1 << 16)
		return BAD("addr_space_cast insn can only convert between address space 1 and 0");
	return 0;
}

static int check_regs(const struct bpf_insn *i, const struct insn_desc *d, uint32_t at,
		      struct skep_diag *diag)
{
	if (use_is_reg(d->src) && i->src_reg >= SKEP_REG_CNT)
		return BAD("R%d is invalid", i->src_reg);
	if (use_is_reg(d->dst) && i->dst_reg >= SKEP_REG_CNT)
		return BAD("R%d is invalid", i->dst_reg);
	if ((use_writes(d->dst) && i->dst_reg == BPF_REG_10) ||
	    (use_writes(d->src) && i->src_reg == BPF_REG_10))
		return diag_set(diag, -EACCES, SKEP_AT_INSN, at, "frame pointer is read only");
	return 0;
}

/* The second slot of an LD_IMM64. */
static int check_second(const struct bpf_insn *insns, uint32_t n, uint32_t at, uint8_t imm,
			struct skep_diag *diag)
{
	const struct bpf_insn *i = &insns[at + 1];

	if (at + 1 >= n || i->code || i->dst_reg || i->src_reg || i->off)
		return BAD("invalid bpf_ld_imm64 insn");
	if (imm == USE_ONE && i->imm)
		return BAD("unrecognized bpf_ld_imm64 insn");
	return 0;
}

int insn_valid(const struct bpf_insn *insns, uint32_t n, uint32_t at, uint16_t isa,
	       struct skep_diag *diag)
{
	const struct bpf_insn *i = &insns[at];
	const struct insn_desc *first = insn_desc((enum insn_op)insn_slots[i->code].first);
	enum insn_op op = insn_decode(i);
	const struct insn_desc *d = insn_desc(op);
	int r = 0;

	/* A byte without rows lands on row 0, whose name is NULL. */
	if (!first->name || first->since > isa) {
		if (BPF_CLASS(i->code) == BPF_LDX && BPF_MODE(i->code) != BPF_MEM &&
		    BPF_MODE(i->code) != BPF_MEMSX)
			return BAD("BPF_LDX uses reserved fields");
		return BAD("unknown opcode %02x", i->code);
	}
	if (insn_is_double(first)) {
		r = check_second(insns, n, at, d->imm, diag);
		if (r)
			return r;
	}
	/* Linux does not look at the offset of an exit. */
	if (op == INSN_INVALID || d->since > isa || (d->dst == USE_NO && i->dst_reg) ||
	    (d->src == USE_NO && i->src_reg) ||
	    (d->off == USE_NO && i->off && d->group != INSN_GROUP_EXIT) ||
	    (d->imm == USE_NO && i->imm))
		return bad_fields(i, first->group, at, diag);
	if (isa != ISA_ALL)
		r = check_imm(i, d->imm, at, diag);
	if (r)
		return r;
	r = check_regs(i, d, at, diag);
	if (r)
		return r;
	return insn_is_double(d) ? 2 : 1;
}
