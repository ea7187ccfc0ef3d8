/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps that were written over are found, and are new or empty then; others are left alone. */
#include "map/hash_int.h"
#include "map/lpm_int.h"
#include "tests/unit/map/maps.h"

#include <pthread.h>
#include <stdlib.h>

#define N 512

static bool scrub(struct skep_map *m)
{
	/* As often as it takes to have seen all of it. */
	for (int i = 0; i < 64; i++)
		if (m->sys->scrub(m, &m->scrubbed))
			return true;
	return false;
}

static uint64_t key_of(uint32_t i)
{
	return i * UINT64_C(0x9e3779b97f4a7c15);
}

static int put(struct skep_map *m, uint32_t i)
{
	const uint64_t key = key_of(i);
	uint64_t value[CPUS] = { i };

	return map_sys_update(m, &key, value, BPF_ANY);
}

static uint32_t count_to(struct skep_map *m, uint32_t most)
{
	uint64_t key, *prev = NULL;
	uint32_t n = 0;

	while (n <= most && !map_sys_next_key(m, prev, &key)) {
		prev = &key;
		n++;
	}
	return n;
}

static uint32_t count(struct skep_map *m)
{
	return count_to(m, 2 * N);
}

/* Half full, with elements that were there once, and in other rows than one. */
static struct skep_map *used(uint32_t type, uint32_t entries)
{
	struct skep_map *m = MAP(type, 8, 8, entries);
	uint64_t value[CPUS] = { 0 }, key;

	for (uint32_t i = 0; i < N; i++)
		ASSERT_EQ(put(m, i), 0);
	for (uint32_t i = 0; i < N; i += 2) {
		key = key_of(i);
		ASSERT_EQ(m->ops->delete (m, &key, i / 2 % 2), 0);
	}
	for (uint32_t i = 1; i < N; i += 8) {
		key = key_of(i);
		ASSERT_EQ(m->ops->update(m, &key, value, BPF_EXIST, i / 8 % 2), 0);
	}
	ASSERT_EQ(count(m), N / 2);
	return m;
}

static const uint32_t types[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH,
				  BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH };

TEST(sound_hashes_stay_as_they_are)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct skep_map *m = used(types[i], N);

		ASSERT(!scrub(m));
		ASSERT_EQ(count(m), N / 2);
		for (uint32_t k = 0; k < 2 * N; k++) {
			if (put(m, k))
				break;
			ASSERT(!scrub(m));
		}
		map_put(m);
		m = used(types[i], UINT32_C(1) << 20); /* looked at by parts */
		ASSERT(!scrub(m));
		ASSERT_EQ(count(m), N / 2);
		map_put(m);
	}
}

/* A bucket that has elements, and the slot of one. */
static struct bucket *full_bucket(const struct hash *h, uint32_t *ret_slot)
{
	for (uint32_t i = 0; i <= h->mask; i++)
		if (h->buckets[i].tags) {
			*ret_slot = tag_slot(h->buckets[i].tags & TAG_TOPS);
			return &h->buckets[i];
		}
	abort();
}

static struct elem *some_elem(const struct hash *h, uint32_t *ret_n)
{
	uint32_t s = 0;
	struct bucket *b = full_bucket(h, &s);

	*ret_n = b->slot[s];
	return hash_elem(h, *ret_n);
}

static uint32_t some_row(const struct hash *h)
{
	for (uint32_t i = 0; i <= h->nr_cpus; i++)
		if (h->sh->row[i].free)
			return i;
	return 0;
}

static void bad_tag(struct hash *h)
{
	uint32_t s;
	struct bucket *b = full_bucket(h, &s);

	b->tags ^= UINT64_C(0x15) << s * 8;
}

static void bad_slot(struct hash *h)
{
	uint32_t s;
	struct bucket *b = full_bucket(h, &s);

	b->slot[s] = UINT32_MAX;
}

static void other_slot(struct hash *h)
{
	uint32_t s;
	struct bucket *b = full_bucket(h, &s);

	b->slot[s] = h->sh->row[some_row(h)].free;
}

static void one_more_slot(struct hash *h)
{
	uint32_t s;
	struct bucket *b = full_bucket(h, &s);

	s = tag_slot(~b->tags & TAG_TOPS);
	b->tags |= UINT64_C(0x80) << s * 8;
	b->slot[s] = 0;
}

static void a_ring(struct hash *h)
{
	uint32_t n;
	struct elem *e = some_elem(h, &n);

	e->next = n;
	hash_bucket(h, e->hash)->overflow = n;
}

