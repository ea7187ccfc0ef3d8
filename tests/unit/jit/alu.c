/* SPDX-License-Identifier: BSD-2-Clause */
/* alu.c - arithmetic: every operation at edge values, for every choice of registers. */
#include "tests/unit/jit/jit_test.h"

static const uint8_t binary_ops[] = {
	BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,   BPF_AND,
	BPF_LSH, BPF_RSH, BPF_MOD, BPF_XOR, BPF_ARSH,
};

static bool is_division(uint8_t op)
{
	return op == BPF_DIV || op == BPF_MOD;
}

/* dst op= src for all pairs of edge values, the operands loaded from the context. */
static void check_pair(uint8_t class, uint8_t op, int16_t off, uint8_t dst, uint8_t src)
{
	struct bpf_insn insns[] = {
		MOV(R9, R1),
		LDX(BPF_DW, dst, R9, 0),
		LDX(BPF_DW, src, R9, 8),
		INSN((uint8_t)(class | BPF_X | op), dst, src, off, 0),
		STX(BPF_DW, R9, dst, 16),
		STX(BPF_DW, R9, src, 24),
		MOVI(R0, 0),
		EXIT(),
	};
	struct skep_prog *p = jt_new(insns, ARRAY_SIZE(insns), NULL);

	jt_compile(p);
	for (unsigned i = 0; i < jt_nr_edges; i++) {
		for (unsigned k = 0; k < jt_nr_edges; k++) {
			uint64_t got[4] = { jt_edges[i], jt_edges[k] };
			uint64_t want[4] = { jt_edges[i], jt_edges[k] };

			jt_eval(p, want);
			jt_run(p, got);
			ASSERT_MSG(!memcmp(got, want, sizeof(got)),
				   "class %u op %02x off %d r%u r%u: %" PRIx64 ", %" PRIx64
				   ": got %" PRIx64 ", %" PRIx64 "; want %" PRIx64 ", %" PRIx64,
				   class, op, off, dst, src, jt_edges[i], jt_edges[k], got[2],
				   got[3], want[2], want[3]);
		}
	}
	jt_free(p);
}

TEST(registers_at_edges)
{
	static const uint8_t pairs[][2] = {
		{ R0, R1 }, { R3, R4 }, { R4, R0 }, { R0, R3 }, { R3, R0 },
		{ R5, R6 }, { R7, R8 }, { R2, R2 }, { R3, R3 }, { R4, R4 },
		{ R0, R0 }, { R8, R7 }, { R6, R4 }, { R1, R3 }, { R3, R7 },
	};

	for (unsigned p = 0; p < ARRAY_SIZE(pairs); p++) {
		for (unsigned o = 0; o < ARRAY_SIZE(binary_ops); o++) {
			for (int16_t off = 0; off <= is_division(binary_ops[o]); off++) {
				check_pair(BPF_ALU64, binary_ops[o], off, pairs[p][0], pairs[p][1]);
				check_pair(BPF_ALU, binary_ops[o], off, pairs[p][0], pairs[p][1]);
			}
		}
	}
}

/* dst op= imm, with r0 and r3 holding values that must survive. */
static void check_imm(uint8_t class, uint8_t op, int16_t off, uint8_t dst, int32_t imm)
{
	struct bpf_insn insns[] = {
		MOV(R9, R1),
		MOVI(R0, 1234),
		MOVI(R3, 5678),
		LDX(BPF_DW, dst, R9, 0),
		INSN((uint8_t)(class | BPF_K | op), dst, 0, off, imm),
		STX(BPF_DW, R9, dst, 8),
		ALU64(BPF_ADD, R0, R3),
		EXIT(),
	};
	struct skep_prog *p = jt_new(insns, ARRAY_SIZE(insns), NULL);

	jt_compile(p);
	for (unsigned i = 0; i < jt_nr_edges; i++) {
		uint64_t got[2] = { jt_edges[i] }, want[2] = { jt_edges[i] };
		uint64_t r_want = jt_eval(p, want), r_got = jt_run(p, got);

		ASSERT_MSG(got[1] == want[1] && r_got == r_want,
			   "class %u op %02x off %d r%u imm %d: %" PRIx64 " gives %" PRIx64
			   ", not %" PRIx64,
			   class, op, off, dst, imm, jt_edges[i], got[1], want[1]);
	}
	jt_free(p);
}

TEST(immediates_at_edges)
{
	static const int32_t imms[] = {
		0,	   1,	      2,   3,	5,   6,	  7,	8,    10,    31,    60,
		63,	   100,	      127, 128, 255, 256, 641,	1000, 65535, 65536, 1 << 30,
		INT32_MAX, INT32_MIN, -1,  -2,	-3,  -7,  -128, -129, -1000,
	};
	static const uint8_t dsts[] = { R0, R1, R3, R4, R7, R8 };

	for (unsigned d = 0; d < ARRAY_SIZE(dsts); d++) {
		for (unsigned o = 0; o < ARRAY_SIZE(binary_ops); o++) {
			for (unsigned i = 0; i < ARRAY_SIZE(imms); i++) {
				for (int16_t off = 0; off <= is_division(binary_ops[o]); off++) {
					check_imm(BPF_ALU64, binary_ops[o], off, dsts[d], imms[i]);
					check_imm(BPF_ALU, binary_ops[o], off, dsts[d], imms[i]);
				}
			}
		}
	}
}

