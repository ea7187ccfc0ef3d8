/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iter_task.c - iterators over the machine's tasks, threads each by itself, in the order of their
 * ids (kernel/bpf/task_iter.c).
 *
 * They are those that /proc shows when the read begins, all of them in one piece of memory: a
 * task's parent is the one that is shown as such.  What has no parent there has task 0, the idle
 * one, which is its own.
 */
#include "core/caller.h"
#include "core/iter_int.h"
#include "helper/task.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

struct iter_task {
	struct skep_task task;
	struct skep_cred cred;
	struct skep_pid pid;
	int32_t ppid, tracer;
};

/* Everything in a file of /proc, as a string; false: the task is gone. */
static bool read_text(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return false;
	n = fread(text, 1, size - 1, f);
	fclose(f);
	text[n] = '\0';
	return n;
}

/* The numbers behind `key` in a file of lines. */
static bool read_numbers(const char *text, const char *key, const char *fmt, uint32_t *to[4])
{
	const char *at = strstr(text, key);
	int n = 0;

	for (const char *f = fmt; *f; f++)
		n += *f == '%';
	return at && sscanf(at + strlen(key), fmt, to[0], to[1], to[2], to[3]) == n;
}

/* "PID (COMM) STATE PPID PGRP SESSION TTY TPGID FLAGS ..."; a name may have any character. */
static bool read_stat(struct iter_task *t, const char *text)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	size_t n;

	if (!open || !close || close < open)
		return false;
	n = MIN((size_t)(close - open - 1), sizeof(t->task.comm) - 1);
	memcpy(t->task.comm, open + 1, n);
	return sscanf(close + 1, " %*c %d %*d %*d %*d %*d %u", &t->ppid, &t->task.flags) == 2;
}

static bool read_task(struct iter_task *t, int32_t tgid, int32_t tid)
{
	char path[64], text[4096];
	uint32_t *uid[4] = { &t->cred.uid, &t->cred.euid, &t->cred.suid, &t->cred.fsuid };
	uint32_t *gid[4] = { &t->cred.gid, &t->cred.egid, &t->cred.sgid, &t->cred.fsgid };
	uint32_t *tracer[4] = { (uint32_t *)&t->tracer };

	*t = (struct iter_task){ .task = { .pid = tid, .tgid = tgid } };
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", tgid, tid);
	if (!read_text(path, text, sizeof(text)) || !read_stat(t, text))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", tgid, tid);
	return read_text(path, text, sizeof(text)) &&
	       read_numbers(text, "\nTracerPid:", "%u", tracer) &&
	       read_numbers(text, "\nUid:", "%u %u %u %u", uid) &&
	       read_numbers(text, "\nGid:", "%u %u %u %u", gid);
}

/* --- all of them ------------------------------------------------------------------------------ */

struct task_list {
	VEC(struct iter_task);
};

static int by_tid(const void *a, const void *b)
{
	const struct iter_task *x = a, *y = b;

	return x->task.pid < y->task.pid ? -1 : x->task.pid > y->task.pid;
}

/* Calls fn for each number that a folder has for a name, until it fails. */
static int each_number(const char *dir, int32_t of, struct task_list *l,
		       int (*fn)(struct task_list *l, int32_t of, int32_t number))
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	int err = 0;

	while (d && !err && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			err = fn(l, of, atoi(e->d_name));
	if (d)
		closedir(d);
	return err;
}

static int add_thread(struct task_list *l, int32_t tgid, int32_t tid)
{
	struct iter_task *t = vec_push(l);

	if (!t)
		return -ENOMEM;
	if (!read_task(t, tgid, tid))
		l->n--;
	return 0;
}

static int add_process(struct task_list *l, int32_t of, int32_t pid)
{
	char dir[40];

	snprintf(dir, sizeof(dir), "/proc/%d/task", pid);
	return each_number(dir, pid, l, add_thread);
}

static struct iter_task *find(struct task_list *l, int32_t pid)
{
	const struct iter_task key = { .task = { .pid = pid } };
	struct iter_task *t = bsearch(&key, l->at, l->n, sizeof(*l->at), by_tid);

	return t ? t : l->at; /* the idle task */
}

