/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * isa.h - the door to the instruction set: decode, check, print, assemble.
 *
 * opcodes.def has one row per instruction; everything here is read off those rows.  Who needs
 * a table by instruction includes the .def:
 *
 *	#define INSN(name, ...) [INSN_##name] = &&do_##name,
 *	#include "isa/opcodes.def"
 */
#ifndef SKEP_ISA_ISA_H
#define SKEP_ISA_ISA_H

#include "base/base.h"
#include "base/diag.h"
#include "base/strbuf.h"
#include "base/uapi.h"

/* Every instruction. INSN_INVALID is 0, so a zeroed table says "none". */
enum insn_op {
	INSN_INVALID,
#define INSN(name, ...) INSN_##name,
#include "isa/opcodes.def"
	_INSN_MAX,
};

/* How an instruction uses a field, and the values that are allowed there. */
enum insn_use {
	USE_NO,	    /* reserved: zero */
	USE_R,	    /* register, read */
	USE_W,	    /* register, written */
	USE_RW,	    /* register, read and written */
	USE_KEY,    /* insn_desc.key: tells instructions of one opcode byte apart */
	USE_MEM,    /* off: displacement of a memory operand */
	USE_JMP,    /* off or imm: jump distance */
	USE_FD,	    /* off: index into fd_array, the BTF of a kfunc */
	USE_S32,    /* imm: any value */
	USE_NZ,	    /* imm: any value but 0 */
	USE_SH32,   /* imm: 0 to 31 */
	USE_SH64,   /* imm: 0 to 63 */
	USE_CAST,   /* imm: 1 or 1 << 16, to and from address space 1 */
	USE_HELPER, /* imm: BPF_FUNC_* */
	USE_KFUNC,  /* imm: BTF id of a kernel function */
	USE_SUB,    /* imm: distance to a subprogram */
	USE_SUBREF, /* imm: distance to a subprogram, in the first of two slots */
	USE_IMM64,  /* imm: lower half; the second slot's is the upper half */
	USE_ONE,    /* imm of the first of two slots; the second slot's is zero */
	USE_TWO,    /* imm of both slots, two operands */
};

/* Kinds of instruction, as Linux cuts them: each has its check function and its messages. */
enum insn_group {
	INSN_GROUP_ALU,
	INSN_GROUP_MOV,
	INSN_GROUP_NEG,
	INSN_GROUP_END,
	INSN_GROUP_JMP,	  /* conditional */
	INSN_GROUP_JA,	  /* goto, gotol */
	INSN_GROUP_JCOND, /* may_goto */
	INSN_GROUP_CALL,  /* helper, subprogram, kfunc, callx */
	INSN_GROUP_EXIT,
	INSN_GROUP_LDX, /* src is the base register */
	INSN_GROUP_ST,	/* dst is the base register, here and below */
	INSN_GROUP_STX,
	INSN_GROUP_ATOMIC,   /* but for load_acquire, whose base is src */
	INSN_GROUP_LD_IMM64, /* two slots */
	INSN_GROUP_LD_ABS,   /* LD_IND too; reads r6, clobbers r1 to r5 */
	_INSN_GROUP_MAX,
};

/* One row of opcodes.def. */
struct insn_desc {
	const char *name;      /* "ADD64_IMM" */
	const char *text;      /* its syntax, see opcodes.def */
	const char *semantics; /* for people */
	int32_t key;	       /* value of the field whose use is USE_KEY */
	uint16_t since;	       /* ISA_LINUX(major, minor) that took it first, or ISA_ALL */
	uint8_t code;	       /* opcode byte */
	uint8_t group;	       /* enum insn_group */
	uint8_t dst, src;      /* enum insn_use of the register fields */
	uint8_t off, imm;      /* enum insn_use of the others */
};

/* Rows of one opcode byte stand together; slot n says where and which field decides. */
struct insn_slot {
	uint16_t first; /* enum insn_op of the first row, INSN_INVALID: unknown byte */
	uint16_t key;	/* enum insn_key */
};

enum insn_key { INSN_KEY_NONE, INSN_KEY_SRC, INSN_KEY_OFF, INSN_KEY_IMM };

extern const struct insn_desc insn_descs[_INSN_MAX];
extern const struct insn_slot insn_slots[256];

/* Versions of the instruction set: what a row's `since` is compared with. */
#define ISA_LINUX(major, minor) ((major) << 8 | (minor))
#define ISA_LINUX_LATEST	0xfffe /* all that some Linux takes */
/*
 * And what none does: callx, and what RFC 9669 gives a meaning that Linux has no use for, division
 * by an immediate 0 (as by a register that is 0) and immediate shifts that are masked.
 */
#define ISA_ALL 0xffff

