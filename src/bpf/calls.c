/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c - the answers of calls.def.
 *
 * Invariant: a call that is not about eBPF reaches the C library with the caller's own
 * arguments, and its result and errno come back untouched.
 */
#include "bpf/calls_int.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/perf_event.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include <skep/skep.h>

#include "base/uapi.h"
#include "bpf/glue.h"
#include "core/core.h"
#include "model/model.h"

static struct skep_kernel *_Atomic chosen;

void bpf_kernel_set(struct skep_kernel *k)
{
	atomic_store(&chosen, k);
}

struct skep_kernel *bpf_kernel(void)
{
	struct skep_kernel *k = atomic_load(&chosen);

	return k ? k : bpf_kernel_default();
}

/* -errno, as the C library says it. */
static long answer(long r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

static long answer_bpf(int cmd, union bpf_attr *attr, unsigned size)
{
	struct skep_kernel *k = bpf_kernel();

	return answer(k ? skep_kernel_bpf(k, cmd, attr, size) : -ENOMEM);
}

/*
 * Events that exist to run BPF programs would be the host kernel's, which our programs cannot
 * reach: a tool must hear that, not attach to nothing (or worse, to the host).
 */
static bool perf_is_bpf(const struct perf_event_attr *attr)
{
	return attr &&
	       (attr->type == PERF_TYPE_TRACEPOINT || attr->type >= PERF_TYPE_MAX ||
		(attr->type == PERF_TYPE_SOFTWARE && attr->config == PERF_COUNT_SW_BPF_OUTPUT));
}

long call_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_bpf)
		return answer_bpf((int)a, (union bpf_attr *)b, (unsigned)c);
	if (nr == SYS_perf_event_open && perf_is_bpf((const struct perf_event_attr *)a))
		return answer(-EOPNOTSUPP);
	return bpf_real.syscall(nr, a, b, c, d, e, f);
}

/*
 * The kernel refuses a memfd in an epoll set with EPERM; then the map's eventfd goes in with the
 * caller's data.  Nobody reads that eventfd, so it must be edge-triggered: one wake-up a write.
 */
int call_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int saved, wait_fd, r = bpf_real.epoll_ctl(epfd, op, fd, event);
	struct epoll_event edge;

	if (!r || errno != EPERM)
		return r;
	saved = errno;
	wait_fd = bpf_kernel() ? skep_kernel_wait_fd(bpf_kernel(), fd) : -EPERM;
	errno = saved;
	if (wait_fd < 0)
		return r;
	if (!event)
		return bpf_real.epoll_ctl(epfd, op, wait_fd, NULL);
	edge = *event;
	edge.events |= EPOLLET;
	return bpf_real.epoll_ctl(epfd, op, wait_fd, &edge);
}

/* --- files ---------------------------------------------------------------------------------- */

static FILE *answer_fopen(const char *path, const char *mode)
{
	_cleanup_(close_fd_p) int fd = (int)answer(bpf_file_open(path));
	FILE *f = fd < 0 ? NULL : fdopen(fd, mode);

	if (f)
		fd = -1;
	return f;
}

FILE *call_fopen64(const char *path, const char *mode)
{
	return bpf_file_is(path) ? answer_fopen(path, mode) : bpf_real.fopen64(path, mode);
}

FILE *call_fopen(const char *path, const char *mode)
{
	return bpf_file_is(path) ? answer_fopen(path, mode) : bpf_real.fopen(path, mode);
}

static int answer_open(const char *path, int flags)
{
	if ((flags & O_ACCMODE) != O_RDONLY)
		return (int)answer(-EACCES);
	return (int)answer(bpf_file_open(path));
}

int call_open64(const char *path, int flags, mode_t mode)
{
	return bpf_file_is(path) ? answer_open(path, flags) : bpf_real.open64(path, flags, mode);
}

int call_open(const char *path, int flags, mode_t mode)
{
	return bpf_file_is(path) ? answer_open(path, flags) : bpf_real.open(path, flags, mode);
}

int call_openat64(int dir, const char *path, int flags, mode_t mode)
{
	return bpf_file_is(path) ? answer_open(path, flags)
				 : bpf_real.openat64(dir, path, flags, mode);
}

int call_openat(int dir, const char *path, int flags, mode_t mode)
{
	return bpf_file_is(path) ? answer_open(path, flags)
				 : bpf_real.openat(dir, path, flags, mode);
}

static int answer_stat(const char *path, struct stat *st)
{
	_cleanup_(close_fd_p) int fd = (int)answer(bpf_file_open(path));

	return fd < 0 ? -1 : fstat(fd, st);
}

