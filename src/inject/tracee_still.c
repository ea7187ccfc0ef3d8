/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracee_still.c - something is done while a process stands still; see tracee.h.
 *
 * Threads that work and are let go of one after the other want CPUs at once: the first ones get
 * ours, and the last ones stand still until the scheduler gives it back, which is milliseconds.  So
 * the thread that traces ends, and the kernel lets go of all in one go (kernel/ptrace.c,
 * exit_ptrace).
 */
#include "inject/tracee_int.h"
#include "base/sys.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

struct standing {
	struct tracee *t;
	pid_t pid;
	unsigned int ms;
	tracee_fn fn;
	void *arg;
	struct skep_diag *diag;
	pid_t by; /* the thread that traces */
	int err;
};

static void *stand(void *arg)
{
	struct standing *s = arg;

	s->by = (pid_t)sys_call6(SYS_gettid, 0, 0, 0, 0, 0, 0);
	s->err = tracee_stop(s->t, s->pid, s->ms, s->diag);
	if (!s->err) {
		s->err = s->fn(s->t, s->arg);
		tracee_release(s->t);
	}
	s->t->went = tracee_deadline(0);
	return NULL;
}

/* pthread_join(3) returns before the kernel lets go: who is no thread any more has done so. */
static void await_end(pid_t by)
{
	while (!sys_call6(SYS_tgkill, getpid(), by, 0, 0, 0, 0))
		sys_rest();
}

int tracee_still(struct tracee *t, pid_t pid, unsigned int ms, tracee_fn fn, void *arg,
		 struct skep_diag *reterr_diag)
{
	struct standing s = {
		.t = t, .pid = pid, .ms = ms, .fn = fn, .arg = arg, .diag = reterr_diag
	};
	pthread_t thread;
	int err;

	*t = (struct tracee){ .pid = pid, .mem = -1 };
	err = -pthread_create(&thread, NULL, stand, &s);
	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0, "no thread to trace with: %s",
				strerror(-err));
	pthread_join(thread, NULL);
	await_end(s.by);
	tracee_end(t);
	return s.err;
}
