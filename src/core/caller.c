/* SPDX-License-Identifier: BSD-2-Clause */
/* caller.c - see caller.h */
#include "core/caller.h"
#include "base/sys.h"
#include "core/core_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local struct caller *current;
static _Thread_local bool memory_ours;

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
	return sys_call6(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
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

uid_t caller_uid(void)
{
	return current ? current->uid : getuid();
}

pid_t caller_pid(void)
{
	return current ? current->pid : getpid();
}

long core_call_for(struct skep_kernel *k, struct caller *who, int cmd, uint64_t uattr,
		   uint32_t size)
{
	long ret;

	current = who;
	ret = core_call(k, cmd, uattr, size);
	current = NULL;
	return ret;
}
