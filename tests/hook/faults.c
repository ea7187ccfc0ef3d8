/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults.c - what programs do with the signals that the agent has first; prints the same each time.
 *
 *	faults masks	what it says of masks and actions is what the system says of them
 *	faults threads	four threads that fault, and come back by siglongjmp()
 *	faults cleared	a child that begins without handlers
 *	faults over	a handler that goes on behind what faulted
 *	faults once | again | ignored | trap | kill | END	how it ends by one
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t hits;
static __thread sigjmp_buf *fault_back;
static volatile int *volatile nobodys;

static void handle(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &sa, NULL);
}

static void count(int sig, siginfo_t *info, void *uc)
{
	hits++;
}

static void say_mask(const char *what, const sigset_t *set)
{
	printf("%s:", what);
	for (int sig = 1; sig < 32; sig++)
		if (sigismember(set, sig) == 1)
			printf(" %d", sig);
	puts("");
}

static void say_action(int sig)
{
	struct sigaction sa;

	sigaction(sig, NULL, &sa);
	printf("%d: %s %x\n", sig,
	       sa.sa_handler == SIG_DFL	  ? "default"
	       : sa.sa_handler == SIG_IGN ? "ignored"
					  : "handled",
	       (unsigned)sa.sa_flags & ~0x04000000u);
	say_mask("mask", &sa.sa_mask);
}

/* What it says of masks and actions is what the system says of them. */
static int masks(void)
{
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGTRAP, SIGUSR1 };
	const struct timespec soon = { .tv_nsec = 1000 };
	struct sigaction sa = { .sa_sigaction = count, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	sigset_t all, old, none;

	sigfillset(&all);
	sigemptyset(&none);
	sa.sa_mask = all;
	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		say_action(sigs[i]);
		sigaction(sigs[i], &sa, NULL);
		say_action(sigs[i]);
	}
	sigprocmask(SIG_BLOCK, &all, &old);
	say_mask("old", &old);
	sigprocmask(SIG_BLOCK, NULL, &old);
	say_mask("now", &old);
	hits = 0;
	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		raise(sigs[i]);
	printf("held back %d\n", hits);
	printf("%d %d\n", ppoll(NULL, 0, &soon, &all), pselect(0, NULL, NULL, NULL, &soon, &all));
	printf("held back %d\n", hits);
	sigprocmask(SIG_UNBLOCK, &all, &old);
	say_mask("old", &old);
	printf("came %d\n", hits);
	sigprocmask(SIG_SETMASK, &none, &old);
	say_mask("old", &old);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		raise(sigs[i]);
		signal(sigs[i], SIG_IGN);
		say_action(sigs[i]);
		raise(sigs[i]);
	}
	printf("came %d\n", hits);
	return 0;
}

static void *many_faults(void *arg)
{
	volatile int *volatile nowhere = (volatile int *)8;
	volatile uintptr_t n = 0;
	sigjmp_buf here;

	fault_back = &here;
	while (n < 200) {
		if (sigsetjmp(here, 1))
			continue;
		n++;
		getppid();
		*nowhere = 1;
	}
	return (void *)n;
}

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	getppid();
	siglongjmp(*fault_back, 1);
}

static void over(int sig, siginfo_t *info, void *where)
{
	ucontext_t *uc = where;

	hits++;
	getppid();
	uc->uc_mcontext.gregs[REG_RIP] += 2;
}

static void again(int sig, siginfo_t *info, void *uc)
{
	printf("once\n");
	fflush(stdout);
	nobodys = (volatile int *)8;
	*nobodys = 1;
}

static void say_fault(int sig, siginfo_t *info, void *uc)
{
	printf("signal %d code %d at %p\n", sig, info->si_code, info->si_addr);
	fflush(stdout);
	_exit(3);
}

/* A child that begins with all signals as they are by default. */
static int cleared(void)
{
	struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
	int st;
	long pid;

	handle(SIGSEGV, say_fault, SA_ONSTACK);
	handle(SIGTRAP, count, 0);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid) {
		say_action(SIGSEGV);
		for (int n = 0; n < 10; n++)
			getppid();
		raise(SIGTRAP);
	}
	waitpid((pid_t)pid, &st, 0);
	printf("status %x\n", (unsigned)st);
	say_action(SIGSEGV);
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	static uint8_t stack[64 * 1024];
	const stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	volatile int *volatile nowhere = (volatile int *)8;
	pthread_t t[4];
	uintptr_t sum = 0;
	void *n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
	sigaltstack(&other, NULL);
	if (!strcmp(how, "masks"))
		return masks();
	if (!strcmp(how, "cleared"))
		return cleared();
	if (!strcmp(how, "threads")) {
		handle(SIGSEGV, on_fault, SA_ONSTACK);
		for (int i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, many_faults, NULL);
		for (int i = 0; i < 4; i++, sum += (uintptr_t)n)
			pthread_join(t[i], &n);
		printf("faults %lu\n", (unsigned long)sum);
		return 0;
	}
	if (!strcmp(how, "over")) {
		handle(SIGSEGV, over, SA_ONSTACK);
		for (int i = 0; i < 500; i++)
			__asm__ volatile("movl (%0), %%eax" ::"S"(nowhere) : "rax", "memory");
		printf("over %d\n", hits);
		return 0;
	}
	if (!strcmp(how, "once"))
		handle(SIGSEGV, say_fault, SA_RESETHAND | SA_ONSTACK);
	if (!strcmp(how, "again"))
		handle(SIGSEGV, again, SA_ONSTACK);
	if (!strcmp(how, "ignored"))
		signal(SIGSEGV, SIG_IGN);
	if (!strcmp(how, "trap"))
		__asm__ volatile("int3");
	if (!strcmp(how, "kill"))
		kill(getpid(), SIGBUS);
	for (int i = 0; i < 10; i++)
		getppid();
	*nowhere = 1;
	return 0;
}
