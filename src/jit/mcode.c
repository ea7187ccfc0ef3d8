/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mcode.c - code memory: arenas, each one memfd that is mapped twice.
 *
 *	        rw (read, write)                      rx (read, execute)
 *	arena   +-----+-----+--------+-------------+  +-----+-----+--------+-------------+
 *	        | img | img |  free  | uncommitted |  | img | img |  free  | uncommitted |
 *	        +-----+-----+--------+-------------+  +-----+-----+--------+-------------+
 *	                             ^ committed                          the same pages
 *
 * Invariants: no page is ever writable and executable at one address.  Every byte below
 * `committed` belongs to exactly one block; blocks are linked in the order of their addresses and
 * two neighbours are never both free; free blocks hold nothing but int3.  Freeing needs no
 * memory.
 *
 * The server of a hive has one arena, in the hive's text, and what it calls lies there too
 * (mcode_settle).  Elsewhere arenas are laid near this library's own text, so that compiled code
 * reaches helpers by a plain call.  Where the address space is too crowded for that, they lie
 * anywhere and code is compiled without that assumption (mcode_is_near is false from then on).
 */
#include "jit/mcode.h"
#include "base/alloc.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define ARENA_SIZE (64u << 20)
#define CHUNK	   (256u << 10)	       /* commits grow by this */
#define NEAR	   (INT64_C(1) << 30)  /* "near" is this far from our text, at most */
#define NEAR_STEP  (INT64_C(16) << 20) /* distance between two tries to lie near */
#define INT3	   0xcc

struct arena {
	uint8_t *rw, *rx;   /* the two mappings */
	size_t size;	    /* bytes reserved */
	size_t committed;   /* bytes that have memory, from the start */
	bool near;	    /* lies near our text */
	bool inherited;	    /* belongs to a parent process: never touched */
	struct block *last; /* the block with the highest address, or NULL */
	struct block *free; /* free blocks, in no order */
	struct arena *next;
	int fd;	      /* the memfd */
	uint64_t off; /* where the arena begins in it */
};

struct block {
	struct mcode m;		   /* what the caller sees; first */
	struct arena *arena;	   /* it lies in */
	struct block *lo, *hi;	   /* neighbours by address */
	struct block *prev, *next; /* in the arena's free list, when free */
	bool free;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct arena *arenas;
static bool nowhere_near;      /* an arena could not be laid near our text */
static struct mcode_home home; /* of mcode_settle(); text NULL: there is none */

static void fork_prepare(void)
{
	pthread_mutex_lock(&lock);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&lock);
}

