/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ends.c - see ends.h.
 *
 * A thread of its own waits for the ends of processes.  Rows are written by members: what is
 * believed of them is who a task is said to be; a number that is none ends at once.
 *
 * Lock order: hooks', then this one, which is held while programs run.
 */
#include "hook/ends.h"
#include "base/alloc.h"
#include "base/sys.h"
#include "base/vec.h"
#include "helper/event.h"
#include "hive/space.h"
#include "hook/event.h"
#include "map/map.h"
#include "map/storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS	  250
#define GATHER_MS 5	/* births come in crowds */
#define WAIT_MS	  200	/* in which who waits for a task tells how it ended */
#define STALE_MS  10000 /* after which nobody comes any more to meet one */

struct row {
	uint32_t tid;
	struct hive_task task;
};

struct rows {
	VEC(struct row);
};

static struct {
	pthread_mutex_t lock; /* of the table, against two of us */
	struct space *space;
	struct skep_kernel *k;
	int epoll, news; /* news: an eventfd */
	bool started;
	_Atomic bool on;
	_Atomic uint32_t births; /* hive_data.births, when it was last looked at */
} t = { .lock = PTHREAD_MUTEX_INITIALIZER, .epoll = -1, .news = -1 };

/* --- the table -------------------------------------------------------------------------------- */

static struct skep_map *tasks(void)
{
	return (struct skep_map *)(uintptr_t)space_meta(t.space)->tasks;
}

/* In a run, as all who use maps. */
static void forget(uint32_t tid, uint32_t cpu)
{
	tasks()->ops->delete (tasks(), &tid, cpu);
}

static bool wants_process(const struct row *r, void *arg)
{
	return r->task.tgid == *(const uint32_t *)arg &&
	       !(atomic_load(&r->task.state) & HIVE_TASK_GONE);
}

struct search {
	bool (*wants)(const struct row *r, void *arg);
	void *arg;
	struct rows *rows;
};

static uint64_t take_row(void *arg, const void *key, void *value)
{
	const struct search *s = arg;
	struct row r, *new;

	memcpy(&r.tid, key, sizeof(r.tid));
	memcpy(&r.task, value, sizeof(r.task));
	new = s->wants(&r, s->arg) ? vec_push(s->rows) : NULL;
	if (new)
		memcpy(new, &r, sizeof(r));
	return 0;
}

/* Copies of the rows that are wanted. */
static void find_rows(struct rows *ret, bool (*wants)(const struct row *r, void *arg), void *arg)
{
	struct vcpus *vcpus = core_vcpus(t.k);
	struct vcpu *c = vcpu_get(vcpus);
	struct search s = { wants, arg, ret };

	tasks()->ops->for_each(tasks(), vcpu_id(vcpus, c), take_row, &s);
	vcpu_put(c);
}

/* --- what is known of the dead ---------------------------------------------------------------- */

struct fate {
	int32_t code;
	int32_t prio;
	uint32_t ppid; /* 0: who it was born of */
	char comm[16]; /* of the first thread; empty: as last known */
};

/* PIDFD_GET_INFO of Linux 6.15: what a process left behind, once it was waited for. */
struct pidfd_left {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t ids[11];
	int32_t code;
};
#define PIDFD_LEFT_CODE (UINT64_C(1) << 3)
#define PIDFD_LEFT	_IOWR(0xff, 11, struct pidfd_left)

/* One that nobody has waited for yet is in /proc still. */
static bool read_zombie(pid_t pid, struct fate *ret)
{
	char path[32], text[1024], comm[64] = "", *end;
	int ppid, prio, n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = (int)fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[MAX(n, 0)] = '\0';
	end = strrchr(text, ')');
	if (!end || end[2] != 'Z' ||
	    sscanf(end + 3, "%d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %d", &ppid,
		   &prio) != 2)
		return false;
	*end = '\0';
	snprintf(comm, sizeof(comm), "%s", strchr(text, '(') + 1);
	memcpy(ret->comm, comm, sizeof(ret->comm));
	ret->ppid = (uint32_t)ppid;
	ret->prio = prio + 100;
	end = strrchr(end + 1, ' ');
	ret->code = end ? atoi(end) : 0;
	return true;
}

