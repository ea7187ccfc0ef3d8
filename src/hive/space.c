/* SPDX-License-Identifier: BSD-2-Clause */
/* space.c - see space.h */
#include "hive/space.h"
#include "base/alloc.h"
#include "base/extent.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC	0x0010U
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define LINE  ((size_t)64) /* what is given out begins on one */
#define TRIES 64	   /* bases that are tried */

struct space {
	uintptr_t base;
	int fd[_HIVE_SEGMENTS];
	uint8_t *text_alias;
	pthread_mutex_t lock;		     /* of what follows, and of the rows of areas */
	struct extents free[_HIVE_SEGMENTS]; /* of meta and data */
	struct extents places;		     /* of maps */
	uint32_t spare_row;		     /* where the search for a free row begins */
};

const struct hive_part hive_part[_HIVE_SEGMENTS] = {
	[HIVE_TEXT] = { HIVE_TEXT_AT, HIVE_META_AT, PROT_READ | PROT_EXEC },
	[HIVE_META] = { HIVE_META_AT, HIVE_DATA_AT, PROT_READ },
	[HIVE_DATA] = { HIVE_DATA_AT, HIVE_MAPS_AT, PROT_READ | PROT_WRITE },
};

/* What the server makes of them. */
static const struct segment {
	const char *name;
	int prot;    /* of its own mapping */
	bool sealed; /* nobody else gets to write */
	size_t head; /* bytes that are taken */
} segments[_HIVE_SEGMENTS] = {
	[HIVE_TEXT] = { "skep-text", PROT_READ | PROT_EXEC, true, 0 },
	[HIVE_META] = { "skep-meta", PROT_READ | PROT_WRITE, true, sizeof(struct hive_meta) },
	[HIVE_DATA] = { "skep-data", PROT_READ | PROT_WRITE, false, sizeof(struct hive_data) },
};

static size_t size_of(int i)
{
	return hive_part[i].end - hive_part[i].at;
}

static int segment_fd(int i)
{
	const struct segment *seg = &segments[i];
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	_cleanup_(close_fd_p) int fd =
		memfd_create(seg->name, flags | (seg->prot & PROT_EXEC ? MFD_EXEC : 0));

	if (fd < 0 && errno == EINVAL) /* before 6.3 every memfd may be mapped executable */
		fd = memfd_create(seg->name, flags);
	if (fd < 0)
		return -errno;
	return ftruncate(fd, (off_t)size_of(i)) ? -ENOMEM : TAKE_FD(fd);
}

static void *map_at(uintptr_t at, size_t size, int prot, int fd)
{
	void *p = mmap((void *)at, size, prot,
		       MAP_SHARED | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0), fd, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (at && (uintptr_t)p != at) { /* a kernel before 4.17 takes it for a hint */
		munmap(p, size);
		return NULL;
	}
	return p;
}

static void unmap_segments(uintptr_t base, int n)
{
	for (int i = 0; i < n; i++)
		munmap((void *)(base + hive_part[i].at), size_of(i));
}

/* True where all segments found their place at that base. */
static bool map_segments(const struct space *s, uintptr_t base)
{
	for (int i = 0; i < _HIVE_SEGMENTS; i++) {
		if (!map_at(base + hive_part[i].at, size_of(i), segments[i].prot, s->fd[i])) {
			unmap_segments(base, i);
			return false;
		}
	}
	return true;
}

static uintptr_t pick_base(void)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = (uint32_t)getpid() * 2654435761u;
	return HIVE_BASE_LOW +
	       r % ((HIVE_BASE_HIGH - HIVE_BASE_LOW) / HIVE_BASE_STEP) * HIVE_BASE_STEP;
}

static int seal(const struct space *s)
{
	for (int i = 0; i < _HIVE_SEGMENTS; i++) {
		const int seals = F_SEAL_SHRINK | F_SEAL_GROW |
				  (segments[i].sealed ? F_SEAL_FUTURE_WRITE : 0) | F_SEAL_SEAL;

		if (fcntl(s->fd[i], F_ADD_SEALS, seals))
			return -errno;
	}
	return 0;
}

