/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_scrub.c - is a hash what it must be?  Any member of a hive may have written over it.  Cold.
 *
 * With all of its locks in our hands each element is in one place, which says so:
 *
 *	in a bucket	tag and bucket are those of its hash, which is its key's; holder 0
 *	in a list	holder 0
 *	in hand		holder 1 + row, and the row names it: spare, taken or removed
 *	in the tail	its number is above `fresh`
 *
 * A run that died may have left one in two of them, until it is mended: then the row names it too.
 * Small maps are looked at as a whole, of large ones some buckets at a time, then some of what is
 * free: whoever is in neither is free again (hash_lost.c).  What else is not so makes the map
 * empty: which of its elements are true nobody can tell.
 */
#include "base/alloc.h"
#include "map/hash_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define WHOLE	  (UINT32_C(1) << 16) /* elements: a millisecond */
#define REST	  4096		      /* elements that a look at the whole counts for */
#define SOME	  16384		      /* buckets: a millisecond, but each lock by itself */
#define PIECES	  8		      /* of lists */
#define PAGE	  4096
#define ROW_NAMES 3 /* elements that a row names */

/* --- what a look finds ------------------------------------------------------------------------ */

struct look {
	struct skep_map *m;
	const struct hash *h;
	uint32_t fresh;
	uint8_t *met; /* a bit for each element that was in some place; NULL: nobody counts */
	bool sound;
};

static void fail(struct look *l)
{
	l->sound = false;
}

/*
 * The row that has the element in hand, as both of them say; NULL: none.  The last row is that of
 * several threads, while something is written by bpf(2): it names what the last of them has.
 */
static const struct hash_row *hand_of(const struct skep_map *m, uint32_t n)
{
	const struct hash *h = m->priv;
	const uint32_t holder = atomic_load(&hash_elem(h, n)->holder);
	const struct hash_row *r = &h->sh->row[holder - 1];

	if (!holder || holder > h->nr_cpus + 1)
		return NULL;
	if (holder == h->nr_cpus + 1 && atomic_load(&m->writers))
		return r;
	return r->spare == n || atomic_load(&r->taken) == n || atomic_load(&r->removed) == n ? r
											     : NULL;
}

static bool in_hand(const struct skep_map *m, uint32_t n)
{
	return hand_of(m, n) != NULL;
}

/* The element is in that place: false, where it is in another one too, or is none. */
static bool meet(struct look *l, uint32_t n)
{
	const struct hash *h = l->h;
	const uint32_t holder = n && n <= l->fresh ? atomic_load(&hash_elem(h, n)->holder) : 0;

	if (!n || n > l->fresh || (holder && holder < HASH_RESTS && !in_hand(l->m, n))) {
		fail(l);
		return false;
	}
	if (!l->met) {
		hash_lost_meet(l->m, n);
		return true;
	}
	if (l->met[n / 8] >> n % 8 & 1 && !in_hand(l->m, n))
		fail(l);
	l->met[n / 8] |= (uint8_t)(1u << n % 8);
	return l->sound;
}

/* tag 0: it hangs on the chain. */
static bool meet_in_bucket(struct look *l, uint32_t bucket, uint32_t n, uint64_t tag)
{
	const struct hash *h = l->h;
	const struct elem *e = hash_elem(h, n);
	const uint32_t hash = atomic_load(&e->hash);

	if (!meet(l, n))
		return false;
	if ((hash & h->mask) != bucket || (tag && tag != hash_tag(hash)) ||
	    hash != hash_key(h, elem_key(e), 0))
		fail(l);
	return l->sound;
}

/* The bucket's lock is held. */
static void look_at_bucket(struct look *l, uint32_t i)
{
	const struct hash *h = l->h;
	const struct bucket *b = &h->buckets[i];
	const uint64_t tags = atomic_load(&b->tags);
	uint32_t left = h->total, n = atomic_load(&b->overflow);

	for (uint32_t s = 0; s < BUCKET_SLOTS; s++) {
		const uint64_t tag = tags >> s * 8 & 0xff;

		if (tag && !meet_in_bucket(l, i, atomic_load(&b->slot[s]), tag))
			return;
	}
	for (; n && left--; n = atomic_load(&hash_elem(h, n)->next))
		if (!meet_in_bucket(l, i, n, 0))
			return;
	if (n)
		fail(l);
}

