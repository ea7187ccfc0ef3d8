/* SPDX-License-Identifier: BSD-2-Clause */
/* home.c - see home.h */
#include "core/home.h"
#include "base/alloc.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PROC_FD "/proc/thread-self/fd"

/*
 * A size by which the memfd is known again; 0 where limits on files forbid it (setrlimit(2) would
 * have a signal sent).
 */
static off_t size_of(uint64_t position)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur != RLIM_INFINITY)
		return 0;
	return 1 + (off_t)(position * UINT64_C(0x9e3779b97f4a7c15) >> 24);
}

int home_new(uint64_t position, const char *name, int fd, struct home **ret)
{
	struct home *h = skep_alloc(sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	*h = (struct home){ .position = position, .refs = 1, .whole = fd >= 0 };
	h->fd = fd >= 0 ? fd : memfd_create(name, MFD_CLOEXEC);
	snprintf(h->path, sizeof(h->path), PROC_FD "/%d", h->fd);
	if (h->fd >= 0 && !h->whole) {
		h->size = size_of(position);
		if (ftruncate(h->fd, h->size))
			h->size = 0;
	}
	if (h->fd >= 0 && lseek(h->fd, (off_t)position, SEEK_SET) >= 0) {
		*ret = h;
		return 0;
	}
	err = -errno;
	if (h->fd >= 0)
		home_put(h);
	else
		skep_free(h);
	return err;
}

struct home *home_get(struct home *h)
{
	h->refs++;
	return h;
}

void home_put(struct home *h)
{
	if (!h || --h->refs)
		return;
	/* A file of the program's own may be in our place by now. */
	if (!h->whole && home_intact(h))
		close(h->fd);
	skep_free(h);
}

bool home_intact(const struct home *h)
{
	return lseek(h->fd, 0, SEEK_CUR) == (off_t)h->position;
}

/* Readers share a byte; a write-only description can only lock for writing, so alone. */
static struct flock lock_of(struct home *h, uint64_t serial, int mode)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };

	lock.l_start = h->whole ? 0 : (off_t)serial;
	if (mode == O_WRONLY) {
		lock.l_type = F_WRLCK;
		lock.l_start = 1 + h->writeonly++;
	}
	return lock;
}

/*
 * By way of a directory that is open already, which saves a third of the time.  It may be that of
 * another process (after a fork), or no directory of descriptors at all: the size tells, in the
 * call that sets the position.
 */
static int open_quickly(const struct home *h, int dir, uint64_t position, int mode)
{
	_cleanup_(close_fd_p) int fd = -1;

	if (!h->size || dir < 0)
		return -1;
	fd = openat(dir, h->path + strlen(PROC_FD "/"), mode | O_CLOEXEC);
	if (fd < 0 || lseek(fd, (off_t)position - h->size, SEEK_END) != (off_t)position)
		return -1;
	return TAKE_FD(fd);
}

int home_open(struct home *h, int dir, uint64_t serial, uint64_t position, int mode)
{
	struct flock lock = lock_of(h, serial, mode);
	_cleanup_(close_fd_p) int fd = open_quickly(h, dir, position, mode);

	if (fd < 0) {
		fd = open(h->path, mode | O_CLOEXEC);
		if (fd < 0 || lseek(fd, (off_t)position, SEEK_SET) < 0)
			return -errno;
	}
	return fcntl(fd, F_OFD_SETLK, &lock) ? -errno : TAKE_FD(fd);
}

int home_dir(void)
{
	return open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void home_dir_close(int dir)
{
	struct statfs fs;

	/* Something of the program's own may be in its place by now. */
	if (dir >= 0 && fcntl(dir, F_GETFL) & O_PATH && !fstatfs(dir, &fs) &&
	    fs.f_type == PROC_SUPER_MAGIC)
		close(dir);
}

/* Is a byte locked by a description that was given out?  len 0: to the end of the file. */
static bool locked(const struct home *h, uint64_t start, off_t len)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)start,
		.l_len = len,
	};

	return fcntl(h->fd, F_OFD_GETLK, &lock) || lock.l_type != F_UNLCK;
}

bool home_held(const struct home *h, uint64_t serial)
{
	return h->whole ? locked(h, 0, 0) : locked(h, serial, 1);
}

bool home_empty(const struct home *h)
{
	return !locked(h, 0, 0);
}

/* --- where the position does not tell --------------------------------------------------------- */

bool home_inode_of(int fd, uint64_t ret_inode[2])
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	ret_inode[0] = st.st_dev;
	ret_inode[1] = st.st_ino;
	return true;
}

bool home_has_inode(struct home *h, const uint64_t inode[2])
{
	if (!h->inode[1] && (!home_intact(h) || !home_inode_of(h->fd, h->inode)))
		return false;
	return h->inode[0] == inode[0] && h->inode[1] == inode[1];
}

uint64_t home_serial_of(int fd)
{
	char path[48], line[160];
	uint64_t serial = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && !serial && fgets(line, sizeof(line), f)) {
		unsigned long long start;

		/* lock:	1: OFDLCK  ADVISORY  READ -1 00:01:1026 17 17 */
		if (sscanf(line, "lock: %*d: OFDLCK %*s %*s %*d %*s %llu", &start) == 1)
			serial = start;
	}
	if (f)
		fclose(f);
	return serial;
}
