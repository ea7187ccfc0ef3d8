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

static bool is_taken(const struct arena *a, uint32_t page)
{
	return a->taken[page / WORD] >> page % WORD & 1;
}

static void mark(struct arena *a, uint32_t page, uint32_t cnt, bool taken)
{
	for (uint32_t i = page; i < page + cnt; i++) {
		const uint64_t bit = UINT64_C(1) << i % WORD;

		a->taken[i / WORD] = taken ? a->taken[i / WORD] | bit : a->taken[i / WORD] & ~bit;
	}
}

/* The first of cnt free pages in a row; `pages`: there are none. */
static uint32_t find_free(const struct skep_map *m, const struct arena *a, uint32_t cnt)
{
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

static bool all_free(const struct arena *a, uint32_t page, uint32_t cnt)
{
	while (cnt && !is_taken(a, page))
		page++, cnt--;
	return !cnt;
}

/* Takes cnt pages, anywhere or at *page; false where they are not free. */
static bool take(const struct skep_map *m, uint32_t *page, uint32_t cnt, bool anywhere)
{
	struct arena *a = arena_of(m);
	bool free;

	spin_lock(&a->lock);
	if (anywhere)
		*page = find_free(m, a, cnt);
	free = anywhere ? *page < arena_of(m)->pages : all_free(a, *page, cnt);
	if (free)
		mark(a, *page, cnt, true);
	spin_unlock(&a->lock);
	return free;
}

static void give(struct arena *a, uint32_t page, uint32_t cnt)
{
	spin_lock(&a->lock);
	mark(a, page, cnt, false);
	spin_unlock(&a->lock);
}

/* --- pages that are there --------------------------------------------------------------------- */

/* The first page from `page` on that has memory; `end` where none before it has. */
static uint32_t next_data(const struct arena *a, uint32_t page, uint32_t end)
{
	const long at = sys_call6(SYS_lseek, a->fd, (long)page * ARENA_PAGE, SEEK_DATA_, 0, 0, 0);

	return at < 0 ? end : (uint32_t)MIN((uint64_t)at / ARENA_PAGE, end);
}

/* Of pages that were taken, gives back those that nobody touched; true where all were such. */
static bool untouched(struct arena *a, uint32_t page, uint32_t cnt)
{
	const uint32_t end = page + cnt;
	uint32_t data = next_data(a, page, end);

	if (data == end)
		return true;
	while (page < end) {
		give(a, page, data - page);
		page = data + 1;
		data = page < end ? next_data(a, page, end) : end;
	}
	return false;
}

/* Where in the arena the low half of an address leads, in pages. */
static uint64_t page_of(const struct skep_map *m, uint64_t uaddr)
{
	return (uint32_t)(uaddr - arena_user(m)) / ARENA_PAGE;
}

uint64_t arena_alloc_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt, int node)
{
	const uint64_t at = page_of(m, uaddr);
	uint32_t page = (uint32_t)at;

	if (node < -1 || node > 0 || cnt > arena_of(m)->pages)
		return 0;
	if (uaddr && (uaddr % ARENA_PAGE || at > arena_of(m)->pages - cnt))
		return 0;
	/* Each time round pages that somebody touched stay taken: it ends. */
	while (take(m, &page, cnt, !uaddr)) {
		if (untouched(arena_of(m), page, cnt))
			return arena_user(m) + (uint64_t)page * ARENA_PAGE;
		if (uaddr)
			return 0;
	}
	return 0;
}

void arena_free_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt)
{
	struct arena *a = arena_of(m);
	const uint64_t page = page_of(m, uaddr);

	if ((uint32_t)uaddr < (uint32_t)arena_user(m) || page >= arena_of(m)->pages)
		return;
	cnt = (uint32_t)MIN(cnt, arena_of(m)->pages - page);
	/* Before somebody else gets them. */
	sys_call6(SYS_fallocate, a->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		  (long)(page * ARENA_PAGE), (long)cnt * ARENA_PAGE, 0, 0);
	give(a, (uint32_t)page, cnt);
}

long arena_reserve_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt)
{
	const uint64_t at = page_of(m, uaddr);
	uint32_t page = (uint32_t)at;

	if (!cnt)
		return 0;
	if (uaddr % ARENA_PAGE || at + cnt > arena_of(m)->pages)
		return -EINVAL;
	return take(m, &page, cnt, false) ? 0 : -EBUSY;
}