#define ROW_NAMES 3

/* Elements that a row names; stale ones too. */
static void names_of(const struct hash_row *r, uint32_t ret[ROW_NAMES])
{
	ret[0] = r->spare;
	ret[1] = atomic_load(&r->taken);
	ret[2] = atomic_load(&r->removed);
}

/* Has the row that element in hand? */
static bool holds(const struct skep_map *m, const struct hash_row *r, uint32_t n)
{
	const struct hash *h = m->priv;

	return n && n <= h->total && hand_of(m, n) == r;
}

static void look_at_row(struct look *l, const struct hash_row *r)
{
	const struct hash *h = l->h;
	uint32_t left = h->total, n = atomic_load(&r->free), names[ROW_NAMES];

	for (; n && left--; n = atomic_load(&hash_elem(h, n)->next))
		if (!meet(l, n))
			return;
	if (n)
		fail(l);
	names_of(r, names);
	for (int i = 0; i < ROW_NAMES; i++)
		if (holds(l->m, r, names[i]))
			meet(l, names[i]);
	if (!(h->kind & HASH_PERCPU) && !holds(l->m, r, r->spare))
		fail(l);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* A hash, and where it has memory: what was never written is not to be. */
struct table {
	struct skep_map *m;
	const struct hash *h;
	int fd; /* of its area, for lseek(2) of its own; -1: all of it is looked at */
};

static void table_close(struct table *t)
{
	if (t->fd >= 0)
		close(t->fd);
}

static struct table table_open(struct skep_map *m)
{
	struct table t = { m, m->priv, -1 };
	char path[32];

	if (m->area.fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", m->area.fd);
		t.fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return t;
}

/* The first bucket from i on that may have elements; mask + 1: none. */
static uint32_t next_bucket(const struct table *t, uint32_t i)
{
	const uint64_t at = (uint64_t)((const uint8_t *)&t->h->buckets[i] - t->m->area.mem);
	off_t data;

	/* The others of a page come after its first one. */
	if (i > t->h->mask || at % PAGE || t->fd < 0)
		return i;
	data = lseek(t->fd, (off_t)at, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? t->h->mask + 1 : i;
	return (uint32_t)MIN(i + ((uint64_t)data - at) / sizeof(struct bucket),
			     (uint64_t)t->h->mask + 1);
}

/* Locks have numbers, in the order in which they may be taken: buckets, rows, the table's own. */
static uint64_t lock_count(const struct hash *h)
{
	return (uint64_t)h->mask + 1 + h->nr_cpus + 1 + 1;
}

static struct spinlock *lock_at(const struct hash *h, uint64_t n)
{
	const uint64_t row = n - h->mask - 1;

	if (n <= h->mask)
		return &h->buckets[n].lock;
	return row <= h->nr_cpus ? &h->sh->row[row].lock : &h->sh->lock;
}

#define SPINS 10000 /* for one, while others wait for those that are taken */

/* Not for long; as bucket_lock() and lock_take() otherwise. */
static bool try_lock(const struct hash *h, uint64_t n)
{
	struct spinlock *l = lock_at(h, n);
	const bool was_held = atomic_load(&l->word);

	for (int i = 0; i < SPINS; i++) {
		if (lock_try(l, h->vcpus, HASH_USER)) {
			if (was_held && n <= h->mask)
				hash_removed(&h->buckets[n]);
			return true;
		}
		cpu_relax();
	}
	return false;
}

static bool is_locked(const uint8_t *locked, uint64_t n)
{
	return locked[n / 8] >> n % 8 & 1;
}

static void unlock_all(const struct hash *h, uint8_t *locked)
{
	for (uint64_t n = 0; n < lock_count(h); n++)
		if (is_locked(locked, n))
			spin_unlock(lock_at(h, n));
	memset(locked, 0, lock_count(h) / 8 + 1);
}

#define LOOKS	20
#define LOOK_MS 100

/* Is it the kernel's own, as somebody may have written there? */
static bool is_kernels(const struct hash *h, uint64_t n)
{
	return atomic_load(&lock_at(h, n)->word) == LOCK_KERNEL;
}

static uint64_t next_lock(const struct table *t, uint64_t n)
{
	return n < t->h->mask ? next_bucket(t, (uint32_t)n + 1) : n + 1;
}

/*
 * Frees the locks that no thread of the kernel holds, though they say so: as lock_wait() finds out
 * of one, in two seconds, so of all of them at once.
 */
static void free_stuck(const struct table *t, uint8_t *stuck)
{
	const struct hash *h = t->h;

	if (!h->vcpus || !h->vcpus->bell)
		return;
	for (uint64_t n = next_bucket(t, 0); n < lock_count(h); n = next_lock(t, n))
		stuck[n / 8] |= (uint8_t)(is_kernels(h, n) << n % 8);
	for (int i = 0; i < LOOKS; i++) {
		usleep(LOOK_MS * 1000);
		for (uint64_t n = 0; n < lock_count(h); n++)
			if (is_locked(stuck, n) && !is_kernels(h, n))
				stuck[n / 8] &= (uint8_t) ~(1u << n % 8);
	}
	for (uint64_t n = 0; n < lock_count(h); n++) {
		uint32_t word = LOCK_KERNEL;

		if (is_locked(stuck, n))
			atomic_compare_exchange_strong(&lock_at(h, n)->word, &word, 0);
	}
	memset(stuck, 0, lock_count(h) / 8 + 1);
}

/* False: some are not to be had, now. */
static bool lock_all(const struct table *t, uint8_t *locked)
{
	const struct hash *h = t->h;

	for (uint64_t n = next_bucket(t, 0); n < lock_count(h); n = next_lock(t, n)) {
		if (!try_lock(h, n)) {
			unlock_all(h, locked);
			return false;
		}
		locked[n / 8] |= (uint8_t)(1u << n % 8);
	}
	return true;
}

/* All locks are held. */
static bool is_sound(struct skep_map *m, const uint8_t *locked, uint8_t *met)
{
	const struct hash *h = m->priv;
	struct look l = { m, h, atomic_load(&h->sh->fresh), met, true };

	if (l.fresh > h->total)
		return false;
	for (uint32_t i = 0; i <= h->mask && l.sound; i++)
		if (is_locked(locked, i))
			look_at_bucket(&l, i);
	for (uint32_t i = 0; i <= h->nr_cpus && l.sound; i++)
		look_at_row(&l, &h->sh->row[i]);
	for (uint32_t n = 1; n <= l.fresh && l.sound; n++)
		l.sound = met[n / 8] >> n % 8 & 1;
	return l.sound;
}

/* May a run have in hand what the row names?  What bpf(2) does is no run. */
static bool may_run(const struct hash *h, uint32_t row)
{
	return h->vcpus && (row == h->nr_cpus || vcpu_run(&h->vcpus->slot[row]));
}

/* A spare for a row that has lost its own: what it still names, else a free one. */
static void spare_again(const struct skep_map *m, uint32_t i)
{
	const struct hash *h = m->priv;
	struct hash_row *r = &h->sh->row[i], *user = &h->sh->row[h->nr_cpus];
	uint32_t names[ROW_NAMES], n = 0;

	names_of(r, names);
	for (int j = 0; j < ROW_NAMES && !n && (!j || !may_run(h, i)); j++)
		n = holds(m, r, names[j]) ? names[j] : 0;
	if (!n && (n = atomic_load(&user->free))) {
		atomic_store(&user->free, atomic_load(&hash_elem(h, n)->next));
		atomic_store(&hash_elem(h, n)->holder, 1 + i);
	}
	r->spare = n;
}

/* Elements up to there were taken: what the word says, or who has one in hand. */
static uint32_t fresh_of(const struct skep_map *m)
{
	const struct hash *h = m->priv;
	uint32_t ret = MIN(atomic_load(&h->sh->fresh), h->total), names[ROW_NAMES];

	for (uint32_t i = 0; i <= h->nr_cpus; i++) {
		names_of(&h->sh->row[i], names);
		for (int j = 0; j < ROW_NAMES; j++)
			if (holds(m, &h->sh->row[i], names[j]))
				ret = MAX(ret, names[j]);
	}
	return ret;
}

/* All locks are held: nobody is in the middle of a change, and what runs have in hand stays theirs.
 */
static void make_empty(struct skep_map *m, const uint8_t *locked)
{
	const struct hash *h = m->priv;
	_Atomic uint32_t *free = &h->sh->row[h->nr_cpus].free;
	const uint32_t fresh = fresh_of(m);

	for (uint32_t i = 0; i <= h->mask; i++) {
		struct bucket *b = &h->buckets[i];

		if (!is_locked(locked, i))
			continue;
		atomic_store(&b->tags, 0);
		atomic_store(&b->overflow, 0);
		hash_removed(b);
	}
	for (uint32_t i = 0; i <= h->nr_cpus; i++)
		atomic_store(&h->sh->row[i].free, 0);
	atomic_store(&h->sh->fresh, fresh);
	for (uint32_t n = 1; n <= fresh; n++) {
		if (in_hand(m, n))
			continue;
		if (m->objects)
			hash_drop(m, n, HASH_USER);
		atomic_store(&hash_elem(h, n)->holder, 0);
		atomic_store(&hash_elem(h, n)->next, atomic_load(free));
		atomic_store(free, n);
	}
	for (uint32_t i = 0; i <= h->nr_cpus && !(h->kind & HASH_PERCPU); i++)
		spare_again(m, i);
}

enum verdict { SOUND, WRONG, NOT_NOW };

#define TRIES 8 /* who holds a lock may be waiting for a CPU */

static enum verdict locked_look(const struct table *t, uint8_t *locked, uint8_t *met)
{
	const struct hash *h = t->h;
	bool wrong;

	for (int i = 0; i < TRIES && !lock_all(t, locked); i++)
		usleep(1000);
	if (!is_locked(locked, lock_count(h) - 1)) {
		free_stuck(t, locked);
		return NOT_NOW;
	}
	wrong = !met || !is_sound(t->m, locked, met);
	if (wrong)
		make_empty(t->m, locked);
	unlock_all(h, locked);
	return wrong ? WRONG : SOUND;
}

/* known: it is wrong. */
static enum verdict scrub_whole(const struct table *t, bool known)
{
	const struct hash *h = t->h;
	uint8_t *locked = skep_alloc_array(lock_count(h) / 8 + 1, 1);
	uint8_t *met = known ? NULL : skep_alloc_array(h->total / 8 + 1, 1);
	const enum verdict ret = locked && (known || met) ? locked_look(t, locked, met) : NOT_NOW;

	skep_free(locked);
	skep_free(met);
	return ret;
}

/* Some of them; true: those were the last. */
static bool lists(struct skep_map *m)
{
	bool over = false;

	for (int i = 0; i < PIECES && !over; i++)
		over = hash_lost_lists(m);
	return over;
}

static bool scrub_some(const struct table *t, uint64_t *pos)
{
	const struct hash *h = t->h;
	const uint64_t buckets = (uint64_t)h->mask + 1;
	const uint32_t end = (uint32_t)MIN(*pos + SOME, buckets);
	struct look l = { t->m, h, MIN(atomic_load(&h->sh->fresh), h->total), NULL, true };

	if (*pos == buckets) {
		*pos = lists(t->m) ? 0 : buckets;
		return false;
	}
	if (!*pos)
		hash_lost_begin(t->m);
	for (uint32_t i = next_bucket(t, (uint32_t)*pos); i < end && l.sound;
	     i = next_bucket(t, i + 1)) {
		bucket_lock(h, &h->buckets[i], HASH_USER);
		/* More may have been taken since. */
		l.fresh = MIN(atomic_load(&h->sh->fresh), h->total);
		look_at_bucket(&l, i);
		spin_unlock(&h->buckets[i].lock);
	}
	*pos = l.sound ? end : 0;
	if (l.sound)
		return false;
	hash_lost_free(t->m);
	return scrub_whole(t, true) == WRONG;
}

bool hash_scrub(struct skep_map *m, uint64_t *pos)
{
	const struct hash *h = m->priv;
	_cleanup_(table_close) struct table t = { m, h, -1 };
	enum verdict now;

	if (h->total <= WHOLE && *pos) {
		--*pos;
		return false;
	}
	t = table_open(m);
	if (h->total > WHOLE)
		return scrub_some(&t, pos);
	now = scrub_whole(&t, false);
	*pos = now == NOT_NOW ? 0 : h->total / REST;
	return now == WRONG;
}
