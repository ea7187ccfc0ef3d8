/* SPDX-License-Identifier: BSD-2-Clause */
/* image.c - what the verifier makes of an image: subprograms, marks, rewrites */
#include "helper/helper.h"
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"
#include "tests/unit/program.h"

#define TC BPF_PROG_TYPE_SCHED_CLS

TEST(image_subprograms_are_described)
{
	struct skep_prog *p = program(TC, "*(u64 *)(r10 -24) = 0\n" /* 0 */
					  "r6 = r1\n"
					  "r1 = 4\n"
					  "r2 = subprog[+8]\n" /* 3 */
					  "r3 = 0\n"
					  "r4 = 0\n"
					  "call 181\n" /* 7 */
					  "r1 = r6\n"
					  "call +1\n" /* 9 */
					  "exit\n"
					  "may_goto +1\n" /* 11 */
					  "r8 = 1\n"
					  "r0 = 0\n" /* 13: never reached from 3 */
					  "exit");
	const struct prog_sub *s;

	p->image.insns[3].imm = 10 - 3; /* the callback: 11 */
	p->image.insns[3].imm = 11 - 4;
	program_check(p);
	ASSERT_EQ(p->image.sub_cnt, 2);
	s = p->image.sub;
	ASSERT_EQ(s[0].start, 0);
	ASSERT_EQ(s[0].end, 11);
	ASSERT_EQ(s[0].stack, 24);
	ASSERT(s[0].calls && !s[0].callback && !s[0].may_gotos && !s[0].tail_calls);
	ASSERT_EQ(s[0].regs_written, 1);
	ASSERT_EQ(s[1].start, 11);
	ASSERT_EQ(s[1].end, 15);
	ASSERT_EQ(s[1].stack, 0);
	ASSERT(!s[1].calls && s[1].callback && s[1].may_gotos);
	ASSERT_EQ(s[1].regs_written, 4);
	ASSERT_EQ(p->image.aux[3].ref, INSN_REF_FUNC);
	ASSERT_EQ(p->image.aux[3].sub, 1);
	ASSERT_EQ(p->image.aux[7].ref, INSN_REF_HELPER);
	ASSERT_EQ(p->image.aux[7].helper->id, BPF_FUNC_loop);
	ASSERT_EQ(p->image.aux[9].ref, INSN_REF_SUBPROG);
	prog_put(p);
}

static unsigned stack_of(const char *text)
{
	struct skep_prog *p = program(TC, text);
	unsigned n;

	program_check(p);
	n = p->image.sub[0].stack;
	prog_put(p);
	return n;
}

TEST(image_stack_depth)
{
	ASSERT_EQ(stack_of("r0 = 0\nexit"), 0);
	ASSERT_EQ(stack_of("*(u8 *)(r10 -1) = 0\nr0 = 0\nexit"), 8);
	ASSERT_EQ(stack_of("*(u64 *)(r10 -40) = 0\nr0 = *(u8 *)(r10 -37)\nexit"), 40);
	/* a pointer that is only passed on */
	ASSERT_EQ(stack_of("r3 = r10\nr3 += -24\nr2 = 0\nr4 = 8\ncall 26\nr0 = 0\nexit"), 24);
	/* an index: what the base reaches */
	ASSERT_EQ(stack_of("r2 = *(u32 *)(r1 +0)\nr2 &= 63\nr3 = r10\nr3 += -64\nr3 += r2\n"
			   "*(u8 *)(r3 +0) = 1\nr0 = 0\nexit"),
		  64);
	/* the same, folded into the instruction */
	ASSERT_EQ(stack_of("r2 = *(u32 *)(r1 +0)\nr2 &= 63\nr3 = r10\nr3 += r2\n"
			   "*(u8 *)(r3 -64) = 1\nr0 = 0\nexit"),
		  64);
	/* a pointer that walks down without end */
	ASSERT_EQ(stack_of("r3 = r10\nr2 = 64\nr3 += -8\n*(u8 *)(r3 +0) = 1\nr2 += -1\n"
			   "if r2 != 0 goto -4\nr0 = 0\nexit"),
		  512);
	/* a callee writes into the caller's frame */
	ASSERT_EQ(stack_of("r1 = r10\nr1 += -8\ncall +1\nexit\n*(u64 *)(r1 -16) = 0\nr0 = 0\nexit"),
		  24);
}

