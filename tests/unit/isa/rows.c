/* SPDX-License-Identifier: BSD-2-Clause */
/* rows.c - opcodes.def against the UAPI's numbers, the decoder and the validity check. */
#include "isa/isa.h"
#include "tests/harness/test.h"

/* An instruction of row op whose used fields hold harmless values. */
static void sample(enum insn_op op, struct bpf_insn insn[2])
{
	const struct insn_desc *d = insn_desc(op);

	memset(insn, 0, 2 * sizeof(*insn));
	insn->code = d->code;
	insn->dst_reg = d->dst == USE_NO ? 0 : 3;
	insn->src_reg = d->src == USE_NO ? 0 : d->src == USE_KEY ? (unsigned)d->key & 15 : 4;
	insn->off = d->off == USE_NO ? 0 : d->off == USE_KEY ? d->key : 8;
	insn->imm = d->imm == USE_NO ? 0 : d->imm == USE_KEY ? d->key : 1;
}

TEST(every_row_decodes_to_itself)
{
	struct bpf_insn insn[2];

	for (int op = 1; op < _INSN_MAX; op++) {
		sample(op, insn);
		ASSERT_MSG(insn_decode(insn) == (enum insn_op)op, "%s", insn_desc(op)->name);
	}
}

TEST(every_row_is_valid_from_its_version_on)
{
	struct bpf_insn insn[2];

	for (int op = 1; op < _INSN_MAX; op++) {
		const struct insn_desc *d = insn_desc(op);
		int slots = insn_is_double(d) ? 2 : 1;

		sample(op, insn);
		ASSERT_MSG(insn_valid(insn, 2, 0, ISA_ALL, NULL) == slots, "%s", d->name);
		ASSERT_MSG(insn_valid(insn, 2, 0, d->since, NULL) == slots, "%s", d->name);
		ASSERT_MSG(insn_valid(insn, 2, 0, d->since - 1, NULL) == -EINVAL, "%s", d->name);
	}
}

