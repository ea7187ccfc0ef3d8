/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout.c - jump forms, alignment and the 32-byte window of Intel's erratum, on drafts of our
 * own; and code for machines and address spaces that this one is not.
 */
#include "tests/unit/jit/jit_test.h"

#include "jit/jit_int.h"

#include <sys/mman.h>

#define FRAGS 400

/* Where the target of these tests was asked to put jumps. */
static struct {
	uint8_t *at;
	uint8_t len;
	int32_t distance;
} put[FRAGS];
static unsigned nr_put;

static void put_jump(uint8_t *p, uint8_t cc, bool near, int32_t distance)
{
	put[nr_put].at = p;
	put[nr_put].len = cc == JIT_ALWAYS ? (near ? 5 : 2) : near ? 6 : 2;
	put[nr_put].distance = distance;
	nr_put++;
	memset(p, 0xee, put[nr_put - 1].len);
}

static void put_nops(uint8_t *p, uint32_t n)
{
	memset(p, 0x90, n);
}

static const struct jit_target windowed = {
	.jump_short = 2,
	.jump_near = 5,
	.jcc_short = 2,
	.jcc_near = 6,
	.short_min = INT8_MIN,
	.short_max = INT8_MAX,
	.jump_window = 32,
	.put_jump = put_jump,
	.put_nops = put_nops,
};

TEST(jumps_keep_off_the_window_and_reach)
{
	static struct jit_frag frags[FRAGS + 1];
	static uint32_t labels[FRAGS];
	static uint8_t draft[FRAGS * 40], code[FRAGS * 100] __attribute__((aligned(64)));
	static struct jit_reloc no_relocs;
	struct jit j = {
		.target = &windowed,
		.frag = frags,
		.label = labels,
		.draft = draft,
		.reloc = &no_relocs,
	};

	for (unsigned round = 0; round < 200; round++) {
		uint32_t at = 0;

		memset(code, 0, sizeof(code));
		for (unsigned i = 0; i < FRAGS; i++) {
			uint32_t len = 5 + (uint32_t)(jt_random() % 30);

			labels[i] = i;
			frags[i] = (struct jit_frag){
				.start = at,
				.target = (uint32_t)(jt_random() % (round % 2 ? FRAGS : i + 1)),
				.cc = jt_random() % 4 ? 5 : JIT_ALWAYS,
				.fused = (uint8_t)(jt_random() % 5),
				.align = jt_random() % 6 ? 1 : 16,
			};
			memset(draft + at, (int)(i & 0x7f), len);
			at += len;
		}
		j.nr_frags = FRAGS;
		j.p = draft + at;
		jit_layout(&j);
		ASSERT_LE(j.size, sizeof(code));
		nr_put = 0;
		jit_copy(&j, code, code);
		ASSERT_EQ(nr_put, FRAGS);
		for (unsigned i = 0; i < FRAGS; i++) {
			const uint8_t *end = put[i].at + put[i].len;
			uint32_t first = (uint32_t)(put[i].at - code) - frags[i].fused;
			uint32_t target = (uint32_t)(end - code) + (uint32_t)put[i].distance;

			ASSERT_EQ(frags[i].pos % MAX(frags[i].align, 1), 0);
			ASSERT_EQ(first / 32, (uint32_t)(end - code) / 32);
			ASSERT_EQ(target, frags[frags[i].target].pos);
			ASSERT_EQ(code[frags[i].pos], i & 0x7f);
			if (put[i].len == 2)
				ASSERT_EQ(put[i].distance, (int8_t)put[i].distance);
		}
	}
}

