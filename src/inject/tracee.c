/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracee.c - stopping, reading, writing, letting go; see tracee.h.
 *
 * PTRACE_SEIZE and PTRACE_INTERRUPT leave no trace in the process: no signal, no change of its job
 * control.  A thread that was in a system call stands in the kernel's way out of it, before the
 * kernel decides whether the call begins again; what its registers say by then decides.
 */
#include "inject/tracee_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EAGER_POLLS 200	     /* a thread that runs stops within a few of them */
#define POLL_NS	    50000    /* between later ones */
#define CS_64	    0x33     /* of 64-bit code */
#define RESTART	    (-514LL) /* the kernel's ERESTARTNOHAND: again, unless a handler runs */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t tracee_deadline(unsigned int ms)
{
	return now_ns() + (uint64_t)ms * 1000000;
}

/* A number after "NAME:" in /proc/PID/status, or -1. */
static long status_number(pid_t pid, const char *name)
{
	const size_t n = strlen(name);
	char path[32], line[256];
	long v = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (v < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, n) && line[n] == ':')
			v = strtol(line + n + 1, NULL, 10);
	fclose(f);
	return v;
}

/* --- stops ------------------------------------------------------------------------------------ */

/*
 * Who traces has to wait for threads that end, before whose parent hears of it; but when it is the
 * parent itself, how its child ended is for others to ask.
 */
static void bury(const struct tracee *t, const struct tracee_thread *th)
{
	siginfo_t si;

	if (th->tid != t->pid || status_number(t->pid, "PPid") != getpid())
		waitid(P_PID, (id_t)th->tid, &si, WEXITED | WNOHANG | __WALL);
}

int tracee_await(const struct tracee *t, struct tracee_thread *th, uint64_t deadline)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };

	th->stopped = false;
	for (int polls = 0;; polls++) {
		siginfo_t si = { 0 };

		if (!waitid(P_PID, (id_t)th->tid, &si, WSTOPPED | WNOHANG | __WALL) && si.si_pid) {
			th->stopped = true;
			return si.si_status;
		}
		/* A tracer hears of stops, too, by a call that asks for ends: the next round's. */
		if (waitid(P_PID, (id_t)th->tid, &si, WEXITED | WNOWAIT | WNOHANG | __WALL))
			return -ESRCH;
		if (si.si_pid && si.si_code != CLD_TRAPPED && si.si_code != CLD_STOPPED) {
			bury(t, th);
			return -ESRCH;
		}
		if (now_ns() > deadline)
			return -ETIMEDOUT;
		if (polls >= EAGER_POLLS)
			nanosleep(&pause, NULL);
	}
}

/*
 * A signal that is being delivered comes first: its handler, then, is what was interrupted.  Any
 * stop takes back the request for one, so it is made again.
 */
int tracee_settle(const struct tracee *t, struct tracee_thread *th, uint64_t deadline)
{
	for (;;) {
		const int st = tracee_await(t, th, deadline);
		const int sig = st == STOP_SYSCALL || STOP_EVENT(st) ? 0 : st;

		if (st < 0)
			return st;
		if (STOP_EVENT(st) == PTRACE_EVENT_STOP)
			return 0;
		if (ptrace(PTRACE_INTERRUPT, th->tid, 0, 0) < 0 ||
		    ptrace(PTRACE_CONT, th->tid, 0, sig) < 0)
			return -ESRCH;
	}
}

/*
 * Calls that tell their callers about any interruption, even one that nobody else sees: they begin
 * again instead, and still end where a handler is about to run.
 */
static bool tells_of_interrupts(uint64_t nr)
{
	static const uint16_t calls[] = { SYS_epoll_wait,  SYS_epoll_pwait, SYS_epoll_pwait2,
					  SYS_semop,	   SYS_semtimedop,  SYS_rt_sigtimedwait,
					  SYS_io_getevents };

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i] == nr)
			return true;
	return false;
}

static int look_at(struct tracee *t, struct tracee_thread *th, struct skep_diag *d)
{
	if (ptrace(PTRACE_GETREGS, th->tid, 0, &th->regs) < 0)
		return -ESRCH;
	if (th->regs.cs != CS_64)
		return diag_set(d, -EOPNOTSUPP, SKEP_AT_NONE, 0, "process %d runs 32-bit code",
				t->pid);
	if ((int64_t)th->regs.rax == -EINTR && tells_of_interrupts(th->regs.orig_rax)) {
		th->regs.rax = (uint64_t)RESTART;
		return tracee_set(t, th);
	}
	return 0;
}

