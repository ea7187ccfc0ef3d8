/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * acts.c - what programs do that makes it hard to look at their system calls; prints the same each
 * time.
 *
 *	acts threads N | detached N | leaps N | signals | handlers | filter | filter-late | strict |
 * emulates | bomb LEVELS CHILDREN | children | beside N
 *
 * children: prints how it made each child, and its number; each has called getpgid(its index).
 * beside: it and a child that has its memory, and its thread's storage, call getsid(0) N times each
 * at the same time, on one CPU.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#if __has_include(<linux/seccomp.h>)
#include <linux/filter.h>
#include <linux/seccomp.h>
#define HAS_SECCOMP 1
#endif

extern char **environ;
static volatile sig_atomic_t hits;
static sigjmp_buf back;

static void handle(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &sa, NULL);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void *thread(void *arg)
{
	uintptr_t n = 0;

	for (int i = 0; i < 20; i++)
		n += syscall(SYS_getppid) == getppid();
	return (void *)n;
}

static int threads(int n)
{
	pthread_t t[8];
	uintptr_t sum = 0, one;
	void *ret;

	for (int i = 0; i < n; i += 8) {
		for (int k = 0; k < 8; k++)
			if (pthread_create(&t[k], NULL, thread, NULL))
				return 1;
		for (int k = 0; k < 8; k++) {
			pthread_join(t[k], &ret);
			one = (uintptr_t)ret;
			sum += one;
		}
	}
	printf("threads %d sum %lu\n", n, (unsigned long)sum);
	return 0;
}

static _Atomic int over;

static void *alone(void *arg)
{
	for (int i = 0; i < 20; i++)
		getppid();
	over++;
	return NULL;
}

/* Nobody waits for them: each gives its stack back itself. */
static int detached(int n)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < n; i++) {
		if (pthread_create(&t, &attr, alone, NULL))
			return 1;
		while (over <= i)
			usleep(100);
	}
	usleep(200000);
	printf("detached %d\n", n);
	return 0;
}

/* --- signals ---------------------------------------------------------------------------------- */

static void leap(int sig, siginfo_t *info, void *uc)
{
	hits++;
	if (hits % 3 == 0)
		siglongjmp(back, 1);
}

static void tick(int sig, siginfo_t *info, void *uc)
{
	getppid();
	hits++;
}

static void *sender(void *arg)
{
	for (int i = 0; i < 50; i++) {
		usleep(500);
		pthread_kill(*(pthread_t *)arg, SIGUSR2);
	}
	return NULL;
}

/* Signals that come while it waits in the kernel, and out of their handlers by force. */
static int signals(void)
{
	static uint8_t stack[64 * 1024];
	const stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const struct timespec wait = { .tv_nsec = 100000 };
	static pthread_t t; /* known behind a leap */
	pthread_t me = pthread_self();
	volatile int leaps = 0, n = 0;

	sigaltstack(&other, NULL);
	handle(SIGUSR1, leap, 0);
	handle(SIGUSR2, leap, SA_ONSTACK);
	handle(SIGALRM, tick, SA_RESTART);
	if (sigsetjmp(back, 1))
		leaps++;
	while (n < 3000) {
		n++;
		raise(SIGUSR1);
	}
	printf("raised %d hits %d leaps %d\n", n, hits, leaps);
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 300 }, { 0, 300 } }, NULL);
	/* Whoever leaps from here on has to come here. */
	if (sigsetjmp(back, 1))
		leaps++;
	else
		pthread_create(&t, NULL, sender, &me);
	for (int i = 0; i < 500; i++)
		nanosleep(&wait, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	while (sigsetjmp(back, 1))
		;
	pthread_join(t, NULL);
	puts("waited");
	return 0;
}

static void leap_always(int sig, siginfo_t *info, void *uc)
{
	siglongjmp(back, 1);
}

/* Out of whatever it does when a timer expires, programs of who looks at it included. */
static int leaps_of(int n)
{
	volatile int leaps = 0;

	handle(SIGALRM, leap_always, 0);
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 1000 }, { 0, 1000 } }, NULL);
	if (sigsetjmp(back, 1))
		leaps++;
	while (leaps < n)
		syscall(SYS_getppid);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	printf("leaps %d\n", n);
	return 0;
}

static void on_segv(int sig, siginfo_t *info, void *uc)
{
	hits++;
	siglongjmp(back, 1);
}

static void on_trap(int sig, siginfo_t *info, void *uc)
{
	hits++;
}

#ifdef HAS_SECCOMP
static void on_sys(int sig, siginfo_t *info, void *where)
{
	ucontext_t *uc = where;

	hits++;
	uc->uc_mcontext.gregs[REG_RAX] = info->si_syscall + 1000;
}

