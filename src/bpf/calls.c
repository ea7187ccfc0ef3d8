/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c - the answers of calls.def.
 *
 * Invariant: a call that is not about eBPF reaches the C library with the caller's own
 * arguments, and its result and errno come back untouched.
 */
#include "bpf/calls_int.h"

#include <linux/perf_event.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <skep/skep.h>

#include "base/uapi.h"
#include "bpf/door.h"
#include "base/sys.h"
#include "core/home.h"
#include "core/known.h"
#include "bpf/glue.h"

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

/* An arena was made, or a map opened that may be one: what is mapped may be it. */
static atomic_bool arenas_opened;

/* Something was attached: descriptors that are closed may be what keeps it so. */
static atomic_bool attached;

static long answer_bpf(int cmd, union bpf_attr *attr, unsigned size, uint64_t ip, uint64_t fp)
{
	const long r = DOOR(ENTRY_BPF, "", (uint64_t)cmd, (uintptr_t)attr, size, ip, fp);

	/* Where it went well the attributes can be read. */
	if (r >= 0 && (cmd == BPF_OBJ_GET || cmd == BPF_MAP_GET_FD_BY_ID ||
		       (cmd == BPF_MAP_CREATE && attr->map_type == SKEP_MAP_TYPE_ARENA)))
		atomic_store(&arenas_opened, true);
	if (r >= 0 && (cmd == BPF_OBJ_GET || cmd == BPF_LINK_CREATE ||
		       cmd == BPF_RAW_TRACEPOINT_OPEN || cmd == BPF_LINK_GET_FD_BY_ID))
		atomic_store(&attached, true);
	return answer(r);
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
	atomic_store(&events_opened, true);
	atomic_store(&attached, true);
	return answer(
		DOOR(ENTRY_PERF_OPEN, "", (uintptr_t)attr, (uint64_t)pid, (uint64_t)cpu, flags));
}

/* --- descriptors that end --------------------------------------------------------------------- */

/* What is attached may be so by this descriptor. */
static bool may_hold(int fd)
{
	return atomic_load_explicit(&attached, memory_order_relaxed) &&
	       sys_call6(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0) >= (int64_t)HOME_POSITION_MIN;
}

/* Before, and behind it once more: another thread may have asked in between. */
int call_close(int fd)
{
	const bool ends = may_hold(fd);
	int ret;

	known_forget_one(fd);
	ret = bpf_real.close(fd);
	known_forget_one(fd);
	if (ends && !ret)
		door_closed();
	return ret;
}

int call_dup2(int from, int to)
{
	if (from != to)
		known_forget((unsigned)to, (unsigned)to);
	return bpf_real.dup2(from, to);
}

int call_dup3(int from, int to, int flags)
{
	known_forget((unsigned)to, (unsigned)to);
	return bpf_real.dup3(from, to, flags);
}

int call_close_range(unsigned first, unsigned last, int flags)
{
	known_forget(first, last);
	return bpf_real.close_range(first, last, flags);
}

void call_closefrom(int first)
{
	known_forget((unsigned)MAX(first, 0), UINT32_MAX);
	bpf_real.closefrom(first);
}

/* The same by syscall(2). */
static void forget_by(long nr, unsigned a, unsigned b)
{
	if (nr == SYS_close)
		known_forget(a, a);
	else if (nr == SYS_dup3)
		known_forget(b, b);
	else if (nr == SYS_close_range)
		known_forget(a, b);
#ifdef SYS_dup2
	else if (nr == SYS_dup2)
		known_forget(b, b);
#endif
}

/* ---------------------------------------------------------------------------------------------- */

long call_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	const struct perf_event_attr *attr = (const struct perf_event_attr *)a;
	const uint64_t *fp = __builtin_frame_address(0); /* begins with the caller's */

	if (nr == SYS_bpf)
		return answer_bpf((int)a, (union bpf_attr *)b, (unsigned)c,
				  (uintptr_t)__builtin_return_address(0), *fp);
	forget_by(nr, (unsigned)a, (unsigned)b);
	if (nr == SYS_perf_event_open && perf_is_bpf(attr))
		return answer_perf_event_open(attr, (pid_t)b, (int)c, (unsigned long)e);
	return bpf_real.syscall(nr, a, b, c, d, e, f);
}

/* 0 where the C library's mmap may go on. */
static int before_mmap(size_t len, int prot, int flags, int fd, off_t off)
{
	int err = 0;

	if (fd >= 0 && atomic_load_explicit(&events_opened, memory_order_relaxed))
		err = (int)DOOR(ENTRY_PERF_MMAP, "", (uint64_t)fd, len, (uint64_t)prot,
				(uint64_t)flags, (uint64_t)off);
	return err == -ENOTTY ? 0 : err;
}

static long ask_arena(int fd, const void *at, size_t len, off64_t off)
{
	return DOOR(ENTRY_ARENA_MMAP, "", (uint64_t)fd, (uintptr_t)at, len, (uint64_t)off);
}

static void *failed(long err)
{
	errno = (int)-err;
	return MAP_FAILED;
}

