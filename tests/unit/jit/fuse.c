/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuse.c - the passes: each pattern makes the instruction that it is for; it does not where a
 * temporary is still needed or a jump lands inside; and random mixtures of the patterns keep
 * their meaning.
 */
#include "tests/unit/jit/jit_test.h"

/* Compiles, checks against the evaluator for edge values in ctx[0..1], and looks for bytes. */
static bool makes(const struct bpf_insn *insns, uint32_t n, const uint8_t *bytes, size_t len)
{
	struct skep_prog *p = jt_new(insns, n, NULL);
	bool found;

	jt_compile(p);
	for (unsigned i = 0; i < jt_nr_edges; i++) {
		for (unsigned k = 0; k < jt_nr_edges; k++) {
			uint64_t got[8] = { jt_edges[i], jt_edges[k], 3, 4, 5 }, want[8];
			uint64_t r_want;

			memcpy(want, got, sizeof(want));
			r_want = jt_eval(p, want);
			ASSERT_EQ(jt_run(p, got), r_want);
			ASSERT_MEMEQ(got, want, sizeof(got));
		}
	}
	found = jt_has_bytes(p, bytes, len);
	jt_free(p);
	return found;
}

#define BYTES(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })
#define MAKES(b, ...)                             \
	makes((struct bpf_insn[]){ __VA_ARGS__ }, \
	      sizeof((struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn), b)

#if defined(__x86_64__)

#define TAIL_OF_RORX 0x7b, 0xf0 /* VEX.F2.0F3A.W0, opcode; W1 is 0xfb */

TEST(rotate_left_from_two_copies)
{
	ASSERT(MAKES(BYTES(0xc1, 0xc9, 19), LDX(BPF_W, R4, R1, 0), MOV32(R2, R4),
		     ALU32I(BPF_LSH, R2, 13), ALU32I(BPF_RSH, R4, 19), ALU32(BPF_OR, R4, R2),
		     MOV(R0, R4), EXIT()));
	ASSERT(MAKES(BYTES(0x48, 0xc1, 0xc9, 51), LDX(BPF_DW, R4, R1, 0), MOV(R2, R4),
		     ALU64I(BPF_LSH, R2, 13), ALU64I(BPF_RSH, R4, 51), ALU64(BPF_OR, R4, R2),
		     MOV(R0, R4), EXIT()));
}

TEST(rotate_keeps_a_shifted_half_that_is_needed)
{
	/* r2 is used again: no rotate (d1/c1 /1) of ecx or eax */
	ASSERT(!MAKES(BYTES(0xc1, 0xc9, 19), LDX(BPF_W, R4, R1, 0), MOV32(R2, R4),
		      ALU32I(BPF_LSH, R2, 13), ALU32I(BPF_RSH, R4, 19), ALU32(BPF_OR, R4, R2),
		      MOV(R0, R4), ALU64(BPF_ADD, R0, R2), EXIT()));
}

TEST(rotate_is_not_made_over_a_label)
{
	ASSERT(!MAKES(BYTES(0xc1, 0xc9, 19), LDX(BPF_W, R4, R1, 0), MOV32(R2, R4),
		      ALU32I(BPF_LSH, R2, 13), JMPI(BPF_JEQ, R4, 7, 1), ALU32I(BPF_RSH, R4, 19),
		      ALU32(BPF_OR, R4, R2), MOV(R0, R4), EXIT()));
}

TEST(rotate_needs_counts_that_add_up)
{
	ASSERT(!MAKES(BYTES(0xc1, 0xc9), LDX(BPF_W, R4, R1, 0), MOV32(R2, R4),
		      ALU32I(BPF_LSH, R2, 13), ALU32I(BPF_RSH, R4, 18), ALU32(BPF_OR, R4, R2),
		      MOV(R0, R4), EXIT()));
}

TEST(address_of_base_and_index)
{
	/* movzx eax, byte [rdi + rsi + 3] */
	ASSERT(MAKES(BYTES(0x0f, 0xb6, 0x44, 0x37, 0x03), LDX(BPF_DW, R2, R1, 0),
		     ALU64I(BPF_AND, R2, 15), MOV(R3, R1), ALU64(BPF_ADD, R3, R2),
		     LDX(BPF_B, R0, R3, 3), EXIT()));
	/* mov rax, [rdi + rsi * 8] */
	ASSERT(MAKES(BYTES(0x48, 0x8b, 0x04, 0xf7), LDX(BPF_DW, R2, R1, 0), ALU64I(BPF_AND, R2, 3),
		     ALU64I(BPF_LSH, R2, 3), MOV(R3, R1), ALU64(BPF_ADD, R3, R2),
		     LDX(BPF_DW, R0, R3, 0), EXIT()));
	/* from the frame: lea is gone, mov [rsp - 8], 5 */
	ASSERT(MAKES(BYTES(0x48, 0xc7, 0x44, 0x24, 0xf8, 5, 0, 0, 0), MOV(R2, R10),
		     ALU64I(BPF_ADD, R2, -8), ST(BPF_DW, R2, 0, 5), LDX(BPF_DW, R0, R10, -8),
		     EXIT()));
}

TEST(address_parts_that_changed_are_not_used)
{
	JT_CHECK(((uint64_t[]){ 1, 2, 3, 4 }), 32, MOVI(R2, 8), MOV(R3, R1), ALU64(BPF_ADD, R3, R2),
		 MOVI(R2, 16), LDX(BPF_DW, R0, R3, 0), EXIT());
	JT_CHECK(((uint64_t[]){ 1, 2, 3, 4 }), 32, MOVI(R2, 8), MOV(R3, R1), ALU64(BPF_ADD, R3, R2),
		 ALU64I(BPF_ADD, R1, 8), LDX(BPF_DW, R0, R3, 0), LDX(BPF_DW, R4, R1, 0),
		 ALU64(BPF_ADD, R0, R4), EXIT());
}

TEST(three_operand_addition)
{
	/* lea rax, [rdx + rsi] */
	ASSERT(MAKES(BYTES(0x48, 0x8d, 0x04, 0x32), LDX(BPF_DW, R2, R1, 0), LDX(BPF_DW, R3, R1, 8),
		     MOV(R0, R3), ALU64(BPF_ADD, R0, R2), STX(BPF_DW, R1, R3, 16),
		     STX(BPF_DW, R1, R2, 24), EXIT()));
}

TEST(load_becomes_an_operand)
{
	/* add rax, [rdi + 8] */
	ASSERT(MAKES(BYTES(0x48, 0x03, 0x47, 0x08), LDX(BPF_DW, R0, R1, 0), LDX(BPF_DW, R2, R1, 8),
		     ALU64(BPF_ADD, R0, R2), EXIT()));
	/* imul eax, [rdi + 8] */
	ASSERT(MAKES(BYTES(0x0f, 0xaf, 0x47, 0x08), LDX(BPF_DW, R0, R1, 0), LDX(BPF_W, R2, R1, 8),
		     ALU32(BPF_MUL, R0, R2), EXIT()));
	/* cmp byte [rdi], 9 */
	ASSERT(MAKES(BYTES(0x80, 0x3f, 9), MOVI(R0, 1), LDX(BPF_B, R2, R1, 0),
		     JMPI(BPF_JSGT, R2, 9, 1), MOVI(R0, 2), EXIT()));
}

TEST(load_does_not_pass_a_store)
{
	ASSERT(!MAKES(BYTES(0x48, 0x03, 0x47, 0x08), LDX(BPF_DW, R0, R1, 0), LDX(BPF_DW, R2, R1, 8),
		      ST(BPF_DW, R1, 8, 77), ALU64(BPF_ADD, R0, R2), EXIT()));
}

TEST(load_that_is_used_twice_stays)
{
	ASSERT(!MAKES(BYTES(0x48, 0x03, 0x47, 0x08), LDX(BPF_DW, R0, R1, 0), LDX(BPF_DW, R2, R1, 8),
		      ALU64(BPF_ADD, R0, R2), ALU64(BPF_MUL, R0, R2), EXIT()));
	/* needed where a jump between leads */
	ASSERT(!MAKES(BYTES(0x48, 0x03, 0x47, 0x08), LDX(BPF_DW, R0, R1, 0), LDX(BPF_DW, R2, R1, 8),
		      JMPI(BPF_JSGT, R0, 100, 2), ALU64(BPF_ADD, R0, R2), EXIT(),
		      ALU64(BPF_XOR, R0, R2), EXIT()));
}

TEST(byte_compare_with_a_wide_register_stays_wide)
{
	/* r3 may have more bits than the byte */
	ASSERT(!MAKES(BYTES(0x38), LDX(BPF_DW, R3, R1, 8), MOVI(R0, 1), LDX(BPF_B, R2, R1, 0),
		      JMP(BPF_JEQ, R2, R3, 1), MOVI(R0, 2), EXIT()));
}

TEST(update_in_memory)
{
	/* add qword [rdi + 8], 1 */
	ASSERT(MAKES(BYTES(0x48, 0x83, 0x47, 0x08, 1), LDX(BPF_DW, R2, R1, 8),
		     ALU64I(BPF_ADD, R2, 1), STX(BPF_DW, R1, R2, 8), MOVI(R0, 0), EXIT()));
	/* xor [rdi + 8], edx */
	ASSERT(MAKES(BYTES(0x31, 0x57, 0x08), LDX(BPF_W, R3, R1, 0), LDX(BPF_W, R2, R1, 8),
		     ALU32(BPF_XOR, R2, R3), STX(BPF_W, R1, R2, 8), MOV(R0, R3), EXIT()));
	/* the new value is needed */
	ASSERT(!MAKES(BYTES(0x48, 0x83, 0x47, 0x08, 1), LDX(BPF_DW, R2, R1, 8),
		      ALU64I(BPF_ADD, R2, 1), STX(BPF_DW, R1, R2, 8), MOV(R0, R2), EXIT()));
	/* another place */
	ASSERT(!MAKES(BYTES(0x48, 0x83, 0x47), LDX(BPF_DW, R2, R1, 8), ALU64I(BPF_ADD, R2, 1),
		      STX(BPF_DW, R1, R2, 16), MOVI(R0, 0), EXIT()));
	/* 64 bits of a sum of 32 */
	JT_CHECK(((uint64_t[]){ 0xffffffffffffffff }), 8, LDX(BPF_DW, R2, R1, 0),
		 ALU32I(BPF_ADD, R2, 1), STX(BPF_DW, R1, R2, 0), MOVI(R0, 0), EXIT());
}

TEST(bytes_become_one_load)
{
	/* movzx eax, word [rdi + 2] */
	ASSERT(MAKES(BYTES(0x0f, 0xb7, 0x47, 0x02), LDX(BPF_B, R2, R1, 2), LDX(BPF_B, R0, R1, 3),
		     ALU32I(BPF_LSH, R0, 8), ALU32(BPF_OR, R0, R2), EXIT()));
	/* eight bytes: mov rax, [rdi + 1] */
	ASSERT(MAKES(BYTES(0x48, 0x8b, 0x47, 0x01), LDX(BPF_B, R2, R1, 1), LDX(BPF_B, R3, R1, 2),
		     ALU64I(BPF_LSH, R3, 8), ALU64(BPF_OR, R3, R2), LDX(BPF_B, R4, R1, 3),
		     LDX(BPF_B, R2, R1, 4), ALU64I(BPF_LSH, R2, 8), ALU64(BPF_OR, R2, R4),
		     ALU64I(BPF_LSH, R2, 16), ALU64(BPF_OR, R2, R3), LDX(BPF_W, R0, R1, 5),
		     ALU64I(BPF_LSH, R0, 32), ALU64(BPF_OR, R0, R2), EXIT()));
	/* not neighbours, wrong order */
	ASSERT(!MAKES(BYTES(0x0f, 0xb7), LDX(BPF_B, R2, R1, 2), LDX(BPF_B, R0, R1, 4),
		      ALU32I(BPF_LSH, R0, 8), ALU32(BPF_OR, R0, R2), EXIT()));
	ASSERT(!MAKES(BYTES(0x0f, 0xb7), LDX(BPF_B, R2, R1, 3), LDX(BPF_B, R0, R1, 2),
		      ALU32I(BPF_LSH, R0, 8), ALU32(BPF_OR, R0, R2), EXIT()));
	/* the upper half would be cut off */
	ASSERT(!MAKES(BYTES(0x48, 0x8b), LDX(BPF_W, R2, R1, 0), LDX(BPF_W, R0, R1, 4),
		      ALU64I(BPF_LSH, R0, 32), ALU32(BPF_OR, R0, R2), EXIT()));
}

TEST(two_shifts_extend)
{
	/* movsx rax, si; movzx eax, si */
	ASSERT(MAKES(BYTES(0x48, 0x0f, 0xbf, 0xc6), LDX(BPF_DW, R2, R1, 0), MOV(R0, R2),
		     ALU64I(BPF_LSH, R0, 48), ALU64I(BPF_ARSH, R0, 48), STX(BPF_DW, R1, R2, 8),
		     EXIT()));
	ASSERT(MAKES(BYTES(0x0f, 0xb7, 0xc6), LDX(BPF_DW, R2, R1, 0), MOV(R0, R2),
		     ALU64I(BPF_LSH, R0, 48), ALU64I(BPF_RSH, R0, 48), STX(BPF_DW, R1, R2, 8),
		     EXIT()));
}

TEST(flags_of_arithmetic_serve_the_jump)
{
	/* add rsi, -1 and jne right behind it */
	ASSERT(MAKES(BYTES(0x48, 0x83, 0xc6, 0xff, 0x75), LDX(BPF_DW, R2, R1, 0),
		     ALU64I(BPF_AND, R2, 7), ALU64I(BPF_ADD, R2, 1), MOVI(R0, 0),
		     ALU64I(BPF_ADD, R0, 3), ALU64I(BPF_ADD, R2, -1), JMPI(BPF_JNE, R2, 0, -3),
		     EXIT()));
}

TEST(jump_over_a_jump_is_one)
{
	uint32_t one = JT_CHECK(NULL, 0, MOVI(R0, 0), ALU64I(BPF_ADD, R0, 1),
				JMPI(BPF_JNE, R0, 9, -2), EXIT());
	uint32_t two = JT_CHECK(NULL, 0, MOVI(R0, 0), ALU64I(BPF_ADD, R0, 1),
				JMPI(BPF_JEQ, R0, 9, 1), JA(-3), EXIT());

	ASSERT_EQ(one, two);
}

TEST(loop_ends_with_one_branch)
{
	/* cmp rax, 9; jne head; the other way out is behind it */
	ASSERT(MAKES(BYTES(0x48, 0x83, 0xf8, 9, 0x75), MOVI(R0, 0), ALU64I(BPF_ADD, R0, 1),
		     JMPI(BPF_JSGT, R0, 100, 2), JMPI(BPF_JEQ, R0, 9, 2), JA(-4), MOVI(R0, 7),
		     EXIT()));
	/* somebody else jumps to the goto: je out */
	ASSERT(MAKES(BYTES(0x48, 0x83, 0xf8, 9, 0x74), MOVI(R0, 0), ALU64I(BPF_ADD, R0, 1),
		     JMPI(BPF_JLT, R0, 4, 1), JMPI(BPF_JEQ, R0, 9, 2), JA(-4), MOVI(R0, 7),
		     EXIT()));
	/* neither leads back */
	ASSERT(MAKES(BYTES(0x48, 0x83, 0xf8, 9, 0x74), LDX(BPF_DW, R0, R1, 0),
		     JMPI(BPF_JEQ, R0, 9, 2), JA(2), MOVI(R0, 7), ALU64I(BPF_ADD, R0, 1), EXIT()));
}

/* What a comparison of a register with itself says: 0, 1, or whether the register is zero. */
TEST(compare_with_itself)
{
	static const struct {
		uint8_t op;
		int taken; /* -1: it depends */
	} rows[] = {
		{ BPF_JEQ, 1 },	 { BPF_JNE, 0 },  { BPF_JGT, 0 },   { BPF_JGE, 1 },
		{ BPF_JLT, 0 },	 { BPF_JLE, 1 },  { BPF_JSGT, 0 },  { BPF_JSGE, 1 },
		{ BPF_JSLT, 0 }, { BPF_JSLE, 1 }, { BPF_JSET, -1 },
	};
	uint32_t size[2];

	size[0] = JT_CHECK(jt_edges, 8, LDX(BPF_DW, R0, R1, 0), ALU64I(BPF_ADD, R0, 5), EXIT());
	size[1] = JT_CHECK(jt_edges, 8, LDX(BPF_DW, R0, R1, 0), EXIT());
	for (unsigned n = 0; n < ARRAY_SIZE(rows) * 2 * jt_nr_edges; n++) {
		const uint64_t *value = &jt_edges[n / ARRAY_SIZE(rows) / 2];
		uint8_t class = n / ARRAY_SIZE(rows) & 1 ? BPF_JMP : BPF_JMP32;
		int taken = rows[n % ARRAY_SIZE(rows)].taken;
		uint8_t code = (uint8_t)(class | BPF_X | rows[n % ARRAY_SIZE(rows)].op);
		uint32_t got = JT_CHECK(value, 8, LDX(BPF_DW, R0, R1, 0), MOV(R3, R0),
					INSN(code, R0, R3, 1, 0), ALU64I(BPF_ADD, R0, 5), EXIT());

		if (taken >= 0)
			ASSERT_EQ(got, size[taken]);
		else
			ASSERT_GT(got, size[0]);
	}
}

TEST(copies_that_are_cut_differ)
{
	/* a byte that was copied and masked is the same byte: no compare */
	ASSERT_EQ(
		JT_CHECK(jt_edges + 20, 8, LDX(BPF_B, R0, R1, 0), MOV(R3, R0),
			 ALU32I(BPF_AND, R3, 255), JMP32R(BPF_JNE, R0, R3, 1),
			 ALU64I(BPF_ADD, R0, 5), EXIT()),
		JT_CHECK(jt_edges + 20, 8, LDX(BPF_B, R0, R1, 0), ALU64I(BPF_ADD, R0, 5), EXIT()));
	/* the lower half is not the whole: 64 bits are compared */
	for (unsigned i = 0; i < jt_nr_edges; i++)
		JT_CHECK(&jt_edges[i], 8, LDX(BPF_DW, R0, R1, 0), MOV32(R3, R0),
			 JMP(BPF_JNE, R0, R3, 1), ALU64I(BPF_ADD, R0, 5), EXIT());
}

TEST(dead_code_behind_a_jump_takes_nothing)
{
	/* r4 is needed where the jump leads, not by what it passes */
	JT_CHECK(((uint64_t[]){ 1, 20 }), 16, LDX(BPF_DW, R2, R1, 0), MOVI(R0, 3),
		 LDX(BPF_DW, R4, R1, 8), JMP(BPF_JGE, R2, R2, 2), ALU64(BPF_ADD, R0, R4), EXIT(),
		 ALU64(BPF_XOR, R0, R4), EXIT());
	/* jumps that are dead too, one of them back: their targets have other ways in */
	JT_CHECK(((uint64_t[]){ 1, 20 }), 16, LDX(BPF_DW, R2, R1, 0), MOVI(R0, 3),
		 ALU64I(BPF_ADD, R0, 1), JMP(BPF_JEQ, R2, R2, 4), JMPI(BPF_JEQ, R0, 4, 4), JA(-4),
		 MAY_GOTO(1), MOVI(R0, 9), JMPI(BPF_JLT, R0, 8, -7), EXIT());
}

TEST(results_for_nobody_are_not_computed)
{
	ASSERT_EQ(JT_CHECK(NULL, 0, MOVI(R3, 7), ALU64(BPF_MUL, R3, R3), MOVI(R6, 1), MOVI(R0, 0),
			   EXIT()),
		  JT_CHECK(NULL, 0, MOVI(R0, 0), EXIT()));
}

#endif

/* -- random mixtures -- */

struct gen {
	struct bpf_insn insns[400];
	uint32_t n;
};

static void add(struct gen *g, struct bpf_insn insn)
{
	g->insns[g->n++] = insn;
}

static uint8_t any_reg(void)
{
	return (uint8_t)(jt_random() % 8);
}

static uint8_t any_class(void)
{
	return jt_random() & 1 ? BPF_ALU64 : BPF_ALU;
}

static uint8_t any_size(void)
{
	static const uint8_t sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };

	return sizes[jt_random() & 3];
}

