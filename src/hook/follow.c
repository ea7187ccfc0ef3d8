/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * follow.c - see follow.h.
 *
 * Rows are written by members: what is believed of them is the number of a thread, which has to be
 * a member's, and a path, which is only looked at.
 */
#include "hook/follow.h"
#include "base/sys.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define EAGER_MS  20 /* in which the thread is looked at often */
#define EVENT(st) ((st) >> 16)

static struct {
	struct space *space;
	const struct follow_ops *ops;
	_Atomic uint32_t seen;		/* hive_data.execs, when rows were last looked at */
	_Atomic bool taken[HIVE_EXECS]; /* a thread of ours has it */
} f;

static struct hive_exec *row_at(uint32_t i)
{
	return &space_data(f.space)->exec[i];
}

static void wake(_Atomic uint32_t *futex)
{
	sys_call6(SYS_futex, (long)futex, FUTEX_WAKE, INT_MAX, 0, 0, 0);
}

static void say(struct hive_exec *e, enum hive_exec_state state)
{
	uint32_t asks = HIVE_EXEC_ASKS;

	atomic_compare_exchange_strong(&e->state, &asks, state);
	wake(&e->state);
}

/* --- whether ---------------------------------------------------------------------------------- */

static pid_t process_of(pid_t tid)
{
	char path[64], line[128];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	file = fopen(path, "re");
	while (file && !pid && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &pid) != 1)
			pid = 0;
	if (file)
		fclose(file);
	return pid;
}

/* A string of the thread's; false: it is not there, or too long. */
static bool read_path(pid_t tid, uint64_t at, char ret[PATH_MAX])
{
	size_t n = 0;

	while (n < PATH_MAX) {
		const size_t piece = MIN(PATH_MAX - n, (size_t)(4096 - (at + n) % 4096));
		struct iovec to = { ret + n, piece };
		struct iovec from = { (void *)(uintptr_t)(at + n), piece };

		if (process_vm_readv(tid, &to, 1, &from, 1, 0) != (ssize_t)piece)
			return false;
		if (memchr(ret + n, '\0', piece))
			return true;
		n += piece;
	}
	return false;
}

/* The file of that name, as we open it. */
static bool file_of(pid_t tid, const struct hive_exec *e, const char *path, char ret[PATH_MAX])
{
	int n;

	if (path[0] == '/')
		n = snprintf(ret, PATH_MAX, "/proc/%d/root%s", (int)tid, path);
	else if (e->dir == AT_FDCWD)
		n = snprintf(ret, PATH_MAX, "/proc/%d/cwd/%s", (int)tid, path);
	else
		n = snprintf(ret, PATH_MAX, "/proc/%d/fd/%d%s%s", (int)tid, e->dir,
			     path[0] ? "/" : "", path);
	return n < PATH_MAX;
}

/* Does it run with its caller's rights? */
static bool is_plain(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !(st.st_mode & (S_ISUID | S_ISGID)) &&
	       getxattr(path, "security.capability", NULL, 0) < 0;
}

/* The call as its event tells of it; name is its argument. */
static bool describe(pid_t tid, const struct hive_exec *e, char name[PATH_MAX],
		     struct agent_exec *ret)
{
	int n;

	if (!read_path(tid, e->path, name))
		return false;
	*ret = (struct agent_exec){ .old_pid = (uint32_t)tid };
	memcpy(ret->comm, e->comm, sizeof(ret->comm) - 1);
	if (e->dir == AT_FDCWD || name[0] == '/')
		n = snprintf(ret->path, sizeof(ret->path), "%s", name);
	else
		n = snprintf(ret->path, sizeof(ret->path), "/dev/fd/%d%s%s", e->dir,
			     name[0] ? "/" : "", name);
	return n < (int)sizeof(ret->path);
}

/* --- coming along ----------------------------------------------------------------------------- */

static void pause_us(long us)
{
	const struct timespec t = { .tv_nsec = us * 1000 };

	nanosleep(&t, NULL);
}

