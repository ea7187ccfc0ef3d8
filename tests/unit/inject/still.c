/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that stand still for a function, and are let go of by the end of its thread. */
#include "tests/harness/test.h"
#include "tests/unit/inject/child.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct shared *of_threads;

static void *count(void *arg)
{
	for (;;)
		of_threads->calls++;
	return arg;
}

static void count_signal(int sig)
{
	(void)sig;
	of_threads->signals++;
}

/* Three threads that work, and one that waits. */
static void work(struct shared *s)
{
	pthread_t t;

	of_threads = s;
	signal(SIGUSR1, count_signal);
	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, count, NULL);
	s->ready = 1;
	for (;;)
		pause();
}

static void wait_for(_Atomic uint64_t *what, uint64_t more_than)
{
	for (int i = 0; *what <= more_than && i < 5000; i++)
		usleep(1000);
	ASSERT_GT(*what, more_than);
}

static int still(pid_t pid, tracee_fn fn, void *arg)
{
	struct tracee t;

	return tracee_still(&t, pid, 5000, fn, arg, NULL);
}

/* --- all go on -------------------------------------------------------------------------------- */

static int nobody_moves(struct tracee *t, void *arg)
{
	struct shared *s = arg;
	const uint64_t calls = s->calls;

	ASSERT_EQ(t->n, 4);
	usleep(500);
	ASSERT_EQ(s->calls, calls);
	return 7;
}

TEST(still_while_a_function_runs)
{
	pid_t pid;
	struct shared *s = child_start(work, &pid);

	for (int i = 0; i < 50; i++) {
		const uint64_t calls = s->calls;

		/* Nobody is traced any more when it returns, so that the next may begin at once. */
		ASSERT_EQ(still(pid, nobody_moves, s), 7);
		ASSERT_EQ(still(pid, nobody_moves, s), 7);
		wait_for(&s->calls, calls);
	}
	child_end(pid);
}

TEST(still_says_when)
{
	pid_t pid;
	struct shared *s = child_start(work, &pid);
	struct tracee t;

	ASSERT_EQ(tracee_still(&t, pid, 5000, nobody_moves, s, NULL), 7);
	ASSERT_GT(t.went, t.began + 500000);
	child_end(pid);
}

/* --- what comes meanwhile --------------------------------------------------------------------- */

static int calls_and_is_told(struct tracee *t, void *arg)
{
	static const uint64_t no_args[6];
	int64_t ret;

	(void)arg;
	ASSERT_EQ(kill(t->pid, SIGUSR1), 0);
	ASSERT_EQ(tracee_syscall(t, SYS_getpid, no_args, &ret, NULL), 0);
	ASSERT_EQ(ret, t->pid);
	return 0;
}

TEST(still_signals_come_afterwards)
{
	pid_t pid;
	struct shared *s = child_start(work, &pid);

	for (uint64_t i = 0; i < 50; i++) {
		ASSERT_EQ(still(pid, calls_and_is_told, NULL), 0);
		wait_for(&s->signals, i);
		ASSERT_EQ(s->signals, i + 1);
	}
	child_end(pid);
}

static int nothing(struct tracee *t, void *arg)
{
	(void)t, (void)arg;
	return 0;
}

TEST(still_stopped_stays_stopped)
{
	pid_t pid;
	struct shared *s = child_start(work, &pid);
	uint64_t calls;
	int st;

	kill(pid, SIGSTOP);
	ASSERT_EQ(waitpid(pid, &st, WUNTRACED), pid);
	ASSERT_EQ(still(pid, nothing, NULL), 0);
	usleep(10000);
	calls = s->calls;
	usleep(20000);
	ASSERT_EQ(s->calls, calls);
	kill(pid, SIGCONT);
	wait_for(&s->calls, calls);
	child_end(pid);
}

/* --- ends ------------------------------------------------------------------------------------- */

static int is_killed(struct tracee *t, void *arg)
{
	(void)arg;
	kill(t->pid, SIGKILL);
	usleep(20000);
	return 0;
}

TEST(still_killed_is_its_parents)
{
	pid_t pid;
	int st;

	child_start(work, &pid);
	still(pid, is_killed, NULL);
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
	ASSERT_EQ(WTERMSIG(st), SIGKILL);
}

/* Of another's child, that one hears. */
TEST(still_killed_is_anothers)
{
	int said[2], st;
	pid_t parent, pid;

	child_start(work, &pid); /* is it permitted at all? */
	child_end(pid);
	ASSERT_EQ(pipe(said), 0);
	parent = fork();
	if (!parent) {
		child_start(work, &pid);
		if (write(said[1], &pid, sizeof(pid)) != sizeof(pid) || waitpid(pid, &st, 0) != pid)
			_exit(1);
		_exit(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL ? 0 : 2);
	}
	close(said[1]);
	ASSERT_EQ(read(said[0], &pid, sizeof(pid)), sizeof(pid));
	still(pid, is_killed, NULL);
	ASSERT_EQ(waitpid(parent, &st, 0), parent);
	ASSERT_EQ(st, 0);
}
