/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - the log's buffer rules (kernel/bpf/log.c) and its text */
#include "tests/unit/program.h"

#define FIXED 8 /* BPF_LOG_FIXED */

static void write_all(struct verifier_log *log)
{
	for (int i = 0; i < 10; i++)
		verifier_log(log, "line %d\n", i); /* 7 bytes each */
}

TEST(log_counts_what_it_would_need)
{
	struct verifier_log log = { .level = 1 };

	write_all(&log);
	ASSERT_EQ(log.len, 71);
	log = (struct verifier_log){ 0 };
	write_all(&log);
	ASSERT_EQ(log.len, 0);
}

TEST(log_fixed_keeps_the_beginning)
{
	char buf[16];
	struct verifier_log log = { .level = 1 | FIXED, .buf = buf, .size = sizeof(buf) };

	write_all(&log);
	verifier_log_finish(&log);
	ASSERT_STREQ(buf, "line 0\nline 1\nl");
	ASSERT_EQ(log.len, 71);
}

TEST(log_rolling_keeps_the_end)
{
	for (uint32_t size = 1; size <= 80; size++) {
		char all[80] = "", buf[80];
		struct verifier_log whole = { .level = 1, .buf = all, .size = sizeof(all) };
		struct verifier_log log = { .level = 1, .buf = buf, .size = size };
		uint32_t keep = MIN(size - 1, 70);

		memset(buf, '?', sizeof(buf));
		write_all(&whole);
		write_all(&log);
		verifier_log_finish(&log);
		verifier_log_finish(&log);
		ASSERT_STREQ(buf, all + 70 - keep);
		/* and goes on afterwards */
		verifier_log(&whole, "more\n");
		verifier_log(&log, "more\n");
		verifier_log_finish(&log);
		ASSERT_STREQ(buf, all + 75 - MIN(size - 1, 75));
		ASSERT_EQ(log.len, 76);
	}
}

static const char *text_of(const char *program_text, uint32_t level)
{
	const struct verifier_opts opts = { .rights = VERIFIER_RIGHTS_ALL };
	static char buf[4096];
	struct verifier_log log = { .level = level, .buf = buf, .size = sizeof(buf) };
	struct skep_prog *p = program(BPF_PROG_TYPE_SOCKET_FILTER, program_text);

	verifier_check(p, &opts, &log, NULL);
	ASSERT_EQ(log.len, strlen(buf) + 1);
	prog_put(p);
	return buf;
}

#define TAIL \
	" insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"

TEST(log_text)
{
	ASSERT_STREQ(text_of("r0 = 0\nexit", 1), "processed 2" TAIL);
	ASSERT_STREQ(text_of("r0 = 0\nexit", 2), "0: (b7) r0 = 0\n1: (95) exit\nprocessed 2" TAIL);
	ASSERT_STREQ(text_of("r0 = 0\ncall 1000000\nexit", 1),
		     "0: (b7) r0 = 0\n1: (85) call unknown#1000000\n"
		     "invalid func unknown#1000000\nprocessed 2" TAIL);
	ASSERT_STREQ(text_of("r2 = 0\nif r2 == 0 goto +1\nexit\ncall 44\nexit", 1),
		     "0: (b7) r2 = 0\n1: (15) if r2 == 0x0 goto pc+1\n"
		     "3: (85) call bpf_xdp_adjust_head#44\n"
		     "program of this type cannot use helper bpf_xdp_adjust_head#44\n"
		     "processed 3" TAIL);
	ASSERT_STRHAS(text_of("*(u64 *)(r10 -16) = 0\ncall +1\nexit\n*(u8 *)(r10 -3) = 0\n"
			      "r0 = 0\nexit",
			      4),
		      "stack depth 16+3\nprocessed 6");
}