/* It is what it was: from its next stop on it is nobody's. */
static void leave(pid_t tid)
{
	int st;

	if (!ptrace(PTRACE_INTERRUPT, tid, 0, 0) && waitpid(tid, &st, __WALL) == tid &&
	    WIFSTOPPED(st))
		ptrace(PTRACE_DETACH, tid, 0, EVENT(st) == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(st));
}

/* One stop on its way: true, it has become another program, or is gone. */
static bool has_come(pid_t pid, int st, const struct agent_exec *how)
{
	if (!WIFSTOPPED(st))
		return true;
	if (EVENT(st) == PTRACE_EVENT_EXEC) {
		f.ops->arrived(pid, how);
		return true;
	}
	if (EVENT(st) == PTRACE_EVENT_STOP)
		ptrace(WSTOPSIG(st) == SIGTRAP ? PTRACE_CONT : PTRACE_LISTEN, pid, 0, 0);
	else
		ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(st));
	return false;
}

static void come_along(struct hive_exec *e, pid_t tid, const struct agent_exec *how)
{
	for (int i = 0;; i++) {
		int st;
		/* A thread that is not the first one takes that one's number. */
		const pid_t pid = waitpid(-1, &st, __WALL | __WNOTHREAD | WNOHANG);

		if (pid < 0 || (pid > 0 && has_come(pid, st, how)))
			return;
		if (pid > 0)
			continue;
		if (atomic_load(&e->state) == HIVE_EXEC_FAILED) {
			leave(tid);
			return;
		}
		pause_us(i < EAGER_MS * 20 ? 50 : 2000);
	}
}

/* A program with other rights would not have them, were it traced. */
static bool may_follow(pid_t pid, pid_t tid, const struct hive_exec *e, struct agent_exec *how)
{
	char name[PATH_MAX], path[PATH_MAX];

	if (pid <= 0 || !f.ops->wants(pid) || !describe(tid, e, name, how) ||
	    !file_of(tid, e, name, path) || access(path, F_OK))
		return false;
	if (is_plain(path))
		return true;
	f.ops->passed_by(tid, how);
	return false;
}

static void look_at(uint32_t i);

static void *follow(void *arg)
{
	const uint32_t i = (uint32_t)(uintptr_t)arg;
	struct hive_exec *e = row_at(i);
	const pid_t tid = (pid_t)atomic_load(&e->tid), pid = process_of(tid);
	struct agent_exec how;

	if (may_follow(pid, tid, e, &how) &&
	    !ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD)) {
		say(e, HIVE_EXEC_FOLLOWED);
		come_along(e, tid, &how);
		atomic_store(&e->tid, 0);
		wake(&e->tid);
	} else {
		say(e, HIVE_EXEC_DECLINED);
	}
	atomic_store(&f.taken[i], false);
	look_at(i); /* somebody may have asked there since, when it was not free to be taken */
	return NULL;
}

static void look_at(uint32_t i)
{
	struct hive_exec *e = row_at(i);
	pthread_t t;

	if (!atomic_load(&e->tid) || atomic_load(&e->state) != HIVE_EXEC_ASKS ||
	    atomic_exchange(&f.taken[i], true))
		return;
	if (!pthread_create(&t, NULL, follow, (void *)(uintptr_t)i)) {
		pthread_detach(t);
		return;
	}
	say(e, HIVE_EXEC_DECLINED);
	atomic_store(&f.taken[i], false);
}

void follow_look(void)
{
	const uint32_t now = f.space ? atomic_load(&space_data(f.space)->execs) : 0;

	if (!f.space || now == atomic_load(&f.seen))
		return;
	atomic_store(&f.seen, now);
	for (uint32_t i = 0; i < HIVE_EXECS; i++)
		look_at(i);
}

void follow_start(struct space *space, const struct follow_ops *ops)
{
	f.ops = ops;
	f.space = space;
}
