/* SPDX-License-Identifier: BSD-2-Clause */
/* flow.c - jumps, calls, frames, tail calls, packet loads, atomics. */
#include "tests/unit/jit/jit_test.h"

static const uint8_t conditions[] = {
	BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,	BPF_JLT,  BPF_JLE,
	BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET,
};

static void check_jump(uint8_t class, uint8_t op, bool imm, uint64_t a, uint64_t b)
{
	uint64_t ctx[2] = { a, b };
	struct bpf_insn insns[] = {
		LDX(BPF_DW, R3, R1, 0),
		LDX(BPF_DW, R8, R1, 8),
		MOVI(R0, 1),
		imm ? INSN((uint8_t)(class | BPF_K | op), R3, 0, 1, (int32_t)b)
		    : INSN((uint8_t)(class | BPF_X | op), R3, R8, 1, 0),
		MOVI(R0, 2),
		EXIT(),
	};

	jt_check(insns, ARRAY_SIZE(insns), ctx, sizeof(ctx));
}

TEST(conditions_at_edges)
{
	for (unsigned o = 0; o < ARRAY_SIZE(conditions); o++) {
		for (unsigned i = 0; i < jt_nr_edges; i++) {
			for (unsigned k = 0; k < jt_nr_edges; k++) {
				for (int imm = 0; imm < 2; imm++) {
					uint64_t a = jt_edges[i], b = jt_edges[k];

					check_jump(BPF_JMP, conditions[o], imm, a, b);
					check_jump(BPF_JMP32, conditions[o], imm, a, b);
				}
			}
		}
	}
}

/* A condition right behind the arithmetic whose flags may serve it. */
TEST(conditions_after_arithmetic)
{
	static const uint8_t ops[] = { BPF_ADD, BPF_SUB, BPF_AND, BPF_OR,
				       BPF_XOR, BPF_LSH, BPF_RSH, BPF_ARSH };
	static const int32_t imms[] = { 1, -1, 0x7f, INT32_MIN, 0 };

	for (unsigned n = 0; n < ARRAY_SIZE(ops) * ARRAY_SIZE(conditions) * 4; n++) {
		uint8_t op = ops[n % ARRAY_SIZE(ops)];
		uint8_t cc = conditions[n / ARRAY_SIZE(ops) % ARRAY_SIZE(conditions)];
		uint8_t alu =
			n / ARRAY_SIZE(ops) / ARRAY_SIZE(conditions) & 1 ? BPF_ALU64 : BPF_ALU;
		uint8_t jmp =
			n / ARRAY_SIZE(ops) / ARRAY_SIZE(conditions) & 2 ? BPF_JMP : BPF_JMP32;

		for (unsigned e = 0; e < jt_nr_edges * ARRAY_SIZE(imms); e++) {
			int32_t imm =
				imms[e / jt_nr_edges] & (op >= BPF_LSH && op != BPF_XOR ? 31 : -1);

			JT_CHECK(&jt_edges[e % jt_nr_edges], 8, LDX(BPF_DW, R2, R1, 0),
				 INSN((uint8_t)(alu | BPF_K | op), R2, 0, 0, imm), MOVI(R0, 0),
				 INSN((uint8_t)(jmp | BPF_K | cc), R2, 0, 1, 0), MOV(R0, R2),
				 EXIT());
		}
	}
}

/* A loop and a way out of it over `body` instructions: short and near forms, both directions. */
static void check_distance(uint32_t body)
{
	struct bpf_insn *insns = skep_alloc_array(body + 16, sizeof(*insns));
	uint32_t n = 0, head;

	insns[n++] = MOVI(R0, 0);
	insns[n++] = MOVI(R2, 3);
	head = n;
	insns[n++] = JMPI(BPF_JEQ, R2, 0, (int16_t)(body + 2));
	for (uint32_t i = 0; i < body; i++)
		insns[n++] = ALU64I(BPF_ADD, R0, 3);
	insns[n++] = ALU64I(BPF_SUB, R2, 1);
	insns[n] = JA((int16_t)(head - n - 1));
	n++;
	insns[n++] = EXIT();
	jt_check(insns, n, NULL, 0);
	skep_free(insns);
}

TEST(jumps_of_all_lengths)
{
	for (uint32_t body = 0; body < 80; body++)
		check_distance(body);
	check_distance(3000);
	check_distance(30000);
}

