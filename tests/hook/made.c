/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * made.c - programs that make code as they run, and system calls in it; prints the same each time.
 *
 *	made HOW
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/*
 * fn(nr, a, b, c, d, e): a system call that knows by itself that nothing but %rax, %rcx and %r11 is
 * another one behind it, and that returns to where it is: else it returns 77777.
 */
extern const uint8_t code_begin[], code_end[];
__asm__(".pushsection .rodata\n"
	"code_begin:\n"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"mov %rdi, %rax; mov %rsi, %rdi; mov %rdx, %rsi; mov %rcx, %rdx; mov %r8, %r10; mov %r9, "
	"%r8\n"
	"mov $0x1111, %ebx; mov $0x2222, %ebp; mov $0x3333, %r12d; mov %rsp, %r13\n"
	"movq %rdi, -8(%rsp); movq $0x4444, -128(%rsp); mov $0x5555, %r14d; mov $0x6666, %r9d\n"
	"stc\n"
	"syscall\n"
	"1: jnc 2f; cmp $0x1111, %ebx; jne 2f; cmp $0x2222, %ebp; jne 2f; cmp $0x3333, %r12d; jne "
	"2f\n"
	"cmp %rsp, %r13; jne 2f; cmp %rdi, -8(%rsp); jne 2f; cmpq $0x4444, -128(%rsp); jne 2f\n"
	"cmp $0x5555, %r14d; jne 2f; cmp $0x6666, %r9d; jne 2f\n"
	"lea 1b(%rip), %r15; cmp %rcx, %r15; je 3f\n"
	"2: mov $77777, %eax\n"
	"3: pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
	"code_end:\n"
	".popsection\n");

typedef long (*call_fn)(long nr, long a, long b, long c, long d, long e);

static call_fn call;

static size_t size(void)
{
	return (size_t)((uintptr_t)code_end - (uintptr_t)code_begin);
}

/* Written, then executable. */
static call_fn make(void)
{
	uint8_t *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	memcpy(at, code_begin, size());
	return mprotect(at, 4096, PROT_READ | PROT_EXEC) ? NULL : (call_fn)(uintptr_t)at;
}

/* Both at once. */
static call_fn make_at_once(void)
{
	uint8_t *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	memcpy(at, code_begin, size());
	return (call_fn)(uintptr_t)at;
}

/* The same memory twice. */
static call_fn make_twice(void)
{
	const int fd = memfd_create("code", 0);
	uint8_t *to, *at;

	if (fd < 0 || ftruncate(fd, 4096))
		return NULL;
	to = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	close(fd);
	if (to == MAP_FAILED || at == MAP_FAILED)
		return NULL;
	memcpy(to, code_begin, size());
	return (call_fn)(uintptr_t)at;
}

static long calls(int n)
{
	long sum = 0;

	for (int i = 0; i < n; i++)
		sum += call(SYS_getsid, 0, 0, 0, 0, 0) == getsid(0);
	return sum;
}

static int each(void)
{
	call_fn (*const makes[])(void) = { make, make_at_once, make_twice };

	for (size_t i = 0; i < COUNT(makes); i++) {
		call = makes[i]();
		if (!call)
			return 1;
		printf("calls %ld\n", calls(100));
	}
	return 0;
}

/* --- threads ---------------------------------------------------------------------------------- */

static void *thread(void *arg)
{
	return (void *)calls(100);
}

/* As they begin, and while they run. */
static int threads(void)
{
	long sum = 0;
	pthread_t t[2];
	void *one;

	call = make();
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < COUNT(t); i++)
			pthread_create(&t[i], NULL, thread, NULL);
		for (size_t i = 0; i < COUNT(t); i++) {
			pthread_join(t[i], &one);
			sum += (long)one;
		}
	}
	printf("calls %ld\n", sum + calls(100));
	return 0;
}

static pthread_barrier_t all;

static void *early(void *arg)
{
	pthread_barrier_wait(&all);
	pthread_barrier_wait(&all);
	return (void *)calls(100);
}

/* It was there before the code was. */
static int early_thread(void)
{
	pthread_t t;
	void *n;

	pthread_barrier_init(&all, NULL, 2);
	pthread_create(&t, NULL, early, NULL);
	pthread_barrier_wait(&all);
	call = make();
	pthread_barrier_wait(&all);
	pthread_join(t, &n);
	printf("calls %ld\n", (long)n);
	return 0;
}

/* --- children --------------------------------------------------------------------------------- */

static int child(void *arg)
{
	_exit((int)calls(10));
}