int tracee_unblock(const struct tracee_thread *th, uint64_t mask)
{
	uint64_t blocked;

	if (ptrace(PTRACE_GETSIGMASK, th->tid, sizeof(blocked), &blocked) < 0)
		return -ESRCH;
	if (!(blocked & mask))
		return 0;
	blocked &= ~mask;
	return ptrace(PTRACE_SETSIGMASK, th->tid, sizeof(blocked), &blocked) < 0 ? -ESRCH : 0;
}

int tracee_set(struct tracee *t, struct tracee_thread *th)
{
	return ptrace(PTRACE_SETREGS, th->tid, 0, &th->regs) < 0 ? -ESRCH : 0;
}

/* --- all threads ------------------------------------------------------------------------------ */

static int forbidden(pid_t pid, int err, struct skep_diag *d)
{
	const long tracer = status_number(pid, "TracerPid");

	diag_set(d, err, SKEP_AT_NONE, 0, "process %d: %s", pid, strerror(-err));
	if (err == -ESRCH)
		return err;
	if (tracer > 0)
		diag_hint(d, "process %ld traces it already", tracer);
	else
		diag_hint(d,
			  "it has to be of the same user and dumpable, and "
			  "/proc/sys/kernel/yama/ptrace_scope 0, or 1 and a child of the caller");
	return err;
}

/* What it does, as proc(5) has it; 'X': it is not there. */
static char state_of(const struct tracee *t, pid_t tid)
{
	char path[64], state = 'R';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", t->pid, tid);
	f = fopen(path, "re");
	if (!f)
		return 'X';
	/* It may go between the two, and then there is nothing to read. */
	if (fscanf(f, "%*d (%*[^)]) %c", &state) == EOF)
		state = 'X';
	fclose(f);
	return state;
}

/* It ended, or is about to. */
static bool is_over(const struct tracee *t, pid_t tid)
{
	const char state = state_of(t, tid);

	return state == 'Z' || state == 'X';
}

/* 1: it is seized, and about to stop; 0: it is nobody any more. */
static int seize(struct tracee *t, pid_t tid, struct skep_diag *d)
{
	struct tracee_thread *th = vec_push(t);
	int err;

	if (!th)
		return diag_set(d, -ENOMEM, SKEP_AT_NONE, 0, "out of memory");
	th->tid = tid;
	if (!ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD))
		return 1;
	err = -errno;
	t->n--;
	return is_over(t, tid) ? 0 : forbidden(t->pid, err, d);
}

static bool is_known(const struct tracee *t, pid_t tid)
{
	vec_foreach (th, t)
		if (th->tid == tid)
			return true;
	return false;
}

/* One of /proc/PID/task: is it ours, by now?  A leader that ended stays there, and does nothing. */
static int take(struct tracee *t, pid_t tid, int *n, struct skep_diag *d)
{
	int one;

	if (is_known(t, tid))
		return 1;
	one = seize(t, tid, d);
	*n += one > 0;
	return one || tid != t->pid ? one : 1;
}

/*
 * Those that are there now and were not: how many, or the error.  A folder that changes while it is
 * read may hide some; then those that are ours are not as many as the kernel counts, and 1 says to
 * look again.
 */
static int seize_new(struct tracee *t, struct skep_diag *d)
{
	char path[32];
	struct dirent *e;
	int n = 0, one = 0;
	long ours = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", t->pid);
	dir = opendir(path);
	if (!dir)
		return forbidden(t->pid, -ESRCH, d);
	while (one >= 0 && (e = readdir(dir))) {
		const pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

		if (!tid)
			continue;
		one = take(t, tid, &n, d);
		ours += one > 0;
	}
	closedir(dir);
	if (one < 0)
		return one;
	return n || ours == status_number(t->pid, "Threads") ? n : 1;
}

/* As many as the kernel counts.  (It counts a leader that ended, too, so a look may tell better.)
 */
static bool has_all(const struct tracee *t)
{
	return (long)t->n == status_number(t->pid, "Threads");
}

static int does_not_stop(const struct tracee *t, pid_t tid, struct skep_diag *d)
{
	diag_set(d, -ETIMEDOUT, SKEP_AT_NONE, 0, "thread %d of process %d does not stop", tid,
		 t->pid);
	diag_hint(d, "a thread that waits in vfork(2), or for a device, cannot");
	return -ETIMEDOUT;
}

/*
 * All at once, so that they come to their stops at the same time.  Who waits is woken by that, may
 * take our CPU, and gives it to one that was not told: so those come last.
 */
static void interrupt(struct tracee *t)
{
	vec_foreach (th, t)
		th->waits = !th->stopped && state_of(t, th->tid) != 'R';
	t->began = t->began ? t->began : now_ns();
	for (int waits = 0; waits <= 1; waits++)
		vec_foreach (th, t)
			if (!th->stopped && th->waits == waits)
				ptrace(PTRACE_INTERRUPT, th->tid, 0, 0);
}

