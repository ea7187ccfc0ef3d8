/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena_sys.c - BPF_MAP_TYPE_ARENA: creation, the window (arena.h), bpf(2).  Cold.
 *
 * Processes map the descriptor, which is the memory.  In a hive members map the window too, in
 * three pieces, once it is known where in it the arena is:
 *
 *	window - guard | zeroes of its own | the memory | zeroes of its own | window + 4 GiB + guard
 */
#include "base/alloc.h"
#include "base/sys.h"
#include "hive/space.h"
#include "map/arena_int.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* Address space that a window lies in, all zeroes; NULL: there is none left. */
static uint8_t *space_new_of(struct space *hive)
{
	const uintptr_t at = hive ? space_place(hive, ARENA_SPACE) : 0;
	uint8_t *all;

	if (hive && !at)
		return NULL;
	all = mmap((void *)at, ARENA_SPACE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0), -1,
		   0);
	if (all == MAP_FAILED) {
		if (at)
			space_unplace(hive, at, ARENA_SPACE);
		return NULL;
	}
	/* What a stray store touches should be one page. */
	madvise(all, ARENA_SPACE, MADV_NOHUGEPAGE);
	return all;
}

static void space_free_of(struct space *hive, uint8_t *all)
{
	munmap(all, ARENA_SPACE);
	if (hive)
		space_unplace(hive, (uintptr_t)all, ARENA_SPACE);
}

/*
 * Puts so much of the arena into the window where processes have it.  Not by the C library, whose
 * mmap() of an arena may lead here.
 */
static int window_fill(const struct skep_map *m, uint64_t user, size_t size)
{
	const long at = sys_call6(SYS_mmap, (long)(arena_of(m)->window + (uint32_t)user),
				  (long)size, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_FIXED | MAP_NORESERVE, m->area.fd, 0);

	return at < 0 && at > -4096 ? -ENOMEM : 0;
}

static void window_hide(const struct skep_map *m)
{
	struct arena *a = arena_of(m);

	for (size_t i = 0; i < ARRAY_SIZE(a->row); i++) {
		if (a->row[i] >= 0)
			space_hide(m->space, a->row[i]);
		a->row[i] = -1;
	}
}

/* The same in members. */
static int window_show(const struct skep_map *m, uint64_t user, size_t size)
{
	struct arena *a = arena_of(m);
	const uint64_t first = (uintptr_t)a->window - ARENA_GUARD;
	const uint64_t begin = (uintptr_t)a->window + (uint32_t)user, end = begin + size;
	const struct hive_area parts[] = {
		{ .at = first, .size = begin - first, .fd = -1, .write = true },
		{ .at = begin, .size = size, .fd = m->area.fd, .write = true },
		{ .at = end, .size = first + ARENA_GUARDED - end, .fd = -1, .write = true },
	};

	for (size_t i = 0; m->space && i < ARRAY_SIZE(parts); i++) {
		const int row = space_show(m->space, &parts[i]);

		if (row < 0) {
			window_hide(m);
			return -ENOMEM;
		}
		a->row[i] = row;
	}
	return 0;
}

/* That is where processes map it from now on. */
static int place(struct skep_map *m, uint64_t user, size_t size)
{
	struct arena *a = arena_of(m);
	int err = window_fill(m, user, MIN(size, m->area.size));

	if (!err)
		err = window_show(m, user, MIN(size, m->area.size));
	if (err)
		return err;
	a->pages = (uint32_t)MIN(size / ARENA_PAGE, m->max_entries);
	a->user = user;
	return 0;
}

int arena_mapped(struct skep_map *m, uint64_t addr, size_t len)
{
	struct arena *a = arena_of(m);
	int err = 0;

	if (len > ARENA_4G)
		return -E2BIG;
	if (!len || addr % ARENA_PAGE || addr >> 32 != (addr + len - 1) >> 32)
		return -EINVAL;
	len = ALIGN_UP(len, (size_t)ARENA_PAGE);
	spin_lock(&m->lock);
	if (!a->user)
		err = place(m, addr, len);
	else if (len > (size_t)a->pages * ARENA_PAGE)
		err = -E2BIG;
	else if (a->user != addr || (size_t)a->pages * ARENA_PAGE != len)
		err = -EINVAL;
	spin_unlock(&m->lock);
	return err;
}

static size_t pages_size(const struct skep_map *m)
{
	return sizeof(struct arena_pages) + ((size_t)m->max_entries + 63) / 64 * sizeof(uint64_t);
}

static void arena_destroy(struct skep_map *m)
{
	struct arena *a = m->priv;

	if (!a)
		return;
	window_hide(m);
	if (a->space)
		space_free_of(m->space, a->space);
	close_fd_p(&a->fd);
	space_give(m->space, HIVE_DATA, a->mem, pages_size(m));
	map_priv_free(m, a, sizeof(*a));
	m->priv = NULL;
}

static int arena_fill(struct skep_map *m, struct arena *a)
{
	const size_t size = (size_t)m->max_entries * ARENA_PAGE;
	int err = map_area_of(m, 0, size);

	if (err)
		return err;
	a->fd = map_area_open(&m->area, O_RDWR);
	if (a->fd < 0)
		return a->fd;
	a->mem = space_alloc(m->space, HIVE_DATA, pages_size(m));
	a->space = space_new_of(m->space);
	if (!a->mem || !a->space)
		return -ENOMEM;
	a->window = (uint8_t *)ALIGN_UP((uintptr_t)a->space + ARENA_GUARD, ARENA_4G);
	a->server = m->space ? (uint32_t)space_meta(m->space)->server : 0;
	return m->extra ? arena_mapped(m, m->extra, size) : 0;
}

static int arena_create(struct skep_map *m, const union bpf_attr *attr,
			struct skep_diag *reterr_diag)
{
	struct arena *a = map_priv_new(m, sizeof(*a));
	int err = -ENOMEM;

	m->priv = a;
	if (a) {
		a->fd = a->row[0] = a->row[1] = a->row[2] = -1;
		err = arena_fill(m, a);
	}
	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0, "no memory for %u pages",
				attr->max_entries);
	return 0;
}

static int arena_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -EINVAL;
}

static int arena_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -EOPNOTSUPP;
}

static int arena_sys_delete(struct skep_map *m, const void *key)
{
	(void)m, (void)key;
	return -EOPNOTSUPP;
}

static int arena_next_key(struct skep_map *m, const void *key, void *next)
{
	(void)m, (void)key, (void)next;
	return -EOPNOTSUPP;
}

/* Programs' variables lie in it, and are named as processes see them. */
static int arena_value_addr(struct skep_map *m, uint64_t *ret_addr, uint32_t off)
{
	if (off > (uint64_t)arena_of(m)->pages * ARENA_PAGE)
		return -ERANGE;
	*ret_addr = arena_user(m) + off;
	return 0;
}

static bool arena_contains(struct skep_map *m, uintptr_t addr, size_t len)
{
	const uintptr_t from = (uintptr_t)arena_of(m)->window - ARENA_GUARD;

	return addr - from < ARENA_GUARDED && len <= ARENA_GUARDED - (addr - from);
}

const struct map_ops arena_map_ops = {
	.contains = arena_contains,
};

const struct map_sys_ops arena_map_sys = {
	.run = &arena_map_ops,
	.check = map_rule_check,
	.create = arena_create,
	.destroy = arena_destroy,
	.next_key = arena_next_key,
	.sys_lookup = arena_sys_lookup,
	.sys_update = arena_sys_update,
	.sys_delete = arena_sys_delete,
	.value_addr = arena_value_addr,
};