int call_stat(const char *path, struct stat *st)
{
	return bpf_file_is(path) ? answer_stat(path, st) : bpf_real.stat(path, st);
}

int call_stat64(const char *path, struct stat64 *st)
{
	static_assert(sizeof(struct stat64) == sizeof(struct stat), "64-bit hosts only");
	return bpf_file_is(path) ? answer_stat(path, (struct stat *)st) : bpf_real.stat64(path, st);
}

int call_uname(struct utsname *u)
{
	int r = bpf_real.uname(u);

	if (!r)
		strcpy(u->release, MODEL_RELEASE);
	return r;
}

/* --- pins ----------------------------------------------------------------------------------- */

#define PIN_ROOT "/sys/fs/bpf"

/* True at and below the root of pins; *ret_below: below. */
static bool pin_path(const char *path, bool *ret_below)
{
	size_t n = strlen(PIN_ROOT);

	if (!path || strncmp(path, PIN_ROOT, n) || (path[n] && path[n] != '/'))
		return false;
	path += n;
	while (*path == '/')
		path++;
	*ret_below = *path != '\0';
	return true;
}

/* Is there an object under this path? */
static bool pin_exists(const char *path)
{
	union bpf_attr attr = { 0 };
	struct skep_kernel *k = bpf_kernel();
	long fd;

	attr.pathname = (uintptr_t)path;
	fd = k ? skep_kernel_bpf(k, BPF_OBJ_GET, &attr, sizeof(attr)) : -ENOENT;
	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

/* Folders are not kept: every path below the root that is no object is one. */
static int answer_statfs(struct statfs *st)
{
	*st = (struct statfs){ .f_type = BPF_FS_MAGIC, .f_bsize = 4096, .f_namelen = 255 };
	return 0;
}

int call_statfs64(const char *path, struct statfs64 *st)
{
	bool below;

	static_assert(sizeof(struct statfs64) == sizeof(struct statfs), "64-bit hosts only");
	return pin_path(path, &below) ? answer_statfs((struct statfs *)st)
				      : bpf_real.statfs64(path, st);
}

int call_statfs(const char *path, struct statfs *st)
{
	bool below;

	return pin_path(path, &below) ? answer_statfs(st) : bpf_real.statfs(path, st);
}

static int answer_access(const char *path, int mode)
{
	bool below;

	if (bpf_file_is(path))
		return mode & (W_OK | X_OK) ? (int)answer(-EACCES) : 0;
	if (pin_path(path, &below) && (!below || pin_exists(path)))
		return 0;
	return (int)answer(-ENOENT);
}

static bool is_ours(const char *path)
{
	bool below;

	return bpf_file_is(path) || pin_path(path, &below);
}

int call_faccessat(int dir, const char *path, int mode, int flags)
{
	return is_ours(path) ? answer_access(path, mode)
			     : bpf_real.faccessat(dir, path, mode, flags);
}

int call_access(const char *path, int mode)
{
	return is_ours(path) ? answer_access(path, mode) : bpf_real.access(path, mode);
}

int call_mkdir(const char *path, mode_t mode)
{
	bool below;

	if (!pin_path(path, &below))
		return bpf_real.mkdir(path, mode);
	return (int)answer(below && !pin_exists(path) ? 0 : -EEXIST);
}

int call_rmdir(const char *path)
{
	bool below;

	if (!pin_path(path, &below))
		return bpf_real.rmdir(path);
	return (int)answer(!below ? -EBUSY : pin_exists(path) ? -ENOTDIR : 0);
}

int call_unlink(const char *path)
{
	struct skep_kernel *k;
	bool below;

	if (!pin_path(path, &below))
		return bpf_real.unlink(path);
	k = bpf_kernel();
	return (int)answer(k ? core_unpin(k, path) : -ENOENT);
}

/* A bpf file system on top of another folder would be the host's. */
int call_mount(const char *what, const char *where, const char *type, unsigned long flags,
	       const void *data)
{
	bool below;

	if (!type || strcmp(type, "bpf"))
		return bpf_real.mount(what, where, type, flags, data);
	return (int)answer(pin_path(where, &below) ? 0 : -EPERM);
}

/* Our maps are not locked memory, so a tool need not be stopped for the limit. */
int call_setrlimit(int what, const struct rlimit *limit)
{
	int r = bpf_real.setrlimit(what, limit);

	return r && errno == EPERM && what == RLIMIT_MEMLOCK ? 0 : r;
}

int call_setrlimit64(int what, const struct rlimit64 *limit)
{
	int r = bpf_real.setrlimit64(what, limit);

	return r && errno == EPERM && what == RLIMIT_MEMLOCK ? 0 : r;
}
