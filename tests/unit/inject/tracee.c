/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that are stopped, made to do things, and go on as if nothing had been. */
#include "inject/tracee.h"
#include "tests/harness/test.h"
#include "tests/unit/inject/child.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const uint64_t no_args[6];

static int64_t remote(struct tracee *t, long nr, const uint64_t args[6])
{
	struct skep_diag d = { 0 };
	int64_t ret = 0;
	const int err = tracee_syscall(t, nr, args, &ret, &d);

	ASSERT_MSG(!err, "%d: %s", err, d.msg);
	return ret;
}

/* --- waits ------------------------------------------------------------------------------------ */

/* Ways to wait: each returns what it should if it was not disturbed. */
static int64_t in_read(struct shared *s)
{
	char c = 0;

	return read(s->fd[0], &c, 1) == 1 && c == 'x' ? 1 : -errno;
}

static int64_t in_poll(struct shared *s)
{
	struct pollfd p = { .fd = s->fd[0], .events = POLLIN };

	return poll(&p, 1, 20000) == 1 ? in_read(s) : -errno;
}

static int64_t in_ppoll(struct shared *s)
{
	struct pollfd p = { .fd = s->fd[0], .events = POLLIN };
	sigset_t none;

	sigemptyset(&none);
	return ppoll(&p, 1, NULL, &none) == 1 ? in_read(s) : -errno;
}

static int64_t in_epoll(struct shared *s)
{
	struct epoll_event ev = { .events = EPOLLIN };
	const int ep = epoll_create1(0);

	epoll_ctl(ep, EPOLL_CTL_ADD, s->fd[0], &ev);
	return epoll_wait(ep, &ev, 1, -1) == 1 ? in_read(s) : -errno;
}

static int64_t in_futex(struct shared *s)
{
	const uint32_t was = s->stop;
	const struct timespec limit = { .tv_sec = 20 };

	/* Until the word changes; a wake that was not for us would be an error too. */
	if (syscall(SYS_futex, &s->stop, FUTEX_WAIT, was, &limit, NULL, 0))
		return -errno;
	return in_read(s);
}

static int64_t in_nanosleep(struct shared *s)
{
	const struct timespec half = { .tv_nsec = 500000000 };
	struct timespec a, b;
	int64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &a);
	if (nanosleep(&half, NULL))
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	/* Neither short, nor begun again: it was disturbed after 200 ms. */
	return ms >= 499 && ms < 690 ? 1 : -ms;
}

static int64_t (*const waits[])(struct shared *s) = { in_read,	in_poll,  in_ppoll,
						      in_epoll, in_futex, in_nanosleep };
static const char *const wait_names[] = { "read", "poll", "ppoll", "epoll", "futex", "nanosleep" };

