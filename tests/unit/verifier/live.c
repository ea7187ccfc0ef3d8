/* SPDX-License-Identifier: BSD-2-Clause */
/* live.c - which slots of the stack may still be read, and what loops are (stack_live.c, loop.c) */
#include "tests/unit/program.h"
#include "verifier/verifier_int.h"

static char text[1 << 16];

/* For Linux, or for Skep's own kernel. */
static int judge_as(bool linux_kernel, const char *program_text)
{
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL,
					    .no_btf = true,
					    .judge = linux_kernel };
	struct verifier_log log = { .level = 2, .buf = text, .size = sizeof(text) };
	struct skep_prog *p = program(BPF_PROG_TYPE_SOCKET_FILTER, program_text);
	int err;

	p->gpl_compatible = true;
	err = verifier_check(p, &opts, &log, NULL);
	prog_put(p);
	return err;
}

static int judge(const char *program_text)
{
	return judge_as(false, program_text);
}

/* A slot is wanted from where it may be written last to where it is read. */
TEST(live_from_the_write_to_the_read)
{
	ASSERT_EQ(judge("r0 = 0\n"		  /* 0 */
			"*(u64 *)(r10 -8) = r0\n" /* 1 */
			"r2 = 1\n"		  /* 2 */
			"if r2 == r1 goto +1\n"	  /* 3 */
			"r0 = *(u64 *)(r10 -8)\n" /* 4 */
			"r0 = 0\n"		  /* 5 */
			"exit"),
		  0);
	ASSERT_STRHAS(text, "(0) frame 0 insn 4 +live -8 \n");
	ASSERT_STRHAS(text, "(0) frame 0 insn 3 +live -8 \n");
	ASSERT_STRHAS(text, "(0) frame 0 insn 1 +written -8 \n");
	ASSERT(!strstr(text, "insn 1 +live"));
	ASSERT(!strstr(text, "insn 0 +live"));
}

/* A callee's read is the call's; which frame is read is known by who called. */
TEST(live_through_calls)
{
	ASSERT_EQ(judge("*(u64 *)(r10 -8) = 7\n"  /* 0 */
			"*(u64 *)(r10 -16) = 7\n" /* 1 */
			"r1 = r10\n"
			"r1 += -8\n"
			"call +5\n" /* 4 */
			"r1 = r10\n"
			"r1 += -16\n"
			"call +2\n" /* 7 */
			"r0 = 0\n"
			"exit\n"
			"r0 = *(u64 *)(r1 +0)\n" /* 10 */
			"r0 = 0\n"
			"exit"),
		  0);
	ASSERT_STRHAS(text, "(4,10) frame 0 insn 10 +live -8 \n");
	ASSERT_STRHAS(text, "(7,10) frame 0 insn 10 +live -16 \n");
	ASSERT(!strstr(text, "(4,10) frame 0 insn 10 +live -8,-16"));
	ASSERT_STRHAS(text, "(0) frame 0 insn 4 +live -8");
}

/* What a callee surely writes its caller need not have kept. */
TEST(live_not_before_a_callee_writes)
{
	ASSERT_EQ(judge("*(u64 *)(r10 -8) = 7\n" /* 0 */
			"r1 = r10\n"		 /* 1 */
			"r1 += -8\n"
			"call +3\n" /* 3 */
			"r0 = *(u64 *)(r10 -8)\n"
			"r0 = 0\n"
			"exit\n"
			"*(u64 *)(r1 +0) = 1\n" /* 7 */
			"r0 = 0\n"
			"exit"),
		  0);
	ASSERT_STRHAS(text, "(0) frame 0 insn 4 +live -8 \n");
	ASSERT(!strstr(text, "(0) frame 0 insn 3 +live"));
	ASSERT(!strstr(text, "(0) frame 0 insn 1 +live"));
}

/* A path that needs no slot is not told apart by it: without this there would be 2^8 of them. */
TEST(live_slots_alone_tell_states_apart)
{
	char program_text[2048] = "r6 = r1\n";
	size_t n = strlen(program_text);

	for (int i = 0; i < 8; i++)
		n += (size_t)snprintf(program_text + n, sizeof(program_text) - n,
				      "call 7\n*(u64 *)(r10 -%d) = 1\n"
				      "if r0 > 7 goto +1\n*(u64 *)(r10 -%d) = 2\n",
				      8 * (i + 1), 8 * (i + 1));
	snprintf(program_text + n, sizeof(program_text) - n, "r0 = 0\nexit");
	ASSERT_EQ(judge(program_text), 0);

	const char *at = strstr(text, "processed ");

	ASSERT(at && atoi(at + strlen("processed ")) < 100);
}

