/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - the log's buffer rules (kernel/bpf/log.c) and its text */
#include "tests/harness/host.h"
#include "tests/unit/program.h"
#include "verifier/verifier_int.h"

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
	ASSERT_EQ(log.max, 71);
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
	ASSERT_EQ(log.max, 71);
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
	static char buf[1 << 16];
	struct verifier_log log = { .level = level, .buf = buf, .size = sizeof(buf) };
	struct skep_prog *p = program(BPF_PROG_TYPE_SOCKET_FILTER, program_text);

	p->gpl_compatible = true;
	verifier_check(p, &opts, &log, NULL);
	ASSERT_EQ(log.len, strlen(buf) + 1);
	prog_put(p);
	return buf;
}

/* What was taken back leaves no trace, whatever the ring held meanwhile. */
TEST(log_takes_back)
{
	for (uint32_t size = 8; size <= 80; size++) {
		char buf[80];
		struct verifier_log log = { .level = 1, .buf = buf, .size = size };

		verifier_log(&log, "a");
		write_all(&log);
		log_rewind(&log, 2);
		ASSERT_EQ(log.len, 2);
		verifier_log(&log, "bc");
		verifier_log_finish(&log);
		/* "a" was overwritten where the ring is small */
		ASSERT_STREQ(buf, size >= 72 ? "abc" : "bc");
		ASSERT_EQ(log.max, 72);
	}
}

#define TAIL \
	" insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"

TEST(log_text)
{
	ASSERT_STREQ(text_of("r0 = 0\nexit", 1), "processed 2" TAIL);
	ASSERT_STREQ(text_of("r0 = 0\ncall 1000000\nexit", 1),
		     "0: R1=ctx() R10=fp0\n"
		     "0: (b7) r0 = 0                        ; R0=0\n"
		     "1: (85) call unknown#1000000\n"
		     "invalid func unknown#1000000\nprocessed 2" TAIL);
	ASSERT_STRHAS(text_of("*(u64 *)(r10 -16) = 0\ncall +1\nexit\n*(u8 *)(r10 -3) = 0\n"
			      "r0 = 0\nexit",
			      4),
		      "stack depth 16+3\nprocessed 6");
}

/* Programs whose whole log, at every level, is the host's. */
static const char *const texts[] = {
	"r0 = 0\nexit",
	"r0 = 0\ncall 44\nexit",
	"r2 = 0\nif r2 == 0 goto +1\nexit\ncall 44\nexit",
	/* bounds of all widths and signs */
	"r0 = *(u32 *)(r1 +0)\nr0 += -3\nr2 = *(u8 *)(r1 +0)\nr2 <<= 40\nr2 s>>= 3\nw3 = w0\n"
	"w3 &= -16\nr4 = -70000\nr5 = 70000\nr0 = r9\nexit",
	/* branches and what they teach */
	"r0 = *(u32 *)(r1 +0)\nif r0 > 7 goto +3\nif r0 s< 3 goto +1\nr0 = r9\nr0 = 1\nexit",
	/* spills of all sizes, bytes, zeros */
	"r2 = *(u32 *)(r1 +0)\n*(u64 *)(r10 -8) = r2\n*(u32 *)(r10 -16) = r2\n*(u8 *)(r10 -21) = "
	"0\n"
	"*(u64 *)(r10 -32) = r1\n*(u16 *)(r10 -40) = 7\nr3 = *(u64 *)(r10 -32)\nr0 = r9\nexit",
	/* loops: endless, and of a few rounds */
	"r0 = 0\nr2 = 5\ngoto -1",
	"r0 = 0\nr6 = *(u32 *)(r1 +0)\nr0 += 1\nif r0 < 5 goto -2\nif r6 > 3 goto +1\nr0 = 9\nexit",
	/* slots of the stack, here and in callers, read and written */
	"r2 = r10\nr2 += -8\n*(u64 *)(r10 -8) = 7\ncall +3\nr0 = *(u64 *)(r10 -8)\nr0 = 0\nexit\n"
	"*(u64 *)(r10 -8) = 1\nr0 = *(u64 *)(r2 +0)\nr1 = *(u64 *)(r10 -8)\nr0 = 0\nexit",
	/* the same, by different callers; a callee that writes for its caller */
	"*(u64 *)(r10 -8) = 7\n*(u64 *)(r10 -16) = 7\nr1 = r10\nr1 += -8\ncall +5\nr1 = r10\n"
	"r1 += -16\ncall +2\nr0 = *(u64 *)(r10 -8)\nexit\nr0 = *(u64 *)(r1 +0)\n"
	"*(u64 *)(r1 +0) = 1\nr0 = 0\nexit",
	/* a loop of which every round is walked */
	"r6 = 0\ncall 7\nr6 += 1\nif r6 > 20 goto +1\nif r0 != 0 goto -4\nr0 = r6\nexit",
	/* numbers that are others plus a constant, in 32 and in 64 bits */
	"call 7\nw0 = w0\nr6 = r0\nw6 += 4\nr7 = r0\nr7 += 4\nr8 = r0\nw8 -= 5\n"
	"if r6 < 7 goto +2\nr0 = 0\nexit\nr1 = r0\nr0 = r6\nr0 = r7\nr0 = r8\nexit",
	/* bits and ranges that leave one number, and none */
	"call 7\nr0 &= 12\nif r0 < 5 goto +2\nif r0 > 11 goto +1\nr0 = r0\nr0 = 0\nexit",
	/* frames */
	"r1 = 3\nr6 = 4\nr2 = r10\ncall +2\nr0 = r9\nexit\n*(u64 *)(r10 -8) = 1\nr0 = r1\nexit",
};

static const char *host_text(const char *program_text, uint32_t level)
{
	struct skep_prog *p = program(BPF_PROG_TYPE_SOCKET_FILTER, program_text);
	static char buf[1 << 16];
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(buf, 0, sizeof(buf));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (uintptr_t)p->image.insns;
	attr.insn_cnt = p->image.insn_cnt;
	attr.license = (uintptr_t) "GPL";
	attr.log_level = level;
	attr.log_buf = (uintptr_t)buf;
	attr.log_size = sizeof(buf);
	host_bpf(BPF_PROG_LOAD, &attr);
	prog_put(p);
	return buf;
}

TEST(log_text_is_the_hosts)
{
	host_required();
	if (!strstr(host_text("r0 = 0\nexit", 2), "Live regs before insn:"))
		test_skip("the host's log is of an older kernel");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (uint32_t level = 1; level <= 2; level++)
			ASSERT_STREQ(text_of(texts[i], level), host_text(texts[i], level));
}
