/* SPDX-License-Identifier: BSD-2-Clause */
#include "hive/filter.h"
#include "tests/harness/test.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA(what)	 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, what))
#define RET(what)	 BPF_STMT(BPF_RET | BPF_K, what)
#define FOR(nr, verdict) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), RET(verdict)
#define JUDGE(...)	 judge((struct sock_filter[]){ __VA_ARGS__ }, N(__VA_ARGS__))
#define N(...)		 (sizeof((struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter))

static struct filter_room room;
static int32_t forbids;

static enum filter_says judge(const struct sock_filter *insn, size_t n)
{
	forbids = -1;
	return filter_judge(insn, (uint32_t)n, &room, &forbids);
}

TEST(filter_by_number)
{
	ASSERT_EQ(JUDGE(RET(SECCOMP_RET_ALLOW)), FILTER_LETS);
	ASSERT_EQ(JUDGE(RET(SECCOMP_RET_LOG)), FILTER_FORBIDS);
	ASSERT_EQ(JUDGE(DATA(nr), FOR(SYS_ptrace, SECCOMP_RET_KILL), RET(SECCOMP_RET_ALLOW)),
		  FILTER_LETS);
	ASSERT_EQ(JUDGE(DATA(nr), FOR(SYS_tgkill, SECCOMP_RET_TRAP), RET(SECCOMP_RET_ALLOW)),
		  FILTER_FORBIDS);
	ASSERT_EQ(forbids, SYS_tgkill);
	ASSERT_EQ(
		JUDGE(DATA(arch), FOR(AUDIT_ARCH_X86_64, SECCOMP_RET_ALLOW), RET(SECCOMP_RET_KILL)),
		FILTER_LETS);
}

TEST(filter_that_refuses_what_may_fail)
{
	/* A call that is refused with no error is one that did nothing and says that it did. */
	ASSERT_EQ(JUDGE(DATA(nr), FOR(SYS_statx, SECCOMP_RET_ERRNO | 38), RET(SECCOMP_RET_ALLOW)),
		  FILTER_LETS);
	ASSERT_EQ(JUDGE(DATA(nr), FOR(SYS_statx, SECCOMP_RET_ERRNO), RET(SECCOMP_RET_ALLOW)),
		  FILTER_FORBIDS);
	ASSERT_EQ(JUDGE(DATA(nr), FOR(SYS_getpid, SECCOMP_RET_ERRNO | 38), RET(SECCOMP_RET_ALLOW)),
		  FILTER_FORBIDS);
	ASSERT_EQ(forbids, SYS_getpid);
}

TEST(filter_by_argument)
{
	/* prctl(2) is ours with PR_GET_NAME alone. */
	ASSERT_EQ(JUDGE(DATA(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
			DATA(args[0]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_DUMPABLE, 0, 1),
			RET(SECCOMP_RET_KILL), RET(SECCOMP_RET_ALLOW)),
		  FILTER_LETS);
	ASSERT_EQ(JUDGE(DATA(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
			DATA(args[0]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_GET_NAME, 0, 1),
			RET(SECCOMP_RET_KILL), RET(SECCOMP_RET_ALLOW)),
		  FILTER_FORBIDS);
	ASSERT_EQ(forbids, SYS_prctl);
	/* Which descriptor is read nobody knows before. */
	ASSERT_EQ(JUDGE(DATA(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 0, 3),
			DATA(args[0]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 99, 0, 1),
			RET(SECCOMP_RET_KILL), RET(SECCOMP_RET_ALLOW)),
		  FILTER_FORBIDS);
	ASSERT_EQ(forbids, SYS_read);
	/* ...and need not, where both ways end well. */
	ASSERT_EQ(JUDGE(DATA(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 0, 2),
			DATA(args[0]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 99, 0, 0),
			RET(SECCOMP_RET_ALLOW)),
		  FILTER_LETS);
}

TEST(filter_that_asks_from_where)
{
	ASSERT_EQ(JUDGE(DATA(instruction_pointer), RET(SECCOMP_RET_ALLOW)), FILTER_LOOKS);
	ASSERT_EQ(JUDGE(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12), RET(SECCOMP_RET_ALLOW)),
		  FILTER_LOOKS);
}

TEST(filter_that_has_too_many_ways)
{
	static struct sock_filter insn[BPF_MAXINSNS];
	size_t n = 0;

	insn[n++] = (struct sock_filter)DATA(args[5]);
	for (; n < BPF_MAXINSNS - 2; n++)
		insn[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)n + 1,
						       0, 1);
	insn[n++] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
	insn[n++] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
	ASSERT_EQ(judge(insn, n), FILTER_FORBIDS);
}

/* --- the kernel's verdict ----------------------------------------------------------------------
 */

