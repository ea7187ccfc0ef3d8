/* SPDX-License-Identifier: BSD-2-Clause */
/* permit.c - see permit.h */
#include "inject/permit.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- facts ------------------------------------------------------------------------------------ */

static FILE *open_of(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

static void take_uids(struct permit_facts *f, const char *v)
{
	sscanf(v, "%u %u %u", &f->uid[0], &f->uid[1], &f->uid[2]);
}

static void take_state(struct permit_facts *f, const char *v)
{
	f->dead = strspn(v, " \t") < strlen(v) && strchr("ZX", v[strspn(v, " \t")]);
}

#define NUMBER(field, base)                                               \
	static void take_##field(struct permit_facts *f, const char *v)   \
	{                                                                 \
		f->field = (__typeof__(f->field))strtoull(v, NULL, base); \
	}
NUMBER(leader, 10)
NUMBER(parent, 10)
NUMBER(tracer, 10)
NUMBER(caps, 16)
NUMBER(seccomp, 10)
NUMBER(filters, 10)

static const struct {
	const char *name;
	void (*take)(struct permit_facts *f, const char *v);
} status_rows[] = {
	{ "State", take_state },     { "Tgid", take_leader },
	{ "PPid", take_parent },     { "TracerPid", take_tracer },
	{ "Uid", take_uids },	     { "CapPrm", take_caps },
	{ "Seccomp", take_seccomp }, { "Seccomp_filters", take_filters },
};

static void take_line(struct permit_facts *f, char *line)
{
	char *colon = strchr(line, ':');

	if (!colon)
		return;
	*colon = '\0';
	/* A process has memory, unless it is the kernel's or has none any more. */
	f->kernel &= strcmp(line, "VmSize") != 0;
	for (size_t i = 0; i < ARRAY_SIZE(status_rows); i++)
		if (!strcmp(line, status_rows[i].name))
			status_rows[i].take(f, colon + 1);
}

static uint64_t namespace_of(pid_t pid, const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	return stat(path, &st) ? 0 : st.st_ino;
}

static bool is_narrow(pid_t pid)
{
	FILE *f = open_of(pid, "exe");
	unsigned char ident[EI_NIDENT] = "";
	bool ret = false;

	if (f && fread(ident, sizeof(ident), 1, f) == 1)
		ret = !memcmp(ident, ELFMAG, SELFMAG) && ident[EI_CLASS] == ELFCLASS32;
	if (f)
		fclose(f);
	return ret;
}

static int read_status(pid_t pid, struct permit_facts *ret)
{
	FILE *f = pid > 0 ? open_of(pid, "status") : NULL;
	char line[256];

	*ret = (struct permit_facts){ .pid = pid, .kernel = true };
	if (!f)
		return -ESRCH;
	while (fgets(line, sizeof(line), f))
		take_line(ret, line);
	fclose(f);
	return 0;
}

int permit_facts(pid_t pid, struct permit_facts *ret)
{
	char path[32];
	struct stat st;

	if (read_status(pid, ret))
		return -ESRCH;
	ret->kernel &= !ret->dead;
	ret->narrow = is_narrow(pid);
	ret->pid_ns = namespace_of(pid, "pid");
	ret->user_ns = namespace_of(pid, "user");
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	ret->hidden = !stat(path, &st) && st.st_uid != ret->uid[1];
	return 0;
}

int permit_yama(void)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = YAMA_NONE;

	if (f && fscanf(f, "%d", &scope) != 1)
		scope = YAMA_NONE;
	if (f)
		fclose(f);
	return scope;
}

/* --- rules: each says what is in the way, if it is -------------------------------------------- */

struct question {
	const struct permit_facts *them, *us;
	unsigned flags;
	int yama, err;
	bool traces_children;
	uint32_t known; /* of their filters let ours pass */
};

typedef int (*rule_fn)(const struct question *q, struct skep_diag *d);

#define REFUSE(d, err, ...) diag_set(d, err, SKEP_AT_NONE, 0, __VA_ARGS__)

static int is_a_thread(const struct question *q, struct skep_diag *d)
{
	const struct permit_facts *t = q->them;

	if (!t->leader || t->leader == t->pid)
		return 0;
	REFUSE(d, -EINVAL, "%d is a thread of process %d", t->pid, t->leader);
	diag_hint(d, "name the process: -p %d; all its threads come along", t->leader);
	return -EINVAL;
}

static int is_us(const struct question *q, struct skep_diag *d)
{
	if (q->them->pid != q->us->pid)
		return 0;
	return REFUSE(d, -EINVAL, "process %d is the one that would have to stop it", q->us->pid);
}

static int is_dead(const struct question *q, struct skep_diag *d)
{
	if (!q->them->dead)
		return 0;
	return REFUSE(d, -ESRCH, "process %d has ended, and waits for its parent, %d", q->them->pid,
		      q->them->parent);
}