static void link_tasks(struct task_list *l)
{
	vec_foreach (t, l) {
		struct skep_task *s = &t->task;

		s->real_parent = &find(l, t->ppid)->task;
		s->parent = t->tracer ? &find(l, t->tracer)->task : s->real_parent;
		s->group_leader = &find(l, s->tgid)->task;
		s->cred = s->real_cred = &t->cred;
		t->pid.numbers[0].nr = s->pid;
		s->thread_pid = &t->pid;
	}
}

int iter_task_begin(struct iter *it)
{
	struct task_list l = { 0 };
	struct iter_task *idle = vec_push(&l);
	int err = idle ? 0 : -ENOMEM;

	if (!err) {
		*idle = (struct iter_task){ .task = { .comm = "swapper/0" } };
		err = each_number("/proc", 0, &l, add_process);
	}
	if (err) {
		vec_free(&l);
		return err;
	}
	qsort(l.at, l.n, sizeof(*l.at), by_tid);
	link_tasks(&l);
	it->tasks = l.at;
	it->nr_keys = (uint32_t)l.n;
	it->at = 1;
	it->extra[0] = (struct run_region){ (uintptr_t)l.at, l.n * sizeof(*l.at) };
	return 0;
}

const struct skep_task *iter_task_next(struct iter *it)
{
	const struct iter_link *l = it->link;

	while (it->at < it->nr_keys) {
		const struct skep_task *t = &it->tasks[it->at++].task;

		if ((!l->tid || (uint32_t)t->pid == l->tid) &&
		    (!l->tgid || (uint32_t)t->tgid == l->tgid))
			return t;
	}
	return NULL;
}

static bool task_next(struct iter *it)
{
	const struct skep_task *t = iter_task_next(it);

	it->mem.ctx[1] = (uintptr_t)t;
	return t;
}

/* --- parts of tasks --------------------------------------------------------------------------- */

bool iter_part_next(struct iter *it, int (*read)(struct iter *it), uint32_t *ret_part)
{
	while (it->part >= it->nr_parts) {
		skep_free(it->parts);
		it->parts = NULL;
		it->part = it->nr_parts = 0;
		it->task = iter_task_next(it);
		if (!it->task)
			return false;
		if (!it->link->tid && it->task->pid != it->task->tgid)
			continue;
		it->err = read(it);
		if (it->err)
			return false;
	}
	it->mem.ctx[1] = (uintptr_t)it->task;
	*ret_part = it->part++;
	return true;
}

struct model_file *iter_fill_file(struct iter_mem *mem, uint32_t major, uint32_t minor,
				  uint64_t ino)
{
	mem->super.s_dev = major << 20 | minor;
	mem->inode = (struct model_inode){ .i_ino = ino, .i_sb = &mem->super };
	mem->file.f_inode = &mem->inode;
	return &mem->file;
}

/* --- links ------------------------------------------------------------------------------------ */

/* The process that a descriptor of the caller's is of: its id, or -EBADF. */
static int pid_of(int fd)
{
	const int ours = caller_fd(fd);
	char path[48], text[512];
	uint32_t pid = 0, *to[4] = { &pid };

	if (ours < 0)
		return -EBADF;
	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", ours);
	if (!read_text(path, text, sizeof(text)) || !read_numbers(text, "\nPid:", "%u", to))
		pid = 0;
	caller_release(ours);
	return pid ? (int)pid : -EBADF;
}

int iter_task_attach(struct call *c, const struct skep_prog *p,
		     const union bpf_iter_link_info *info, struct iter_link *l)
{
	int pid = 0;

	if (!!info->task.tid + !!info->task.pid + !!info->task.pid_fd > 1)
		return FAIL(c, -EINVAL, "iter_info.task has one of tid, pid and pid_fd");
	if (info->task.pid_fd) {
		pid = pid_of((int)info->task.pid_fd);
		if (pid < 0)
			return FAIL(c, pid, "iter_info.task.pid_fd is of no process");
	}
	l->tid = info->task.tid;
	l->tgid = pid ? (uint32_t)pid : info->task.pid;
	return 0;
}

void iter_task_info(const struct iter_link *l, struct bpf_link_info *info)
{
	info->iter.task.tid = l->tid;
	info->iter.task.pid = l->tgid;
}

const struct iter_ops iter_task = {
	.target = "task",
	.may_sleep = true,
	.attach = iter_task_attach,
	.info = iter_task_info,
	.begin = iter_task_begin,
	.next = task_next,
};