/* Many jumps whose lengths depend on each other. */
TEST(jumps_over_jumps)
{
	struct bpf_insn insns[1200];

	for (uint32_t span = 10; span < 60; span++) {
		uint32_t n = 0;
		uint64_t ctx = span;

		insns[n++] = LDX(BPF_DW, R2, R1, 0);
		insns[n++] = MOVI(R0, 0);
		while (n < 1100) {
			insns[n] = JMPI(BPF_JSET, R0, 1 << n % 7, (int16_t)span);
			insns[n + 1] = ALU64(BPF_ADD, R0, R2);
			n += 2;
		}
		while (n < 1200)
			insns[n++] = EXIT();
		jt_check(insns, n, &ctx, sizeof(ctx));
	}
}

TEST(gotol_reaches_far)
{
	uint32_t n = 0, far = 70000;
	struct bpf_insn *insns = skep_alloc_array(far + 8, sizeof(*insns));

	insns[n++] = MOVI(R0, 5);
	insns[n++] = JAL((int32_t)far);
	while (n < far + 2)
		insns[n++] = ALU64I(BPF_ADD, R0, 1);
	insns[n++] = ALU64I(BPF_MUL, R0, 3);
	insns[n++] = EXIT();
	jt_check(insns, n, NULL, 0);
	skep_free(insns);
}

/* -- calls -- */

TEST(helper_gets_arguments_and_run)
{
	JT_CHECK(NULL, 0, MOVI(R1, 1), MOVI(R2, 20), MOVI(R3, 300), MOVI(R4, 4000), MOVI(R5, 50000),
		 CALL(FN_SUM), EXIT());
}

TEST(callee_saved_survive_helpers)
{
	JT_CHECK(NULL, 0, MOVI(R6, 6), MOVI(R7, 7), MOVI(R8, 8), MOVI(R9, 9),
		 ST(BPF_DW, R10, -8, 99), CALL(FN_TRASH), ALU64(BPF_ADD, R0, R6),
		 ALU64(BPF_MUL, R0, R7), ALU64(BPF_ADD, R0, R8), ALU64(BPF_MUL, R0, R9),
		 LDX(BPF_DW, R1, R10, -8), ALU64(BPF_ADD, R0, R1), EXIT());
}

TEST(stack_is_aligned_for_c)
{
	/* with 0 to 3 saved registers, from the main program and from a subprogram */
	JT_CHECK(NULL, 0, CALL(FN_ALIGNED), EXIT());
	JT_CHECK(NULL, 0, MOVI(R6, 0), CALL(FN_ALIGNED), EXIT());
	JT_CHECK(NULL, 0, MOVI(R6, 0), MOVI(R7, 1), CALL(FN_ALIGNED), EXIT());
	JT_CHECK(NULL, 0, MOVI(R6, 0), CALL_SUB(1), EXIT(), MOVI(R7, 0), MOVI(R8, 0),
		 CALL(FN_ALIGNED), EXIT());
}

TEST(subprograms_have_frames)
{
	/* f(x) = x ? x + f(x - 1) : 0, with its x on the stack and in r6 */
	JT_CHECK(NULL, 0, MOVI(R1, 10), MOVI(R6, 77), CALL_SUB(2), ALU64(BPF_ADD, R0, R6), EXIT(),
		 MOVI(R0, 0), JMPI(BPF_JEQ, R1, 0, 8), MOV(R6, R1), STX(BPF_DW, R10, R1, -16),
		 MOV(R1, R6), ALU64I(BPF_SUB, R1, 1), CALL_SUB(-7), LDX(BPF_DW, R1, R10, -16),
		 ALU64(BPF_ADD, R0, R1), ALU64(BPF_ADD, R0, R6), EXIT());
}

TEST(subprogram_uses_run_though_main_does_not)
{
	JT_CHECK(NULL, 0, MOVI(R1, 1), CALL_SUB(1), EXIT(), MOVI(R2, 2), MOVI(R3, 3), MOVI(R4, 4),
		 MOVI(R5, 5), CALL(FN_SUM), EXIT());
}

