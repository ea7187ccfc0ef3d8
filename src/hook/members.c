/* SPDX-License-Identifier: BSD-2-Clause */
/* members.c - see members.h */
#include "hook/members.h"
#include "hook/take.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct process *members_find(const struct members *m, pid_t pid)
{
	struct process *p = m->first;

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

static void forget_the_dead(struct members *m)
{
	struct process *p, **at = &m->first;

	while ((p = *at)) {
		if (process_lives(p)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		process_free(p);
	}
}

static struct process *add(struct members *m, pid_t pid)
{
	struct process *p = process_new(pid);

	if (p) {
		p->next = m->first;
		m->first = p;
	}
	return p;
}

struct process *members_of(struct members *m, pid_t pid)
{
	struct process *p;

	forget_the_dead(m); /* whose number it may have been */
	p = members_find(m, pid);
	return p ? p : add(m, pid);
}

void members_drop(struct members *m, struct process *p)
{
	struct process **at = &m->first;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	process_free(p);
}

/* --- /proc ------------------------------------------------------------------------------------ */

/* The beginning of a file in a folder, as a string: its length, or -errno. */
static ssize_t read_file(int dir, const char *name, char *to, size_t size)
{
	_cleanup_(close_fd_p) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : 0, got = 1;

	while (n >= 0 && got > 0 && (size_t)n < size - 1) {
		got = read(fd, to + n, size - 1 - (size_t)n);
		n += MAX(got, 0);
	}
	to[MAX(n, 0)] = '\0';
	return n;
}

/* Was a process made since we were here?  The system says which number it gave last. */
static bool is_news(struct members *m, int proc)
{
	char line[128];
	const char *number;
	long now = 0;

	read_file(proc, "loadavg", line, sizeof(line));
	number = strrchr(line, ' ');
	if (number)
		now = strtol(number, NULL, 10);
	if (now > 0 && now == m->last)
		return false;
	m->last = now;
	return true;
}

static pid_t parent_of(int dir)
{
	char stat[512];
	const char *end;
	int parent;

	read_file(dir, "stat", stat, sizeof(stat));
	end = strrchr(stat, ')'); /* a name may have any character */
	return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* 1 or 0; -ESRCH: it has no memory, as those that have ended, and the kernel's own threads. */
static int names_hive(int dir, const char *hive)
{
	static const char name[] = "SKEP_HIVE=";
	static char env[256 * 1024]; /* for who has the lock of hooks */
	const ssize_t n = read_file(dir, "environ", env, sizeof(env));

	for (const char *at = env; at < env + n; at += strlen(at) + 1)
		if (!strncmp(at, name, sizeof(name) - 1) && !strcmp(at + sizeof(name) - 1, hive))
			return 1;
	return n == -ESRCH ? -ESRCH : 0;
}

/* One that was forked by whom we took in, and whose parent has ended since. */
static bool has_memory(int dir, struct space *space)
{
	_cleanup_(close_fd_p) int mem = openat(dir, "mem", O_RDONLY | O_CLOEXEC);

	return mem >= 0 && memory_is_ours(mem, space);
}

static bool is_ours(int dir)
{
	struct stat st;

	return !fstat(dir, &st) && (st.st_uid == geteuid() || geteuid() == 0);
}

/* Those that have the preload library tell us of themselves when they become other programs. */
static void consider(struct members *m, int dir, pid_t pid)
{
	const int named = names_hive(dir, m->hive);
	struct process *p;

	if (named < 0 || (!named && !members_find(m, parent_of(dir)) && !has_memory(dir, m->space)))
		return;
	p = add(m, pid);
	if (p)
		p->taken = !named;
}

static void look_in(struct members *m, int proc, const char *name)
{
	const pid_t pid = (pid_t)strtol(name, NULL, 10);
	_cleanup_(close_fd_p) int dir = -1;

	if (pid <= 0 || pid == getpid() || members_find(m, pid))
		return;
	dir = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && is_ours(dir))
		consider(m, dir, pid);
}

static void look_through(struct members *m, DIR *all)
{
	const struct dirent *e;

	while ((e = readdir(all)))
		look_in(m, dirfd(all), e->d_name);
}

struct process *members_know(struct members *m, pid_t pid)
{
	_cleanup_(close_fd_p) int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[16];

	forget_the_dead(m); /* whose number it may have been */
	snprintf(name, sizeof(name), "%d", (int)pid);
	if (proc >= 0)
		look_in(m, proc, name);
	return members_find(m, pid);
}

void members_look(struct members *m)
{
	DIR *all = opendir("/proc");

	forget_the_dead(m);
	if (all && is_news(m, dirfd(all)))
		look_through(m, all);
	if (all)
		closedir(all);
}