static void write_heads(struct space *s)
{
	struct hive_head head = { HIVE_MEM_MAGIC, HIVE_LAYOUT, HIVE_META, sizeof(struct hive_meta),
				  s->base };

	space_meta(s)->head = head;
	space_meta(s)->server = getpid();
	head.segment = HIVE_DATA;
	head.size = sizeof(struct hive_data);
	space_data(s)->head = head;
}

static int map_all(struct space *s)
{
	for (int i = 0; i < TRIES && !s->base; i++) {
		const uintptr_t base = pick_base();

		if (map_segments(s, base))
			s->base = base;
	}
	if (!s->base)
		return -EEXIST;
	s->text_alias = map_at(0, size_of(HIVE_TEXT), PROT_READ | PROT_WRITE, s->fd[HIVE_TEXT]);
	return s->text_alias ? seal(s) : -ENOMEM;
}

static int make(struct space *s)
{
	int err = 0;

	for (int i = 0; i < _HIVE_SEGMENTS; i++) {
		s->fd[i] = segment_fd(i);
		if (s->fd[i] < 0)
			return s->fd[i];
	}
	err = map_all(s);
	for (int i = HIVE_META; i < _HIVE_SEGMENTS && !err; i++) {
		const size_t head = ALIGN_UP(segments[i].head, LINE);

		err = extents_init(&s->free[i], s->base + hive_part[i].at + head,
				   size_of(i) - head);
	}
	if (!err)
		err = extents_init(&s->places, s->base + HIVE_MAPS_AT, HIVE_RANGE - HIVE_MAPS_AT);
	if (!err)
		write_heads(s);
	return err;
}

int space_new(struct space **ret)
{
	struct space *s = skep_alloc(sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	for (int i = 0; i < _HIVE_SEGMENTS; i++)
		s->fd[i] = -1;
	err = make(s);
	if (err) {
		space_free(s);
		return err;
	}
	*ret = s;
	return 0;
}

void space_free(struct space *s)
{
	if (!s)
		return;
	if (s->text_alias)
		munmap(s->text_alias, size_of(HIVE_TEXT));
	if (s->base)
		unmap_segments(s->base, _HIVE_SEGMENTS);
	for (int i = 0; i < _HIVE_SEGMENTS; i++) {
		close_fd_p(&s->fd[i]);
		extents_fini(&s->free[i]);
	}
	extents_fini(&s->places);
	pthread_mutex_destroy(&s->lock);
	skep_free(s);
}

struct hive_meta *space_meta(struct space *s)
{
	return (struct hive_meta *)(s->base + HIVE_META_AT);
}

struct hive_data *space_data(struct space *s)
{
	return (struct hive_data *)(s->base + HIVE_DATA_AT);
}

uintptr_t space_base(const struct space *s)
{
	return s->base;
}

int space_fd(const struct space *s, enum hive_segment seg)
{
	return s->fd[seg];
}

uint8_t *space_text_alias(const struct space *s)
{
	return s->text_alias;
}

/* --- parts ------------------------------------------------------------------------------------ */

static uintptr_t take(struct space *s, struct extents *e, size_t size, size_t align)
{
	uintptr_t at;

	pthread_mutex_lock(&s->lock);
	at = extents_take(e, size, align);
	pthread_mutex_unlock(&s->lock);
	return at;
}

static void give(struct space *s, struct extents *e, uintptr_t at, size_t size)
{
	pthread_mutex_lock(&s->lock);
	extents_give(e, at, size);
	pthread_mutex_unlock(&s->lock);
}

void *space_alloc(struct space *s, enum hive_segment seg, size_t size)
{
	uintptr_t at;

	if (!s)
		return skep_alloc(size);
	at = take(s, &s->free[seg], ALIGN_UP(size, LINE), LINE);
	/* Whoever had it before may have left something, and others may write to data any time. */
	return at ? memset((void *)at, 0, size) : NULL;
}

void space_give(struct space *s, enum hive_segment seg, void *p, size_t size)
{
	if (!s)
		skep_free(p);
	else if (p)
		give(s, &s->free[seg], (uintptr_t)p, ALIGN_UP(size, LINE));
}

#define PAGE ((size_t)4096)

/* A hole is zero and takes no memory. */
int space_zero_pages(struct space *s, void *p, size_t size)
{
	return fallocate(s->fd[HIVE_DATA], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)space_offset(s, HIVE_DATA, (uintptr_t)p),
			 (off_t)ALIGN_UP(size, PAGE))
		       ? -errno
		       : 0;
}