TEST(callbacks_run_from_c)
{
	struct skep_prog *p = JT_NEW(LD_FUNC(R1, 4), MOVI(R2, 11), CALL(FN_CALLBACK), EXIT(),
				     /* callback(r1, 2, 3, 4, 5) */
				     MOV(R6, R1), CALL(FN_SUM), ALU64(BPF_ADD, R0, R6), EXIT());

	jt_compile(p);
	ASSERT_EQ(jt_run(p, NULL), 11 + 2 * 2 + 3 * 3 + 4 * 4 + 5 * 5 + 3 + 11 + 1);
	jt_free(p);
}

TEST(callx_looks_the_helper_up)
{
	struct skep_prog *p = JT_NEW(MOVI(R6, FN_SUM), MOVI(R1, 1), MOVI(R2, 2), MOVI(R3, 3),
				     MOVI(R4, 4), MOVI(R5, 5), CALLX(R6), EXIT());

	jt_compile(p);
	ASSERT_EQ(jt_run(p, NULL), 1 + 4 + 9 + 16 + 25 + 3);
	jt_free(p);
	p = JT_NEW(MOVI(R1, 9999), CALLX(R1), EXIT());
	jt_compile(p);
	ASSERT_EQ(jt_run(p, NULL), -EINVAL);
	jt_free(p);
}

static struct skep_map *prog_array(struct skep_prog **slots, uint32_t n)
{
	struct skep_map *m = skep_alloc(sizeof(*m));

	m->type = BPF_MAP_TYPE_PROG_ARRAY;
	m->values = (uint8_t *)slots;
	m->max_entries = n;
	return m;
}

TEST(tail_call_replaces_the_program)
{
	struct skep_prog *slots[4] = { 0 };
	struct skep_map *m = prog_array(slots, ARRAY_SIZE(slots));
	struct bpf_insn call[] = {
		MOVI(R6, 1),
		MOVI(R7, 1),
		LDX(BPF_W, R3, R1, 0),
		LD_MAP(R2, 0),
		CALL(BPF_FUNC_tail_call),
		MOVI(R0, 111),
		EXIT(),
	};
	struct skep_prog *p = jt_new(call, ARRAY_SIZE(call), &m);
	struct skep_run run = { .cpu = 5 };
	uint32_t index = 2;

	slots[2] = JT_NEW(MOV(R8, R1), CALL(FN_TRASH), LDX(BPF_W, R0, R8, 0),
			  ALU64I(BPF_ADD, R0, 40), EXIT());
	jt_compile(p);
	jt_compile(slots[2]);
	ASSERT_EQ(jt_run_with(p, &index, &run), 42);
	ASSERT(run.prog == slots[2]);
	ASSERT_EQ(run.tail_calls, 1);
	index = 1; /* empty */
	ASSERT_EQ(jt_run_with(p, &index, &run), 111);
	ASSERT_EQ(run.tail_calls, 0);
	index = 4; /* outside */
	ASSERT_EQ(jt_run_with(p, &index, &run), 111);
	jt_free(slots[2]);
	jt_free(p);
	skep_free(m);
}

/* A target that calls nothing does not know the run, and gives back all registers just so. */
TEST(tail_call_of_a_leaf)
{
	struct skep_prog *slots[2] = { 0 };
	struct skep_map *m = prog_array(slots, ARRAY_SIZE(slots));
	struct bpf_insn call[] = {
		MOVI(R6, 1), MOVI(R9, 1), MOVI(R3, 1), LD_MAP(R2, 0), CALL(BPF_FUNC_tail_call),
		MOVI(R0, 1), EXIT(),
	};
	struct skep_prog *p = jt_new(call, ARRAY_SIZE(call), &m);
	uint32_t word = 40;

	slots[1] = JT_NEW(LDX(BPF_W, R0, R1, 0), MOVI(R7, 2), ALU64(BPF_ADD, R0, R7), EXIT());
	jt_compile(p);
	jt_compile(slots[1]);
	ASSERT_EQ(jt_run(p, &word), 42);
	jt_free(slots[1]);
	jt_free(p);
	skep_free(m);
}

/*
 * Where the verifier says that the array is always the same one, its size and place are constants,
 * and so is the slot where the index is one.
 */
