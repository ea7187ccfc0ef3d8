/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sandbox.c - programs that put seccomp filters before their own system calls; prints the same each
 * time.
 *
 *	sandbox HOW
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define COUNT(a)   (sizeof(a) / sizeof(*(a)))
#define DATA(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, what))
#define RET(what)  BPF_STMT(BPF_RET | BPF_K, what)
/* Of that number: this; else on. */
#define FOR(nr, verdict) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), RET(verdict)
#define ERRNO(n)	 (SECCOMP_RET_ERRNO | (n))

static char **self;

static long install(struct sock_filter *rule, size_t n, unsigned flags)
{
	const struct sock_fprog prog = { (unsigned short)n, rule };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return flags ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog)
		     : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int calls(int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++)
		sum += getsid(0) > 0;
	return sum;
}

/* As libseccomp writes what is forbidden: the machine, the other ABI, then each. */
static int denies(void)
{
	struct sock_filter rule[] = {
		DATA(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		RET(SECCOMP_RET_KILL_PROCESS),
		DATA(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
		RET(ERRNO(ENOSYS)),
		FOR(SYS_ptrace, ERRNO(EPERM)),
		FOR(SYS_umask, ERRNO(EDOM)),
		RET(SECCOMP_RET_ALLOW),
	};
	long ret;

	if (install(rule, COUNT(rule), 0))
		return 1;
	ret = syscall(SYS_umask, 0);
	printf("umask %ld %s\n", ret, strerror(errno));
	printf("calls %d\n", calls(200));
	return 0;
}

/* The same when a byte comes; what it has done before is not seen by who comes in between. */
static int waits(void)
{
	struct sock_filter rule[] = { DATA(nr), FOR(SYS_umask, ERRNO(EDOM)),
				      RET(SECCOMP_RET_ALLOW) };
	char c;

	if (install(rule, COUNT(rule), 0) || install(rule, COUNT(rule), 0) ||
	    write(1, "ready\n", 6) != 6 || read(0, &c, 1) != 1)
		return 1;
	printf("calls %d\n", calls(200));
	return 7;
}

/* By an argument: mmap(2) and mprotect(2) for code that can be written. */
static int by_argument(void)
{
	struct sock_filter rule[] = {
		DATA(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 4),
		DATA(args[2]),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1),
		RET(SECCOMP_RET_KILL_PROCESS),
		RET(SECCOMP_RET_ALLOW),
	};

	if (install(rule, COUNT(rule), 0))
		return 1;
	printf("calls %d\n", calls(200));
	return 0;
}

/* Two, of which the second one forbids what the first does not. */
static int stacks(void)
{
	struct sock_filter one[] = { DATA(nr), FOR(SYS_umask, SECCOMP_RET_KILL_PROCESS),
				     RET(SECCOMP_RET_ALLOW) };
	struct sock_filter two[] = { DATA(nr), FOR(SYS_getsid, ERRNO(EDOM)),
				     RET(SECCOMP_RET_ALLOW) };

	if (install(one, COUNT(one), 0))
		return 1;
	printf("calls %d\n", calls(100));
	if (install(two, COUNT(two), 0))
		return 1;
	printf("calls %d\n", calls(100));
	fflush(stdout);
	syscall(SYS_umask, 0);
	return 0;
}

/* Nothing but what it needs itself, and whatever we need as well: all below a number. */
static int allows(void)
{
	struct sock_filter rule[] = {
		DATA(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_io_uring_setup, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
		RET(SECCOMP_RET_KILL_PROCESS),
		RET(SECCOMP_RET_ALLOW),
	};

	if (install(rule, COUNT(rule), 0))
		return 1;
	printf("calls %d\n", calls(200));
	return 0;
}

static int allows_little(void)
{
	struct sock_filter rule[] = {
		DATA(nr),
		FOR(SYS_write, SECCOMP_RET_ALLOW),
		FOR(SYS_getsid, SECCOMP_RET_ALLOW),
		FOR(SYS_fstat, SECCOMP_RET_ALLOW),
		FOR(SYS_newfstatat, SECCOMP_RET_ALLOW),
		FOR(SYS_exit_group, SECCOMP_RET_ALLOW),
		RET(SECCOMP_RET_KILL_PROCESS),
	};

	puts("begins");
	fflush(stdout);
	if (install(rule, COUNT(rule), 0))
		return 1;
	printf("calls %d\n", calls(200));
	return 0;
}

/* getsid(2) has to come from the C library's function of that name. */
static int from_where(void)
{
	const uint64_t at = (uintptr_t)getsid;
	struct sock_filter rule[] = {
		DATA(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsid, 1, 0),
		RET(SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (unsigned)offsetof(struct seccomp_data, instruction_pointer)),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, (uint32_t)at),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 64, 0, 1),
		RET(SECCOMP_RET_KILL_PROCESS),
		RET(SECCOMP_RET_ALLOW),
	};

	puts("begins");
	fflush(stdout);
	if (install(rule, COUNT(rule), 0))
		return 1;
	printf("calls %d\n", calls(200));
	return 0;
}

