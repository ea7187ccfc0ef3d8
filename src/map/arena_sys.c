/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena_sys.c - BPF_MAP_TYPE_ARENA: creation, the window (arena.h), bpf(2).  Cold.
 *
 * Processes map the descriptor, which is the memory.
 */
#include "base/alloc.h"
#include "base/sys.h"
#include "map/arena_int.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define GUARDED (ARENA_4G + 2 * ARENA_GUARD)

/* Address space for a window, all zeroes; NULL: there is none left. */
static uint8_t *window_new(void)
{
	const size_t size = GUARDED + ARENA_4G;
	uint8_t *all = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *window, *from;

	if (all == MAP_FAILED)
		return NULL;
	window = (uint8_t *)ALIGN_UP((uintptr_t)all + ARENA_GUARD, ARENA_4G);
	from = window - ARENA_GUARD;
	/* What a stray store touches should be one page. */
	madvise(from, GUARDED, MADV_NOHUGEPAGE);
	if (from != all)
		munmap(all, (size_t)(from - all));
	if (from + GUARDED != all + size)
		munmap(from + GUARDED, (size_t)(all + size - (from + GUARDED)));
	return window;
}

static void window_free(uint8_t *window)
{
	munmap(window - ARENA_GUARD, GUARDED);
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

int arena_mapped(struct skep_map *m, uint64_t addr, size_t len)
{
	struct arena *a = arena_of(m);
	int err = 0;

	if (len > ARENA_4G)
		return -E2BIG;
	if (!len || addr % ARENA_PAGE || addr >> 32 != (addr + len - 1) >> 32)
		return -EINVAL;
	len = ALIGN_UP(len, (size_t)ARENA_PAGE);
	spin_lock(&a->lock);
	if (a->user && len > (size_t)a->pages * ARENA_PAGE) {
		err = -E2BIG;
	} else if (a->user && (a->user != addr || (size_t)a->pages * ARENA_PAGE != len)) {
		err = -EINVAL;
	} else if (!a->user) {
		err = window_fill(m, addr, MIN(len, m->area.size));
		if (!err) {
			a->pages = (uint32_t)MIN(len / ARENA_PAGE, m->max_entries);
			a->user = addr;
		}
	}
	spin_unlock(&a->lock);
	return err;
}

static void arena_destroy(struct skep_map *m)
{
	struct arena *a = m->priv;

	if (!a)
		return;
	if (a->window)
		window_free(a->window);
	close_fd_p(&a->fd);
	skep_free(a);
	m->priv = NULL;
}

static int arena_create(struct skep_map *m, const union bpf_attr *attr,
			struct skep_diag *reterr_diag)
{
	const uint64_t size = (uint64_t)attr->max_entries * ARENA_PAGE;
	struct arena *a = skep_alloc(sizeof(*a) +
				     ((size_t)attr->max_entries + 63) / 64 * sizeof(a->taken[0]));
	int err = a ? map_area_of(m, 0, size) : -ENOMEM;

	if (a)
		a->fd = -1;
	m->priv = a;
	if (!err)
		a->fd = map_area_open(&m->area, O_RDWR);
	if (!err && a->fd < 0)
		err = a->fd;
	if (!err && !(a->window = window_new()))
		err = -ENOMEM;
	if (!err && m->extra)
		err = arena_mapped(m, m->extra, size);
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

	return addr - from < GUARDED && len <= GUARDED - (addr - from);
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