static int is_kernels(const struct question *q, struct skep_diag *d)
{
	if (!q->them->kernel)
		return 0;
	return REFUSE(d, -EOPNOTSUPP, "process %d is a thread of the kernel", q->them->pid);
}

static void name_of(uint32_t uid, char *to, size_t n)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(to, n, "%s", pw->pw_name);
	else
		snprintf(to, n, "#%u", uid);
}

static int is_anothers(const struct question *q, struct skep_diag *d)
{
	const struct permit_facts *t = q->them;
	char them[64], us[64];

	if (t->uid[0] == q->us->uid[1] && t->uid[1] == q->us->uid[1] && t->uid[2] == q->us->uid[1])
		return 0;
	if (t->uid[0] != t->uid[1] || t->uid[0] != t->uid[2]) {
		REFUSE(d, -EPERM,
		       "process %d runs a set-user-ID program: real user %u, effective %u", t->pid,
		       t->uid[0], t->uid[1]);
		diag_hint(d, "such processes cannot be taken in");
		return -EPERM;
	}
	name_of(t->uid[0], them, sizeof(them));
	name_of(q->us->uid[1], us, sizeof(us));
	REFUSE(d, -EPERM, "process %d is user %s's, and skep runs as %s", t->pid, them, us);
	diag_hint(d, "a hive is for one user: sudo -u '%s' skep attach -p %d", them, t->pid);
	return -EPERM;
}

static int is_elsewhere(const struct question *q, struct skep_diag *d)
{
	const struct permit_facts *t = q->them, *u = q->us;
	const bool pid_ns = t->pid_ns && u->pid_ns && t->pid_ns != u->pid_ns;

	if (!pid_ns && !(t->user_ns && u->user_ns && t->user_ns != u->user_ns))
		return 0;
	REFUSE(d, -EPERM, "process %d is in another %s namespace, as in a container", t->pid,
	       pid_ns ? "PID" : "user");
	diag_hint(d, "run skep in there: docker exec, kubectl exec, nsenter -t %d -a", t->pid);
	return -EPERM;
}

static int is_traced(const struct question *q, struct skep_diag *d)
{
	FILE *f = q->them->tracer ? open_of(q->them->tracer, "comm") : NULL;
	char name[32] = "?";

	if (!q->them->tracer)
		return 0;
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
	REFUSE(d, -EBUSY, "process %d is traced already, by process %d (%s)", q->them->pid,
	       q->them->tracer, name);
	diag_hint(d, "a process has one tracer: let go of it there (gdb: detach), then try again");
	return -EBUSY;
}

static int is_narrow_there(const struct question *q, struct skep_diag *d)
{
	if (!q->them->narrow)
		return 0;
	REFUSE(d, -EOPNOTSUPP, "process %d runs a 32-bit program", q->them->pid);
	diag_hint(d, "only 64-bit programs can be taken in");
	return -EOPNOTSUPP;
}

/* Filters are inherited: as many as we have are ours, which let us do the same. */
static int is_filtered(const struct question *q, struct skep_diag *d)
{
	const struct permit_facts *t = q->them, *u = q->us;

	if (t->seccomp == 1) {
		REFUSE(d, -EACCES, "process %d is in seccomp's strict mode", t->pid);
		diag_hint(d, "any system call but read, write and exit would end it");
		return -EACCES;
	}
	if ((q->flags & PERMIT_FILTERED) || t->seccomp != 2 ||
	    (u->seccomp == 2 && t->filters <= u->filters) ||
	    (q->known && t->filters <= (u->seccomp == 2 ? u->filters : 0) + q->known))
		return 0;
	REFUSE(d, -EACCES,
	       "process %d has seccomp filters of its own (%u), which may end it when it is made "
	       "to "
	       "call openat, mmap and close",
	       t->pid, t->filters);
	diag_hint(d, "where you know that they allow these: skep attach --force -p %d", t->pid);
	return -EACCES;
}

/* --- what only ptrace(2) says, and why -------------------------------------------------------- */

static int is_forbidden_to_us(const struct question *q, struct skep_diag *d)
{
	if (q->traces_children)
		return 0;
	REFUSE(d, q->err, "ptrace is forbidden here, even of own children (seccomp mode %u)",
	       q->us->seccomp);
	diag_hint(d, "docker run --cap-add SYS_PTRACE; a pod: securityContext.capabilities.add "
		     "[SYS_PTRACE]; systemd: no SystemCallFilter=~@debug");
	return q->err;
}