TEST(tail_call_through_a_known_array)
{
	struct skep_prog *slots[4] = { 0 };
	struct skep_map *m = prog_array(slots, ARRAY_SIZE(slots));
	/* By the index in the context, or by a constant. */
	struct bpf_insn by_reg[] = {
		LDX(BPF_W, R3, R1, 0), LD_MAP(R2, 0), CALL(BPF_FUNC_tail_call), MOVI(R0, 1), EXIT(),
	};
	struct bpf_insn by_imm[] = {
		MOVI(R3, 0), LD_MAP(R2, 0), CALL(BPF_FUNC_tail_call), MOVI(R0, 1), EXIT(),
	};
	static const uint32_t at[] = { 2, 1, 4, UINT32_MAX };
	static const uint64_t want[] = { 40, 1, 1, 1 }; /* there, empty, outside, far outside */

	slots[2] = JT_NEW(MOVI(R0, 40), EXIT());
	jt_compile(slots[2]);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		struct skep_prog *p, *q;
		uint32_t index = at[i];

		by_imm[0].imm = (int32_t)index;
		p = jt_new(by_reg, ARRAY_SIZE(by_reg), &m);
		q = jt_new(by_imm, ARRAY_SIZE(by_imm), &m);
		p->image.aux[3].map = q->image.aux[3].map = m;
		jt_compile(p);
		jt_compile(q);
		ASSERT_EQ(jt_run(p, &index), want[i]);
		ASSERT_EQ(jt_run(q, &index), want[i]);
		jt_free(p);
		jt_free(q);
	}
	jt_free(slots[2]);
	skep_free(m);
}

/* A program that counts in its context and tail-calls itself: 33 times, as in the kernel. */
TEST(tail_calls_are_limited)
{
	struct skep_prog *slots[1];
	struct skep_map *m = prog_array(slots, 1);
	struct bpf_insn insns[] = {
		LDX(BPF_DW, R0, R1, 0),
		ALU64I(BPF_ADD, R0, 1),
		STX(BPF_DW, R1, R0, 0),
		MOV(R6, R1),
		LD_MAP(R2, 0),
		LD64(R3, 0x100000000),
		CALL(BPF_FUNC_tail_call),
		LDX(BPF_DW, R0, R6, 0),
		EXIT(),
	};
	struct skep_prog *p = jt_new(insns, ARRAY_SIZE(insns), &m);
	uint64_t count = 0;

	slots[0] = p;
	jt_compile(p);
	ASSERT_EQ(jt_run(p, &count), 34);
	jt_free(p);
	skep_free(m);
}

/* From a subprogram the target replaces only that subprogram. */
TEST(tail_call_from_subprogram_returns_to_the_caller)
{
	struct skep_prog *slots[1];
	struct skep_map *m = prog_array(slots, 1);
	struct bpf_insn insns[] = {
		MOVI(R6, 1000), CALL_SUB(2),   ALU64(BPF_ADD, R0, R6),	 EXIT(),      MOVI(R6, 5),
		MOVI(R3, 0),	LD_MAP(R2, 0), CALL(BPF_FUNC_tail_call), MOVI(R0, 1), EXIT(),
	};
	struct bpf_insn asks[] = {
		MOVI(R6, 1000),
		CALL_SUB(4),
		ALU64(BPF_ADD, R6, R0),
		CALL(FN_TRASH), /* it is told which program runs */
		ALU64(BPF_ADD, R0, R6),
		EXIT(),
		MOVI(R3, 0),
		LD_MAP(R2, 0),
		CALL(BPF_FUNC_tail_call),
		MOVI(R0, 1),
		EXIT(),
	};
	struct skep_prog *p = jt_new(insns, ARRAY_SIZE(insns), &m);
	struct skep_prog *q = jt_new(asks, ARRAY_SIZE(asks), &m);
	struct skep_run run = { .cpu = 5 };

	slots[0] = JT_NEW(MOVI(R6, 3), CALL(FN_TRASH), EXIT());
	jt_compile(p);
	jt_compile(q);
	jt_compile(slots[0]);
	ASSERT_EQ(jt_run(p, NULL), 1007);
	ASSERT_EQ(jt_run_with(q, NULL, &run), 1014);
	ASSERT(run.prog == q);
	jt_free(slots[0]);
	jt_free(q);
	jt_free(p);
	skep_free(m);
}

/* -- maps -- */