/* A place that lies in one stretch of 4 GiB, as Linux finds one. */
static void *map_whole(void *addr, size_t len, int prot, int flags, int fd, off64_t off)
{
	const uint64_t stretch = UINT64_C(1) << 32;
	void *at = bpf_real.mmap64(addr, len, prot, flags, fd, off), *room;
	const uint64_t from = (uintptr_t)at;

	if (at == MAP_FAILED || from >> 32 == (from + len - 1) >> 32)
		return at;
	munmap(at, len);
	room = bpf_real.mmap64(NULL, stretch + len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return room;
	munmap(room, stretch + len);
	return bpf_real.mmap64((void *)ALIGN_UP((uintptr_t)room, stretch), len, prot,
			       flags | MAP_FIXED_NOREPLACE, fd, off);
}

/* Of a descriptor that may be an arena's.  What stands at a fixed place stays where it is refused.
 */
static void *map_arena(void *addr, size_t len, int prot, int flags, int fd, off64_t off)
{
	const bool fixed = flags & MAP_FIXED;
	long err = ask_arena(fd, fixed ? addr : NULL, fixed ? len : 0, fixed ? off : 0);
	void *at;

	if (err == -ENOTTY || (fixed && !err))
		return bpf_real.mmap64(addr, len, prot, flags, fd, off);
	if (fixed)
		return failed(err);
	at = map_whole(addr, len, prot, flags, fd, off);
	err = at == MAP_FAILED ? 0 : ask_arena(fd, at, len, off);
	if (!err)
		return at;
	munmap(at, len);
	return failed(err);
}

void *call_mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t off)
{
	int saved = errno, err = before_mmap(len, prot, flags, fd, off);

	if (err) {
		errno = -err;
		return MAP_FAILED;
	}
	errno = saved;
	if (fd >= 0 && flags & MAP_SHARED &&
	    atomic_load_explicit(&arenas_opened, memory_order_relaxed))
		return map_arena(addr, len, prot, flags, fd, off);
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
		r = DOOR(ENTRY_PERF_IOCTL, "", (uint64_t)fd, request, arg);
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
	wait_fd = door_wait_fd(fd);
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
	int fd = (int)answer(DOOR(ENTRY_FILE, path, 0));
	FILE *f = fd < 0 ? NULL : fdopen(fd, mode);

	if (!f)
		close_fd_p(&fd);
	return f;
}

static int answer_open(const char *path, int flags)
{
	if ((flags & O_ACCMODE) != O_RDONLY)
		return (int)answer(-EACCES);
	return (int)answer(DOOR(ENTRY_FILE, path, 0));
}

/*
 * Neither ours, which are below /sys, /proc and /boot, nor made where it may be a pin: what every
 * process of a hive opens all the time, so it is seen by a letter.
 */
static inline bool is_plain(const char *path, int flags)
{
	return path && !(flags & O_CREAT) &&
	       (path[0] != '/' || (path[1] != 's' && path[1] != 'p' && path[1] != 'b'));
}

/* What opens a file: any, and one that files.c holds or a place of pins. */
#define OPEN(name, params, args, dir)                                                 \
	static __attribute__((noinline)) int own_##name params                        \
	{                                                                             \
		char place[PATH_MAX];                                                 \
		int fd;                                                               \
                                                                                      \
		if (bpf_file_is(path))                                                \
			return answer_open(path, flags);                              \
		fd = pins_iter(path, flags);                                          \
		if (fd >= 0)                                                          \
			return fd;                                                    \
		return pins_open(dir, &path, flags, place) ? bpf_real.name args : -1; \
	}                                                                             \
	int call_##name params                                                        \
	{                                                                             \
		return is_plain(path, flags) ? bpf_real.name args : own_##name args;  \
	}
OPEN(open, (const char *path, int flags, mode_t mode), (path, flags, mode), AT_FDCWD)
OPEN(open64, (const char *path, int flags, mode_t mode), (path, flags, mode), AT_FDCWD)
OPEN(openat, (int dir, const char *path, int flags, mode_t mode), (dir, path, flags, mode), dir)
OPEN(openat64, (int dir, const char *path, int flags, mode_t mode), (dir, path, flags, mode), dir)

#define FOPEN(name)                                                                         \
	FILE *call_##name(const char *path, const char *mode)                               \
	{                                                                                   \
		const int flags = mode[0] == 'r' ? 0 : O_CREAT;                             \
		char place[PATH_MAX];                                                       \
                                                                                            \
		if (bpf_file_is(path))                                                      \
			return answer_fopen(path, mode);                                    \
		return pins_open(AT_FDCWD, &path, flags, place) ? bpf_real.name(path, mode) \
								: NULL;                     \
	}
FOPEN(fopen)
FOPEN(fopen64)

int call_uname(struct utsname *u)
{
	int r = bpf_real.uname(u);
	const char *release = r ? NULL : door_release();

	if (release)
		snprintf(u->release, sizeof(u->release), "%s", release);
	return r;
}

/* --- limits and mounts ----------------------------------------------------------------------- */

/* A bpf file system on top of another folder would be the host's. */
int call_mount(const char *what, const char *where, const char *type, unsigned long flags,
	       const void *data)
{
	if (!type || strcmp(type, "bpf"))
		return bpf_real.mount(what, where, type, flags, data);
	return (int)answer(pins_path(where) ? 0 : -EPERM);
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
