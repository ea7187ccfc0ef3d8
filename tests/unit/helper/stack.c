/* SPDX-License-Identifier: BSD-2-Clause */
/* stack.c - what of a stack goes into a map of stacks, which is a stand-in */
#include "hive/unwind.h"
#include "tests/unit/helper/helper_test.h"

#include <ucontext.h>

static uint64_t first, flags_seen;
static uint32_t nr;

long stack_trace_put(struct skep_map *m, const struct stack_ips *ips, uint64_t flags, uint32_t cpu)
{
	first = ips->at[0];
	nr = ips->n;
	flags_seen = flags;
	return 5;
}

TEST(stack_ids_are_of_what_is_not_skipped)
{
	/* The second frame has returned from the third, which nobody called. */
	const uint64_t third[2] = { 0, 33 }, second[2] = { P(third), 22 };
	const struct run_frame at = { .ip = 11, .fp = P(second) };

	test_run()->user = &at;
	ASSERT_EQ(CALL(get_stackid, 0, 0, BPF_F_USER_STACK | BPF_F_REUSE_STACKID), 5);
	ASSERT(first == 11 && nr == 3 && flags_seen == (BPF_F_USER_STACK | BPF_F_REUSE_STACKID));
	ASSERT_EQ(CALL(get_stackid, 0, 0, BPF_F_USER_STACK | 2), 5);
	ASSERT(first == 33 && nr == 1);
	ASSERT_EQ(CALL(get_stackid, 0, 0, BPF_F_USER_STACK | 3), -EFAULT);
	ASSERT_EQ(CALL(get_stackid, 0, 0, BPF_F_USER_BUILD_ID), -EINVAL);
	ASSERT_EQ(CALL(get_stackid, 0, 0, 0), -EFAULT);
}

TEST(stacks_of_functions_that_have_no_frame_yet)
{
	const uint64_t frame[2] = { 0, 33 };
	const struct run_frame at = { .ip = 11, .caller = 22, .fp = P(frame) };
	uint64_t got[4] = { 9, 9, 9, 9 };

	test_run()->user = &at;
	ASSERT_EQ(CALL(get_stack, 0, P(got), sizeof(got), BPF_F_USER_STACK), 24);
	ASSERT(got[0] == 11 && got[1] == 22 && got[2] == 33 && got[3] == 0);
	ASSERT_EQ(CALL(get_stack, 0, P(got), 8, BPF_F_USER_STACK), 8);
	ASSERT(got[0] == 11 && got[1] == 22); /* the second is not its to write */
	ASSERT_EQ(CALL(get_stack, 0, P(got), 8, BPF_F_USER_STACK | 1), 8);
	ASSERT(got[0] == 22 && got[1] == 22);
}

/* A process that has one file, from offset 0x100 on at 0x1000. */
#define FILE_AT(off) (0x1000 + (off)-0x100)

static const struct unwind_row rows[] = {
	{ .off = 0x100, .kind = UNWIND_SP, .cfa = 3 },
	{ .off = 0x110, .kind = UNWIND_SP, .cfa = 4, .fp = 2 },
	{ .off = 0x120, .kind = UNWIND_SP, .cfa = 12, .fp = 11 },
	{ .off = 0x130, .kind = UNWIND_FP, .cfa = 2, .fp = 2 },
	{ .off = 0x140, .kind = UNWIND_SP_AT, .cfa = 2 | 1 << UNWIND_AT_BITS, .fp = 2 },
	{ .off = 0x150, .kind = UNWIND_FP_AT, .cfa = 1, .fp = UNWIND_FP_HERE },
	{ .off = 0x160, .kind = UNWIND_PLT, .cfa = 11 },
	{ .off = 0x170, .kind = UNWIND_SIGNAL },
	{ .off = 0x180, .kind = UNWIND_END },
	{ .off = 0x190, .kind = UNWIND_UNKNOWN },
};
#define END FILE_AT(0x188)

/* Parts of 64 bytes. */
static const uint32_t before[] = { 0, 4, 8, ARRAY_SIZE(rows) };
static struct unwind_table table = { .serial = 5,
				     .n = ARRAY_SIZE(rows),
				     .rows = rows,
				     .before = before,
				     .parts = ARRAY_SIZE(before) - 1,
				     .shift = 6,
				     .build_id = { 1, 2, 3 },
				     .build_id_size = 3 };
static struct unwind_maps maps = {
	.n = 2,
	.at = { { .start = 0x1000, .end = 0x1100, .off = 0x100, .table = &table, .serial = 5 },
		{ .start = 0x2000, .end = 0x2100, .off = 0x100, .table = &table, .serial = 4 } },
};

#define EXCHANGED 0x777
static uint64_t exchanged_at;
static uint64_t return_of(uint64_t at)
{
	exchanged_at = at;
	return END;
}

/* The stack of a run that is there: how many frames, which are in ips. */
static uint64_t ips[8];
static uint64_t walk(uint64_t ip, const uint64_t *sp, const void *fp)
{
	static struct run_env env;
	const struct run_frame at = { .ip = ip, .sp = P(sp), .fp = P(fp) };
	struct skep_run *run = test_run();
	const struct run_env *was = run->env;
	uint64_t n;

	env = *was;
	env.unwind = &maps;
	env.returned = EXCHANGED;
	env.return_of = return_of;
	run->env = &env;
	run->user = &at;
	n = CALL(get_stack, 0, P(ips), sizeof(ips), BPF_F_USER_STACK) / sizeof(ips[0]);
	run->env = was;
	return n;
}