static void bad_key(struct hash *h)
{
	uint32_t n;

	elem_key(some_elem(h, &n))[3] ^= 1;
}

static void bad_holder(struct hash *h)
{
	uint32_t n;

	some_elem(h, &n)->holder = 2;
}

static void lost_list(struct hash *h)
{
	h->sh->row[some_row(h)].free = 0;
}

static void list_of_used(struct hash *h)
{
	uint32_t n;

	some_elem(h, &n);
	h->sh->row[some_row(h)].free = n;
}

static void bad_list(struct hash *h)
{
	h->sh->row[some_row(h)].free = UINT32_MAX;
}

static void less_fresh(struct hash *h)
{
	h->sh->fresh = 3;
}

static void more_fresh(struct hash *h)
{
	h->sh->fresh = UINT32_MAX;
}

static void no_spare(struct hash *h)
{
	h->sh->row[0].spare = 0;
}

static void one_spare_twice(struct hash *h)
{
	h->sh->row[0].spare = h->sh->row[1].spare;
}

/* parts: seen in maps that are looked at by parts too. */
static const struct {
	const char *name;
	void (*damage)(struct hash *h);
	bool parts, spares;
} damages[] = {
	{ "a tag", bad_tag, true, false },
	{ "a slot beyond", bad_slot, true, false },
	{ "a slot of a free element", other_slot, true, false },
	{ "a slot of nothing", one_more_slot, true, false },
	{ "a chain without end", a_ring, false, false },
	{ "a key", bad_key, true, false },
	{ "a holder", bad_holder, true, false },
	{ "a list that is lost", lost_list, false, false },
	{ "a list of what is not free", list_of_used, false, false },
	{ "a list from beyond", bad_list, false, false },
	{ "fewer taken", less_fresh, true, false },
	{ "more taken", more_fresh, false, false },
	{ "no spare", no_spare, false, true },
	{ "one spare twice", one_spare_twice, false, true },
};

static void check(uint32_t type, size_t d, uint32_t entries)
{
	struct skep_map *m = used(type, entries);
	const struct hash *h = m->priv;
	uint32_t fit = 0;

	damages[d].damage(m->priv);
	ASSERT_MSG(scrub(m), "type %u, %s", type, damages[d].name);
	ASSERT(!scrub(m));
	ASSERT_EQ(count(m), 0);
	while (fit < N && !put(m, fit))
		fit++;
	ASSERT_MSG(fit == N, "type %u, %s: %u fit", type, damages[d].name, fit);
	if (entries == N && !(h->kind & HASH_LRU))
		ASSERT_EQ(put(m, fit), -E2BIG);
	ASSERT(!scrub(m));
	map_put(m);
}

TEST(hashes_that_were_written_over_become_empty)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		for (size_t d = 0; d < ARRAY_SIZE(damages); d++) {
			const bool percpu = types[i] == BPF_MAP_TYPE_PERCPU_HASH ||
					    types[i] == BPF_MAP_TYPE_LRU_PERCPU_HASH;

			if (damages[d].spares && percpu)
				continue;
			check(types[i], d, N);
			if (damages[d].parts)
				check(types[i], d, UINT32_C(1) << 17);
		}
}

/* --- elements of large maps that are nowhere -------------------------------------------------- */

#define LARGE (UINT32_C(1) << 17)

/* How many more fit. */
static uint32_t room(struct skep_map *m)
{
	uint32_t n = 0;

	while (n < 2 * LARGE && !put(m, 100000 + n))
		n++;
	return n;
}

static void nothing(struct hash *h)
{
	(void)h;
}

static void lost_bucket(struct hash *h)
{
	uint32_t s;

	full_bucket(h, &s)->tags = 0;
}

TEST(large_hashes_find_what_is_lost)
{
	static const struct {
		const char *name;
		void (*damage)(struct hash *h);
		uint32_t gone; /* elements that are not there any more, but in their bucket */
	} cases[] = {
		{ "nothing", nothing, 0 },
		{ "a list", lost_list, 0 },
		{ "a list from beyond", bad_list, 0 },
		{ "a bucket", lost_bucket, 1 },
	};
	static const uint32_t kinds[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH };

	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(kinds); i++) {
		const size_t c = i / ARRAY_SIZE(kinds);
		struct skep_map *m = used(kinds[i % ARRAY_SIZE(kinds)], LARGE);
		uint32_t had;

		cases[c].damage(m->priv);
		ASSERT(!scrub(m));
		had = count(m);
		ASSERT(cases[c].gone ? had < N / 2 : had == N / 2);
		ASSERT_MSG(room(m) == LARGE - had, "%s", cases[c].name);
		ASSERT(!scrub(m));
		map_put(m);
	}
}