void *space_pages(struct space *s, size_t size)
{
	void *p;
	uintptr_t at;

	size = ALIGN_UP(size, PAGE);
	if (!s) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		return p == MAP_FAILED ? NULL : p;
	}
	at = take(s, &s->free[HIVE_DATA], size, PAGE);
	/* As in space_alloc. */
	if (at && space_zero_pages(s, (void *)at, size)) {
		give(s, &s->free[HIVE_DATA], at, size);
		return NULL;
	}
	return (void *)at;
}

void space_give_pages(struct space *s, void *p, size_t size)
{
	size = ALIGN_UP(size, PAGE);
	if (!s)
		munmap(p, size);
	else
		give(s, &s->free[HIVE_DATA], (uintptr_t)p, size);
}

uint64_t space_offset(const struct space *s, enum hive_segment seg, uintptr_t at)
{
	return at - s->base - hive_part[seg].at;
}

uintptr_t space_place(struct space *s, size_t size)
{
	return take(s, &s->places, size, PAGE);
}

void space_unplace(struct space *s, uintptr_t at, size_t size)
{
	give(s, &s->places, at, size);
}

/* --- what members map ------------------------------------------------------------------------- */

/* A row that is free, below HIVE_AREAS; HIVE_AREAS: there is none. */
static uint32_t free_row(struct space *s)
{
	const struct hive_meta *m = space_meta(s);
	uint32_t row = s->spare_row;

	while (row < HIVE_AREAS && m->area[row].at)
		row++;
	return row;
}

int space_show(struct space *s, const struct hive_area *area)
{
	struct hive_meta *m = space_meta(s);
	struct hive_area *a;
	uint32_t row;

	pthread_mutex_lock(&s->lock);
	row = free_row(s);
	if (row < HIVE_AREAS) {
		a = &m->area[row];
		a->size = area->size;
		a->off = area->off;
		a->fd = area->fd;
		a->write = area->write;
		/* Who has the address has the rest; who read that of the last one hears of it. */
		__atomic_store_n(&a->gen, a->gen + 1, __ATOMIC_RELEASE);
		__atomic_store_n(&a->at, area->at, __ATOMIC_RELEASE);
		s->spare_row = row + 1;
		if (row >= atomic_load(&m->areas))
			atomic_store(&m->areas, row + 1);
		atomic_fetch_add(&m->change, 1);
	}
	pthread_mutex_unlock(&s->lock);
	return row < HIVE_AREAS ? (int)row : -ENOSPC;
}

void space_protect(struct space *s, int row)
{
	struct hive_meta *m = space_meta(s);

	pthread_mutex_lock(&s->lock);
	m->area[row].write = false;
	pthread_mutex_unlock(&s->lock);
}

void space_hide(struct space *s, int row)
{
	struct hive_meta *m = space_meta(s);

	pthread_mutex_lock(&s->lock);
	__atomic_store_n(&m->area[row].at, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&m->area[row].gen, m->area[row].gen + 1, __ATOMIC_RELEASE);
	s->spare_row = MIN(s->spare_row, (uint32_t)row);
	atomic_fetch_add(&m->change, 1);
	pthread_mutex_unlock(&s->lock);
}