static void wait_each(struct shared *s)
{
	uint32_t seen = 0;

	while (child_told(s, &seen)) {
		s->result = waits[seen - 1](s);
		syscall(SYS_futex, &s->done, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

static void disturb(pid_t pid)
{
	struct tracee t;

	child_stop(&t, pid);
	ASSERT_EQ(remote(&t, SYS_getpid, no_args), pid);
	ASSERT_EQ(remote(&t, SYS_close, (const uint64_t[6]){ UINT32_MAX }), -EBADF);
	tracee_go(&t);
}

TEST(tracee_waits_go_on_waiting)
{
	pid_t pid;
	struct shared *s = child_start(wait_each, &pid);

	for (uint32_t i = 0; i < ARRAY_SIZE(waits); i++) {
		s->result = 0;
		s->go = i + 1;
		usleep(200000);
		disturb(pid);
		usleep(20000);
		disturb(pid);
		usleep(20000);
		ASSERT_MSG(s->done == i, "%s ended early: %" PRId64, wait_names[i], s->result);
		if (waits[i] != in_nanosleep)
			ASSERT_EQ(write(s->fd[1], "x", 1), 1);
		syscall(SYS_futex, &s->stop, FUTEX_WAKE, 1, NULL, NULL, 0);
		while (s->done != i + 1)
			usleep(1000);
		ASSERT_MSG(s->result == 1, "%s: %" PRId64, wait_names[i], s->result);
	}
	child_end(pid);
}

/* --- calls ------------------------------------------------------------------------------------ */

/*
 * Keeps a number in each of many registers, vector ones too, and counts rounds for as long as they
 * are right.
 */
static void spin(struct shared *s)
{
	s->ready = 1;
	for (;;) {
		uint64_t bad;

		__asm__ volatile("movq %%rax, %%xmm0; movq %%rax, %%xmm7; movq %%rax, %%xmm15\n"
				 "mov %%rax, %%r8; mov %%rax, %%r11; mov %%rax, %%r15\n"
				 "mov %%rax, -8(%%rsp); mov %%rax, -120(%%rsp)\n"
				 "mov $500, %%ecx\n"
				 "stc\n" /* dec and jnz leave it */
				 "1: dec %%ecx; jnz 1b\n"
				 "setnc %%cl; movzbl %%cl, %%ecx\n"
				 "movq %%xmm0, %%rdx; xor %%rax, %%rdx; or %%rdx, %%rcx\n"
				 "movq %%xmm7, %%rdx; xor %%rax, %%rdx; or %%rdx, %%rcx\n"
				 "movq %%xmm15, %%rdx; xor %%rax, %%rdx; or %%rdx, %%rcx\n"
				 "xor %%rax, %%r8; or %%r8, %%rcx\n"
				 "xor %%rax, %%r11; or %%r11, %%rcx\n"
				 "xor %%rax, %%r15; or %%r15, %%rcx\n"
				 "xor -8(%%rsp), %%rax; or %%rax, %%rcx\n"
				 : "=c"(bad)
				 : "a"(UINT64_C(0x123456789abcdef) + s->calls)
				 : "rdx", "r8", "r11", "r15", "xmm0", "xmm7", "xmm15", "memory",
				   "cc");
		if (bad)
			s->wrong++;
		s->calls++;
	}
}

/* It spins, and its registers are what they were. */
static void goes_on(const struct shared *s)
{
	const uint64_t calls = s->calls;

	while (s->calls < calls + 1000)
		usleep(100);
	ASSERT_EQ(s->wrong, 0);
}

/* Leaves nothing as it was. */
static uint64_t spoil(uint64_t a, uint64_t b)
{
	uint64_t sum = a * 10 + b;

	__asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15\n"
			 "xor %%r8d, %%r8d; xor %%r11d, %%r11d; clc\n" ::
				 : "r8", "r11", "xmm0", "xmm7", "xmm15", "cc");
	return sum;
}

TEST(tracee_call_leaves_no_trace)
{
	pid_t pid;
	struct shared *s = child_start(spin, &pid);
	struct tracee t;
	uint64_t ret;

	for (unsigned int i = 0; i < 100; i++) {
		child_stop(&t, pid);
		ASSERT_EQ(tracee_call(&t, (uintptr_t)spoil, i, 7, &ret, NULL), 0);
		ASSERT_EQ(ret, i * 10 + 7);
		ASSERT_EQ(remote(&t, SYS_getpid, no_args), pid);
		tracee_go(&t);
	}
	goes_on(s);
	child_end(pid);
}

static uint64_t fault(uint64_t a, uint64_t b)
{
	return *(volatile uint64_t *)(a + 8); /* NOLINT: it is to fault */
}

static uint64_t never(uint64_t a, uint64_t b)
{
	while (pause() < 0)
		continue;
	return 0;
}

#define DESK UINT64_C(0x3fff00000000)

/* Files by results of others, functions among system calls, what fails among what does not. */
TEST(tracee_does_several_things_in_a_row)
{
	static const char path[] = "/proc/self/exe";
	const uint64_t data = DESK + TRACEE_DATA;
	pid_t pid;
	struct shared *s = child_start(spin, &pid);
	struct tracee t;

	for (uint64_t i = 0; i < 50; i++) {
		struct tracee_op ops[] = {
			{ .what = SYS_openat, .args = { (uint64_t)AT_FDCWD, data, O_RDONLY } },
			{ .what = (uintptr_t)spoil, .args = { i, 3 }, .calls = true },
			{ .what = SYS_mmap,
			  .args = { 0, 4096, PROT_READ, MAP_PRIVATE },
			  .take = { 0, 1 } },
			{ .what = SYS_close, .take = { 1 } },
			{ .what = SYS_close, .take = { 1 } },
			{ .what = SYS_munmap, .args = { 0, 4096 }, .take = { 3 } },
			{ .what = SYS_getpid },
		};

		child_stop(&t, pid);
		t.desk = DESK;
		ASSERT_EQ(tracee_run(&t, ops, ARRAY_SIZE(ops), path, sizeof(path), NULL), 0);
		ASSERT_GE(ops[0].ret, 0);
		ASSERT_EQ(ops[1].ret, (int64_t)i * 10 + 3);
		ASSERT_GT(ops[2].ret, 4095);
		ASSERT_EQ(ops[3].ret, 0);
		ASSERT_EQ(ops[4].ret, -EBADF);
		ASSERT_EQ(ops[5].ret, 0);
		ASSERT_EQ(ops[6].ret, pid);
		/* From then on single ones go the same way. */
		ASSERT_EQ(remote(&t, SYS_getppid, no_args), getpid());
		tracee_go(&t);
	}
	goes_on(s);
	child_end(pid);
}

TEST(tracee_run_says_why_not)
{
	struct tracee_op ops[TRACEE_OPS + 1] = { { .what = (uintptr_t)fault, .calls = true } };
	pid_t pid;
	struct shared *s = child_start(spin, &pid);
	struct skep_diag d = { 0 }, other = { 0 };
	struct tracee t;

	child_stop(&t, pid);
	t.desk = (uintptr_t)&t & ~UINT64_C(4095); /* something is there */
	ASSERT_EQ(tracee_run(&t, ops, 1, NULL, 0, &d), -EEXIST);
	ASSERT_STRHAS(d.msg, "may not map");
	t.desk = DESK;
	ASSERT_EQ(tracee_run(&t, ops, TRACEE_OPS + 1, NULL, 0, NULL), -E2BIG);
	ASSERT_EQ(tracee_run(&t, ops, 1, &d, TRACEE_DESK, NULL), -E2BIG);
	ASSERT_EQ(tracee_run(&t, ops, 1, NULL, 0, &other), -EFAULT);
	ASSERT_STRHAS(other.msg, "signal 11");
	tracee_go(&t);
	goes_on(s);
	child_end(pid);
}

TEST(tracee_call_that_fails_is_undone)
{
	pid_t pid;
	struct shared *s = child_start(spin, &pid);
	struct skep_diag d = { 0 };
	uint64_t ret = 1;
	struct tracee t;

	child_stop(&t, pid);
	ASSERT_EQ(tracee_call(&t, (uintptr_t)fault, 0, 0, &ret, &d), -EFAULT);
	ASSERT_STRHAS(d.msg, "signal 11");
	t.ms = 50;
	ASSERT_EQ(tracee_call(&t, (uintptr_t)never, 0, 0, &ret, NULL), -ETIMEDOUT);
	ASSERT_EQ(ret, 1);
	t.ms = 5000;
	ASSERT_EQ(remote(&t, SYS_getpid, no_args), pid);
	tracee_go(&t);
	goes_on(s);
	child_end(pid);
}

TEST(tracee_call_on_a_stack_of_its_own)
{
	pid_t pid;
	const uint64_t size = 64 * 1024;
	uint64_t ret = 0;
	struct tracee t;
	int64_t stack;

	child_start(spin, &pid);
	child_stop(&t, pid);
	stack = remote(&t, SYS_mmap,
		       (const uint64_t[6]){ 0, size, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0 });
	ASSERT_GT(stack, 0);
	t.stack = (uint64_t)stack + size;
	ASSERT_EQ(tracee_call(&t, (uintptr_t)spoil, 4, 2, &ret, NULL), 0);
	ASSERT_EQ(ret, 42);
	ASSERT_EQ(tracee_read(&t, t.stack - 8, &ret, 8), 0);
	ASSERT_EQ(ret, t.trap); /* where it returned to was there */
	tracee_go(&t);
	child_end(pid);
}

/* --- threads and signals ---------------------------------------------------------------------- */

static struct shared *shared_of_threads;

static void *make_threads(void *arg)
{
	struct shared *s = shared_of_threads;
	pthread_t next;

	/* Each makes its successor and ends: there is always a new one. */
	s->calls++;
	usleep(50);
	if (pthread_create(&next, NULL, make_threads, NULL))
		_exit(1);
	pthread_detach(next);
	return arg;
}

static void breed(struct shared *s)
{
	pthread_t t;

	shared_of_threads = s;
	for (int i = 0; i < 3; i++) {
		pthread_create(&t, NULL, make_threads, NULL);
		pthread_detach(t);
	}
	s->ready = 1;
	for (;;)
		pause();
}

TEST(tracee_stops_threads_that_are_being_made)
{
	pid_t pid;
	struct shared *s = child_start(breed, &pid);
	struct tracee t;
	uint64_t calls;

	for (int i = 0; i < 50; i++) {
		child_stop(&t, pid);
		calls = s->calls;
		usleep(500);
		ASSERT_EQ(s->calls, calls); /* nobody moves */
		tracee_go(&t);
		for (int k = 0; s->calls == calls && k < 5000; k++)
			usleep(1000);
		ASSERT(s->calls != calls);
	}
	child_end(pid);
}

static void count_signal(int sig)
{
	shared_of_threads->signals++;
}

static void take_signals(struct shared *s)
{
	shared_of_threads = s;
	signal(SIGUSR1, count_signal);
	spin(s);
}

TEST(tracee_delivers_signals_that_came_meanwhile)
{
	pid_t pid;
	struct shared *s = child_start(take_signals, &pid);
	struct tracee t;

	for (unsigned int i = 1; i <= 100; i++) {
		kill(pid, i % 2 ? SIGUSR1 : 0); /* perhaps just before, ... */
		child_stop(&t, pid);
		if (!(i % 2))
			kill(pid, SIGUSR1); /* ...or in it */
		ASSERT_EQ(remote(&t, SYS_getpid, no_args), pid);
		tracee_go(&t);
		for (int k = 0; s->signals < i && k < 2000; k++)
			usleep(1000);
		ASSERT_EQ(s->signals, i);
	}
	ASSERT_EQ(s->wrong, 0);
	child_end(pid);
}

TEST(tracee_leaves_a_stopped_process_stopped)
{
	pid_t pid;
	struct shared *s = child_start(spin, &pid);
	struct tracee t;
	uint64_t calls;
	int st;

	kill(pid, SIGSTOP);
	ASSERT_EQ(waitpid(pid, &st, WUNTRACED), pid);
	child_stop(&t, pid);
	ASSERT_EQ(remote(&t, SYS_getpid, no_args), pid);
	tracee_go(&t);
	usleep(10000);
	calls = s->calls;
	usleep(20000);
	ASSERT_EQ(s->calls, calls);
	kill(pid, SIGCONT);
	while (s->calls < calls + 100)
		usleep(100);
	ASSERT_EQ(s->wrong, 0);
	child_end(pid);
}

static int is_not_called(struct tracee *t, void *arg)
{
	ASSERT(!t || !arg);
	return 0;
}

TEST(tracee_says_why_not)
{
	struct skep_diag d = { 0 };
	struct tracee t;
	int st;
	pid_t pid = fork();

	if (!pid)
		_exit(3);
	usleep(20000);
	ASSERT_EQ(tracee_stop(&t, pid, 1000, &d), -ESRCH); /* a zombie */
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	ASSERT_EQ(WEXITSTATUS(st), 3);
	ASSERT_EQ(tracee_stop(&t, pid, 1000, NULL), -ESRCH);
	ASSERT_EQ(tracee_still(&t, pid, 1000, is_not_called, &d, NULL), -ESRCH);
}

TEST(tracee_that_is_traced_already)
{
	pid_t pid, other;
	struct skep_diag d = { 0 };
	struct tracee t;
	int st;

	child_start(spin, &pid);
	child_stop(&t, pid);
	other = fork();
	if (!other)
		_exit(tracee_stop(&t, pid, 1000, &d) == -EPERM && strstr(d.hint, "traces it") ? 0
											      : 1);
	ASSERT_EQ(waitpid(other, &st, 0), other);
	ASSERT_EQ(st, 0);
	tracee_go(&t);
	child_end(pid);
}

TEST(tracee_dies_while_it_is_stopped)
{
	pid_t pid;
	struct tracee t;
	int64_t ret;
	int st;

	child_start(spin, &pid);
	child_stop(&t, pid);
	kill(pid, SIGKILL);
	usleep(20000);
	ASSERT_EQ(tracee_syscall(&t, SYS_getpid, no_args, &ret, NULL), -ESRCH);
	tracee_go(&t);
	ASSERT_EQ(waitpid(pid, &st, 0), pid); /* how it ended is still ours to ask */
	ASSERT_EQ(WTERMSIG(st), SIGKILL);
}

TEST(tracee_memory)
{
	static uint64_t word = 5;
	pid_t pid;
	uint64_t v = 0;
	struct tracee t;

	child_start(spin, &pid);
	child_stop(&t, pid);
	ASSERT_EQ(tracee_read(&t, (uintptr_t)&word, &v, 8), 0);
	ASSERT_EQ(v, 5);
	v = 6;
	ASSERT_EQ(tracee_write(&t, (uintptr_t)&word, &v, 8), 0);
	v = 0;
	ASSERT_EQ(tracee_read(&t, (uintptr_t)&word, &v, 8), 0);
	ASSERT_EQ(v, 6);
	ASSERT_EQ(word, 5); /* it was the child's */
	ASSERT_EQ(tracee_read(&t, 64, &v, 8), -EFAULT);
	ASSERT_EQ(tracee_write(&t, 64, &v, 8), -EFAULT);
	tracee_go(&t);
	child_end(pid);
}