static int is_yamas(const struct question *q, struct skep_diag *d)
{
	static const struct {
		const char *who, *round;
	} scopes[] = {
		[YAMA_PARENTS] = { "only a parent may trace",
				   "start it with `skep run -- CMD`, which needs nothing; or as "
				   "root: sysctl kernel.yama.ptrace_scope=0" },
		[YAMA_CAPABLE] = { "only who has CAP_SYS_PTRACE may trace",
				   "as root: sysctl kernel.yama.ptrace_scope=0; or run both as "
				   "root" },
		[YAMA_NOBODY] = { "nobody may trace, until the next boot",
				  "boot without kernel.yama.ptrace_scope=3 (/etc/sysctl.d)" },
	};

	if (q->yama <= YAMA_ALL || q->yama > YAMA_NOBODY)
		return 0;
	REFUSE(d, q->err, "process %d: kernel.yama.ptrace_scope is %d: %s", q->them->pid, q->yama,
	       scopes[q->yama].who);
	diag_hint(d, "%s", scopes[q->yama].round);
	return q->err;
}

static int has_more_rights(const struct question *q, struct skep_diag *d)
{
	if (!(q->them->caps & ~q->us->caps))
		return 0;
	REFUSE(d, q->err, "process %d has capabilities that skep has not (%llx)", q->them->pid,
	       (unsigned long long)(q->them->caps & ~q->us->caps));
	diag_hint(d, "run skep with them, as by sudo, or start the process without");
	return q->err;
}

static int is_hidden(const struct question *q, struct skep_diag *d)
{
	if (!q->them->hidden)
		return 0;
	REFUSE(d, q->err, "process %d is not dumpable", q->them->pid);
	diag_hint(d, "it called prctl(PR_SET_DUMPABLE, 0), or its file may be run and not read");
	return q->err;
}

static int is_refused(const struct question *q, struct skep_diag *d)
{
	REFUSE(d, q->err, "process %d may not be traced: %s", q->them->pid, strerror(-q->err));
	diag_hint(d, "a security module may forbid it: see dmesg, aa-status, ausearch -m avc");
	return q->err;
}

static const rule_fn before[] = {
	is_a_thread,  is_us,	 is_dead,	  is_kernels,  is_anothers,
	is_elsewhere, is_traced, is_narrow_there, is_filtered,
};
static const rule_fn after[] = {
	is_forbidden_to_us, is_traced, is_yamas, has_more_rights, is_hidden, is_refused,
};

static int ask(const struct question *q, const rule_fn *rules, size_t n, struct skep_diag *d)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = rules[i](q, d);
	return err;
}

int permit_judge(const struct permit_facts *them, const struct permit_facts *us, unsigned flags,
		 struct skep_diag *reterr_diag)
{
	const struct question q = { .them = them, .us = us, .flags = flags };

	return ask(&q, before, ARRAY_SIZE(before), reterr_diag);
}

int permit_refusal(const struct permit_facts *them, const struct permit_facts *us, int yama,
		   bool traces_children, int err, struct skep_diag *reterr_diag)
{
	const struct question q = {
		.them = them, .us = us, .yama = yama, .err = err, .traces_children = traces_children
	};

	return ask(&q, after, ARRAY_SIZE(after), reterr_diag);
}

/* --- of this machine -------------------------------------------------------------------------- */

static int gone(pid_t pid, struct skep_diag *d)
{
	diag_set(d, -ESRCH, SKEP_AT_NONE, 0, "there is no process %d", pid);
	diag_hint(d, "ps -e shows those that there are; in a container only its own are");
	return -ESRCH;
}

int permit_look(pid_t pid, unsigned flags, struct skep_diag *reterr_diag)
{
	struct permit_facts them, us;

	if (permit_facts(pid, &them) || permit_facts(getpid(), &us))
		return gone(pid, reterr_diag);
	return permit_judge(&them, &us, flags, reterr_diag);
}

int permit_calls(pid_t pid, uint32_t known, struct skep_diag *reterr_diag)
{
	struct permit_facts them, us;
	const struct question q = { .them = &them, .us = &us, .known = known };

	if (read_status(pid, &them) || read_status(getpid(), &us))
		return gone(pid, reterr_diag);
	return is_filtered(&q, reterr_diag);
}

bool permit_reads_filters(void)
{
	struct permit_facts us;

	return !read_status(getpid(), &us) && us.caps >> CAP_SYS_ADMIN & 1 && !us.seccomp;
}

int permit_refused(pid_t pid, int err, struct skep_diag *reterr_diag)
{
	struct permit_facts them, us;

	if (permit_facts(pid, &them) || permit_facts(getpid(), &us))
		return gone(pid, reterr_diag);
	return permit_refusal(&them, &us, permit_yama(), !permit_trace_child(), err, reterr_diag);
}

int permit_trace_child(void)
{
	const pid_t pid = fork();
	int err = 0, status;

	if (pid < 0)
		return -errno;
	if (!pid) {
		pause();
		_exit(0);
	}
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL))
		err = -errno;
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return err;
}