static uint32_t seed = 1;

static uint32_t pick(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static uint32_t pick_k(void)
{
	static const uint32_t ks[] = { 0,
				       1,
				       2,
				       4,
				       16,
				       31,
				       32,
				       39,
				       60,
				       64,
				       186,
				       4096,
				       AUDIT_ARCH_X86_64,
				       SECCOMP_RET_ALLOW,
				       SECCOMP_RET_ERRNO | 1 };

	return ks[pick(ARRAY_SIZE(ks))];
}

static struct sock_filter pick_insn(uint32_t left)
{
	static const uint16_t codes[] = {
		BPF_LD | BPF_W | BPF_ABS,
		BPF_LD | BPF_W | BPF_ABS,
		BPF_LD | BPF_W | BPF_LEN,
		BPF_LD | BPF_IMM,
		BPF_LDX | BPF_IMM,
		BPF_LDX | BPF_W | BPF_LEN,
		BPF_LD | BPF_MEM,
		BPF_LDX | BPF_MEM,
		BPF_ST,
		BPF_STX,
		BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA,
		BPF_RET | BPF_K,
		BPF_RET | BPF_A,
		BPF_LD | BPF_H | BPF_ABS,
		BPF_LD | BPF_W | BPF_IND,
	};
	const uint32_t kind = pick(4), op = pick(12) << 4, by_x = pick(2) ? BPF_X : BPF_K;

	if (kind == 0)
		return (struct sock_filter)BPF_STMT((uint16_t)(BPF_ALU | op | by_x), pick_k());
	if (kind == 1)
		return (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | (pick(6) << 4) | by_x),
						    pick(2) ? pick(left + 1) : pick_k(),
						    (uint8_t)pick(left + 1), (uint8_t)pick(left));
	return (struct sock_filter)BPF_STMT(codes[pick(ARRAY_SIZE(codes))], pick_k());
}

/* What a child says that puts the filter, and then makes some of our calls. */
enum { REFUSED = 1, TAKEN, PASSED };

/*
 * The child: it may not even be allowed to exit, and then it traps, which nobody catches.  No
 * sanitizer here, which would make system calls of its own before what does not return, or have
 * a thread that lives on when this one is killed: so fork(2) is not the C library's either.
 */
__attribute__((no_sanitize_address)) static void be_filtered(struct sock_filter *insn, uint16_t n,
							     _Atomic int *shared)
{
	const struct sock_fprog prog = { n, insn };

	signal(SIGILL, SIG_DFL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	atomic_store(shared, TAKEN);
	if (syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		atomic_store(shared, REFUSED);
	else if (syscall(SYS_getpid) > 0 && syscall(SYS_gettid) > 0 && !syscall(SYS_sched_yield) &&
		 syscall(SYS_getppid) > 0)
		atomic_store(shared, PASSED);
	syscall(SYS_exit_group, 0);
	__builtin_trap();
}

static int kernel_says(struct sock_filter *insn, uint16_t n, _Atomic int *shared)
{
	pid_t pid;
	int st;

	atomic_store(shared, 0);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		be_filtered(insn, n, shared);
	waitpid(pid, &st, 0);
	return atomic_load(shared);
}

TEST(filter_as_the_kernel_says)
{
	_Atomic int *shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int by_says[FILTER_IS_STRICT] = { 0 };
	struct sock_filter insn[8];

	ASSERT_NE((void *)shared, MAP_FAILED);
	for (int i = 0; i < 4000; i++) {
		const uint16_t n = (uint16_t)(1 + pick(ARRAY_SIZE(insn)));
		enum filter_says says;
		int kernel;

		for (uint16_t k = 0; k < n; k++)
			insn[k] = k + 1 == n && pick(8) ? (struct sock_filter)RET(pick_k())
							: pick_insn((uint32_t)(n - k));
		/* As many as may be that the kernel takes, and that let something pass. */
		if (n > 1 && pick(2))
			insn[n - 1] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
		says = judge(insn, n);
		/* A filter that is none is refused; one that reads memory before it writes, too. */
		if (says == FILTER_IS_NONE && pick(8))
			continue;
		kernel = kernel_says(insn, n, shared);
		by_says[says]++;
		if (says == FILTER_IS_NONE)
			ASSERT_MSG(kernel == REFUSED, "filter %d: %d", i, kernel);
		if (says == FILTER_LETS)
			ASSERT_MSG(kernel == PASSED || kernel == REFUSED, "filter %d: %d", i,
				   kernel);
	}
	ASSERT_GT(by_says[FILTER_IS_NONE], 100);
	ASSERT_GT(by_says[FILTER_LETS], 50);
	ASSERT_GT(by_says[FILTER_FORBIDS], 100);
	munmap((void *)shared, 4096);
}
