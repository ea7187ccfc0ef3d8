/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lives.c - how processes and threads begin, change, and end.
 *
 *	lives HOW [ARG...]
 *
 * Where others look for numbers they are printed, and what was done.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static pthread_barrier_t all;
static char **args;

static int tid(void)
{
	return (int)syscall(SYS_gettid);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void *waits(void *arg)
{
	prctl(PR_SET_NAME, "waiter");
	pthread_barrier_wait(&all);
	for (;;)
		pause();
	return arg;
}

static void start_waiting(int n)
{
	pthread_t t;

	pthread_barrier_init(&all, NULL, (unsigned)n + 1);
	for (int i = 0; i < n; i++)
		pthread_create(&t, NULL, waits, NULL);
	pthread_barrier_wait(&all);
}

/* group N END: N threads beside the first; END: wait (until killed), exit, abort */
static int group(void)
{
	start_waiting(atoi(args[0]));
	printf("group %d\n", getpid());
	fflush(stdout);
	if (!strcmp(args[1], "wait"))
		for (;;)
			pause();
	if (!strcmp(args[1], "abort"))
		abort();
	return 7;
}

static void *ends(void *arg)
{
	return arg;
}

/* The first thread ends before the last, which is the process's end. */
static void *is_last(void *first)
{
	pthread_join(*(pthread_t *)first, NULL);
	exit(9);
}

static int leader(void)
{
	static pthread_t first;
	pthread_t t;

	first = pthread_self();
	for (int i = 0; i < 3; i++) {
		pthread_create(&t, NULL, ends, NULL);
		pthread_join(t, NULL);
	}
	pthread_create(&t, NULL, is_last, &first);
	pthread_exit(NULL);
	return 1;
}

static void *becomes(void *arg)
{
	printf("tid %d\n", tid());
	fflush(stdout);
	execv(args[0], args);
	_exit(1);
}

/* thread-exec PROGRAM ARG...: by a thread that is not the first, while two more wait */
static int thread_exec(void)
{
	pthread_t t;

	start_waiting(2);
	pthread_create(&t, NULL, becomes, NULL);
	pthread_join(t, NULL);
	return 1;
}

/* --- processes -------------------------------------------------------------------------------- */

static void end_of(pid_t pid)
{
	int st;

	waitpid(pid, &st, 0);
	printf("child %d status %d\n", pid, st);
}

/* children PROGRAM: that end in every way */
static int children(void)
{
	char *argv[] = { args[0], NULL }, nowhere[] = "/nothing/is/here",
	     *none[] = { nowhere, NULL };
	pid_t pid = fork();

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!pid)
		_exit(3);
	end_of(pid);
	pid = vfork();
	if (!pid) {
		execve(none[0], none, environ);
		_exit(4);
	}
	end_of(pid);
	pid = vfork();
	if (!pid) {
		execve(args[0], argv, environ);
		_exit(5);
	}
	end_of(pid);
	if (!posix_spawn(&pid, args[0], NULL, NULL, argv, environ))
		end_of(pid);
	pid = fork();
	if (!pid)
		raise(SIGSEGV);
	end_of(pid);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	usleep(300000); /* the hive has seen it by then */
	kill(pid, SIGKILL);
	end_of(pid);
	/* ...and of this one only by its parent. */
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	kill(pid, SIGKILL);
	end_of(pid);
	return 0;
}

/* many N: children at once, each of which ends with its number */
static int many(void)
{
	const int n = atoi(args[0]);
	int sum = 0, st;

	for (int i = 0; i < n; i++)
		if (!fork())
			_exit(i % 100);
	while (wait(&st) > 0)
		sum += WEXITSTATUS(st);
	printf("many %d\n", sum);
	return 0;
}

/* What a child of storm() does; some have threads, some wait to be killed. */
static int in_storm(int how)
{
	if (how & 1)
		start_waiting(3);
	if (how & 2)
		for (;;)
			pause();
	return how;
}

/* storm N: children at once, of which half are killed, early and late; their statuses */
static int storm(void)
{
	const int n = atoi(args[0]);
	pid_t pid[1000];

	for (int i = 0; i < n && i < 1000; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(in_storm(i % 8));
		if (i % 8 == 2 || i % 8 == 3)
			kill(pid[i], SIGKILL);
	}
	for (int i = 0; i < n && i < 1000; i++) {
		if (i % 8 == 6 || i % 8 == 7)
			kill(pid[i], SIGKILL);
		end_of(pid[i]);
	}
	return 0;
}

/* execveat FD-of-PROGRAM */
static int by_descriptor(void)
{
	char name[] = "by-descriptor", *argv[] = { name, NULL };
	const int fd = open(args[0], O_PATH);

	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return 1;
}

/* --- names ------------------------------------------------------------------------------------ */

static void *named(void *arg)
{
	printf("tid %d\n", tid());
	prctl(PR_SET_NAME, "a-thread");
	return arg;
}

static int names(void)
{
	pthread_t t;

	prctl(PR_SET_NAME, "first");
	prctl(PR_SET_NAME, "longer-than-any-name-may-be");
	prctl(PR_SET_NAME, (char *)8);
	pthread_create(&t, NULL, named, NULL);
	pthread_join(t, NULL);
	prctl(PR_SET_NAME, "");
	return 0;
}

/* --- signals ---------------------------------------------------------------------------------- */

static void nothing(int sig)
{
}

static long queue(long nr, pid_t pid, pid_t thread, int sig, int code, int error)
{
	siginfo_t info = { .si_signo = sig, .si_errno = error, .si_code = code };

	return nr == SYS_rt_tgsigqueueinfo ? syscall(nr, pid, thread, sig, &info)
					   : syscall(nr, pid, sig, &info);
}

/* Each line of the test's list is one of these, in this order. */
static int signals(void)
{
	const pid_t me = getpid();
	sigset_t blocked;
	int fd;

	signal(SIGUSR1, nothing);
	signal(SIGUSR2, SIG_IGN);
	kill(me, 0);
	kill(me, SIGUSR1);
	kill(me, SIGUSR2);
	kill(me, SIGCHLD);
	kill(me, 65);
	kill(999999999, SIGUSR1);
	raise(SIGUSR1);
	syscall(SYS_tkill, tid(), SIGUSR1);
	queue(SYS_rt_sigqueueinfo, me, 0, SIGUSR1, SI_QUEUE, 42);
	queue(SYS_rt_tgsigqueueinfo, me, tid(), SIGUSR1, -60, 0);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	kill(me, SIGUSR2);
	kill(me, SIGTERM);
	kill(me, SIGTERM);
	fd = (int)syscall(SYS_pidfd_open, me, 0);
	syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0);
	setpgid(0, 0);
	kill(0, SIGUSR1);
	kill(-me, SIGUSR1);
	kill(me, SIGKILL);
	return 1;
}

static const struct {
	const char *how;
	int (*fn)(void);
} acts[] = {
	{ "group", group },	  { "leader", leader }, { "thread-exec", thread_exec },
	{ "children", children }, { "many", many },	{ "by-descriptor", by_descriptor },
	{ "storm", storm },	  { "names", names },	{ "signals", signals },
};

int main(int argc, char **argv)
{
	args = argv + 2;
	for (size_t i = 0; argc > 1 && i < sizeof(acts) / sizeof(acts[0]); i++)
		if (!strcmp(acts[i].how, argv[1]))
			return acts[i].fn();
	return 2;
}