/*
 * Who went without a word was killed.  False: by what is not known, as somebody has waited for it,
 * and there was no pidfd by then, or the kernel is an older one.
 */
static bool read_fate(pid_t pid, int fd, struct fate *ret)
{
	struct pidfd_left left = { .mask = PIDFD_LEFT_CODE };

	*ret = (struct fate){ .code = SIGKILL, .prio = 120 };
	if (read_zombie(pid, ret))
		return true;
	if (fd < 0 || ioctl(fd, PIDFD_LEFT, &left) || !(left.mask & PIDFD_LEFT_CODE))
		return false;
	ret->code = left.code;
	return true;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* Its process said by which code it ends. */
static bool is_told(const struct row *r)
{
	return atomic_load(&r->task.state) & HIVE_TASK_CODE;
}

static void run_end(const struct row *r, const struct fate *f, struct vcpu *c, uint32_t cpu)
{
	uint64_t task[RUN_TASK_SIZE / 8];
	struct skep_run run = { .vcpu = c, .cpu = cpu, .env = core_run_env(t.k), .task = task };
	struct hive_task dead;

	memcpy(&dead, &r->task, sizeof(dead));
	if (f->ppid)
		dead.ppid = f->ppid;
	if (r->tid == dead.tgid && *f->comm)
		memcpy(dead.comm, f->comm, sizeof(dead.comm));
	event_killed(&run, events_shown(), &dead, r->tid, is_told(r) ? dead.code : f->code,
		     f->prio);
}

/* Its parent may not have met it yet: then that one forgets it. */
static void tell_end(const struct row *r, const struct fate *f)
{
	struct vcpus *vcpus = core_vcpus(t.k);
	struct vcpu *c = vcpu_get(vcpus);
	const uint32_t cpu = vcpu_id(vcpus, c);
	struct hive_task *there = tasks()->ops->lookup(tasks(), &r->tid, cpu);
	const uint32_t had =
		there ? atomic_fetch_or(&there->state, HIVE_TASK_GONE) : HIVE_TASK_GONE;

	if (!(had & HIVE_TASK_GONE))
		run_end(r, f, c, cpu);
	if (had & HIVE_TASK_MET)
		forget(r->tid, cpu);
	vcpu_put(c);
}

static uint32_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000) | 1; /* 0 is never */
}

/* It is looked at again. */
static void postpone(const struct row *r)
{
	struct vcpus *vcpus = core_vcpus(t.k);
	struct vcpu *c = vcpu_get(vcpus);
	struct hive_task *there = tasks()->ops->lookup(tasks(), &r->tid, vcpu_id(vcpus, c));

	if (there) {
		there->since_ms = there->since_ms ? there->since_ms : now_ms();
		atomic_fetch_and(&there->state, ~HIVE_TASK_KNOWN);
	}
	vcpu_put(c);
}

/* Whoever tells of its birth may be about to; who waits for it may know how it ended. */
static bool is_ripe(const struct row *r, bool known)
{
	if (r->task.since_ms && now_ms() - r->task.since_ms >= WAIT_MS)
		return true;
	return (known || is_told(r)) && atomic_load(&r->task.state) & HIVE_TASK_TOLD;
}

static void bury(pid_t pid, int fd)
{
	uint32_t tgid = (uint32_t)pid;
	struct rows rows = { 0 };
	struct fate fate;
	bool known;

	pthread_mutex_lock(&t.lock);
	find_rows(&rows, wants_process, &tgid);
	known = !rows.n || read_fate(pid, fd, &fate);
	vec_foreach (r, &rows)
		if (is_ripe(r, known))
			tell_end(r, &fate);
		else
			postpone(r);
	pthread_mutex_unlock(&t.lock);
	vec_free(&rows);
}

/* --- who is there ----------------------------------------------------------------------------- */