/* One instruction, before and after. */
struct rewrite {
	uint32_t type;
	const char *text;
	struct bpf_insn want; /* of what it becomes: code, off */
};

#define XDP_OFF(f) offsetof(struct xdp_ctx, f)
#define SKB_OFF(f) offsetof(struct skb_ctx, f)

TEST(image_context_accesses_are_rewritten)
{
	const struct rewrite rewrites[] = {
		{ BPF_PROG_TYPE_XDP,
		  "r2 = *(u32 *)(r1 +4)", /* data_end */
		  { .code = BPF_LDX | BPF_MEM | BPF_DW, .off = XDP_OFF(data_end) } },
		{ BPF_PROG_TYPE_XDP,
		  "r2 = *(u32 *)(r1 +12)", /* ingress_ifindex */
		  { .code = BPF_LDX | BPF_MEM | BPF_W, .off = XDP_OFF(ingress_ifindex) } },
		{ TC,
		  "r2 = *(u32 *)(r1 +0)",
		  { .code = BPF_LDX | BPF_MEM | BPF_W, .off = SKB_OFF(len) } },
		{ TC,
		  "r2 = *(u8 *)(r1 +1)", /* a byte of len */
		  { .code = BPF_LDX | BPF_MEM | BPF_B, .off = SKB_OFF(len) + 1 } },
		{ TC,
		  "r2 = *(s16 *)(r1 +2)", /* the upper half of len, signed */
		  { .code = BPF_LDX | BPF_MEMSX | BPF_H, .off = SKB_OFF(len) + 2 } },
		{ TC,
		  "r2 = *(u32 *)(r1 +76)", /* data */
		  { .code = BPF_LDX | BPF_MEM | BPF_DW, .off = SKB_OFF(data) } },
		{ TC,
		  "r2 = *(u64 *)(r1 +56)", /* cb[2], cb[3] */
		  { .code = BPF_LDX | BPF_MEM | BPF_DW, .off = SKB_OFF(cb) + 8 } },
		{ TC,
		  "*(u32 *)(r1 +8) = 5", /* mark */
		  { .code = BPF_ST | BPF_MEM | BPF_W, .off = SKB_OFF(mark) } },
		{ TC,
		  "*(u16 *)(r1 +50) = r1", /* inside cb[0] */
		  { .code = BPF_STX | BPF_MEM | BPF_H, .off = SKB_OFF(cb) + 2 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rewrites); i++) {
		const struct rewrite *r = &rewrites[i];
		struct skep_prog *p;
		char text[128];

		snprintf(text, sizeof(text), "%s\nr0 = 0\nexit", r->text);
		p = program(r->type, text);
		program_check(p);
		ASSERT_MSG(p->image.insns[0].code == r->want.code &&
				   p->image.insns[0].off == r->want.off,
			   "%s: code %02x off %d", r->text, p->image.insns[0].code,
			   p->image.insns[0].off);
		prog_put(p);
	}
}

/* The context is found wherever a path leads it: moves, the stack, subprograms, frames. */
TEST(image_context_is_followed)
{
	static const struct {
		const char *text;
		unsigned at; /* the instruction that loads data_end */
	} ways[] = {
		{ "r2 = r1\nr3 = r2\nr0 = *(u32 *)(r3 +80)\nr0 = 0\nexit", 2 },
		{ "*(u64 *)(r10 -8) = r1\nr3 = *(u64 *)(r10 -8)\nr0 = *(u32 *)(r3 +80)\nr0 = "
		  "0\nexit",
		  2 },
		{ "r6 = r1\ncall 7\nr0 = *(u32 *)(r6 +80)\nr0 = 0\nexit", 2 },
		{ "call +1\nexit\nr0 = *(u32 *)(r1 +80)\nr0 = 0\nexit", 2 },
		/* a field of a struct on the caller's stack */
		{ "*(u64 *)(r10 -16) = r1\nr1 = r10\nr1 += -24\ncall +1\nexit\n"
		  "r1 = *(u64 *)(r1 +8)\nr0 = *(u32 *)(r1 +80)\nr0 = 0\nexit",
		  6 },
		/* stored there by another callee */
		{ "r2 = r1\nr1 = r10\nr1 += -8\ncall +3\nr1 = *(u64 *)(r10 -8)\n"
		  "r0 = *(u32 *)(r1 +80)\nexit\n*(u64 *)(r1 +0) = r2\nr0 = 0\nexit",
		  5 },
		/* a callback's context */
		{ "*(u64 *)(r10 -8) = r1\nr1 = 1\nr2 = subprog[+7]\nr3 = r10\nr3 += -8\nr4 = 0\n"
		  "call 181\nr0 = 0\nexit\nr1 = *(u64 *)(r2 +0)\nr0 = *(u32 *)(r1 +80)\nr0 = "
		  "0\nexit",
		  11 },
		/* NULL on the other path */
		{ "r2 = *(u32 *)(r1 +0)\nr3 = 0\nif r2 == 0 goto +1\nr3 = r1\nif r2 == 0 goto +1\n"
		  "r0 = *(u32 *)(r3 +80)\nr0 = 0\nexit",
		  5 },
		/* around a loop */
		{ "r6 = r1\nr7 = 4\nr0 = *(u32 *)(r6 +80)\nr7 += -1\nif r7 != 0 goto -3\nr0 = "
		  "0\nexit",
		  2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct skep_prog *p = program(TC, ways[i].text);
		const struct bpf_insn *insn = &p->image.insns[ways[i].at];

		program_check(p);
		ASSERT_MSG(insn->code == (BPF_LDX | BPF_MEM | BPF_DW) &&
				   insn->off == SKB_OFF(data_end),
			   "case %zu: code %02x off %d\n%s", i, insn->code, insn->off,
			   ways[i].text);
		prog_put(p);
	}
}

/* What looks like the context but is not stays as it is. */
TEST(image_other_memory_is_not_rewritten)
{
	static const struct {
		const char *text;
		unsigned at;
	} ways[] = {
		/* the packet, at the offset of data_end */
		{ "r2 = *(u32 *)(r1 +76)\nr3 = *(u32 *)(r1 +80)\nr4 = r2\nr4 += 84\n"
		  "if r4 > r3 goto +1\nr0 = *(u32 *)(r2 +80)\nr0 = 0\nexit",
		  5 },
		/* a number where the context was */
		{ "*(u64 *)(r10 -8) = r1\n*(u64 *)(r10 -8) = 0\nr3 = *(u64 *)(r10 -8)\n"
		  "r4 = r10\nr4 += r3\nr0 = *(u32 *)(r4 -8)\nr0 = 0\nexit",
		  5 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct skep_prog *p = program(TC, ways[i].text);
		const struct bpf_insn before = p->image.insns[ways[i].at];

		program_check(p);
		ASSERT_MSG(!memcmp(&before, &p->image.insns[ways[i].at], sizeof(before)),
			   "case %zu is rewritten", i);
		prog_put(p);
	}
}

TEST(image_constant_maps_are_named)
{
	struct skep_map *m = program_new_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	struct skep_map *other = program_new_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	struct skep_prog *p = program(TC, "*(u32 *)(r10 -4) = 1\n" /* there may be none */
					  "r6 = 0 ll\n"		   /* 1: m */
					  "r1 = r6\n"		   /* 3 */
					  "r2 = r10\n"
					  "r2 += -4\n"
					  "call 1\n" /* 6: always m */
					  "r1 = r6\n"
					  "if r0 == 0 goto +2\n"
					  "r1 = 0 ll\n" /* 9: other */
					  "r2 = r10\n"
					  "r2 += -4\n"
					  "call 1\n" /* 13: either */
					  "r0 = 0\n"
					  "exit");

	program_map(p, 1, m);
	program_map(p, 9, other);
	program_check(p);
	ASSERT(p->image.aux[6].map == m);
	ASSERT(p->image.aux[13].map == NULL);
	prog_put(p);
	map_put(m);
	map_put(other);
}

/* A frozen read-only map decides branches, as .rodata and .kconfig do. */
TEST(image_frozen_constants_decide)
{
	static const char text[] = "r1 = 0 ll\nr2 = *(u32 *)(r1 +4)\nr0 = 0\nif r2 != 7 goto +1\n"
				   "exit\ncall 195896080\nexit";
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL };
	const uint32_t value[2] = { 1, 7 }, key = 0;
	const struct verifier_opts nobody = { .rights = VERIFIER_RIGHTS_NONE };
	struct verifier_log log = { 0 };
	struct skep_map *m = program_new_map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_RDONLY_PROG);
	struct skep_prog *p = program(TC, text);

	ASSERT_EQ(map_sys_update(m, &key, value, BPF_ANY), 0);
	program_map_value(p, 0, m, 0);
	ASSERT_EQ(verifier_check(p, &opts, &log, NULL), -EINVAL); /* may still change */
	prog_put(p);

	ASSERT_EQ(map_freeze(m), 0);
	p = program(TC, text);
	program_map_value(p, 0, m, 0);
	program_check(p);
	/* what cannot run is gone, and the jump that always falls through */
	ASSERT_EQ(p->image.insn_cnt, 5);
	ASSERT_EQ(p->image.insns[4].code, BPF_JMP | BPF_EXIT);
	prog_put(p);

	/* where the caller's right does not reach that far it is a trap */
	p = program(TC, text);
	program_map_value(p, 0, m, 0);
	ASSERT_EQ(verifier_check(p, &nobody, &log, NULL), 0);
	ASSERT_EQ(p->image.insn_cnt, 8);
	ASSERT_EQ(p->image.insns[6].code, BPF_JMP | BPF_JA);
	ASSERT_EQ(p->image.insns[6].off, -1);
	prog_put(p);
	map_put(m);
}

/* Whatever counts by instruction is in step with what is left. */
TEST(image_what_stays_is_in_step)
{
	static const struct bpf_line_info lines[] = {
		{ .insn_off = 0, .line_col = 1 },  { .insn_off = 2, .line_col = 2 },
		{ .insn_off = 3, .line_col = 3 },  { .insn_off = 4, .line_col = 4 },
		{ .insn_off = 7, .line_col = 5 },  { .insn_off = 10, .line_col = 6 },
		{ .insn_off = 12, .line_col = 7 },
	};
	static const struct bpf_line_info left[] = {
		{ .insn_off = 0, .line_col = 1 },
		{ .insn_off = 1, .line_col = 4 },
		{ .insn_off = 3, .line_col = 5 },
		{ .insn_off = 6, .line_col = 7 },
	};
	static const struct bpf_func_info funcs[] = { { 0, 11 }, { 10, 12 }, { 12, 13 } };
	static const struct bpf_func_info funcs_left[] = { { 0, 11 }, { 6, 13 } };
	struct skep_prog *p = program(TC, "r6 = 1\n"
					  "if r6 == 1 goto +2\n" /* always */
					  "call +7\n"
					  "r6 = 5\n"
					  "r1 = 3 ll\n"		 /* 4 */
					  "if r1 == 4 goto -4\n" /* 6: never */
					  "call +4\n"
					  "gotol +0\n"
					  "exit\n"
					  "r0 = 7\n" /* 10: called by what is dead */
					  "exit\n"
					  "r0 = 0\n" /* 12 */
					  "if r1 > 9 goto +1\n"
					  "exit\n"
					  "r0 = 9\n"
					  "exit");

	p->line_info = skep_memdup(lines, sizeof(lines));
	p->line_info_cnt = ARRAY_SIZE(lines);
	p->func_info = skep_memdup(funcs, sizeof(funcs));
	p->func_info_cnt = ARRAY_SIZE(funcs);
	ASSERT(p->line_info && p->func_info);
	program_check(p);

	ASSERT_EQ(p->image.insn_cnt, 8);
	ASSERT_EQ(p->image.insns[3].code, BPF_JMP | BPF_CALL);
	ASSERT_EQ(p->image.insns[3].imm, 2);
	ASSERT_EQ(p->image.aux[3].ref, INSN_REF_SUBPROG);
	ASSERT_EQ(p->image.aux[3].sub, 1);
	ASSERT_EQ(p->image.insns[4].code, BPF_JMP32 | BPF_JA);
	ASSERT_EQ(p->image.insns[4].imm, 0);
	ASSERT_EQ(p->image.sub_cnt, 2);
	ASSERT_EQ(p->image.sub[1].start, 6);
	ASSERT_EQ(p->image.sub[1].end, 8);
	ASSERT_EQ(p->line_info_cnt, ARRAY_SIZE(left));
	ASSERT(!memcmp(p->line_info, left, sizeof(left)));
	ASSERT_EQ(p->func_info_cnt, ARRAY_SIZE(funcs_left));
	ASSERT(!memcmp(p->func_info, funcs_left, sizeof(funcs_left)));
	prog_put(p);
}

/* Below 256 bytes of frames a subprogram may not tail call; a callback may not load packets. */
TEST(image_frames_above_tail_calls)
{
	static const char text[] = "*(u64 *)(r10 -%d) = 0\nr2 = r1\ncall +1\nexit\nr1 = r2\n"
				   "r2 = 0 ll\nr3 = 0\ncall 12\nr0 = 0\nexit";
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL };

	for (int bytes = 240; bytes <= 256; bytes += 16) {
		char buf[256];
		struct verifier_log log = { 0 };
		struct skep_diag diag = { 0 };
		struct skep_map map = { .type = BPF_MAP_TYPE_PROG_ARRAY };
		struct skep_prog *p;
		int err;

		snprintf(buf, sizeof(buf), text, bytes);
		p = program(TC, buf);
		p->image.aux[5].ref = INSN_REF_MAP;
		p->image.aux[5].map = &map;
		err = verifier_check(p, &opts, &log, &diag);
		ASSERT_EQ(err, bytes < 256 ? 0 : -EACCES);
		if (!err) {
			ASSERT(p->image.aux[8].map == &map);
			ASSERT(p->image.sub[1].tail_calls && !p->image.sub[0].tail_calls);
		} else {
			ASSERT_STREQ(diag.msg, "tail_calls are not allowed when call stack of "
					       "previous frames is 256 bytes. Too large");
		}
		prog_put(p);
	}
}

TEST(image_no_packet_loads_in_callbacks)
{
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL, .no_btf = true };
	struct skep_prog *p =
		program(BPF_PROG_TYPE_SOCKET_FILTER,
			"*(u64 *)(r10 -8) = r1\nr1 = 1\nr2 = subprog[cb]\nr3 = r10\nr3 += -8\n"
			"r4 = 0\ncall 181\nr0 = 0\nexit\n"
			"cb: r6 = *(u64 *)(r2 +0)\nr0 = *(u8 *)skb[0]\nr0 = 0\nexit");
	struct verifier_log log = { 0 };
	struct skep_diag diag = { 0 };

	ASSERT_EQ(verifier_check(p, &opts, &log, &diag), -EINVAL);
	ASSERT_STREQ(diag.msg, "cannot use BPF_LD_[ABS|IND] within callback");
	prog_put(p);
}
