/* SPDX-License-Identifier: BSD-2-Clause */
/* child.c - see child.h */
#include "tests/unit/inject/child.h"
#include "tests/harness/test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void require_ptrace(pid_t pid)
{
	struct skep_diag d = { 0 };
	struct tracee t;
	const int err = tracee_stop(&t, pid, 2000, &d);

	if (err == -EPERM) {
		kill(pid, SIGKILL);
		test_skip("ptrace is not permitted here: %s", d.msg);
	}
	ASSERT_MSG(!err, "%s", d.msg);
	tracee_go(&t);
}

struct shared *child_start(void (*fn)(struct shared *s), pid_t *ret)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT(s != MAP_FAILED);
	ASSERT_EQ(pipe(s->fd), 0);
	*ret = fork();
	if (!*ret) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn(s);
		_exit(0);
	}
	require_ptrace(*ret);
	while (!s->ready)
		usleep(100);
	return s;
}

void child_do(struct shared *s)
{
	const uint32_t want = atomic_fetch_add(&s->go, 1) + 1;

	while (s->done != want)
		usleep(100);
}

bool child_told(struct shared *s, uint32_t *seen)
{
	s->done = *seen;
	s->ready = 1;
	while (s->go == *seen && !s->stop)
		usleep(100);
	++*seen;
	return !s->stop;
}

void child_end(pid_t pid)
{
	int st;

	ASSERT_EQ(waitpid(pid, &st, WNOHANG), 0);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, &st, 0), pid);
}

void child_stop(struct tracee *t, pid_t pid)
{
	struct skep_diag d = { 0 };
	const int err = tracee_stop(t, pid, 5000, &d);

	ASSERT_MSG(!err, "%d: %s", err, d.msg);
}