/* r9 is the context, 128 bytes; r8 counts the rounds. */
static void idiom_rotate(struct gen *g, uint8_t x, uint8_t y, uint8_t z)
{
	uint8_t class = any_class();
	int32_t width = class == BPF_ALU64 ? 64 : 32, k = 1 + (int32_t)(jt_random() % 31);

	add(g, INSN((uint8_t)(class | BPF_X | BPF_MOV), x, y, 0, 0));
	add(g, INSN((uint8_t)(class | BPF_K | BPF_LSH), x, 0, 0, k));
	if (jt_random() % 4 == 0)
		add(g, MOV(z, y));
	add(g, INSN((uint8_t)(class | BPF_K | BPF_RSH), jt_random() % 8 ? y : z, 0, 0,
		    jt_random() % 8 ? width - k : k));
	add(g, INSN((uint8_t)(class | BPF_X | (jt_random() & 1 ? BPF_OR : BPF_XOR)), x,
		    jt_random() % 8 ? y : z, 0, 0));
}

static void idiom_address(struct gen *g, uint8_t x, uint8_t y, uint8_t z)
{
	int32_t shift = (int32_t)(jt_random() % 4);

	add(g, ALU64I(BPF_AND, y, 7));
	if (shift)
		add(g, ALU64I(BPF_LSH, y, shift));
	add(g, MOV(x, R9));
	if (jt_random() & 1)
		add(g, ALU64I(BPF_ADD, x, 8));
	add(g, ALU64(BPF_ADD, x, y));
	if (x == y) /* twice the address: not one */
		add(g, MOV(x, R9));
	if (jt_random() % 4 == 0)
		add(g, ALU64I(BPF_ADD, y, 1));
	if (jt_random() & 1)
		add(g, LDX(any_size(), z, x, (int16_t)(jt_random() % 8)));
	else
		add(g, STX(any_size(), x, z == x ? R8 : z, (int16_t)(jt_random() % 8)));
	add(g, MOVI(x, 5)); /* addresses must not get into results */
}

