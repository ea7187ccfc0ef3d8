/* SPDX-License-Identifier: BSD-2-Clause */
/* caller.c - see caller.h */
#include "core/caller.h"
#include "base/sys.h"
#include "core/known.h"
#include "core/core_int.h"
#include "map/storage.h"
#include "prog/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local struct caller *current;
static _Thread_local bool memory_ours;
static _Thread_local struct run_frame frame;

struct caller *caller_memory(void)
{
	return memory_ours ? NULL : current;
}

bool caller_memory_ours(bool ours)
{
	const bool was = memory_ours;

	memory_ours = ours;
	return was;
}

int64_t caller_position(int fd)
{
	if (unlikely(current != NULL))
		return current->ops->position(current, fd);
	return known_position(fd) ?: sys_call6(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
}

void caller_knows(int fd, int64_t position)
{
	if (!current)
		known_is(fd, position);
}

int caller_fd(int fd)
{
	return current ? current->ops->take(current, fd) : fd;
}

void caller_release(int fd)
{
	if (current && fd >= 0)
		close(fd);
}

int caller_give(int fd)
{
	int there;

	if (!current)
		return fd;
	there = current->ops->give(current, fd);
	close(fd);
	return there;
}

int caller_close(int fd)
{
	return current ? current->ops->close(current, fd)
		       : (int)sys_call6(SYS_close, fd, 0, 0, 0, 0, 0);
}

bool caller_lacks(int fd)
{
	const int copy = caller_fd(fd);
	const bool lacks = copy < 0 || fcntl(copy, F_GETFD) < 0;

	caller_release(copy);
	return lacks;
}

bool caller_is_far(void)
{
	return current != NULL;
}

int caller_cpu(uint32_t nr)
{
	return current && current->cpu < nr ? (int)current->cpu : -1;
}

/* What /proc/PID/FILE says behind `key`, a number; 0 where it does not. */
static uint32_t proc_number(pid_t pid, const char *file, const char *key, int base)
{
	char path[64], line[128];
	uint32_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key))) {
			n = (uint32_t)strtoul(line + strlen(key), NULL, base);
			break;
		}
	if (f)
		fclose(f);
	return n;
}

static void proc_comm(pid_t pid, pid_t tid, char comm[16])
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, comm, 15);
	if (n > 0 && comm[n - 1] == '\n')
		comm[n - 1] = '\0';
	close_fd_p(&fd);
}

const struct run_task *caller_task(struct run_task *ret)
{
	if (!current)
		return NULL;
	*ret = (struct run_task){
		.tid = (uint32_t)current->tid,
		.tgid = (uint32_t)current->pid,
		.ppid = proc_number(current->pid, "status", "PPid:", 10),
		.uid = current->uid,
		.gid = current->gid,
		.identity = storage_task((uint32_t)current->tid),
	};
	proc_comm(current->pid, current->tid, ret->comm);
	return ret;
}

mode_t caller_umask(void)
{
	return proc_number(caller_pid(), "status", "Umask:", 8);
}

const struct run_frame *caller_frame(void)
{
	return frame.ip ? &frame : NULL;
}

void caller_called_at(uint64_t ip, uint64_t fp)
{
	frame = (struct run_frame){ .ip = ip, .fp = fp };
}

uid_t caller_uid(void)
{
	return current ? current->uid : getuid();
}

pid_t caller_pid(void)
{
	return current ? current->pid : getpid();
}

void caller_set(struct caller *who)
{
	current = who;
}