static bool read_status(uint32_t tgid, uint32_t tid, struct hive_task *ret)
{
	char path[64], line[256], comm[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/status", tgid, tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Name: %63[^\n]", comm);
		sscanf(line, "PPid: %u", &ret->ppid);
		sscanf(line, "Uid: %u", &ret->uid);
		sscanf(line, "Gid: %u", &ret->gid);
	}
	if (f)
		fclose(f);
	memcpy(ret->comm, comm, sizeof(ret->comm) - 1);
	return f;
}

/* A row that is there knows better: its task may be about to change its name. */
static void add_task(uint32_t tgid, uint32_t tid, uint32_t cpu)
{
	struct hive_task new = { .state = HIVE_TASK_MET | HIVE_TASK_TOLD, .tgid = tgid };

	if (read_status(tgid, tid, &new))
		tasks()->ops->update(tasks(), &tid, &new, BPF_NOEXIST, cpu);
}

/* It has its process's number now, and another name. */
static void rename_task(pid_t pid, pid_t tid)
{
	struct vcpus *vcpus = core_vcpus(t.k);
	struct vcpu *c = vcpu_get(vcpus);
	const uint32_t tgid = (uint32_t)pid, cpu = vcpu_id(vcpus, c);
	struct hive_task *there, new = { 0 };

	if (tid != pid)
		forget((uint32_t)tid, cpu);
	there = tasks()->ops->lookup(tasks(), &tgid, cpu);
	if (there && read_status(tgid, tgid, &new))
		memcpy(there->comm, new.comm, sizeof(there->comm));
	vcpu_put(c);
}

void ends_exec(pid_t pid, pid_t tid)
{
	const struct fate killed = { .prio = 120 }; /* by exec: Linux has no code for that */
	uint32_t tgid = (uint32_t)pid;
	struct rows rows = { 0 };

	if (!atomic_load(&t.on))
		return;
	pthread_mutex_lock(&t.lock);
	find_rows(&rows, wants_process, &tgid);
	vec_foreach (r, &rows)
		if (r->tid != (uint32_t)tid)
			tell_end(r, &killed);
	rename_task(pid, tid);
	pthread_mutex_unlock(&t.lock);
	vec_free(&rows);
}