/* One loop after another, each with up to four fragments, none inside another. */
TEST(small_loops_do_not_cross_a_line)
{
	static const struct jit_target lined = {
		.jump_short = 2,
		.jump_near = 5,
		.jcc_short = 2,
		.jcc_near = 6,
		.short_min = INT8_MIN,
		.short_max = INT8_MAX,
		.loop_line = 64,
	};
	static struct jit_frag frags[FRAGS + 1];
	static uint32_t labels[FRAGS];
	static uint8_t draft[FRAGS * 40];
	struct jit j = { .target = &lined, .frag = frags, .label = labels, .draft = draft };
	unsigned small = 0;

	for (unsigned round = 0; round < 50; round++) {
		uint32_t at = 0, head = 0;

		for (unsigned i = 0; i < FRAGS; i++) {
			bool back = i == head + 3 || jt_random() % 3 == 0;

			labels[i] = i;
			frags[i] = (struct jit_frag){
				.start = at,
				.target = back ? head : MIN(i + 1, FRAGS - 1),
				.cc = back ? 5 : JIT_NO_JUMP,
				.align = i == head ? 32 : 1,
			};
			at += 1 + (uint32_t)(jt_random() % 30);
			if (back)
				head = i + 1;
		}
		j.nr_frags = FRAGS;
		j.p = draft + at;
		jit_layout(&j);
		for (unsigned i = 0; i < FRAGS; i++) {
			uint32_t first = frags[frags[i].target].pos;
			uint32_t last = frags[i].pos + frags[i + 1].start - frags[i].start + 1;

			if (frags[i].cc == JIT_NO_JUMP || last - first >= 64)
				continue;
			ASSERT_EQ(first / 64, last / 64);
			small++;
		}
	}
	ASSERT_GT(small, 1000);
}

#if defined(__x86_64__)
#include "jit/x86_cpu.h"

/* Shifts, rotates and multiplications for CPUs without BMI2. */
TEST(without_bmi2)
{
	static const uint8_t ops[] = { BPF_LSH, BPF_RSH, BPF_ARSH };
	static const uint8_t regs[] = { R0, R2, R3, R4, R5, R7 };

	x86_cpu.bmi2 = false;
	for (unsigned n = 0; n < ARRAY_SIZE(ops) * ARRAY_SIZE(regs) * ARRAY_SIZE(regs) * 2; n++) {
		uint8_t op = ops[n % 3], d = regs[n / 3 % 6], s = regs[n / 18 % 6];
		uint8_t class = n / 108 ? BPF_ALU64 : BPF_ALU;

		for (unsigned e = 0; e < jt_nr_edges; e++) {
			uint64_t ctx[4] = { jt_edges[e], jt_edges[e * 7 % jt_nr_edges] };

			JT_CHECK(ctx, sizeof(ctx), MOV(R9, R1), MOVI(R4, 99), LDX(BPF_DW, d, R9, 0),
				 LDX(BPF_DW, s, R9, 8),
				 INSN((uint8_t)(class | BPF_X | op), d, s, 0, 0),
				 STX(BPF_DW, R9, d, 16), STX(BPF_DW, R9, s, 24),
				 STX(BPF_DW, R9, R4, 0), MOVI(R0, 0), EXIT());
		}
	}
	for (unsigned e = 0; e < jt_nr_edges; e++) {
		for (uint8_t d = R0; d < R9; d++) {
			JT_CHECK(&jt_edges[e], 8, MOV(R9, R1), MOVI(R0, 1), MOVI(R3, 2),
				 LDX(BPF_DW, d, R9, 0), ALU64I(BPF_MOD, d, 1000007),
				 ALU64(BPF_ADD, R0, d), ALU64(BPF_ADD, R0, R3), EXIT());
			JT_CHECK(&jt_edges[e], 8, MOV(R9, R1), LDX(BPF_DW, d, R9, 0), MOV(R8, d),
				 ALU64I(BPF_LSH, R8, 7), ALU64I(BPF_RSH, d, 57),
				 ALU64(BPF_OR, R8, d), MOV(R0, R8), EXIT());
		}
	}
}

/* Leaves no room for code memory within reach of our text: calls go through a register. */
TEST(far_from_everything)
{
	const uintptr_t text = (uintptr_t)&jit_engine & ~((UINT64_C(1) << 21) - 1);
	struct skep_prog *p;

	for (int64_t d = -(INT64_C(1) << 30) - (1 << 24); d < (INT64_C(1) << 30) + (1 << 24);
	     d += 1 << 21) {
		void *at = (void *)(text + (uintptr_t)d);

		if (mmap(at, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			 0) != MAP_FAILED)
			continue;
	}
	p = JT_NEW(MOVI(R1, 1), MOVI(R2, 2), MOVI(R3, 3), MOVI(R4, 4), MOVI(R5, 5), CALL(FN_SUM),
		   EXIT());
	jt_compile(p);
	ASSERT_GT(llabs((int64_t)((uintptr_t)p->jited - text)), 1 << 30);
	ASSERT_EQ(jt_run(p, NULL), 1 + 4 + 9 + 16 + 25 + 3);
	jt_free(p);
}
#endif