/* Those that were not stopped yet; who ends meanwhile is forgotten. */
static int stop_seized(struct tracee *t, uint64_t deadline, struct skep_diag *d)
{
	int err;

	interrupt(t);
	for (size_t i = 0; i < t->n;) {
		struct tracee_thread *th = &t->at[i];

		err = th->stopped ? 0 : tracee_settle(t, th, deadline);
		if (!err && !th->regs.cs)
			err = look_at(t, th, d);
		if (err == -ESRCH) {
			memmove(th, th + 1, (--t->n - i) * sizeof(*th));
			continue;
		}
		if (err == -ETIMEDOUT)
			return does_not_stop(t, th->tid, d);
		if (err)
			return err;
		i++;
	}
	return now_ns() > deadline ? does_not_stop(t, t->pid, d) : 0;
}

static int open_memory(struct tracee *t, struct skep_diag *d)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", t->pid);
	t->mem = open(path, O_RDWR | O_CLOEXEC);
	return t->mem < 0 ? diag_set(d, -errno, SKEP_AT_NONE, 0, "%s: %s", path, strerror(errno))
			  : 0;
}

/* All that are left stand still, or it goes on. */
static int hold(struct tracee *t, int err, struct skep_diag *d)
{
	if (!err && !t->n)
		err = forbidden(t->pid, -ESRCH, d);
	if (!err)
		err = open_memory(t, d);
	if (err)
		tracee_go(t);
	return err;
}

int tracee_stop(struct tracee *t, pid_t pid, unsigned int ms, struct skep_diag *reterr_diag)
{
	const uint64_t deadline = tracee_deadline(ms);
	int n, err = 0;

	*t = (struct tracee){ .pid = pid, .mem = -1, .ms = ms };
	/* Until a look finds nobody new: who stands still makes no threads. */
	while (!err && !has_all(t) && (n = seize_new(t, reterr_diag)))
		err = n < 0 ? n : stop_seized(t, deadline, reterr_diag);
	return hold(t, err, reterr_diag);
}

int tracee_adopt(struct tracee *t, pid_t pid, unsigned int ms, struct skep_diag *reterr_diag)
{
	struct tracee_thread *th;
	int err;

	*t = (struct tracee){ .pid = pid, .mem = -1, .ms = ms };
	th = vec_push(t);
	if (!th)
		return diag_set(reterr_diag, -ENOMEM, SKEP_AT_NONE, 0, "out of memory");
	th->tid = pid;
	/* Out of execve(2), which would write what it returns over the registers. */
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	err = ptrace(PTRACE_CONT, pid, 0, 0) < 0 ? forbidden(pid, -ESRCH, reterr_diag) : 0;
	if (!err)
		err = stop_seized(t, tracee_deadline(ms), reterr_diag);
	return hold(t, err, reterr_diag);
}

/*
 * One that was killed while it stood still is its tracer's until that has waited for it: its parent
 * would never hear of its end.
 */
static void let_go(const struct tracee *t, const struct tracee_thread *th)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	const uint64_t deadline = tracee_deadline(t->ms);
	siginfo_t si = { 0 };

	if (!ptrace(PTRACE_DETACH, th->tid, 0, 0) || !th->stopped)
		return;
	while (!waitid(P_PID, (id_t)th->tid, &si, WEXITED | WNOWAIT | WNOHANG | __WALL) &&
	       !si.si_pid && now_ns() < deadline)
		nanosleep(&pause, NULL);
	if (si.si_pid)
		bury(t, th);
}

void tracee_end(struct tracee *t)
{
	vec_foreach (th, t)
		if (th->held)
			syscall(SYS_tgkill, t->pid, th->tid, th->held);
	close_fd_p(&t->mem);
	vec_free(t);
}

void tracee_go(struct tracee *t)
{
	tracee_release(t);
	vec_foreach (th, t)
		let_go(t, th);
	tracee_end(t);
}

/* --- memory ----------------------------------------------------------------------------------- */

int tracee_read(const struct tracee *t, uint64_t at, void *to, size_t n)
{
	if (t->held)
		return memory_read(t, at, to, n);
	return pread(t->mem, to, n, (off_t)at) == (ssize_t)n ? 0 : -EFAULT;
}

int tracee_write(const struct tracee *t, uint64_t at, const void *from, size_t n)
{
	if (t->held)
		return memory_write(t, at, from, n);
	return pwrite(t->mem, from, n, (off_t)at) == (ssize_t)n ? 0 : -EFAULT;
}