void ends_scan(pid_t pid)
{
	struct vcpus *vcpus = core_vcpus(t.k);
	const struct dirent *d;
	struct vcpu *c;
	char path[32];
	DIR *dir;

	if (!atomic_load(&t.on))
		return;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	c = vcpu_get(vcpus);
	while (dir && (d = readdir(dir)))
		if (*d->d_name != '.')
			add_task((uint32_t)pid, (uint32_t)strtoul(d->d_name, NULL, 10),
				 vcpu_id(vcpus, c));
	vcpu_put(c);
	if (dir)
		closedir(dir);
	eventfd_write(t.news, 1);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void watch(pid_t pid)
{
	const int fd = sys_pidfd(pid);
	struct epoll_event e = { .events = EPOLLIN,
				 .data.u64 = (uint64_t)pid << 32 | (uint32_t)fd };

	if (fd >= 0 && !epoll_ctl(t.epoll, EPOLL_CTL_ADD, fd, &e))
		return;
	bury(pid, fd); /* it has ended already, or was none */
	if (fd >= 0)
		close(fd);
}

/* In a run: is it one whose process nobody watches yet? */
static bool is_news(struct hive_task *row, uint32_t tid, uint32_t cpu)
{
	const struct hive_task *first = tasks()->ops->lookup(tasks(), &row->tgid, cpu);
	uint32_t had;

	/* The first thread's row may go before we come to it: then it is this one that tells. */
	if (first && first != row && !(atomic_load(&first->state) & HIVE_TASK_KNOWN))
		return false;
	had = atomic_fetch_or(&row->state, HIVE_TASK_KNOWN);
	if (had & HIVE_TASK_KNOWN)
		return false;
	if (!row->identity && !(had & HIVE_TASK_GONE))
		row->identity = storage_task(tid);
	/* Or one that was put off; where the first thread is gone others may not be. */
	return !first || first == row || row->since_ms;
}

/* It ended before its parent came, which never did. */
static bool is_stale(struct hive_task *row)
{
	if (!(atomic_load(&row->state) & HIVE_TASK_GONE))
		return false;
	row->since_ms = row->since_ms ? row->since_ms : now_ms();
	return now_ms() - row->since_ms > STALE_MS;
}

struct look {
	struct rows news;
	uint32_t cpu;
};

static uint64_t look_at(void *arg, const void *key, void *value)
{
	struct look *l = arg;
	struct hive_task *row = value;
	struct row *r;
	uint32_t tid;

	memcpy(&tid, key, sizeof(tid));
	r = is_news(row, tid, l->cpu) ? vec_push(&l->news) : NULL;
	if (r)
		r->tid = row->tgid;
	if (is_stale(row))
		forget(tid, l->cpu);
	return 0;
}

static void look(void)
{
	struct vcpus *vcpus = core_vcpus(t.k);
	struct vcpu *c = vcpu_get(vcpus);
	struct look l = { .cpu = vcpu_id(vcpus, c) };

	tasks()->ops->for_each(tasks(), l.cpu, look_at, &l);
	vcpu_put(c);
	vec_foreach (r, &l.news)
		watch((pid_t)r->tid);
	vec_free(&l.news);
}

static void take_news(void)
{
	const struct timespec crowd = { .tv_nsec = GATHER_MS * 1000000 };
	eventfd_t n;

	nanosleep(&crowd, NULL);
	eventfd_read(t.news, &n);
}

static void *wait_for_ends(void *arg)
{
	struct epoll_event e[16];

	for (;;) {
		const int wait_ms = atomic_load(&t.on) ? LOOK_MS : -1;
		const int got = epoll_wait(t.epoll, e, ARRAY_SIZE(e), wait_ms);

		for (int i = 0; i < got; i++) {
			const int fd = (int)(uint32_t)e[i].data.u64;

			if (!e[i].data.u64) {
				take_news();
				continue;
			}
			bury((pid_t)(e[i].data.u64 >> 32), fd);
			close(fd);
		}
		if (atomic_load(&t.on))
			look();
	}
	return arg;
}

static int start(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	pthread_t thread;
	int err;

	t.epoll = epoll_create1(EPOLL_CLOEXEC);
	t.news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t.epoll < 0 || t.news < 0 || epoll_ctl(t.epoll, EPOLL_CTL_ADD, t.news, &e))
		return -errno;
	err = -pthread_create(&thread, NULL, wait_for_ends, NULL);
	if (!err)
		pthread_detach(thread);
	t.started = !err;
	return err;
}

/* --- the door --------------------------------------------------------------------------------- */

int ends_begin(void)
{
	const int err = t.started ? 0 : start();

	if (!err && !atomic_exchange(&t.on, true))
		eventfd_write(t.news, 1);
	return err;
}

static uint64_t forget_row(void *arg, const void *key, void *value)
{
	uint32_t tid;

	memcpy(&tid, key, sizeof(tid));
	forget(tid, *(const uint32_t *)arg);
	return 0;
}

void ends_stop(void)
{
	struct vcpus *vcpus = core_vcpus(t.k);
	struct vcpu *c;
	uint32_t cpu;

	if (!atomic_exchange(&t.on, false))
		return;
	pthread_mutex_lock(&t.lock);
	c = vcpu_get(vcpus);
	cpu = vcpu_id(vcpus, c);
	tasks()->ops->for_each(tasks(), cpu, forget_row, &cpu);
	vcpu_put(c);
	pthread_mutex_unlock(&t.lock);
}

void ends_look(void)
{
	const uint32_t now = t.space ? atomic_load(&space_data(t.space)->births) : 0;

	if (!t.space || !atomic_load(&t.on) || now == atomic_load(&t.births))
		return;
	atomic_store(&t.births, now);
	eventfd_write(t.news, 1);
}

void ends_start(struct space *space, struct skep_kernel *k)
{
	t.k = k;
	t.space = space;
}