/** The row of an instruction; op is valid. */
static inline const struct insn_desc *insn_desc(enum insn_op op)
{
	return &insn_descs[op];
}

/** The field of i that tells instructions of its opcode byte apart. */
static inline int32_t insn_key(const struct bpf_insn *i, unsigned key)
{
	return key == INSN_KEY_OFF ? i->off : key == INSN_KEY_IMM ? i->imm : i->src_reg;
}

/**
 * What i is: opcode byte and key field are looked at, the other fields are insn_valid's matter.
 * INSN_INVALID where there is no such instruction.
 */
static inline enum insn_op insn_decode(const struct bpf_insn *i)
{
	const struct insn_slot *s = &insn_slots[i->code];
	unsigned op = s->first;

	if (s->key == INSN_KEY_NONE)
		return (enum insn_op)op;
	for (; op < _INSN_MAX && insn_descs[op].code == i->code; op++)
		if (insn_descs[op].key == insn_key(i, s->key))
			return (enum insn_op)op;
	return INSN_INVALID;
}

/** True for rows that take two slots. */
static inline bool insn_is_double(const struct insn_desc *d)
{
	return d->group == INSN_GROUP_LD_IMM64;
}

/** Bytes that a memory operand has, by the size bits of the opcode byte. */
static inline unsigned insn_mem_size(uint8_t code)
{
	return BPF_SIZE(code) == BPF_DW ? 8 : 4u >> (BPF_SIZE(code) >> 3);
}

/**
 * Checks the instruction at insns[at] by itself: opcode, reserved fields, register numbers,
 * range of immediates.  Where a jump or call leads is not looked at.
 *
 * @param insns  n instructions, at < n
 * @param isa    the newest version to accept: ISA_LINUX(6, 12), ISA_LINUX_LATEST, ISA_ALL
 * @return slots it takes, 1 or 2; or as Linux -EINVAL, -EACCES (r10 written), with Linux's
 *         message in the diagnostic
 */
int insn_valid(const struct bpf_insn *insns, uint32_t n, uint32_t at, uint16_t isa,
	       struct skep_diag *reterr_diag);

/* Names that only the caller knows.  A member that is NULL, or gives NULL, leaves the default. */
struct isa_names {
	/*
	 * Name of a callee: "bpf_map_lookup_elem" for a helper (printed NAME#imm), the kfunc's
	 * name likewise, "+12#bpf_prog_f00" for a subprogram (printed pcNAME).  buf is n bytes
	 * to use at will.
	 */
	const char *(*call)(void *arg, const struct bpf_insn *insn, char *buf, size_t n);
	/* Text for the operand of an LD_IMM64 whose 64 bits are imm: "map[id:5]", "0x10". */
	const char *(*imm)(void *arg, const struct bpf_insn *insn, uint64_t imm, char *buf,
			   size_t n);
	void *arg;
};

/**
 * Prints one instruction as Linux's print_bpf_insn and bpftool's `dump xlated` do: "(b7) r0 = 0",
 * without a newline.  Without names the text loses nothing: isa_asm gives the same bytes.
 *
 * @param insn   the instruction; an LD_IMM64 is followed by its second slot
 * @param names  may be NULL
 */
void isa_disasm(struct strbuf *out, const struct bpf_insn *insn, const struct isa_names *names);

/* What the assembler asks about names after `call`. */
struct isa_symbols {
	/*
	 * Fills insn->src_reg, off and imm for the callee called name (n bytes, not
	 * terminated).  False where the name is unknown: then it is a label.
	 */
	bool (*call)(void *arg, const char *name, size_t n, struct bpf_insn *insn);
	void *arg;
};

/**
 * Assembles text: one instruction a line, in the syntax of isa_disasm, where the index ("12:")
 * and the opcode ("(b7)") may be left out.
 *
 *	loop:				a label, alone or before an instruction
 *	if r1 > r2 goto +5		"pc" may be left out; a label is fine too
 *	r1 = 0x123456789 ll		64-bit immediate; "(18) r1 = 0x123456789" as well
 *	call 1				by number, by name (symbols), pc+2, or a label
 *	r1 = subprog[callback]		a label's address
 *	; // and # at the start of a line begin a comment, the first two anywhere
 *
 * @param text       len bytes, not terminated
 * @param symbols    may be NULL
 * @param ret_insns  the instructions; the caller frees them with skep_free
 * @return 0, or -EINVAL with the line and what was expected there, -ERANGE (a value does not
 *         fit its field), -E2BIG (more than SKEP_INSNS_MAX instructions), -ENOMEM
 */
int isa_asm(const char *text, size_t len, const struct isa_symbols *symbols,
	    struct bpf_insn **ret_insns, uint32_t *ret_cnt, struct skep_diag *reterr_diag);

#endif