/* Constant divisors of all sizes, against values beside their multiples. */
TEST(division_by_constants)
{
	for (int n = 0; n < 3000; n++) {
		int32_t d = (int32_t)(jt_random() >> (jt_random() % 32 + 32));
		bool wide = jt_random() & 1, mod = jt_random() & 1;
		uint64_t unit = wide ? (uint64_t)(int64_t)d : (uint32_t)d;
		struct bpf_insn insns[] = {
			LDX(BPF_DW, R0, R1, 0),
			INSN((uint8_t)((wide ? BPF_ALU64 : BPF_ALU) | (mod ? BPF_MOD : BPF_DIV)),
			     R0, 0, 0, d),
			EXIT(),
		};
		struct skep_prog *p = jt_new(insns, ARRAY_SIZE(insns), NULL);

		jt_compile(p);
		for (int k = 0; k < 40; k++) {
			uint64_t v = unit * jt_random() + (uint64_t)(k % 3) - 1, want;

			if (k < 8)
				v = UINT64_MAX - (uint64_t)k;
			want = jt_eval(p, &v);
			ASSERT_MSG(jt_run(p, &v) == want, "0x%" PRIx64 " %c %d", v, mod ? '%' : '/',
				   d);
		}
		jt_free(p);
	}
}

static void check_unary(struct bpf_insn op)
{
	for (unsigned i = 0; i < jt_nr_edges; i++) {
		JT_CHECK(&jt_edges[i], 8, LDX(BPF_DW, R3, R1, 0), MOV(R0, R3), op,
			 STX(BPF_DW, R1, R7, 0), MOV(R0, R7), EXIT());
	}
}

TEST(moves_and_byte_order)
{
	static const int widths[] = { 8, 16, 32, 64 };

	for (int w = 0; w < 3; w++) {
		check_unary(MOVSX(R7, R3, widths[w]));
		if (w < 2)
			check_unary(MOVSX32(R7, R0, widths[w]));
	}
	check_unary(MOV32(R7, R3));
	check_unary(MOV(R7, R0));
	for (int w = 1; w < 4; w++) {
		for (unsigned i = 0; i < jt_nr_edges; i++) {
			JT_CHECK(&jt_edges[i], 8, LDX(BPF_DW, R0, R1, 0), LE(R0, widths[w]),
				 EXIT());
			JT_CHECK(&jt_edges[i], 8, LDX(BPF_DW, R8, R1, 0), BE(R8, widths[w]),
				 MOV(R0, R8), EXIT());
			JT_CHECK(&jt_edges[i], 8, LDX(BPF_DW, R0, R1, 0), SWAP(R0, widths[w]),
				 EXIT());
		}
	}
	for (unsigned i = 0; i < jt_nr_edges; i++) {
		JT_CHECK(&jt_edges[i], 8, LDX(BPF_DW, R0, R1, 0), NEG64(R0), EXIT());
		JT_CHECK(&jt_edges[i], 8, LDX(BPF_DW, R0, R1, 0), NEG32(R0), EXIT());
	}
}

TEST(wide_constants)
{
	for (unsigned i = 0; i < jt_nr_edges; i++)
		for (uint8_t r = R0; r < R10; r++)
			JT_CHECK(NULL, 0, LD64(r, jt_edges[i]), MOV(R0, r), EXIT());
}

/* A random straight-line program over r0 to r9 and 64 bytes of context. */
static uint32_t random_program(struct bpf_insn *insns, uint32_t len)
{
	static const uint8_t sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	uint32_t n = 0;

	insns[n++] = MOV(R9, R1);
	for (uint8_t r = R0; r < R9; r++)
		insns[n++] = LDX(BPF_DW, r, R9, r * 8);
	while (n < len) {
		uint64_t v = jt_random();
		uint8_t d = v % 9, s = v / 9 % 9, size = sizes[v >> 50 & 3];
		uint8_t class = v >> 40 & 1 ? BPF_ALU64 : BPF_ALU;
		uint8_t op = binary_ops[(v >> 24) % ARRAY_SIZE(binary_ops)];
		int32_t imm = (int32_t)(jt_random() >> (jt_random() % 32 + 32));
		int16_t off = is_division(op) && (v >> 45 & 1);

		if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
			imm &= class == BPF_ALU64 ? 63 : 31;
		switch (v >> 32 & 15) {
		case 0 ... 4:
			insns[n++] = INSN((uint8_t)(class | BPF_X | op), d, s, off, 0);
			break;
		case 5 ... 9:
			insns[n++] = INSN((uint8_t)(class | BPF_K | op), d, 0, off, imm);
			break;
		case 10:
			insns[n++] = INSN((uint8_t)(class | BPF_X | BPF_MOV), d, s, 0, 0);
			break;
		case 11:
			insns[n++] = LDX(size, d, R9, (int16_t)(imm & 63));
			break;
		case 12:
			insns[n++] = STX(size, R9, s, (int16_t)(imm & 63));
			break;
		case 13:
			insns[n++] = STX(BPF_DW, R10, s, (int16_t)(-8 * (1 + (imm & 7))));
			insns[n++] = LDX(BPF_DW, d, R10, (int16_t)(-8 * (1 + (imm & 7))));
			break;
		case 14:
			insns[n++] = BE(d, 16 << (v >> 60) % 3);
			break;
		default:
			insns[n++] = MOVI(d, imm);
		}
	}
	for (uint8_t r = R1; r < R9; r++) {
		insns[n++] = STX(BPF_DW, R9, r, r * 8);
		insns[n++] = ALU64(BPF_XOR, R0, r);
	}
	insns[n++] = EXIT();
	return n;
}

TEST(random_straight_line)
{
	struct bpf_insn insns[128];
	uint64_t ctx[16];

	for (int i = 0; i < 5000; i++) {
		for (unsigned k = 0; k < ARRAY_SIZE(ctx); k++)
			ctx[k] =
				jt_random() & 1 ? jt_edges[jt_random() % jt_nr_edges] : jt_random();
		jt_check(insns, random_program(insns, 11 + (uint32_t)(jt_random() % 70)), ctx,
			 sizeof(ctx));
	}
}
