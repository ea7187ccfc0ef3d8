/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * generate.c - signals that members send: signal_generate, before the call that may be their end.
 *
 * Whether the call will do it says the same call with no signal; what becomes of the signal says
 * what /proc shows of the target, by the rules of kernel/signal.c.
 */
#include "agent/agent_int.h"
#include "base/sys.h"
#include "helper/event.h"

#include <asm/ptrace.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define PIDFD_THREAD_FD	 O_EXCL /* PIDFD_THREAD, of fcntl(2) */
#define TO_THREAD	 1u	/* PIDFD_SIGNAL_THREAD */
#define TO_PROCESS_GROUP 4u	/* PIDFD_SIGNAL_PROCESS_GROUP */
#define NONE		 (-1)
#define EVERYBODY	 (-1)

/* Arguments by their places. */
static const struct sender {
	int32_t nr;
	int8_t target, sig, info; /* info NONE: SI_USER, or SI_TKILL */
	bool group;		  /* for the process */
} senders[] = {
	{ SYS_kill, 0, 1, NONE, true },
	{ SYS_tkill, 0, 1, NONE, false },
	{ SYS_tgkill, 1, 2, NONE, false },
	{ SYS_rt_sigqueueinfo, 0, 1, 2, true },
	{ SYS_rt_tgsigqueueinfo, 1, 2, 3, false },
	{ SYS_pidfd_send_signal, 0, 1, 2, true },
};

struct signal {
	const struct sender *how;
	uint64_t arg[6];
	uint32_t target; /* a thread's, or a process's number */
	int64_t group;	 /* instead: of processes; EVERYBODY; 0: there is a target */
	struct event_signal record;
};

/* --- /proc ------------------------------------------------------------------------------------ */

/* Text of a file /proc/ID/NAME, ended by a 0: its length; 0 where it is not there. */
static size_t read_file(uint32_t id, const char *name, char *to, size_t size)
{
	char path[64], digits[12];
	size_t at = 6, n = 0, len = 0;
	long fd, got;

	memcpy(path, "/proc/", 6);
	do
		digits[n++] = (char)('0' + id % 10);
	while (id /= 10);
	while (n)
		path[at++] = digits[--n];
	path[at++] = '/';
	while (*name && at < sizeof(path) - 1)
		path[at++] = *name++;
	path[at] = '\0';
	fd = sys_call6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return 0;
	do {
		got = sys_call6(SYS_read, fd, (long)(to + len), (long)(size - 1 - len), 0, 0, 0);
		len += got > 0 ? (size_t)got : 0;
	} while (got > 0 && len < size - 1);
	sys_call6(SYS_close, fd, 0, 0, 0, 0, 0);
	to[len] = '\0';
	return len;
}

static uint64_t number(const char *s, uint32_t base)
{
	uint64_t n = 0;

	while (*s == ' ' || *s == '\t')
		s++;
	for (;; s++) {
		const uint32_t digit = *s >= '0' && *s <= '9'	? (uint32_t)(*s - '0')
				       : *s >= 'a' && *s <= 'f' ? (uint32_t)(*s - 'a' + 10)
								: 99;
		if (digit >= base)
			return n;
		n = n * base + digit;
	}
}

/* What is behind "\nKEY:"; NULL where there is none. */
static const char *behind(const char *text, const char *key)
{
	for (; *text; text++) {
		size_t n = 0;

		while (*text == '\n' && key[n] && text[1 + n] == key[n])
			n++;
		if (n && !key[n] && text[1 + n] == ':')
			return text + 2 + n;
	}
	return NULL;
}

/* The number there, or 0. */
static uint64_t field(const char *text, const char *key, uint32_t base)
{
	const char *at = behind(text, key);

	return at ? number(at, base) : 0;
}

/* Field n of /proc/PID/stat, from 3, a number; a name may have any character. */
static int64_t stat_field(uint32_t pid, int n)
{
	char text[512];
	size_t len = read_file(pid, "stat", text, sizeof(text));

	while (len && text[len - 1] != ')')
		len--;
	for (const char *s = text + len; len && *s; s++)
		if (*s == ' ' && --n == 2)
			return (int64_t)number(s + 1, 10);
	return -1;
}

/* --- what becomes of it ----------------------------------------------------------------------- */

static bool has(uint64_t set, int sig)
{
	return set >> (sig - 1) & 1;
}

/* Whose default is to do nothing. */
static bool does_nothing(int sig)
{
	return sig == SIGCONT || sig == SIGCHLD || sig == SIGWINCH || sig == SIGURG;
}

static bool is_dead(const char *status)
{
	const char *state = behind(status, "State");

	return state && (state[1] == 'Z' || state[1] == 'X'); /* behind a tab */
}

static bool is_ignored(const char *status, int sig)
{
	if (is_dead(status))
		return true;
	if (has(field(status, "SigBlk", 16), sig))
		return false;
	if (sig != SIGKILL && field(status, "TracerPid", 10))
		return false;
	return has(field(status, "SigIgn", 16), sig) ||
	       (does_nothing(sig) && !has(field(status, "SigCgt", 16), sig));
}

static enum event_result result_of(const char *status, int sig, bool group)
{
	if (is_ignored(status, sig))
		return SIGNAL_IGNORED;
	if (sig < 32 && has(field(status, group ? "ShdPnd" : "SigPnd", 16), sig))
		return SIGNAL_ALREADY_PENDING;
	return SIGNAL_DELIVERED;
}

/* --- targets ---------------------------------------------------------------------------------- */