/* A loop whose counter is compared ends; one whose states repeat is told so. */
TEST(live_loops)
{
	ASSERT_EQ(judge("r6 = 0\n"
			"r6 += 1\n"
			"if r6 < 100 goto -2\n"
			"r0 = 0\n"
			"exit"),
		  0);
	ASSERT_EQ(judge("r6 = 0\n"
			"call 7\n"
			"if r0 != 0 goto -2\n"
			"r0 = 0\n"
			"exit"),
		  -EINVAL);
	ASSERT_STRHAS(text, "infinite loop detected");
}

/* A loop around a helper that calls back is no callback's: Linux 6.18 takes it for one. */
TEST(live_loops_around_callbacks)
{
	static const char endless[] = "r6 = *(u32 *)(r1 +0)\n"
				      "r1 = 3\n"
				      "r2 = subprog[+7]\n"
				      "r3 = 0\n"
				      "r4 = 0\n"
				      "call 181\n"
				      "if r6 < 5 goto -7\n"
				      "r0 = 0\n"
				      "exit\n"
				      "r0 = 0\n"
				      "exit";
	static const char once[] = "r1 = 3\n"
				   "r2 = subprog[+6]\n"
				   "r3 = 0\n"
				   "r4 = 0\n"
				   "call 181\n"
				   "r0 = 0\n"
				   "exit\n"
				   "r0 = 0\n"
				   "exit";

	ASSERT_EQ(judge(endless), -EINVAL);
	ASSERT_STRHAS(text, "infinite loop detected");
	ASSERT_EQ(judge_as(true, endless), 0);
	ASSERT_EQ(judge(once), 0);
}

/*
 * How often a callback is called tells states inside it apart: the second call walks on from what
 * the first one wrote.  Linux 6.18 takes the path that calls once for the one that calls on.
 */
TEST(live_loops_count_their_calls)
{
	static const char text_of[] = "*(u64 *)(r10 -64) = 0\n"
				      "*(u64 *)(r10 -56) = 0\n"
				      "r9 = *(u32 *)(r1 +0)\n"
				      "r9 &= 255\n"
				      "r5 = r9\n"
				      "r5 += 4\n"
				      "if r5 > 5 goto +0\n"
				      "r1 = r9\n"
				      "r2 = subprog[+7]\n"
				      "r3 = r10\n"
				      "r3 += -64\n"
				      "r4 = 0\n"
				      "call 181\n"
				      "r0 = 0\n"
				      "exit\n"
				      "r7 = r2\n"
				      "r2 = *(u64 *)(r7 +8)\n"
				      "if w2 > 6 goto +5\n"
				      "r9 = r7\n"
				      "r9 += 8\n"
				      "r9 += r2\n"
				      "*(u16 *)(r9 +0) = 16\n"
				      "*(u64 *)(r10 -48) = 0\n"
				      "r0 = 0\n"
				      "exit";

	ASSERT_EQ(judge_as(true, text_of), 0);
	ASSERT_EQ(judge(text_of), -EINVAL);
	ASSERT_STRHAS(text, "register with unbounded min value is not allowed\n");
}

/*
 * A path that comes round to bpf_loop() and goes no further depends on what the calls to come
 * depend on, which other paths find out later.  Linux 6.18 does not wait for them.
 */
TEST(live_loops_wait_for_what_callbacks_depend_on)
{
	static const char text_of[] = "*(u64 *)(r10 -64) = 0\n"
				      "*(u64 *)(r10 -56) = -2\n"
				      "r1 = 2\n"
				      "r2 = subprog[+6]\n"
				      "r3 = r10\n"
				      "r3 += -64\n"
				      "r4 = 0\n"
				      "call 181\n"
				      "exit\n"
				      "r7 = r2\n"
				      "r3 = *(u64 *)(r7 +8)\n"
				      "r8 = r1\n"
				      "r8 *= r3\n"
				      "if w8 <= 6 goto +1\n"
				      "goto +4\n"
				      "w9 = w8\n"
				      "r3 = r7\n"
				      "r3 += r9\n"
				      "*(u16 *)(r3 +8) = r8\n"
				      "r0 = 0\n"
				      "exit";

	ASSERT_EQ(judge(text_of), -EACCES);
	ASSERT_STRHAS(text, "misaligned stack access");
	ASSERT_EQ(judge_as(true, text_of), 0);
}