/* The pages are shared with the parent, who goes on allocating in them. */
static void fork_child(void)
{
	for (struct arena *a = arenas; a; a = a->next)
		a->inherited = true;
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void mcode_init(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* Distance from our text to addr. */
static int64_t distance(const void *addr)
{
	return (int64_t)((uintptr_t)addr - (uintptr_t)mcode_alloc);
}

/* Do all of [p, p + size) and our text reach each other, with room for the text's own size? */
static bool range_is_near(const void *p, size_t size)
{
	int64_t d = distance(p);

	return d > -NEAR && d + (int64_t)size < NEAR;
}

bool mcode_is_near(const void *addr)
{
	const uint8_t *p = addr;

	if (home.text)
		return p >= home.text && p < home.rx + home.size;
	return !__atomic_load_n(&nowhere_near, __ATOMIC_RELAXED) && range_is_near(addr, 0);
}

/* Reserves address space for the executable mapping, below or above our text; NULL: no room. */
static void *map_near(int fd, size_t size)
{
	uintptr_t text = (uintptr_t)mcode_alloc & ~((uintptr_t)NEAR_STEP - 1);

	for (int64_t d = NEAR_STEP; d + (int64_t)size < NEAR - NEAR_STEP; d += NEAR_STEP) {
		for (int above = 0; above < 2; above++) {
			uintptr_t at = above ? text + d : text - d - size;
			void *p;

			if (at > INTPTR_MAX)
				continue;
			p = mmap((void *)at, size, PROT_READ | PROT_EXEC,
				 MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
			if (p != MAP_FAILED && (uintptr_t)p == at)
				return p;
			if (p != MAP_FAILED) /* a kernel before 4.17 takes it for a hint */
				munmap(p, size);
		}
	}
	return NULL;
}

static int code_memfd(size_t size)
{
	_cleanup_(close_fd_p) int fd = memfd_create("skep-text", MFD_CLOEXEC | MFD_EXEC);

	if (fd < 0 && errno == EINVAL) /* before 6.3 every memfd may be mapped executable */
		fd = memfd_create("skep-text", MFD_CLOEXEC);
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? -errno : -ENOMEM;
	if (ftruncate(fd, (off_t)size) < 0)
		return -ENOMEM;
	return TAKE_FD(fd);
}

static int arena_new(size_t size, struct arena **ret)
{
	struct arena *a = skep_alloc(sizeof(*a));
	int r = -ENOMEM;

	if (!a)
		return r;
	a->size = MAX(ALIGN_UP(size, CHUNK), ARENA_SIZE);
	a->fd = code_memfd(a->size);
	if (a->fd < 0) {
		r = a->fd;
		goto out_free;
	}
	a->rx = map_near(a->fd, a->size);
	a->near = a->rx != NULL;
	if (!a->near)
		a->rx = mmap(NULL, a->size, PROT_READ | PROT_EXEC, MAP_SHARED, a->fd, 0);
	if (a->rx == MAP_FAILED)
		goto out_close;
	a->rw = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
	if (a->rw == MAP_FAILED)
		goto out_unmap;
	if (!a->near)
		__atomic_store_n(&nowhere_near, true, __ATOMIC_RELAXED);
	a->next = arenas;
	arenas = a;
	*ret = a;
	return 0;

out_unmap:
	munmap(a->rx, a->size);
out_close:
	close(a->fd);
out_free:
	skep_free(a);
	return r;
}

int mcode_settle(const struct mcode_home *h)
{
	struct arena *a = skep_alloc(sizeof(*a));

	if (!a)
		return -ENOMEM;
	*a = (struct arena){
		.rw = h->rw, .rx = h->rx, .size = h->size, .near = true, .fd = h->fd, .off = h->off
	};
	pthread_mutex_lock(&lock);
	home = *h;
	arenas = a;
	pthread_mutex_unlock(&lock);
	return 0;
}

static void free_list_add(struct block *b)
{
	struct arena *a = b->arena;

	b->free = true;
	b->prev = NULL;
	b->next = a->free;
	if (a->free)
		a->free->prev = b;
	a->free = b;
}

static void free_list_del(struct block *b)
{
	b->free = false;
	if (b->prev)
		b->prev->next = b->next;
	else
		b->arena->free = b->next;
	if (b->next)
		b->next->prev = b->prev;
}

/* Makes b's upper neighbour, which is free, part of b. */
static void block_absorb(struct block *b)
{
	struct block *hi = b->hi;

	free_list_del(hi);
	b->m.size += hi->m.size;
	b->hi = hi->hi;
	if (b->hi)
		b->hi->lo = b;
	else
		b->arena->last = b;
	skep_free(hi);
}

/* A block of `size` bytes at off, above lo; the caller lists it as free or not. */
static struct block *block_new(struct arena *a, size_t off, size_t size, struct block *lo)
{
	struct block *b = skep_alloc(sizeof(*b));

	if (!b)
		return NULL;
	b->arena = a;
	b->m = (struct mcode){ .rx = a->rx + off, .rw = a->rw + off, .size = (uint32_t)size };
	b->lo = lo;
	b->hi = lo ? lo->hi : NULL;
	if (lo)
		lo->hi = b;
	if (b->hi)
		b->hi->lo = b;
	else
		a->last = b;
	return b;
}

/* Commits memory so that a free block of at least `size` bytes ends the arena. */
static int arena_grow(struct arena *a, size_t size)
{
	size_t grow = ALIGN_UP(size, CHUNK);
	struct block *b;

	if (grow > a->size - a->committed)
		return -ENOMEM;
	/* Asked for here, so that a full memory is an error now and not a SIGBUS on first touch. */
	if (fallocate(a->fd, 0, (off_t)(a->off + a->committed), (off_t)grow) < 0)
		return -ENOMEM;
	b = block_new(a, a->committed, grow, a->last);
	if (!b)
		return -ENOMEM;
	memset(b->m.rw, INT3, grow);
	a->committed += grow;
	free_list_add(b);
	if (b->lo && b->lo->free)
		block_absorb(b->lo);
	return 0;
}

/* First fit; NULL: none, or no memory to cut one. */
static struct block *arena_take(struct arena *a, size_t size)
{
	struct block *b = a->free;

	while (b && b->m.size < size)
		b = b->next;
	if (!b)
		return NULL;
	if (b->m.size > size) {
		size_t off = (size_t)(b->m.rx - a->rx);
		struct block *rest = block_new(a, off + size, b->m.size - size, b);

		if (!rest)
			return NULL;
		b->m.size = (uint32_t)size;
		free_list_add(rest);
	}
	free_list_del(b);
	return b;
}

static struct block *arena_alloc(struct arena *a, size_t size, bool near)
{
	struct block *b;

	if (a->inherited || (near && !a->near))
		return NULL;
	b = arena_take(a, size);
	if (!b && arena_grow(a, size) == 0)
		b = arena_take(a, size);
	return b;
}

int mcode_alloc(size_t size, bool near, struct mcode **ret)
{
	struct block *b = NULL;
	struct arena *a;
	int r = 0;

	size = ALIGN_UP(MAX(size, 1), MCODE_ALIGN);
	if (size > UINT32_MAX / 2)
		return -ENOMEM;
	pthread_mutex_lock(&lock);
	for (a = arenas; a && !b; a = a->next)
		b = arena_alloc(a, size, near);
	if (!b && home.text) {
		r = -ENOMEM;
	} else if (!b) {
		r = arena_new(size, &a);
		if (r == 0 && near && !a->near)
			r = -EAGAIN;
		if (r == 0)
			b = arena_alloc(a, size, near);
		if (r == 0 && !b)
			r = -ENOMEM;
	}
	if (b)
		*ret = &b->m;
	pthread_mutex_unlock(&lock);
	return r;
}

void mcode_free(struct mcode *m)
{
	struct block *b = (struct block *)m; /* its first member */

	if (!m)
		return;
	pthread_mutex_lock(&lock);
	if (!b->arena->inherited) {
		memset(m->rw, INT3, m->size);
		free_list_add(b);
		if (b->hi && b->hi->free)
			block_absorb(b);
		if (b->lo && b->lo->free)
			block_absorb(b->lo);
	}
	pthread_mutex_unlock(&lock);
}