static void tell_one(struct skep_run *run, const struct signal *s, uint32_t tid)
{
	struct event_signal r = s->record;
	char status[4096], comm[24];
	size_t n = read_file(tid, "status", status, sizeof(status));

	if (!n)
		return;
	r.pid = (int32_t)tid;
	r.result = (int32_t)result_of(status, r.sig, r.group);
	n = read_file(tid, "comm", comm, sizeof(comm));
	memcpy(r.comm, comm, MIN(n ? n - 1 : 0, sizeof(r.comm) - 1));
	event_signal(run, agent_event_site(HIVE_SIGNAL), &r, (uint32_t)field(status, "Tgid", 10));
}

/* Everybody: all but the first process, and the sender's. */
static bool is_target(uint32_t pid, int64_t group)
{
	if (sys_call6(SYS_kill, pid, 0, 0, 0, 0, 0))
		return false;
	if (group == EVERYBODY)
		return pid > 1 && pid != (uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);
	return stat_field(pid, 5) == group;
}

static void tell_many(struct skep_run *run, const struct signal *s, int64_t group)
{
	uint64_t room[256] = { 0 };
	const char *names = (const char *)room;
	const long fd = sys_call6(SYS_openat, AT_FDCWD, (long)"/proc",
				  O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
	long n;

	while (fd >= 0 &&
	       (n = sys_call6(SYS_getdents64, fd, (long)room, sizeof(room), 0, 0, 0)) > 0)
		for (long at = 0; at < n;) {
			const struct dirent64 *d = (const struct dirent64 *)(names + at);
			const uint32_t pid = (uint32_t)number(d->d_name, 10);

			if (pid && is_target(pid, group))
				tell_one(run, s, pid);
			at += d->d_reclen;
		}
	if (fd >= 0)
		sys_call6(SYS_close, fd, 0, 0, 0, 0, 0);
}

static void tell_signal(struct skep_run *run, void *arg)
{
	const struct signal *s = arg;

	if (s->group)
		tell_many(run, s, s->group);
	else
		tell_one(run, s, s->target);
}

/* --- the call --------------------------------------------------------------------------------- */

static long call_with(const struct signal *s)
{
	const uint64_t *a = s->arg;

	return sys_call6(s->how->nr, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4],
			 (long)a[5]);
}

/* Will it be sent? */
static bool is_allowed(const struct signal *s)
{
	struct signal none = *s;

	none.arg[s->how->sig] = 0;
	if (s->how->nr == SYS_pidfd_send_signal)
		none.arg[s->how->info] = 0; /* it would have to be that of no signal */
	return call_with(&none) >= 0;
}

/* What the sender says of it: errno and code. */
static bool read_info(struct signal *s)
{
	const uint64_t at = s->how->info == NONE ? 0 : s->arg[s->how->info];
	int32_t info[3] = { 0 }; /* si_signo, si_errno, si_code */
	const struct iovec to = { info, sizeof(info) };
	const struct iovec from = { (void *)(uintptr_t)at, sizeof(info) };
	const long me = sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0);

	s->record.code = s->record.group ? SI_USER : SI_TKILL;
	if (!at)
		return s->how->info == NONE || s->how->nr == SYS_pidfd_send_signal;
	if (sys_call6(SYS_process_vm_readv, me, (long)&to, 1, (long)&from, 1, 0) != sizeof(info))
		return false;
	s->record.error = info[1];
	s->record.code = info[2];
	return s->how->nr != SYS_pidfd_send_signal || info[0] == s->record.sig;
}

/* Whom a pidfd and its flags mean. */
static void read_pidfd(struct signal *s)
{
	char name[32] = "fdinfo/", text[512], digits[12];
	uint32_t fd = s->target, at = 7, n = 0;
	const uint32_t flags = (uint32_t)s->arg[3];

	do
		digits[n++] = (char)('0' + fd % 10);
	while (fd /= 10);
	while (n)
		name[at++] = digits[--n];
	text[0] = '\0';
	read_file((uint32_t)sys_call6(SYS_getpid, 0, 0, 0, 0, 0, 0), name, text, sizeof(text));
	s->record.group =
		!(flags & TO_THREAD) && (flags || !(field(text, "flags", 8) & PIDFD_THREAD_FD));
	s->target = (uint32_t)field(text, "Pid", 10);
	s->group = flags & TO_PROCESS_GROUP ? s->target : 0;
}

/* Whom the number of kill(2) and its like means. */
static void read_target(struct signal *s, int32_t target)
{
	s->target = (uint32_t)MAX(target, 0);
	if (target == 0)
		s->group = sys_call6(SYS_getpgid, 0, 0, 0, 0, 0, 0);
	else if (target < 0)
		s->group = target == -1 ? EVERYBODY : -(int64_t)target;
}

void agent_generates(struct pt_regs *regs, int64_t nr)
{
	struct signal s = { .arg = { regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8,
				     regs->r9 } };

	if (!(agent_events_on() & 1u << HIVE_SIGNAL))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(senders); i++)
		if (senders[i].nr == nr)
			s.how = &senders[i];
	read_target(&s, (int32_t)s.arg[s.how->target]);
	s.record.sig = (int32_t)s.arg[s.how->sig];
	s.record.group = s.how->group;
	if (s.record.sig < 1 || s.record.sig > 64 || !is_allowed(&s))
		return;
	if (nr == SYS_pidfd_send_signal)
		read_pidfd(&s);
	if (read_info(&s))
		agent_tell(regs, tell_signal, &s);
}