TEST(array_lookup_is_inlined)
{
	static const uint32_t sizes[] = { 4, 8, 16, 24, 64, 1000 };

	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
		uint32_t elem = ALIGN_UP(sizes[s], 8);
		struct skep_map m = {
			.type = BPF_MAP_TYPE_ARRAY,
			.max_entries = 5,
			.value_size = sizes[s],
			.elem_size = elem,
			.values = skep_alloc_array(5, elem),
		};
		struct skep_map *map = &m;
		struct bpf_insn insns[] = {
			MOV(R2, R1),
			LD_MAP(R1, 0),
			CALL(BPF_FUNC_map_lookup_elem),
			EXIT(),
		};
		struct skep_prog *p = jt_new(insns, ARRAY_SIZE(insns), &map);
		uint32_t key;

		jt_compile(p);
		for (key = 0; key < 5; key++)
			ASSERT_EQ(jt_run(p, &key), (uintptr_t)m.values + key * elem);
		ASSERT_EQ(jt_run(p, &key), 0);
		key = UINT32_MAX;
		ASSERT_EQ(jt_run(p, &key), 0);
		jt_free(p);
		skep_free(m.values);
	}
}

TEST(percpu_array_lookup_is_inlined)
{
	struct skep_map m = {
		.type = BPF_MAP_TYPE_PERCPU_ARRAY,
		.max_entries = 3,
		.value_size = 12,
		.elem_size = 16,
		.cpu_stride = 4096,
		.values = (uint8_t *)0x100000,
	};
	struct skep_map *map = &m;
	struct bpf_insn insns[] = {
		MOV(R2, R1),
		LD_MAP(R1, 0),
		CALL(BPF_FUNC_map_lookup_elem),
		EXIT(),
	};
	struct skep_prog *p = jt_new(insns, ARRAY_SIZE(insns), &map);
	struct skep_run run = { .cpu = 7 };
	uint32_t key = 2;

	jt_compile(p);
	ASSERT_EQ(jt_run_with(p, &key, &run), 0x100000 + 7 * 4096 + 2 * 16);
	key = 3;
	ASSERT_EQ(jt_run_with(p, &key, &run), 0);
	jt_free(p);
}

static struct skep_map *op_map;

static void *op_lookup(struct skep_map *m, const void *key, uint32_t cpu)
{
	return m == op_map ? (uint8_t *)key + cpu : NULL;
}

static long op_update(struct skep_map *m, const void *key, const void *value, uint64_t flags,
		      uint32_t cpu)
{
	return m == op_map && key != value ? (long)(flags * 1000 + cpu) : -1;
}

/* Of a map that is known, operations are called without the helper between; of others, it is. */
TEST(map_operations_are_called_directly)
{
	static const struct map_ops ops = { .lookup = op_lookup, .update = op_update };
	struct skep_map m = { .type = BPF_MAP_TYPE_HASH, .ops = &ops };
	struct skep_map *map = &m;
	struct bpf_insn lookup[] = {
		MOV(R2, R1),
		LD_MAP(R1, 0),
		CALL(BPF_FUNC_map_lookup_elem),
		EXIT(),
	};
	struct bpf_insn update[] = {
		MOV(R2, R1),
		MOVI(R3, 0),
		MOVI(R4, 7),
		LD_MAP(R1, 0),
		CALL(BPF_FUNC_map_update_elem),
		EXIT(),
	};
	struct bpf_insn no_op[] = {
		MOVI(R1, 1), MOVI(R2, 2), CALL(BPF_FUNC_map_delete_elem), MOVI(R0, 9), EXIT(),
	};
	struct skep_run run = { .cpu = 5 };
	struct skep_prog *p;
	uint64_t key;

	op_map = &m;
	p = jt_new(lookup, ARRAY_SIZE(lookup), &map);
	jt_compile(p);
	ASSERT_EQ(jt_run_with(p, &key, &run), (uintptr_t)&key + 5);
	jt_free(p);
	p = jt_new(update, ARRAY_SIZE(update), &map);
	jt_compile(p);
	ASSERT_EQ(jt_run_with(p, &key, &run), 7005);
	jt_free(p);
	p = jt_new(no_op, ARRAY_SIZE(no_op), &map);
	jt_compile(p);
	ASSERT_EQ(jt_run_with(p, &key, &run), 9);
	jt_free(p);
}

/* -- may_goto, LD_ABS -- */

