/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * caller.h - who calls bpf(2): this process itself, or another one at the far end of a door.
 *
 * Whatever a command wants of its caller goes through here and user.h: bytes of its memory, what
 * a number among its descriptors is, who it is.  A door that serves other processes fills in a
 * struct caller and sets it for the thread that works on the call; meanwhile that thread's
 * questions go to it.  Calls of this process have none.
 */
#ifndef SKEP_CORE_CALLER_H
#define SKEP_CORE_CALLER_H

#include "base/base.h"

#include <sys/types.h>

struct caller;
struct run_frame;
struct run_task;
struct skep_kernel;

struct caller_ops {
	/** Copies n bytes from, or to, the caller's memory: 0 or -EFAULT. */
	int (*read)(struct caller *c, void *dst, uint64_t src, size_t n);
	int (*write)(struct caller *c, uint64_t dst, const void *src, size_t n);
	/** The file position of a descriptor, which names an object; -errno of lseek(2). */
	int64_t (*position)(struct caller *c, int fd);
	/** A copy of a descriptor among this process's own, which it closes; -EBADF. */
	int (*take)(struct caller *c, int fd);
	/** The reverse: the number that a copy of `fd` has there from now on; -errno. */
	int (*give)(struct caller *c, int fd);
	/** close(2) there. */
	int (*close)(struct caller *c, int fd);
};

struct caller {
	const struct caller_ops *ops;
	pid_t pid; /* as this process sees it */
	pid_t tid; /* of the thread that calls */
	uid_t uid;
	gid_t gid;
	uint32_t cpu; /* where that thread runs */
};

/** Whose memory addresses are in: NULL for this process's. */
struct caller *caller_memory(void);

/** The position of the caller's descriptor; -EBADF and the like. */
int64_t caller_position(int fd);
/** It names an object. */
void caller_knows(int fd, int64_t position);
/**
 * Something to ask about the caller's descriptor: itself, or a copy of it.  -EBADF.
 * caller_release() it afterwards.
 */
int caller_fd(int fd);
void caller_release(int fd);
/** Passes a new descriptor of this process on to the caller; its number there, or -errno. */
int caller_give(int fd);
int caller_close(int fd);
/** True where the caller has no such descriptor. */
bool caller_lacks(int fd);
/** The caller is another process. */
bool caller_is_far(void);
/** The CPU of a caller that is another process, below `nr`; -1: whatever is free. */
int caller_cpu(uint32_t nr);
/** The calling task as programs see it, in *ret; NULL where it is this thread. */
const struct run_task *caller_task(struct run_task *ret);
/** Where the caller called from; NULL: not known. */
const struct run_frame *caller_frame(void);
/** From now on this thread's call is from there; ip 0: not known. */
void caller_called_at(uint64_t ip, uint64_t fp);
uid_t caller_uid(void);
mode_t caller_umask(void);
pid_t caller_pid(void);

/**
 * A program calls bpf(2) during a caller's call: descriptors are the caller's, but the memory that
 * it names is this process's.  Returns what held before, for the call's end.
 */
bool caller_memory_ours(bool ours);

/** From now on this thread works for `who`; NULL: for this process. */
void caller_set(struct caller *who);
/** Is the result of that command of bpf(2) a new descriptor, of this process? */
bool core_gives_fd(int cmd);

#endif