/* --- who emulates ----------------------------------------------------------------------------- */

static int hits, wrong;

/* Three places of a call, of different shapes; ends: behind the instruction. */
long placed_alone(long nr, long a);
long placed_first(long nr, long a);
long placed_between(long nr, long a);
extern const char ends_alone[], ends_first[], ends_between[];
__asm__(".pushsection .text.placed, \"ax\", @progbits\n"
	".globl placed_alone, placed_first, placed_between\n"
	".type placed_alone, @function\n.type placed_first, @function\n"
	".type placed_between, @function\n"
	"placed_alone: mov %edi, %eax; mov %rsi, %rdi; syscall\n"
	"ends_alone: ret\n.size placed_alone, . - placed_alone\n"
	"placed_first: mov %rdi, %rax; mov %rsi, %rdi; test %rdi, %rdi; nop; nop; nop; nop; nop\n"
	"syscall\n"
	"ends_first: cmp $-4095, %rax; nop; nop; nop; ret\n.size placed_first, . - placed_first\n"
	"placed_between: mov %edi, %eax; mov %rsi, %rdi; test %edi, %edi; jnz 1f\n"
	"1: syscall\n"
	"ends_between: jmp 2f; 2: ret\n.size placed_between, . - placed_between\n"
	".popsection\n");

static void on_sys(int sig, siginfo_t *info, void *where)
{
	const char *const ends[] = { ends_alone, ends_first, ends_between };
	ucontext_t *uc = where;
	const char *at = info->si_call_addr;
	int known = at > (char *)(uintptr_t)getsid && at < (char *)(uintptr_t)getsid + 64;

	hits++;
	for (size_t i = 0; i < COUNT(ends); i++)
		known |= at == ends[i];
	if (!known || (uintptr_t)at != (uintptr_t)uc->uc_mcontext.gregs[REG_RIP] ||
	    info->si_syscall != SYS_getsid || info->si_arch != AUDIT_ARCH_X86_64)
		wrong++;
	uc->uc_mcontext.gregs[REG_RAX] = uc->uc_mcontext.gregs[REG_RDI] + 1000;
}

static int emulates(void)
{
	struct sock_filter rule[] = { DATA(nr), FOR(SYS_getsid, SECCOMP_RET_TRAP | 77),
				      RET(SECCOMP_RET_ALLOW) };
	struct sigaction sa = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };
	long (*const placed[])(long, long) = { placed_alone, placed_first, placed_between };
	long sum = 0;

	sigaction(SIGSYS, &sa, NULL);
	if (install(rule, COUNT(rule), 0))
		return 1;
	for (int i = 0; i < 100; i++) {
		sum += getsid(i);
		for (size_t k = 0; k < COUNT(placed); k++)
			sum += placed[k](SYS_getsid, i);
	}
	printf("sum %ld hits %d wrong %d\n", sum, hits, wrong);
	return 0;
}

static void on_sys_again(int sig, siginfo_t *info, void *uc)
{
	hits++;
	getsid(0);
	hits++;
}

/* A call of the handler's is trapped as well, which it holds back: it ends. */
static int traps_itself(void)
{
	struct sock_filter rule[] = { DATA(nr), FOR(SYS_getsid, SECCOMP_RET_TRAP),
				      RET(SECCOMP_RET_ALLOW) };
	struct sigaction sa = { .sa_sigaction = on_sys_again, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &sa, NULL);
	if (install(rule, COUNT(rule), 0))
		return 1;
	puts("ends");
	fflush(stdout);
	return calls(1) + hits;
}

static sigjmp_buf back;

static void on_sys_leap(int sig, siginfo_t *info, void *uc)
{
	hits++;
	siglongjmp(back, 1);
}

/* Out of the handler by force, with the mask from before it. */
static int leaps(void)
{
	struct sock_filter rule[] = { DATA(nr), FOR(SYS_getsid, SECCOMP_RET_TRAP),
				      RET(SECCOMP_RET_ALLOW) };
	struct sigaction sa = { .sa_sigaction = on_sys_leap, .sa_flags = SA_SIGINFO };
	volatile int n = 0;
	sigset_t held;

	sigaction(SIGSYS, &sa, NULL);
	if (install(rule, COUNT(rule), 0))
		return 1;
	sigsetjmp(back, 1);
	while (n < 20) {
		n++;
		getsid(0);
	}
	sigprocmask(SIG_BLOCK, NULL, &held);
	printf("hits %d holds %d\n", hits, sigismember(&held, SIGSYS));
	return 0;
}