/* What a reserved field, a bad register or a bad immediate gives, on every row that has one. */
TEST(reserved_fields_must_be_zero)
{
	struct bpf_insn insn[2];

	for (int op = 1; op < _INSN_MAX; op++) {
		const struct insn_desc *d = insn_desc(op);
		uint16_t isa = ISA_ALL; /* but for immediates, whose limits are Linux's */

#define REJECTED(member, value)                                                                    \
	do {                                                                                       \
		sample(op, insn);                                                                  \
		insn->member = (value);                                                            \
		ASSERT_MSG(insn_valid(insn, 2, 0, isa, NULL) == -EINVAL, "%s: " #member, d->name); \
	} while (0)
		if (d->dst == USE_NO)
			REJECTED(dst_reg, 1);
		else
			REJECTED(dst_reg, 11);
		if (d->src == USE_NO)
			REJECTED(src_reg, 9);
		else
			REJECTED(src_reg, 11);
		if (d->off == USE_NO && op != INSN_EXIT) /* Linux does not look at it */
			REJECTED(off, 1);
		if (d->off == USE_KEY)
			REJECTED(off, 7);
		if (d->imm == USE_NO)
			REJECTED(imm, 1);
		if (d->imm == USE_KEY)
			REJECTED(imm, 0x77);
		if (d->since == ISA_ALL)
			continue;
		isa = ISA_LINUX_LATEST;
		if (d->imm == USE_NZ)
			REJECTED(imm, 0);
		if (d->imm == USE_SH32)
			REJECTED(imm, 32);
		if (d->imm == USE_SH64)
			REJECTED(imm, 64);
	}
}

TEST(rfc_9669_defines_what_linux_refuses)
{
	static const struct bpf_insn insns[] = { { .code = 0x37 },
						 { .code = 0x94, .off = 1 },
						 { .code = 0x64, .imm = 40 },
						 { .code = 0xc7, .imm = 64 },
						 { .code = 0x8d, .dst_reg = 2 } };

	for (uint32_t i = 0; i < ARRAY_SIZE(insns); i++) {
		ASSERT_EQ(insn_valid(insns, ARRAY_SIZE(insns), i, ISA_LINUX_LATEST, NULL), -EINVAL);
		ASSERT_EQ(insn_valid(insns, ARRAY_SIZE(insns), i, ISA_ALL, NULL), 1);
	}
}

TEST(frame_pointer_is_read_only)
{
	struct bpf_insn insn[2];

	for (int op = 1; op < _INSN_MAX; op++) {
		const struct insn_desc *d = insn_desc(op);
		int slots = insn_is_double(d) ? 2 : 1;

		if (d->dst != USE_NO) {
			sample(op, insn);
			insn->dst_reg = 10;
			ASSERT_EQ(insn_valid(insn, 2, 0, ISA_ALL, NULL),
				  d->dst == USE_R ? slots : -EACCES);
		}
		if (d->src != USE_NO && d->src != USE_KEY) {
			sample(op, insn);
			insn->src_reg = 10;
			ASSERT_EQ(insn_valid(insn, 2, 0, ISA_ALL, NULL),
				  d->src == USE_R ? slots : -EACCES);
		}
	}
}

/* Linux's messages, from kernel/bpf/verifier.c. */
TEST(messages_are_linux_s)
{
	static const struct {
		struct bpf_insn insn[2];
		int err;
		const char *msg;
	} cases[] = {
		{ { { .code = 0x8d, .dst_reg = 2 } }, -EINVAL, "unknown opcode 8d" },
		{ { { .code = 0xff } }, -EINVAL, "unknown opcode ff" },
		{ { { .code = 0x00 } }, -EINVAL, "unknown opcode 00" },
		{ { { .code = 0x86 } }, -EINVAL, "unknown opcode 86" },
		{ { { .code = 0x99 } }, -EINVAL, "unknown opcode 99" },
		{ { { .code = 0xe1 } }, -EINVAL, "BPF_LDX uses reserved fields" },
		{ { { .code = 0x61, .imm = 1 } }, -EINVAL, "BPF_LDX uses reserved fields" },
		{ { { .code = 0x07, .off = 1 } }, -EINVAL, "BPF_ALU uses reserved fields" },
		{ { { .code = 0x37, .off = 2, .imm = 1 } },
		  -EINVAL,
		  "BPF_ALU uses reserved fields" },
		{ { { .code = 0xbc, .off = 32 } }, -EINVAL, "BPF_MOV uses reserved fields" },
		{ { { .code = 0x87, .imm = 1 } }, -EINVAL, "BPF_NEG uses reserved fields" },
		{ { { .code = 0xd7, .imm = 8 } }, -EINVAL, "BPF_END uses reserved fields" },
		{ { { .code = 0x1d, .imm = 8 } }, -EINVAL, "BPF_JMP/JMP32 uses reserved fields" },
		{ { { .code = 0x05, .imm = 8 } }, -EINVAL, "BPF_JA uses reserved fields" },
		{ { { .code = 0x06, .off = 8 } }, -EINVAL, "BPF_JA uses reserved fields" },
		{ { { .code = 0x85, .src_reg = 3 } }, -EINVAL, "BPF_CALL uses reserved fields" },
		{ { { .code = 0x95, .imm = 3 } }, -EINVAL, "BPF_EXIT uses reserved fields" },
		{ { { .code = 0xe5, .off = 3, .imm = 4 } },
		  -EINVAL,
		  "invalid may_goto off 3 imm 4" },
		{ { { .code = 0x62, .src_reg = 1 } }, -EINVAL, "BPF_ST uses reserved fields" },
		{ { { .code = 0x63, .imm = 1 } }, -EINVAL, "BPF_STX uses reserved fields" },
		{ { { .code = 0xdb, .imm = 0x33 } },
		  -EINVAL,
		  "BPF_ATOMIC uses invalid atomic opcode 33" },
		{ { { .code = 0xd3, .imm = 0 } }, -EINVAL, "invalid atomic operand size" },
		{ { { .code = 0x28, .dst_reg = 1 } },
		  -EINVAL,
		  "BPF_LD_[ABS|IND] uses reserved fields" },
		{ { { .code = 0x18, .off = 1 } }, -EINVAL, "BPF_LD_IMM64 uses reserved fields" },
		{ { { .code = 0x18 }, { .code = 1 } }, -EINVAL, "invalid bpf_ld_imm64 insn" },
		{ { { .code = 0x18, .src_reg = 7 } }, -EINVAL, "unrecognized bpf_ld_imm64 insn" },
		{ { { .code = 0x18, .src_reg = 1 }, { .imm = 1 } },
		  -EINVAL,
		  "unrecognized bpf_ld_imm64 insn" },
		{ { { .code = 0x07, .dst_reg = 11 } }, -EINVAL, "R11 is invalid" },
		{ { { .code = 0x0f, .src_reg = 15 } }, -EINVAL, "R15 is invalid" },
		{ { { .code = 0x07, .dst_reg = 10 } }, -EACCES, "frame pointer is read only" },
		{ { { .code = 0x34 } }, -EINVAL, "div by zero" },
		{ { { .code = 0x97 } }, -EINVAL, "div by zero" },
		{ { { .code = 0x64, .imm = 32 } }, -EINVAL, "invalid shift 32" },
		{ { { .code = 0x67, .imm = -1 } }, -EINVAL, "invalid shift -1" },
		{ { { .code = 0xbf, .off = 1, .imm = 2 } },
		  -EINVAL,
		  "addr_space_cast insn can only convert between address space 1 and 0" },
	};

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		struct skep_diag diag = { 0 };

		ASSERT_EQ(insn_valid(cases[c].insn, 2, 0, ISA_LINUX_LATEST, &diag), cases[c].err);
		ASSERT_STREQ(diag.msg, cases[c].msg);
		ASSERT_EQ(diag.where, SKEP_AT_INSN);
	}
}

TEST(ld_imm64_needs_its_second_slot)
{
	struct bpf_insn insn[2] = { { .code = 0x18 } };
	struct skep_diag diag = { 0 };

	ASSERT_EQ(insn_valid(insn, 2, 0, ISA_ALL, NULL), 2);
	ASSERT_EQ(insn_valid(insn, 1, 0, ISA_ALL, &diag), -EINVAL);
	ASSERT_STREQ(diag.msg, "invalid bpf_ld_imm64 insn");
}

TEST(memory_sizes)
{
	ASSERT_EQ(insn_mem_size(BPF_LDX | BPF_MEM | BPF_B), 1);
	ASSERT_EQ(insn_mem_size(BPF_LDX | BPF_MEM | BPF_H), 2);
	ASSERT_EQ(insn_mem_size(BPF_LDX | BPF_MEM | BPF_W), 4);
	ASSERT_EQ(insn_mem_size(BPF_LDX | BPF_MEM | BPF_DW), 8);
}