static void idiom_bytes(struct gen *g, uint8_t x, uint8_t y, uint8_t z)
{
	int16_t off = (int16_t)(jt_random() % 100), step = jt_random() % 8 ? 1 : 2;
	uint8_t class = any_class();

	add(g, LDX(BPF_B, x, R9, off));
	if (jt_random() % 6 == 0)
		add(g, STX(any_size(), R9, z, off));
	add(g, LDX(BPF_B, y, R9, (int16_t)(off + step)));
	add(g, INSN((uint8_t)(class | BPF_K | BPF_LSH), y, 0, 0, 8));
	add(g, INSN((uint8_t)(class | BPF_X | BPF_OR), y, x, 0, 0));
	if (jt_random() & 1)
		return;
	add(g, LDX(BPF_H, z, R9, (int16_t)(off + 2)));
	add(g, INSN((uint8_t)(class | BPF_K | BPF_LSH), z, 0, 0, 16));
	add(g, INSN((uint8_t)(class | BPF_X | BPF_ADD), z, y, 0, 0));
}

static void idiom_update(struct gen *g, uint8_t x, uint8_t y, uint8_t z)
{
	static const uint8_t ops[] = { BPF_ADD, BPF_SUB, BPF_AND, BPF_OR, BPF_XOR, BPF_MUL };
	uint8_t size = any_size(), op = ops[jt_random() % 6], class = any_class();
	int16_t off = (int16_t)(jt_random() % 100);

	add(g, LDX(size, x, R9, off));
	if (jt_random() % 6 == 0)
		add(g, STX(any_size(), R9, z, off));
	if (jt_random() & 1)
		add(g, INSN((uint8_t)(class | BPF_X | op), x, y, 0, 0));
	else if (jt_random() & 1)
		add(g, INSN((uint8_t)(class | BPF_K | op), x, 0, 0, (int32_t)jt_random()));
	else {
		add(g, INSN((uint8_t)(class | BPF_X | op), y, x, 0, 0));
		x = y;
	}
	if (jt_random() & 1)
		add(g, STX(size, R9, x, jt_random() % 8 ? off : 3));
}