TEST(may_goto_ends_a_loop)
{
	struct skep_prog *p = JT_NEW(MOVI(R0, 0), MAY_GOTO(2), ALU64I(BPF_ADD, R0, 1), JA(-3),
				     MAY_GOTO(1), MOVI(R0, 0), EXIT());

	jt_compile(p);
	ASSERT_EQ(jt_run(p, NULL), SKEP_MAY_GOTO_MAX);
	jt_free(p);
}

TEST(may_goto_budget_is_of_the_frame)
{
	uint64_t count = 0;
	/* back to the first instruction is not a new entry */
	struct skep_prog *p = JT_NEW(LDX(BPF_DW, R0, R1, 0), ALU64I(BPF_ADD, R0, 1),
				     STX(BPF_DW, R1, R0, 0), MAY_GOTO(1), JA(-5), EXIT());

	jt_compile(p);
	ASSERT_EQ(jt_run(p, &count), SKEP_MAY_GOTO_MAX + 1);
	jt_free(p);
	/* each call is */
	p = JT_NEW(CALL_SUB(4), MOV(R6, R0), CALL_SUB(2), ALU64(BPF_ADD, R0, R6), EXIT(),
		   MOVI(R0, 0), ALU64I(BPF_ADD, R0, 1), MAY_GOTO(1), JA(-3), EXIT());
	jt_compile(p);
	ASSERT_EQ(jt_run(p, NULL), 2 * (SKEP_MAY_GOTO_MAX + 1));
	jt_free(p);
}

TEST(packet_loads)
{
	static const struct {
		uint8_t code;
		int32_t off;
		uint64_t want;
	} cases[] = {
		{ BPF_LD | BPF_ABS | BPF_B, 3, 4 },	    { BPF_LD | BPF_ABS | BPF_H, 0, 0x102 },
		{ BPF_LD | BPF_ABS | BPF_W, 1, 0x2030405 }, { BPF_LD | BPF_ABS | BPF_W, 61, 0 },
		{ BPF_LD | BPF_IND | BPF_B, 3, 6 },	    { BPF_LD | BPF_IND | BPF_H, 0, 0x304 },
		{ BPF_LD | BPF_IND | BPF_W, 60, 0 },	    { BPF_LD | BPF_IND | BPF_B, -2, 1 },
	};
	uint8_t packet[64];

	for (unsigned i = 0; i < sizeof(packet); i++)
		packet[i] = (uint8_t)(i + 1);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct skep_prog *p =
			JT_NEW(MOV(R6, R1), MOVI(R7, 2),
			       INSN(cases[i].code, 0, BPF_MODE(cases[i].code) == BPF_IND ? R7 : 0,
				    0, cases[i].off),
			       JMPI(BPF_JNE, R0, 0, 1), MOVI(R0, 9), EXIT());

		jt_compile(p);
		ASSERT_EQ(jt_run(p, packet), cases[i].want);
		jt_free(p);
	}
}

/* -- atomics -- */

TEST(atomics_at_edges)
{
	static const int32_t ops[] = {
		BPF_ADD,
		BPF_AND,
		BPF_OR,
		BPF_XOR,
		BPF_ADD | BPF_FETCH,
		BPF_AND | BPF_FETCH,
		BPF_OR | BPF_FETCH,
		BPF_XOR | BPF_FETCH,
		BPF_XCHG,
		BPF_CMPXCHG,
	};
	static const uint8_t regs[][2] = { { R9, R2 }, { R9, R0 }, { R0, R2 }, { R0, R3 },
					   { R7, R8 }, { R1, R5 }, { R9, R9 }, { R0, R0 } };

	for (unsigned n = 0; n < ARRAY_SIZE(ops) * ARRAY_SIZE(regs) * 2; n++) {
		int32_t op = ops[n % ARRAY_SIZE(ops)];
		uint8_t d = regs[n / ARRAY_SIZE(ops) / 2][0], s = regs[n / ARRAY_SIZE(ops) / 2][1];
		uint8_t size = n / ARRAY_SIZE(ops) % 2 ? BPF_W : BPF_DW;

		/* where the address is an operand too, the result depends on it: not comparable */
		if (d == s || (op == BPF_CMPXCHG && d == R0))
			continue;
		for (unsigned e = 0; e < jt_nr_edges * 3; e++) {
			uint64_t ctx[3] = { jt_edges[e % jt_nr_edges],
					    jt_edges[e * 7 % jt_nr_edges],
					    e % 2 ? jt_edges[e % jt_nr_edges] : 5 };

			JT_CHECK(ctx, sizeof(ctx), MOV(R6, R1), LDX(BPF_DW, R0, R6, 16),
				 LDX(BPF_DW, s, R6, 8), MOV(d, R6), ATOMIC(size, op, d, s, 0),
				 STX(BPF_DW, R6, s, 8), JMP(BPF_JNE, R0, R6, 1), MOVI(R0, 0),
				 EXIT());
		}
	}
}

