/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.c - BPF_MAP_TYPE_ARENA (kernel/bpf/arena.c), what programs do: allocation of pages, in a
 * bitmap.  Creation and the window: arena_sys.c.
 *
 * Processes allocate too, by touching what is free: the memory, which is a sparse file, tells.  So
 * an allocation takes pages in the bitmap first, and then looks whether there is anything yet.
 */
#include "base/sys.h"
#include "map/arena_int.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/syscall.h>

#define SEEK_DATA_ 3 /* lseek(2); <unistd.h> is not for hot rooms */
#define WORD	   64u

uint64_t arena_window(const struct skep_map *m)
{
	return (uintptr_t)arena_of(m)->window;
}

uint64_t arena_user(const struct skep_map *m)
{
	return arena_of(m)->user;
}

uint64_t arena_user_half(const struct skep_map *m)
{
	return m->flags & ARENA_NO_USER_CONV ? 0 : arena_user(m) >> 32 << 32;
}

/* --- the bitmap; the lock is held ------------------------------------------------------------- */

static bool is_taken(const struct arena_pages *a, uint32_t page)
{
	return a->taken[page / WORD] >> page % WORD & 1;
}

static void mark(struct arena_pages *a, uint32_t page, uint32_t cnt, bool taken)
{
	for (uint32_t i = page; i < page + cnt; i++) {
		const uint64_t bit = UINT64_C(1) << i % WORD;

		a->taken[i / WORD] = taken ? a->taken[i / WORD] | bit : a->taken[i / WORD] & ~bit;
	}
}

/* The first of cnt free pages in a row; `pages`: there are none. */
static uint32_t find_free(const struct skep_map *m, uint32_t cnt)
{
	const struct arena_pages *a = arena_of(m)->mem;
	uint32_t run = 0;

	for (uint32_t i = 0; i < arena_of(m)->pages; i++) {
		if (i % WORD == 0 && a->taken[i / WORD] == UINT64_MAX) {
			run = 0;
			i += WORD - 1;
			continue;
		}
		run = is_taken(a, i) ? 0 : run + 1;
		if (run == cnt)
			return i - cnt + 1;
	}
	return arena_of(m)->pages;
}

static bool all_free(const struct arena_pages *a, uint32_t page, uint32_t cnt)
{
	while (cnt && !is_taken(a, page))
		page++, cnt--;
	return !cnt;
}

/* Takes cnt pages, anywhere or at *page; false where they are not free. */
static bool take(const struct skep_map *m, uint32_t *page, uint32_t cnt, bool anywhere,
		 uint32_t cpu)
{
	struct arena_pages *a = arena_of(m)->mem;
	bool free;

	map_lock(m, &a->lock, cpu);
	if (anywhere)
		*page = find_free(m, cnt);
	free = anywhere ? *page < arena_of(m)->pages : all_free(a, *page, cnt);
	if (free)
		mark(a, *page, cnt, true);
	spin_unlock(&a->lock);
	return free;
}

static void give(const struct skep_map *m, uint32_t page, uint32_t cnt, uint32_t cpu)
{
	struct arena_pages *a = arena_of(m)->mem;

	map_lock(m, &a->lock, cpu);
	mark(a, page, cnt, false);
	spin_unlock(&a->lock);
}

/* --- pages that are there --------------------------------------------------------------------- */

/* A descriptor of the memory, for as long as a call takes: members have none of their own. */
static int open_memory(const struct arena *a)
{
	return a->server ? sys_open_of(a->server, a->fd, O_RDWR) : a->fd;
}

static void close_memory(const struct arena *a, int fd)
{
	if (a->server)
		sys_call6(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* The first page from `page` on that has memory; `end` where none before it has. */
static uint32_t next_data(int fd, uint32_t page, uint32_t end)
{
	const long at = sys_call6(SYS_lseek, fd, (long)page * ARENA_PAGE, SEEK_DATA_, 0, 0, 0);

	return at < 0 ? end : (uint32_t)MIN((uint64_t)at / ARENA_PAGE, end);
}

/* Of pages that were taken, gives back those that nobody touched; true where all were such. */
static bool untouched(const struct skep_map *m, int fd, uint32_t page, uint32_t cnt, uint32_t cpu)
{
	const uint32_t end = page + cnt;
	uint32_t data = next_data(fd, page, end);

	if (data == end)
		return true;
	while (page < end) {
		give(m, page, data - page, cpu);
		page = data + 1;
		data = page < end ? next_data(fd, page, end) : end;
	}
	return false;
}

/* Where in the arena the low half of an address leads, in pages. */
static uint64_t page_of(const struct skep_map *m, uint64_t uaddr)
{
	return (uint32_t)(uaddr - arena_user(m)) / ARENA_PAGE;
}

/* Pages at *page, or anywhere: true where there are some that nobody has touched. */
static bool alloc(const struct skep_map *m, int fd, uint32_t *page, uint32_t cnt, bool anywhere,
		  uint32_t cpu)
{
	/* Each time round pages that somebody touched stay taken: it ends. */
	for (uint32_t left = arena_of(m)->pages; left && take(m, page, cnt, anywhere, cpu);
	     left--) {
		if (untouched(m, fd, *page, cnt, cpu))
			return true;
		if (!anywhere)
			break;
	}
	return false;
}

uint64_t arena_alloc_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt, int node, uint32_t cpu)
{
	const struct arena *a = arena_of(m);
	const uint64_t at = page_of(m, uaddr);
	uint32_t page = (uint32_t)at;
	bool found;
	int fd;

	if (node < -1 || node > 0 || cnt > a->pages)
		return 0;
	if (uaddr && (uaddr % ARENA_PAGE || at > a->pages - cnt))
		return 0;
	fd = open_memory(a);
	if (fd < 0)
		return 0;
	found = alloc(m, fd, &page, cnt, !uaddr, cpu);
	close_memory(a, fd);
	return found ? arena_user(m) + (uint64_t)page * ARENA_PAGE : 0;
}

void arena_free_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt, uint32_t cpu)
{
	const struct arena *a = arena_of(m);
	const uint64_t page = page_of(m, uaddr);
	int fd;

	if ((uint32_t)uaddr < (uint32_t)arena_user(m) || page >= a->pages)
		return;
	cnt = (uint32_t)MIN(cnt, a->pages - page);
	fd = open_memory(a);
	/* Before somebody else gets them. */
	if (fd >= 0 && !sys_call6(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  (long)(page * ARENA_PAGE), (long)cnt * ARENA_PAGE, 0, 0))
		give(m, (uint32_t)page, cnt, cpu);
	if (fd >= 0)
		close_memory(a, fd);
}

long arena_reserve_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt, uint32_t cpu)
{
	const uint64_t at = page_of(m, uaddr);
	uint32_t page = (uint32_t)at;

	if (!cnt)
		return 0;
	if (uaddr % ARENA_PAGE || at + cnt > arena_of(m)->pages)
		return -EINVAL;
	return take(m, &page, cnt, false, cpu) ? 0 : -EBUSY;
}