static void idiom_mask(struct gen *g, uint8_t x, uint8_t y, uint8_t z)
{
	static const int32_t counts[] = { 8, 16, 24, 32, 48, 56, 31 };
	int32_t k = counts[jt_random() % ARRAY_SIZE(counts)];
	uint8_t class = k < 32 ? any_class() : BPF_ALU64;

	if (jt_random() & 1)
		add(g, INSN((uint8_t)(class | BPF_X | BPF_MOV), x, y, 0, 0));
	add(g, INSN((uint8_t)(class | BPF_K | BPF_LSH), x, 0, 0, k));
	add(g, INSN((uint8_t)(class | BPF_K | (jt_random() & 1 ? BPF_RSH : BPF_ARSH)), x, 0, 0,
		    jt_random() % 8 ? k : 8));
	add(g, ALU64I(BPF_AND, z, jt_random() & 1 ? 0xff : 0xffff));
	add(g, MOV32(y, z));
	add(g, ALU32I(BPF_AND, y, 0xff));
}

static void idiom_plain(struct gen *g, uint8_t x, uint8_t y, uint8_t z)
{
	static const uint8_t ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_XOR, BPF_LSH,
				       BPF_RSH, BPF_DIV, BPF_MOD, BPF_AND };
	uint8_t class = any_class();

	add(g, INSN((uint8_t)(class | BPF_X | BPF_MOV), z, x, 0, 0));
	add(g, INSN((uint8_t)(class | BPF_X | ops[jt_random() % ARRAY_SIZE(ops)]), z, y, 0, 0));
	add(g, INSN((uint8_t)(class | BPF_K | BPF_ADD), z, 0, 0, (int32_t)(jt_random() % 1000)));
	if (jt_random() % 3 == 0)
		add(g, BE(y, 16 << jt_random() % 3));
	if (jt_random() % 4 == 0) {
		add(g, STX(BPF_DW, R10, x, -16));
		add(g, LDX(BPF_DW, y, R10, -16));
	}
}