/* Elements that come and go while others are looked for are not taken for them. */
struct mover {
	struct skep_map *m;
	uint32_t first;
	_Atomic bool over;
};

static void *move(void *arg)
{
	struct mover *w = arg;
	uint64_t value[CPUS] = { 0 };

	for (uint32_t i = 0; !w->over; i++) {
		const uint64_t key = key_of(w->first + i % 5000);

		if (i / 5000 % 2)
			w->m->ops->delete (w->m, &key, w->first % 2);
		else
			w->m->ops->update(w->m, &key, value, BPF_ANY, w->first % 2);
	}
	return NULL;
}

TEST(large_hashes_find_what_is_lost_while_others_move)
{
	struct skep_map *m = used(BPF_MAP_TYPE_HASH, LARGE);
	struct mover w[2] = { { m, 200000 }, { m, 300001 } };
	pthread_t t[2];
	uint32_t had, more = 0;

	/* Lists that are longer than one piece. */
	ASSERT_EQ(room(m), LARGE - N / 2);
	for (uint32_t i = 0; i < 50000; i++) {
		const uint64_t key = key_of(100000 + i);

		ASSERT_EQ(m->ops->delete (m, &key, i % 2), 0);
	}
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, move, &w[i]), 0);
	for (int i = 0; i < 20; i++) {
		if (i % 7 == 3)
			lost_bucket(m->priv);
		ASSERT(!scrub(m));
	}
	w[0].over = w[1].over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 3; i++)
		ASSERT(!scrub(m));
	had = count_to(m, 2 * LARGE);
	/* Not among those that are there. */
	while (!put(m, 1000000 + more))
		more++;
	ASSERT_EQ(more, LARGE - had);
	ASSERT_EQ(count_to(m, 2 * LARGE), LARGE);
	map_put(m);
}

/* What a run has in hand stays its own. */
TEST(what_a_run_has_in_hand_stays)
{
	struct skep_map *m = used(BPF_MAP_TYPE_HASH, N);
	struct hash *h = m->priv;
	const uint32_t n = hash_take(h, 1);

	ASSERT(n);
	ASSERT(!scrub(m));
	bad_tag(h);
	ASSERT(scrub(m));
	ASSERT(!scrub(m));
	for (uint32_t i = 0; i < N - 1; i++)
		ASSERT_EQ(put(m, i), 0);
	ASSERT_EQ(put(m, N), -E2BIG);
	hash_give(h, n, 1);
	ASSERT_EQ(put(m, N), 0);
	ASSERT(!scrub(m));
	map_put(m);
}

/* --- tries ------------------------------------------------------------------------------------ */

struct prefix {
	uint32_t len;
	uint8_t data[4];
};

static struct skep_map *trie(void)
{
	struct skep_map *m =
		MAP(BPF_MAP_TYPE_LPM_TRIE, sizeof(struct prefix), 8, N, BPF_F_NO_PREALLOC);

	for (uint32_t i = 0; i < N / 2; i++) {
		const struct prefix p = { 8 + i % 25, { (uint8_t)i, (uint8_t)(i * 7), 3, 4 } };
		const uint64_t value = i;

		map_sys_update(m, &p, &value, BPF_ANY);
	}
	return m;
}

static uint32_t prefixes(struct skep_map *m)
{
	struct prefix p, *prev = NULL;
	uint32_t n = 0;

	while (n <= N && !map_sys_next_key(m, prev, &p)) {
		prev = &p;
		n++;
	}
	return n;
}

TEST(tries_that_were_written_over_are_made_anew)
{
	struct skep_map *m = trie();
	struct lpm *t = m->priv;
	const uint32_t n = prefixes(m);

	ASSERT(n > 200);
	ASSERT(!scrub(m));
	ASSERT_EQ(prefixes(m), n);
	atomic_store(&t->sh->root, 0); /* all are there, none is found */
	ASSERT(scrub(m));
	ASSERT(!scrub(m));
	ASSERT_EQ(prefixes(m), n);
	lpm_elem(t, 3)->prefixlen = 77;
	ASSERT(scrub(m));
	ASSERT_EQ(prefixes(m), n - 1);
	t->sh->elems.fresh = UINT32_MAX;
	ASSERT(scrub(m));
	ASSERT(!scrub(m));
	ASSERT_EQ(prefixes(m), n - 1);
	map_put(m);
}