TEST(acquire_and_release)
{
	static const uint8_t sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	uint64_t ctx[2] = { 0x8899aabbccddeeff, 0x0123456789abcdef };

	for (unsigned i = 0; i < 4; i++)
		JT_CHECK(ctx, sizeof(ctx), ATOMIC(sizes[i], BPF_LOAD_ACQ, R7, R1, 0),
			 ATOMIC(sizes[i], BPF_STORE_REL, R1, R7, 8), MOV(R0, R7), EXIT());
}

TEST(loads_and_stores_of_all_sizes)
{
	static const uint8_t sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	uint64_t ctx[4] = { 0x8899aabbccddeeff, 0x0123456789abcdef, 3, 4 };

	for (uint8_t r = R0; r < R10; r++) {
		for (unsigned i = 0; i < 4; i++) {
			if (r == R1)
				continue;
			JT_CHECK(ctx, sizeof(ctx), LDX(sizes[i], r, R1, 1),
				 STX(sizes[i], R1, r, 17), ST(sizes[i], R1, 9, -2), MOV(R0, r),
				 EXIT());
			JT_CHECK(ctx, sizeof(ctx), LDSX(sizes[i % 3], r, R1, 0), MOV(R0, r),
				 EXIT());
			JT_CHECK(ctx, sizeof(ctx), MOV(r, R1), LDX(sizes[i], R0, r, 3), EXIT());
		}
	}
}

TEST(frame_pointer_as_a_value)
{
	JT_CHECK(NULL, 0, MOV(R2, R10), ALU64I(BPF_ADD, R2, -24), ST(BPF_DW, R2, 0, 42),
		 LDX(BPF_DW, R0, R10, -24), STX(BPF_DW, R10, R10, -8), LDX(BPF_DW, R3, R10, -8),
		 ALU64(BPF_SUB, R3, R2), ALU64(BPF_ADD, R0, R3), ALU64(BPF_SUB, R2, R10),
		 ALU64(BPF_ADD, R0, R2), MOV(R4, R10), JMP(BPF_JEQ, R4, R10, 1), MOVI(R0, 0),
		 EXIT());
	JT_CHECK(NULL, 0, MOVI(R2, -8), ALU64(BPF_ADD, R2, R10), ST(BPF_W, R2, 4, 7),
		 LDX(BPF_W, R0, R10, -4), EXIT());
}

/* -- failure -- */

TEST(unknown_opcode_is_einval)
{
	struct skep_prog *p = JT_NEW(MOVI(R0, 0), INSN(0xff, 0, 0, 0, 0), EXIT());
	struct skep_diag diag = { 0 };

	ASSERT_EQ(jit_engine.compile(p, &diag), -EINVAL);
	ASSERT_EQ(diag.index, 1);
	ASSERT(!p->entry && !p->jited_sub);
	jt_free(p);
}

TEST(every_allocation_may_fail)
{
	struct bpf_insn insns[2000];
	uint32_t n = 0;

	insns[n++] = MOVI(R0, 0);
	while (n < 1999)
		insns[n++] = INSN(BPF_ALU64 | BPF_MOD, R0, 0, 0, 12345);
	insns[n++] = EXIT();
	for (long at = 1;; at++) {
		struct skep_prog *p = jt_new(insns, n, NULL);
		int r;

		skep_alloc_fail_at(at);
		r = jit_engine.compile(p, NULL);
		skep_alloc_fail_at(0);
		ASSERT(r == 0 || r == -ENOMEM);
		ASSERT_EQ(r == 0, p->entry != NULL);
		if (r == 0)
			ASSERT_EQ(jt_run(p, NULL), 0);
		jt_free(p);
		if (r == 0)
			break;
		ASSERT_LT(at, 100);
	}
}