static const uint8_t jumps[] = { BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,	 BPF_JLT, BPF_JLE,
				 BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET };

/* A jump forward to somewhere within reach: often into the middle of an idiom. */
static void add_jump(struct gen *g)
{
	uint8_t op = jumps[jt_random() % ARRAY_SIZE(jumps)], x = any_reg();
	uint8_t class = jt_random() & 1 ? BPF_JMP : BPF_JMP32;
	int16_t off = (int16_t)(jt_random() % 12);

	if (jt_random() % 3 == 0)
		add(g, LDX(any_size(), x, R9, (int16_t)(jt_random() % 100)));
	else if (jt_random() % 3 == 0)
		add(g, ALU64I(BPF_AND, x, (int32_t)(jt_random() % 300)));
	if (jt_random() & 1)
		add(g, INSN((uint8_t)(class | BPF_X | op), x, any_reg(), off, 0));
	else
		add(g, INSN((uint8_t)(class | BPF_K | op), x, 0, off,
			    jt_random() & 1 ? 0 : (int32_t)(jt_random() % 300) - 20));
}

/*
 * A jump must not land between the parts of idiom_address, which would use a number as an
 * address; elsewhere it may.
 */
static void generate(struct gen *g, bool with_jumps)
{
	static void (*const idioms[])(struct gen * g, uint8_t x, uint8_t y, uint8_t z) = {
		idiom_rotate, idiom_bytes, idiom_update, idiom_mask, idiom_plain, idiom_address,
	};
	uint32_t head;

	g->n = 0;
	add(g, MOV(R9, R1));
	add(g, MOVI(R8, 3));
	add(g, ST(BPF_DW, R10, -16, 0));
	for (uint8_t r = R0; r < R8; r++)
		add(g, LDX(BPF_DW, r, R9, r * 8));
	head = g->n;
	for (unsigned k = 0; k < 3 + jt_random() % 20; k++) {
		unsigned which = (unsigned)(jt_random() % (with_jumps ? 5 : 6));

		idioms[which](g, any_reg(), any_reg(), any_reg());
		if (with_jumps && jt_random() % 3 == 0)
			add_jump(g);
	}
	for (unsigned k = 0; k < 13; k++)
		add(g, ALU64I(BPF_ADD, (uint8_t)(k % 8), (int32_t)k));
	add(g, ALU64I(BPF_SUB, R8, 1));
	g->insns[g->n] = JMPI(BPF_JNE, R8, 0, (int16_t)(head - g->n - 1));
	g->n++;
	for (uint8_t r = R1; r < R8; r++)
		add(g, STX(BPF_DW, R9, r, r * 8));
	add(g, EXIT());
}

static void fuzz(unsigned rounds, bool with_jumps)
{
	struct gen g;
	uint64_t ctx[20];

	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned k = 0; k < ARRAY_SIZE(ctx); k++)
			ctx[k] =
				jt_random() & 1 ? jt_edges[jt_random() % jt_nr_edges] : jt_random();
		generate(&g, with_jumps);
		jt_check(g.insns, g.n, ctx, sizeof(ctx));
	}
}

TEST(random_idioms)
{
	fuzz(6000, false);
}

TEST(random_idioms_and_jumps)
{
	fuzz(6000, true);
}