/* Nobody is there to emulate: it ends. */
static int trapped(void)
{
	struct sock_filter rule[] = { DATA(nr), FOR(SYS_getsid, SECCOMP_RET_TRAP),
				      RET(SECCOMP_RET_ALLOW) };

	if (install(rule, COUNT(rule), 0))
		return 1;
	puts("ends");
	fflush(stdout);
	return calls(1);
}

/* --- threads, children, refusals -------------------------------------------------------------- */

static pthread_barrier_t all;

static void *thread(void *arg)
{
	long sum = 0;

	for (int i = 0; i < 200; i++)
		sum += getsid(0) > 0;
	pthread_barrier_wait(&all);
	pthread_barrier_wait(&all);
	for (int i = 0; i < 200; i++)
		sum += getsid(0) > 0;
	return (void *)sum;
}

static int threads_of(struct sock_filter *rule, size_t n)
{
	long sum = 0, ret;
	pthread_t t[4];
	void *one;

	pthread_barrier_init(&all, NULL, COUNT(t) + 1);
	for (size_t i = 0; i < COUNT(t); i++)
		pthread_create(&t[i], NULL, thread, NULL);
	pthread_barrier_wait(&all);
	ret = install(rule, n, SECCOMP_FILTER_FLAG_TSYNC);
	pthread_barrier_wait(&all);
	for (size_t i = 0; i < COUNT(t); i++) {
		pthread_join(t[i], &one);
		sum += (long)one;
	}
	printf("installed %ld calls %ld\n", ret, sum);
	return 0;
}

static int tsync(void)
{
	struct sock_filter rule[] = { DATA(nr), FOR(SYS_getsid, ERRNO(EDOM)),
				      RET(SECCOMP_RET_ALLOW) };

	return threads_of(rule, COUNT(rule));
}

/* What the agent of a hive calls, and none of these does. */
static int tsync_forbids(void)
{
	struct sock_filter rule[] = { DATA(nr), FOR(SYS_process_vm_readv, SECCOMP_RET_KILL_PROCESS),
				      FOR(SYS_getppid, SECCOMP_RET_KILL_PROCESS),
				      RET(SECCOMP_RET_ALLOW) };

	return threads_of(rule, COUNT(rule));
}

/* A child, and the program that it becomes, have it as well. */
static int inherits(void)
{
	struct sock_filter rule[] = { DATA(nr), FOR(SYS_umask, ERRNO(EDOM)),
				      RET(SECCOMP_RET_ALLOW) };
	char name[] = "child", *argv[] = { self[0], name, NULL };
	pid_t pid;
	int st;

	if (install(rule, COUNT(rule), 0))
		return 1;
	pid = fork();
	if (!pid) {
		calls(10);
		execv(self[0], argv);
		_exit(1);
	}
	waitpid(pid, &st, 0);
	printf("child %d calls %d\n", st, calls(100));
	return 0;
}

static int child(void)
{
	const long ret = syscall(SYS_umask, 0);

	printf("umask %ld calls %d\n", ret, calls(100));
	return 5;
}

/* What the kernel does not take changes nothing. */
static int refused(void)
{
	struct sock_filter jumps[] = { BPF_STMT(BPF_JMP | BPF_JA, 7), RET(SECCOMP_RET_KILL) };
	struct sock_filter kills[] = { RET(SECCOMP_RET_KILL) };
	const struct sock_fprog prog = { COUNT(kills), kills };
	long ret = install(jumps, COUNT(jumps), 0);

	printf("jumps %ld %s\n", ret, strerror(errno));
	ret = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1u << 20, &prog);
	printf("flags %ld %s\n", ret, strerror(errno));
	ret = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL);
	printf("nowhere %ld %s\n", ret, strerror(errno));
	printf("calls %d\n", calls(200));
	return 0;
}

static const struct {
	const char *how;
	int (*fn)(void);
} acts[] = {
	{ "denies", denies },
	{ "by-argument", by_argument },
	{ "stacks", stacks },
	{ "allows", allows },
	{ "allows-little", allows_little },
	{ "from-where", from_where },
	{ "emulates", emulates },
	{ "trapped", trapped },
	{ "leaps", leaps },
	{ "traps-itself", traps_itself },
	{ "tsync", tsync },
	{ "tsync-forbids", tsync_forbids },
	{ "inherits", inherits },
	{ "waits", waits },
	{ "child", child },
	{ "refused", refused },
};

int main(int argc, char **argv)
{
	self = argv;
	for (size_t i = 0; argc > 1 && i < COUNT(acts); i++)
		if (!strcmp(acts[i].how, argv[1]))
			return acts[i].fn();
	return 2;
}