TEST(stacks_without_frame_pointers)
{
	uint64_t s[32] = { 0 };

	/* 3 words up; 4, and its %rbp; by that; nobody. */
	s[2] = FILE_AT(0x111), s[5] = P(&s[20]), s[6] = FILE_AT(0x13f);
	s[20] = 9, s[21] = END;
	ASSERT_EQ(walk(FILE_AT(0x100), s, NULL), 4);
	ASSERT(ips[0] == FILE_AT(0x100) && ips[1] == FILE_AT(0x111) && ips[2] == FILE_AT(0x13f) &&
	       ips[3] == END);
	/* Behind a call that is the last instruction of a function another one begins. */
	s[2] = FILE_AT(0x120), s[6] = END;
	ASSERT_EQ(walk(FILE_AT(0x100), s, NULL), 3);
	/* %rbp far from the return address, and a frame that it leads down to. */
	s[1] = P(&s[20]), s[11] = FILE_AT(0x131);
	ASSERT_EQ(walk(FILE_AT(0x120), s, NULL), 3);
	s[1] = P(&s[4]);
	ASSERT_EQ(walk(FILE_AT(0x120), s, NULL), 2);
	s[1] = P(test_bad_address());
	ASSERT_EQ(walk(FILE_AT(0x120), s, NULL), 2);
}

TEST(stacks_of_aligned_frames)
{
	uint64_t s[32] = { 0 };

	/* What %rsp was is in a word of the frame; or beside %rbp, which has that of the caller. */
	s[2] = P(&s[9]), s[9] = END;
	ASSERT_EQ(walk(FILE_AT(0x140), s, NULL), 2);
	ASSERT_EQ(ips[1], END);
	s[3] = P(&s[10]), s[4] = P(&s[20]), s[9] = FILE_AT(0x131), s[21] = END;
	ASSERT_EQ(walk(FILE_AT(0x150), s, &s[4]), 3);
	ASSERT(ips[1] == FILE_AT(0x131) && ips[2] == END);
}

TEST(stacks_from_plts_and_signals)
{
	uint64_t s[256] = { 0 };
	ucontext_t *uc = (ucontext_t *)&s[1];

	s[0] = END, s[1] = FILE_AT(0x185);
	ASSERT_EQ(walk(FILE_AT(0x16a), s, NULL), 2);
	ASSERT_EQ(ips[1], END);
	ASSERT_EQ(walk(FILE_AT(0x16b), s, NULL), 2);
	ASSERT_EQ(ips[1], FILE_AT(0x185));
	/* What was interrupted is where it was, to the byte: not the one before. */
	s[2] = END;
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)FILE_AT(0x100);
	uc->uc_mcontext.gregs[REG_RSP] = (greg_t)P(s + 200);
	s[202] = END;
	ASSERT_EQ(walk(FILE_AT(0x170), s + 1, NULL), 3);
	ASSERT(ips[1] == FILE_AT(0x100) && ips[2] == END);
}

TEST(stacks_from_handlers_that_return_by_code_of_their_own)
{
	static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	uint64_t s[256] = { 0 };
	ucontext_t *uc = (ucontext_t *)&s[3];

	s[2] = P(code);
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)FILE_AT(0x110);
	uc->uc_mcontext.gregs[REG_RSP] = (greg_t)P(s + 200);
	s[202] = P(s + 1), s[203] = END;
	ASSERT_EQ(walk(FILE_AT(0x100), s, NULL), 4);
	ASSERT(ips[1] == P(code) && ips[2] == FILE_AT(0x110) && ips[3] == END);
}

TEST(stacks_that_lead_nowhere)
{
	uint64_t s[8] = { 0 };

	ASSERT_EQ(walk(FILE_AT(0x100), s, NULL), 1); /* to address 0 */
	ASSERT_EQ(walk(FILE_AT(0x100), test_bad_address(), NULL), 1);
	ASSERT_EQ(walk(END, s, s), 1);
	/* By the frame pointer: of what no row, no table, no file is known. */
	s[1] = END;
	for (uint64_t ip = 0x100; ip < 0x2100; ip += ip < 0x1000 ? 0x1100 - 0x100 : 0xf00)
		ASSERT_EQ(walk(ip, s, s), 2);
	ASSERT_EQ(walk(FILE_AT(0x190), s, s), 2);
	/* Where the return is to be seen stands another address. */
	s[2] = EXCHANGED;
	ASSERT_EQ(walk(FILE_AT(0x100), s, NULL), 2);
	ASSERT(ips[1] == END && exchanged_at == P(&s[2]));
}

TEST(stack_entries_with_build_ids)
{
	const uint64_t frame[2] = { 0, 22 };
	const struct run_frame at = { .ip = 11, .fp = P(frame) };
	struct bpf_stack_build_id got[3];

	memset(got, 0xff, sizeof(got));
	test_run()->user = &at;
	ASSERT_EQ(CALL(get_stack, 0, P(got), sizeof(got), BPF_F_USER_STACK | BPF_F_USER_BUILD_ID),
		  2 * sizeof(got[0]));
	ASSERT(got[0].status == BPF_STACK_BUILD_ID_IP && got[0].ip == 11 && got[1].ip == 22);
	ASSERT(got[2].status == 0 && got[2].ip == 0);
}
