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
#include <sys/mman.h>
#include <sys/syscall.h>

#include <skep/skep.h>

#include "base/uapi.h"
#include "bpf/glue.h"
#include "core/core.h"

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
 * Events that exist for BPF programs would be the host kernel's, which our programs cannot reach:
 * a tool must hear that, not attach to nothing (or worse, to the host).  Those that programs write
 * to are here; the kernel says so of the others.
 */
static bool perf_is_bpf(const struct perf_event_attr *attr)
{
	return attr &&
	       (attr->type == PERF_TYPE_TRACEPOINT || attr->type >= PERF_TYPE_MAX ||
		(attr->type == PERF_TYPE_SOFTWARE && attr->config == PERF_COUNT_SW_BPF_OUTPUT));
}

/* An event was opened: mmap and ioctl may be on one.  Before that, nobody makes a kernel to ask. */
static atomic_bool events_opened;

static long answer_perf_event_open(const struct perf_event_attr *attr, pid_t pid, int cpu,
				   unsigned long flags)
{
	struct skep_kernel *k = bpf_kernel();

	if (!k)
		return answer(-ENOMEM);
	atomic_store(&events_opened, true);
	return answer(core_perf_event_open(k, (uintptr_t)attr, pid, cpu, flags));
}

long call_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	const struct perf_event_attr *attr = (const struct perf_event_attr *)a;

	if (nr == SYS_bpf)
		return answer_bpf((int)a, (union bpf_attr *)b, (unsigned)c);
	if (nr == SYS_perf_event_open && perf_is_bpf(attr))
		return answer_perf_event_open(attr, (pid_t)b, (int)c, (unsigned long)e);
	return bpf_real.syscall(nr, a, b, c, d, e, f);
}

/* 0 where the C library's mmap may go on. */
static int before_mmap(size_t len, int prot, int flags, int fd, off_t off)
{
	int err = 0;

	if (fd >= 0 && atomic_load_explicit(&events_opened, memory_order_relaxed))
		err = core_perf_mmap(bpf_kernel(), fd, len, prot, flags, off);
	return err == -ENOTTY ? 0 : err;
}

void *call_mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t off)
{
	int saved = errno, err = before_mmap(len, prot, flags, fd, off);

	if (err) {
		errno = -err;
		return MAP_FAILED;
	}
	errno = saved;
	return bpf_real.mmap64(addr, len, prot, flags, fd, off);
}

void *call_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	static_assert(sizeof(off_t) == sizeof(off64_t), "64-bit hosts only");
	return call_mmap64(addr, len, prot, flags, fd, off);
}

int call_ioctl(int fd, unsigned long request, unsigned long arg)
{
	long r = -ENOTTY;

	/* '$' is the letter of perf's requests. */
	if ((request >> 8 & 255) == '$' &&
	    atomic_load_explicit(&events_opened, memory_order_relaxed))
		r = core_perf_ioctl(bpf_kernel(), fd, request, arg);
	return r == -ENOTTY ? bpf_real.ioctl(fd, request, arg) : (int)answer(r);
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
	int fd = (int)answer(bpf_file_open(path));
	FILE *f = fd < 0 ? NULL : fdopen(fd, mode);

	if (!f)
		close_fd_p(&fd);
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

int call_uname(struct utsname *u)
{
	int r = bpf_real.uname(u);
	struct skep_kernel *k = r ? NULL : bpf_kernel();

	if (k)
		snprintf(u->release, sizeof(u->release), "%s", core_release(k));
	return r;
}

/* --- pins ----------------------------------------------------------------------------------- */

#define PIN_ROOT "/sys/fs/bpf"

/* True at and below the root of pins. */
static bool pin_path(const char *path)
{
	size_t n = strlen(PIN_ROOT);

	return path && !strncmp(path, PIN_ROOT, n) && (!path[n] || path[n] == '/');
}

static mode_t pin_type(const char *path)
{
	struct skep_kernel *k = bpf_kernel();

	return k ? core_pin_type(k, path) : 0;
}

/* libbpf asks for the folder that it is about to pin in, so folders are enough. */
static int answer_statfs(const char *path, struct statfs *st)
{
	if (!pin_type(path))
		return (int)answer(-ENOENT);
	*st = (struct statfs){ .f_type = BPF_FS_MAGIC, .f_bsize = 4096, .f_namelen = 255 };
	return 0;
}

int call_statfs64(const char *path, struct statfs64 *st)
{
	static_assert(sizeof(struct statfs64) == sizeof(struct statfs), "64-bit hosts only");
	return pin_path(path) ? answer_statfs(path, (struct statfs *)st)
			      : bpf_real.statfs64(path, st);
}

int call_statfs(const char *path, struct statfs *st)
{
	return pin_path(path) ? answer_statfs(path, st) : bpf_real.statfs(path, st);
}

static int answer_access(const char *path, int mode)
{
	if (!bpf_file_is(path))
		return pin_type(path) ? 0 : (int)answer(-ENOENT);
	return mode & (W_OK | X_OK) ? (int)answer(-EACCES) : 0;
}

static bool is_ours(const char *path)
{
	return bpf_file_is(path) || pin_path(path);
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

static int answer_stat(const char *path, struct stat *st)
{
	_cleanup_(close_fd_p) int fd = -1;
	mode_t type;

	if (bpf_file_is(path)) {
		fd = (int)answer(bpf_file_open(path));
		return fd < 0 ? -1 : fstat(fd, st);
	}
	type = pin_type(path);
	if (!type)
		return (int)answer(-ENOENT);
	*st = (struct stat){ .st_mode = type | (type == S_IFDIR ? 0700 : 0600), .st_nlink = 1 };
	return 0;
}

int call_stat(const char *path, struct stat *st)
{
	return is_ours(path) ? answer_stat(path, st) : bpf_real.stat(path, st);
}

int call_stat64(const char *path, struct stat64 *st)
{
	static_assert(sizeof(struct stat64) == sizeof(struct stat), "64-bit hosts only");
	return is_ours(path) ? answer_stat(path, (struct stat *)st) : bpf_real.stat64(path, st);
}

int call_mkdir(const char *path, mode_t mode)
{
	struct skep_kernel *k;

	if (!pin_path(path))
		return bpf_real.mkdir(path, mode);
	k = bpf_kernel();
	return (int)answer(k ? core_pin_mkdir(k, path) : -ENOENT);
}

int call_rmdir(const char *path)
{
	struct skep_kernel *k;

	if (!pin_path(path))
		return bpf_real.rmdir(path);
	k = bpf_kernel();
	return (int)answer(k ? core_pin_rmdir(k, path) : -ENOENT);
}

int call_unlink(const char *path)
{
	struct skep_kernel *k;

	if (!pin_path(path))
		return bpf_real.unlink(path);
	k = bpf_kernel();
	return (int)answer(k ? core_unpin(k, path) : -ENOENT);
}

/* A bpf file system on top of another folder would be the host's. */
int call_mount(const char *what, const char *where, const char *type, unsigned long flags,
	       const void *data)
{
	if (!type || strcmp(type, "bpf"))
		return bpf_real.mount(what, where, type, flags, data);
	return (int)answer(pin_path(where) ? 0 : -EPERM);
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
