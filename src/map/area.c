/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * area.c - the memory of maps, see struct map_area.  Cold.
 *
 *	mem - head                mem                             mem + size
 *	| the kernel's ......... | the memfd, shared, sparse ... |
 *
 * The memfd is sealed against resizing: who holds the map's fd cannot cut memory away from
 * under a running program.  Where programs do not write (values are pointers, say) it is sealed
 * against that too, once the kernel has mapped it.
 *
 * In a hive both halves lie at addresses of its own, at which members map them too: the head is a
 * piece of the hive's data then, elsewhere private memory.
 */
#include "base/alloc.h"
#include "hive/space.h"
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
	a->mem = base ? base + head : NULL;
	a->size = size;
	a->head = head;
	return 0;
}

/* --- in a hive -------------------------------------------------------------------------------- */

/* Maps size bytes of fd at an address of the hive's, and shows them to members. */
static int show(struct space *space, uintptr_t at, size_t size, int fd, uint64_t off, bool write)
{
	const struct hive_area area = {
		.at = at, .size = size, .off = off, .fd = fd, .write = write
	};

	if (mmap((void *)at, size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, fd, (off_t)off) == MAP_FAILED)
		return -ENOMEM;
	return space_show(space, &area);
}

/* The two halves at their addresses; what fails half way, map_area_fini() undoes. */
static int area_place(struct map_area *a, const struct area_want *w)
{
	const uintptr_t at = a->head + a->size ? space_place(w->space, a->head + a->size) : 0;
	int row;

	if (!at)
		return a->size ? -ENOMEM : 0;
	a->mem = (uint8_t *)at + a->head;
	if (a->head) {
		a->head_mem = space_pages(w->space, a->head);
		if (!a->head_mem)
			return -ENOMEM;
		row = show(w->space, at, a->head, space_fd(w->space, HIVE_DATA),
			   space_offset(w->space, HIVE_DATA, (uintptr_t)a->head_mem), true);
		if (row < 0)
			return row;
		a->head_row = row;
	}
	row = show(w->space, at + a->head, a->size, a->fd, 0, !w->readonly);
	if (row < 0)
		return row;
	a->row = row;
	return 0;
}

static void area_unplace(struct map_area *a)
{
	if (a->row >= 0)
		space_hide(a->space, a->row);
	if (a->head_row >= 0)
		space_hide(a->space, a->head_row);
	munmap(a->mem - a->head, a->head + a->size);
	if (a->head_mem)
		space_give_pages(a->space, a->head_mem, a->head);
	space_unplace(a->space, (uintptr_t)a->mem - a->head, a->head + a->size);
}

/* ---------------------------------------------------------------------------------------------- */

int map_area_init(struct map_area *a, const struct area_want *w)
{
	int err;

	*a = (struct map_area){ .fd = -1, .row = -1, .head_row = -1, .space = w->space };
	if (w->size > AREA_MAX || w->head > AREA_MAX)
		return -ENOMEM;
	a->size = page_round(w->size);
	a->head = page_round(w->head);
	a->fd = area_fd(w->name, a->size);
	if (a->fd < 0)
		return a->fd;
	err = w->space ? area_place(a, w)
		       : area_map(a, a->fd, a->head, a->size, PROT_READ | PROT_WRITE);
	if (!err && w->readonly)
		map_area_freeze(a);
	if (err)
		map_area_fini(a);
	return err ? -ENOMEM : 0;
}

void map_area_fini(struct map_area *a)
{
	if (a->mem && a->space)
		area_unplace(a);
	else if (a->mem)
		munmap(a->mem - a->head, a->head + a->size);
	close_fd_p(&a->fd);
	*a = (struct map_area){ .fd = -1 };
}

int map_area_of(struct skep_map *m, size_t head, size_t size)
{
	const struct area_want want = {
		.name = "bpf-map",
		.head = head,
		.size = size,
		.space = m->space,
		.readonly = m->kind && m->kind->traits & MAP_SYS_WRITES,
	};

	return map_area_init(&m->area, &want);
}

void *map_priv_new(struct skep_map *m, size_t size)
{
	return space_alloc(m->space, HIVE_META, size);
}

void map_priv_free(struct skep_map *m, void *p, size_t size)
{
	space_give(m->space, HIVE_META, p, size);
}

void map_area_freeze(const struct map_area *a)
{
	/* Kernels before 5.1 do not know this seal: then the map is frozen to bpf(2) only. */
	fcntl(a->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
	if (a->space && a->row >= 0)
		space_protect(a->space, a->row);
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

	*a = (struct map_area){ .fd = -1, .row = -1, .head_row = -1 };
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
