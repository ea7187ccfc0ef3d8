/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * area.c - the memory of maps, see struct map_area.  Cold.
 *
 *	mem - head                mem                             mem + size
 *	| private, anonymous ... | the memfd, shared, sparse ... |
 *
 * The memfd is sealed against resizing: who holds the map's fd cannot cut memory away from
 * under a running program.
 */
#include "map/map_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Reserved, not committed; larger maps than this are a mistake.  hash.c's division by
 * multiplication (elem_start) counts on it.
 */
#define AREA_MAX ((size_t)1 << 42)

static size_t page_round(size_t n)
{
	return ALIGN_UP(n, (size_t)sysconf(_SC_PAGESIZE));
}

static int area_fd(const char *name, size_t size)
{
	_cleanup_(close_fd_p) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0)
		return -ENOMEM;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Maps the memfd, with head private bytes before it; both are whole pages. */
static int area_map(struct map_area *a, int fd, size_t head, size_t size, int prot)
{
	uint8_t *base = NULL;

	if (head + size) {
		base = mmap(NULL, head + size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (base == MAP_FAILED)
			return -ENOMEM;
	}
	if (size && mmap(base + head, size, prot, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0) ==
			    MAP_FAILED) {
		const int err = -errno;

		munmap(base, head + size);
		return err;
	}
	*a = (struct map_area){
		.fd = -1, .mem = base ? base + head : NULL, .size = size, .head = head
	};
	return 0;
}

int map_area_init(struct map_area *a, const char *name, size_t head, size_t size)
{
	_cleanup_(close_fd_p) int fd = -1;

	if (size > AREA_MAX || head > AREA_MAX)
		return -ENOMEM;
	size = page_round(size);
	head = page_round(head);
	fd = area_fd(name, size);
	if (fd < 0)
		return fd;
	if (area_map(a, fd, head, size, PROT_READ | PROT_WRITE))
		return -ENOMEM;
	a->fd = TAKE_FD(fd);
	return 0;
}

void map_area_fini(struct map_area *a)
{
	if (a->mem)
		munmap(a->mem - a->head, a->head + a->size);
	close_fd_p(&a->fd);
	*a = (struct map_area){ .fd = -1 };
}

void map_area_freeze(const struct map_area *a)
{
	/* Kernels before 5.1 do not know this seal: then the map is frozen to bpf(2) only. */
	fcntl(a->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
}

int map_area_open(const struct map_area *a, int mode)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", a->fd);
	fd = open(path, mode | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int map_area_view(struct map_area *a, int fd, size_t head, size_t size, bool write)
{
	const int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	/* Sealed, as it may not shrink under us. */
	if (size > AREA_MAX || seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) ||
	    (size_t)st.st_size < page_round(size))
		return -EINVAL;
	return area_map(a, fd, page_round(head), page_round(size),
			PROT_READ | (write ? PROT_WRITE : 0));
}

int map_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void map_eventfd_close(int fd)
{
	close_fd_p(&fd);
}