static int children(void)
{
	static uint8_t stack[64 * 1024] __attribute__((aligned(16)));
	long pid;
	int st;

	call = make();
	pid = fork();
	if (!pid)
		child(NULL);
	waitpid((pid_t)pid, &st, 0);
	printf("fork %d\n", WEXITSTATUS(st));
	/* By the code itself. */
	pid = call(SYS_fork, 0, 0, 0, 0, 0);
	if (!pid)
		child(NULL);
	waitpid((pid_t)pid, &st, 0);
	printf("made fork %d\n", WEXITSTATUS(st));
	pid = clone(child, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	waitpid((pid_t)pid, &st, 0);
	printf("clone %d\n", WEXITSTATUS(st));
	printf("calls %ld\n", calls(10));
	return 0;
}

/* --- signals ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t ticks;
static sigjmp_buf back;

static void tick(int sig, siginfo_t *info, void *uc)
{
	call(SYS_getsid, 0, 0, 0, 0, 0);
	ticks++;
}

static void leap(int sig, siginfo_t *info, void *uc)
{
	siglongjmp(back, 1);
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &sa, NULL);
}

/* That come while it waits in such a call, and before: to handlers that return, and that do not. */
static int signals(void)
{
	const struct timespec wait = { .tv_sec = 10 };
	volatile int leaps = 0;
	long ret = 0;
	int pipes[2];
	char c = 0;

	call = make();
	if (pipe(pipes))
		return 1;
	handle(SIGUSR1, tick, SA_RESTART);
	handle(SIGALRM, tick, SA_RESTART);
	handle(SIGUSR2, leap, 0);
	for (int i = 0; i < 50; i++)
		ret |= call(SYS_tgkill, getpid(), gettid(), SIGUSR1, 0, 0);
	printf("raised %ld ticks %d\n", ret, ticks);
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 200000 } }, NULL);
	ret = call(SYS_nanosleep, (long)&wait, 0, 0, 0, 0);
	printf("slept %ld ticks %d\n", ret, ticks);
	for (int i = 0; i < 50; i++) {
		if (sigsetjmp(back, 1))
			leaps++;
		else
			call(SYS_tgkill, getpid(), gettid(), SIGUSR2, 0, 0);
	}
	ret = write(pipes[1], "x", 1);
	ret += call(SYS_read, pipes[0], (long)&c, 1, 0, 0);
	printf("leaps %d read %ld %c calls %ld\n", leaps, ret, c, calls(10));
	return 0;
}

/* A handler of its own for what is not ours. */
static void on_sys(int sig, siginfo_t *info, void *uc)
{
	if (call)
		ticks += (int)calls(10);
	ticks++;
}

static int handlers(void)
{
	sigset_t set, old;

	handle(SIGSYS, on_sys, 0);
	raise(SIGSYS);
	call = make();
	raise(SIGSYS);
	printf("ticks %d calls %ld\n", ticks, calls(10));
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	printf("held calls %ld\n", calls(10));
	sigprocmask(SIG_SETMASK, NULL, &old);
	printf("holds %d\n", sigismember(&old, SIGSYS));
	return 0;
}

/* --- who does the same ------------------------------------------------------------------------ */

static volatile char selector;

static void on_own(int sig, siginfo_t *info, void *where)
{
	ucontext_t *uc = where;

	selector = 0;
	ticks += info->si_code == 2 && info->si_syscall == SYS_getsid;
	uc->uc_mcontext.gregs[REG_RAX] = 4321;
}

static int dispatches(void)
{
	long ret;

	handle(SIGSYS, on_own, 0);
	call = make();
	printf("calls %ld\n", calls(10));
	fflush(stdout);
	ret = prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector);
	selector = 1;
	ret = ret ? ret : call(SYS_getsid, 0, 0, 0, 0, 0);
	selector = 0;
	prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
	printf("own %ld ticks %d\n", ret, ticks);
	return 0;
}

/* When a byte comes; for who looks in between. */
static int waits(void)
{
	char c;

	call = make_twice();
	if (!call || write(1, "ready\n", 6) != 6 || read(0, &c, 1) != 1)
		return 1;
	printf("calls %ld\n", calls(200));
	return 7;
}

static const struct {
	const char *how;
	int (*fn)(void);
} acts[] = {
	{ "each", each },	  { "threads", threads },	{ "early-thread", early_thread },
	{ "children", children }, { "signals", signals },	{ "handlers", handlers },
	{ "waits", waits },	  { "dispatches", dispatches },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < COUNT(acts); i++)
		if (!strcmp(acts[i].how, argv[1]))
			return acts[i].fn();
	return 2;
}