static int filter(struct sock_filter *rule, unsigned short n)
{
	const struct sock_fprog prog = { n, rule };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int trap_getppid(void)
{
	struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return filter(rule, sizeof(rule) / sizeof(*rule));
}
#endif

static int handlers(void)
{
	volatile int i, *volatile nowhere = (volatile int *)8;

	handle(SIGSEGV, on_segv, 0);
	handle(SIGTRAP, on_trap, 0);
	i = 0;
	sigsetjmp(back, 1);
	while (i < 100) {
		i++;
		*nowhere = 1;
	}
	printf("faults %d\n", hits);
	for (i = 0; i < 100; i++)
		__asm__ volatile("int3");
	printf("traps %d\n", hits);
	return 0;
}

#ifdef HAS_SECCOMP
/* Its calls are what its handler says. */
static int emulates(void)
{
	hits = 0;
	handle(SIGSYS, on_sys, 0);
	if (trap_getppid())
		return 1;
	for (int i = 0; i < 100; i++)
		if (getppid() != SYS_getppid + 1000 || syscall(SYS_getppid) != SYS_getppid + 1000)
			return 2;
	printf("sys %d\n", hits);
	return 0;
}
#endif

/* --- filters ---------------------------------------------------------------------------------- */

/* Nothing of the C library's: it would make other calls. */
static long call(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}

static void write_some(void)
{
	for (int i = 0; i < 100; i++)
		write(1, "written\n", 8);
	call(SYS_exit, 7, 0, 0);
}

#ifdef HAS_SECCOMP
static int filtered(void)
{
	struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	if (filter(rule, sizeof(rule) / sizeof(*rule)))
		return 1;
	write_some();
	return 1;
}

/* The same, but it waits before it does anything. */
static int filtered_late(void)
{
	struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	char c;

	if (filter(rule, sizeof(rule) / sizeof(*rule)) ||
	    call(SYS_write, 1, (long)"ready\n", 6) != 6 || call(SYS_read, 0, (long)&c, 1) != 1)
		return 1;
	write_some();
	return 1;
}

static int strict(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		return 1;
	write_some();
	return 1;
}
#else
static int filtered(void)
{
	write_some();
	return 1;
}
#define strict	      filtered
#define filtered_late filtered
#define emulates      filtered
#endif

/* --- children --------------------------------------------------------------------------------- */

static int bomb(int levels, int children)
{
	int n = 1, st;

	for (int i = 0; levels && i < children; i++)
		if (!fork())
			_exit(bomb(levels - 1, children));
	while (wait(&st) > 0)
		n += WEXITSTATUS(st);
	getppid();
	return n % 251;
}

static int mark(void *index)
{
	syscall(SYS_getpgid, 1000000000 + (long)index);
	return 0;
}

static void done(const char *how, pid_t pid)
{
	waitpid(pid, NULL, 0);
	printf("%s %d\n", how, pid);
}

static int children(char *self)
{
	static uint8_t stack[64 * 1024] __attribute__((aligned(16)));
	char mark_name[] = "mark", *argv[] = { self, mark_name, NULL };
	pid_t pid = fork();

	if (!pid)
		_exit(mark((void *)1));
	done("fork", pid);
	pid = vfork();
	if (!pid) {
		mark((void *)2);
		_exit(0);
	}
	done("vfork", pid);
	pid = vfork();
	if (!pid) {
		mark((void *)3);
		execve(self, argv, environ);
		_exit(1);
	}
	done("vfork-exec", pid);
	if (posix_spawn(&pid, self, NULL, NULL, argv, environ))
		return 1;
	done("spawn", pid);
	done("clone", clone(mark, stack + sizeof(stack), CLONE_VM | SIGCHLD, (void *)4));
	mark((void *)5);
	printf("self %d\n", getpid());
	return 0;
}

static int ask_often(void *times)
{
	for (long i = 0; i < (long)times; i++)
		syscall(SYS_getsid, 0);
	return 0;
}

static int beside(long times)
{
	static uint8_t stack[64 * 1024] __attribute__((aligned(16)));
	cpu_set_t one;
	pid_t pid;
	int st;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	pid = clone(ask_often, stack + sizeof(stack), CLONE_VM | SIGCHLD, (void *)times);
	ask_often((void *)times);
	waitpid(pid, &st, 0);
	printf("beside %d\n", WEXITSTATUS(st));
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	const int a = argc > 2 ? atoi(argv[2]) : 0, b = argc > 3 ? atoi(argv[3]) : 0;
	int n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(how, "threads"))
		return threads(a);
	if (!strcmp(how, "detached"))
		return detached(a);
	if (!strcmp(how, "signals"))
		return signals();
	if (!strcmp(how, "leaps"))
		return leaps_of(a);
	if (!strcmp(how, "handlers"))
		return handlers();
	if (!strcmp(how, "filter"))
		return filtered();
	if (!strcmp(how, "filter-late"))
		return filtered_late();
	if (!strcmp(how, "strict"))
		return strict();
	if (!strcmp(how, "emulates"))
		return emulates();
	if (!strcmp(how, "children"))
		return children(argv[0]);
	if (!strcmp(how, "beside"))
		return beside(a);
	if (!strcmp(how, "mark"))
		return mark((void *)6);
	if (strcmp(how, "bomb"))
		return 2;
	n = bomb(a, b);
	printf("processes %d\n", n);
	return 0;
}
