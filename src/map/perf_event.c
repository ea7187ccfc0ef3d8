/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * perf_event.c - events that programs write samples to: their making and mapping.  The samples
 * themselves are perf_output.c's.  Cold.
 */
#include "map/perf_event.h"
#include "hive/space.h"
#include "map/map_int.h"

#include <unistd.h>

/* Reserved for each event, not committed. */
#define PERF_DATA_MAX ((size_t)256 << 20)

static struct perf_event_mmap_page *header_of(const struct perf_event *e)
{
	return (struct perf_event_mmap_page *)e->area.mem;
}

static void event_free(struct perf_event *e)
{
	struct space *space = e->area.space;

	if (e->h)
		waiters_fini(&e->wait);
	space_give(space, HIVE_DATA, e->h, sizeof(*e->h));
	map_area_fini(&e->area);
	space_give(space, HIVE_META, e, sizeof(*e));
}

int perf_event_new(const struct perf_event_opts *opts, struct space *space, struct vcpus *vcpus,
		   struct perf_event **ret)
{
	struct perf_event *e = space_alloc(space, HIVE_META, sizeof(*e));
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const struct area_want want = { .name = "perf_event",
					.size = page + PERF_DATA_MAX,
					.space = space };
	int err = e ? map_area_init(&e->area, &want) : -ENOMEM;

	if (err) {
		space_give(space, HIVE_META, e, sizeof(*e));
		return err;
	}
	e->h = space_alloc(space, HIVE_DATA, sizeof(*e->h));
	if (!e->h) {
		event_free(e);
		return -ENOMEM;
	}
	atomic_store_explicit(&e->refs, 1, memory_order_relaxed);
	waiters_init(&e->wait, space, &e->h->rung);
	e->vcpus = vcpus;
	e->opts = *opts;
	atomic_store_explicit(&e->enabled, !opts->disabled, memory_order_relaxed);
	header_of(e)->cap_bit0_is_deprecated = 1;
	header_of(e)->size = offsetof(struct perf_event_mmap_page, __reserved);
	*ret = e;
	return 0;
}

struct perf_event *perf_event_get(struct perf_event *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	return e;
}

void perf_event_put(struct perf_event *e)
{
	/* Release before the last, acquire by the last: it sees what the others did. */
	if (e && atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
		event_free(e);
}

int perf_event_map(struct perf_event *e, size_t len, bool writable)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t size = len - page;
	int err = 0;

	/* The header alone is fine too: it has no ring. */
	if (len < page || len % page || (size && !IS_POW2(size)))
		return -EINVAL;
	if (size > PERF_DATA_MAX)
		return -ENOMEM;
	lock_take(&e->h->lock, e->vcpus, VCPU_NONE);
	if (e->size && e->size != size) {
		err = -EINVAL;
	} else if (size && !e->size) {
		e->overwrite = !writable;
		e->watermark = e->opts.wakeup_bytes ? MIN(e->opts.wakeup, size) : 0;
		if (!e->watermark)
			e->watermark = size / 2;
		header_of(e)->data_offset = page;
		header_of(e)->data_size = size;
		e->data = e->area.mem + page;
		e->size = size;
	}
	spin_unlock(&e->h->lock);
	return err;
}

int perf_event_wait_fd(struct perf_event *e)
{
	const struct perf_event_mmap_page *h = header_of(e);
	bool first;
	int fd = waiters_fd(&e->wait, &first);

	/* What came before there was anybody to wake. */
	if (first && __atomic_load_n(&h->data_head, __ATOMIC_SEQ_CST) !=
			     __atomic_load_n(&h->data_tail, __ATOMIC_SEQ_CST))
		waiters_wake(&e->wait);
	return fd;
}
