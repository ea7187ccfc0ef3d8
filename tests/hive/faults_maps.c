/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults_maps.c - what members that are killed do with elements: maps with keys, which each member
 * has some of and looks at those of all; a queue; maps that come and go.
 */
#include "tests/hive/faults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CPUS_MAX  512
#define WORDS_MAX 4
#define FRESH	  100000 /* keys from here on are nobody's */

/* --- maps with keys --------------------------------------------------------------------------- */

enum like {
	FIXED = 1, /* elements are always there */
	PER_CPU = 2,
	FORGETS = 4, /* the map drops elements by itself */
	TEARS = 8,   /* a value may be half written: views store it word by word */
	PREFIXES = 16,
};

#define ELEMS (SLOTS_MAX * KEYS)

static const struct keyed {
	const char *name;
	struct map_shape shape;
	unsigned like;
} rows[] = {
	{ "array", { BPF_MAP_TYPE_ARRAY, 4, 8, ELEMS }, FIXED },
	{ "array_wide", { BPF_MAP_TYPE_ARRAY, 4, 32, ELEMS }, FIXED | TEARS },
	{ "percpu_array", { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, ELEMS }, FIXED | PER_CPU },
	{ "hash", { BPF_MAP_TYPE_HASH, 4, 32, ELEMS }, 0 },
	{ "hash_lazy", { BPF_MAP_TYPE_HASH, 8, 24, ELEMS, BPF_F_NO_PREALLOC }, 0 },
	{ "percpu_hash", { BPF_MAP_TYPE_PERCPU_HASH, 4, 8, ELEMS }, PER_CPU },
	{ "lru_hash", { BPF_MAP_TYPE_LRU_HASH, 4, 16, ELEMS / 2 }, FORGETS },
	{ "lpm_trie", { BPF_MAP_TYPE_LPM_TRIE, 8, 24, ELEMS, BPF_F_NO_PREALLOC }, PREFIXES },
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))
_Static_assert(NR_ROWS <= KEYED_MAX, "each has its place in a slot");

static int fds[NR_ROWS];
static uint32_t cpus;

static void keyed_make(void)
{
	cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	for (unsigned r = 0; r < NR_ROWS; r++) {
		fds[r] = map_make(&rows[r].shape, rows[r].name);
		if (fds[r] < 0 || cpus > CPUS_MAX)
			wrong(&shared->slot[0], "%s cannot be made: %s", rows[r].name,
			      strerror(errno));
	}
}

static void make_key(const struct keyed *row, uint32_t k, uint64_t *key)
{
	const uint32_t prefix[2] = { 32, __builtin_bswap32(0x0a000000 | k * 37) };

	*key = k;
	if (row->like & PREFIXES)
		memcpy(key, prefix, sizeof(prefix));
}

/* A value of all CPUs, as bpf(2) has it. */
struct value {
	uint64_t word[CPUS_MAX * WORDS_MAX];
	uint32_t n; /* words */
};

static void value_init(const struct keyed *row, struct value *v)
{
	v->n = row->shape.value / 8 * (row->like & PER_CPU ? cpus : 1);
}

static uint64_t seal_of(const struct keyed *row, uint32_t k, uint64_t serial, uint32_t i)
{
	return seal((uint64_t)(row - rows) << 32 | k, serial, i % (row->shape.value / 8));
}

/* Every word is one that was written there. */
static void check_words(struct slot *s, const struct keyed *row, uint32_t k, const struct value *v)
{
	for (uint32_t i = 0; i < v->n; i++) {
		const uint64_t serial = serial_of(v->word[i]);

		if (v->word[i] != seal_of(row, k, serial, i))
			wrong(s, "%s: key %u, word %u is %#llx", row->name, k, i,
			      (unsigned long long)v->word[i]);
		if (serial != serial_of(v->word[0]) && !(row->like & (TEARS | PER_CPU)))
			wrong(s, "%s: key %u is half of serial %llu, half of %llu", row->name, k,
			      (unsigned long long)serial_of(v->word[0]),
			      (unsigned long long)serial);
	}
}

static bool look(struct slot *s, const struct keyed *row, uint32_t k, struct value *v)
{
	uint64_t key;

	make_key(row, k, &key);
	value_init(row, v);
	if (element(BPF_MAP_LOOKUP_ELEM, fds[row - rows], &key, v->word)) {
		if (errno != ENOENT || row->like & FIXED)
			wrong(s, "%s: lookup of %u: %s", row->name, k, strerror(errno));
		return false;
	}
	check_words(s, row, k, v);
	return true;
}

static void put(struct slot *s, const struct keyed *row, uint32_t k, struct intent *t,
		uint64_t serial)
{
	struct value v;
	uint64_t key;

	make_key(row, k, &key);
	value_init(row, &v);
	for (uint32_t i = 0; i < v.n; i++)
		v.word[i] = seal_of(row, k, serial, i);
	t->next = serial;
	atomic_signal_fence(memory_order_seq_cst);
	if (element(BPF_MAP_UPDATE_ELEM, fds[row - rows], &key, v.word))
		wrong(s, "%s: update of %u: %s", row->name, k, strerror(errno));
	atomic_signal_fence(memory_order_seq_cst);
	t->done = serial;
}

static void take(struct slot *s, const struct keyed *row, uint32_t k, struct intent *t)
{
	uint64_t key;

	make_key(row, k, &key);
	t->next = 0;
	atomic_signal_fence(memory_order_seq_cst);
	if (element(BPF_MAP_DELETE_ELEM, fds[row - rows], &key, NULL) && errno != ENOENT)
		wrong(s, "%s: deletion of %u: %s", row->name, k, strerror(errno));
	atomic_signal_fence(memory_order_seq_cst);
	t->done = 0;
}

/* May it be that serial, or with 0 that there is no element? */
static bool may_be(const struct intent *t, uint64_t serial)
{
	bool may = serial == t->done || serial == t->next;

	for (uint32_t i = 0; i < LATES && !may; i++)
		may = t->late[i].next == serial && t->late[i].until > now_ns();
	return may;
}

/* Somebody died: what it was about to do may come to be later. */
static void keyed_begin(struct slot *s)
{
	for (unsigned i = 0; i < NR_ROWS * KEYS; i++) {
		struct intent *t = &s->key[i / KEYS][i % KEYS];

		if (t->done == t->next)
			continue;
		t->late[t->nr_late % LATES].next = t->next;
		t->late[t->nr_late % LATES].until = now_ns() + LATE_NS;
		t->nr_late++;
	}
}

/* An element of its own is as it was left, or as it was about to be; from now on it is one. */
static void settle(struct slot *s, const struct keyed *row, uint32_t k, struct intent *t)
{
	struct value v;
	bool there = look(s, row, k, &v), mixed = false;

	if (!there && !may_be(t, 0) && !(row->like & FORGETS))
		wrong(s, "%s: key %u with serial %llu is lost", row->name, k,
		      (unsigned long long)t->done);
	for (uint32_t i = 0; there && i < v.n; i++) {
		const uint64_t serial = serial_of(v.word[i]);

		if (!may_be(t, serial))
			wrong(s, "%s: key %u has serial %llu, not %llu or %llu", row->name, k,
			      (unsigned long long)serial, (unsigned long long)t->done,
			      (unsigned long long)t->next);
		mixed |= serial != serial_of(v.word[0]);
	}
	if (mixed) {
		put(s, row, k, t, t->next ? t->next : t->done);
		return;
	}
	t->done = there ? serial_of(v.word[0]) : 0;
	t->next = t->done;
}

static void keyed_step(struct slot *s)
{
	const struct keyed *row = &rows[below(s, NR_ROWS)];
	const uint32_t i = below(s, KEYS), mine = s->index * KEYS + i;
	struct intent *t = &s->key[row - rows][i];
	struct value v;

	switch (below(s, 8)) {
	case 0:
	case 1:
	case 2:
		look(s, row, below(s, shared->slots * KEYS), &v);
		break;
	case 3:
		settle(s, row, mine, t);
		if (!(row->like & FIXED))
			take(s, row, mine, t);
		break;
	case 4:
	case 5:
		if (t->done != t->next)
			settle(s, row, mine, t);
		put(s, row, mine, t, ++s->serial);
		break;
	default:
		settle(s, row, mine, t);
	}
}

/* --- afterwards ------------------------------------------------------------------------------- */

/* How many fresh keys a map takes, and then has. */
static uint32_t fill(struct slot *s, const struct keyed *row, int fd)
{
	uint64_t key, word[CPUS_MAX * WORDS_MAX] = { 0 };
	uint32_t n = 0;

	for (uint32_t k = 0; k < 2 * row->shape.max; k++) {
		make_key(row, FRESH + k, &key);
		if (!element(BPF_MAP_UPDATE_ELEM, fd, &key, word))
			continue;
		if (errno != E2BIG && errno != ENOSPC)
			wrong(s, "%s: the update of fresh key %u: %s", row->name, k,
			      strerror(errno));
		break;
	}
	for (uint32_t k = 0; k < 2 * row->shape.max; k++) {
		make_key(row, FRESH + k, &key);
		n += !element(BPF_MAP_LOOKUP_ELEM, fd, &key, word);
	}
	return n;
}

/* A map that was emptied has room for as many as a new one: no element was lost on the way. */
static void check_room(struct slot *s, const struct keyed *row, int fd)
{
	const int fresh = map_make(&row->shape, "fresh");
	uint32_t had, has;
	uint64_t key;

	if (fresh < 0)
		wrong(s, "%s: no fresh map: %s", row->name, strerror(errno));
	while (!element(BPF_MAP_GET_NEXT_KEY, fd, NULL, &key))
		if (element(BPF_MAP_DELETE_ELEM, fd, &key, NULL))
			wrong(s, "%s: a key that is listed cannot be deleted: %s", row->name,
			      strerror(errno));
	had = fill(s, row, fresh);
	has = fill(s, row, fd);
	if (has != had)
		wrong(s, "%s: has room for %u elements, a fresh one for %u", row->name, has, had);
	close(fresh);
}

static void keyed_finish(struct slot *s)
{
	for (const struct keyed *row = rows; row < rows + NR_ROWS; row++) {
		for (uint32_t k = 0; k < shared->slots * KEYS; k++)
			settle(s, row, k, &shared->slot[k / KEYS].key[row - rows][k % KEYS]);
		if (!(row->like & FIXED))
			check_room(s, row, fds[row - rows]);
	}
}

const struct work keyed_work = { "elements", keyed_make, keyed_begin, keyed_step, keyed_finish };

/* --- a queue ---------------------------------------------------------------------------------- */

#define QUEUE_MAX   100
#define QUEUE_OWNER (UINT64_C(1) << 40)

static int queue;

static void queue_make(void)
{
	static const struct map_shape shape = { BPF_MAP_TYPE_QUEUE, 0, 24, QUEUE_MAX };

	queue = map_make(&shape, "queue");
	if (queue < 0)
		wrong(&shared->slot[0], "no queue: %s", strerror(errno));
}

static bool pop(struct slot *s)
{
	uint64_t v[3];

	if (element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, queue, NULL, v)) {
		if (errno != ENOENT)
			wrong(s, "queue: pop: %s", strerror(errno));
		return false;
	}
	for (uint32_t i = 0; i < 3; i++)
		if (!v[0] || v[i] != seal(QUEUE_OWNER, serial_of(v[0]), i))
			wrong(s, "queue: word %u is %#llx", i, (unsigned long long)v[i]);
	return true;
}

static bool push(struct slot *s, uint64_t serial)
{
	uint64_t v[3];

	for (uint32_t i = 0; i < 3; i++)
		v[i] = seal(QUEUE_OWNER, serial, i);
	if (!element(BPF_MAP_UPDATE_ELEM, queue, NULL, v))
		return true;
	if (errno != E2BIG)
		wrong(s, "queue: push: %s", strerror(errno));
	return false;
}

static void queue_step(struct slot *s)
{
	const bool pushes = below(s, 2);
	struct intent *t = pushes ? &s->pushed : &s->popped;

	t->next++;
	atomic_signal_fence(memory_order_seq_cst);
	if (pushes ? push(s, ++s->serial) : pop(s))
		t->done++;
	else
		t->next--;
}

/* Each death leaves one push or pop of which nobody knows. */
static void queue_finish(struct slot *s)
{
	uint64_t in = 0, in_most = 0, out = 0, out_most = 0, left = 0, room = 0;

	for (unsigned i = 0; i < shared->slots; i++) {
		in += shared->slot[i].pushed.done;
		in_most += shared->slot[i].pushed.next;
		out += shared->slot[i].popped.done;
		out_most += shared->slot[i].popped.next;
	}
	while (pop(s))
		left++;
	if (in > out_most + left || out + left > in_most)
		wrong(s, "queue: %llu to %llu went in, %llu to %llu came out, %llu were left",
		      (unsigned long long)in, (unsigned long long)in_most, (unsigned long long)out,
		      (unsigned long long)out_most, (unsigned long long)left);
	while (push(s, 1))
		room++;
	if (room != QUEUE_MAX)
		wrong(s, "queue: has room for %llu", (unsigned long long)room);
}

const struct work queue_work = { "queue", queue_make, NULL, queue_step, queue_finish };

/* --- maps that come and go ---------------------------------------------------------------------
 */

static uint32_t maps_before;

static uint32_t count_maps(void)
{
	union bpf_attr a;
	uint32_t n = 0;

	memset(&a, 0, sizeof(a));
	while (!bpf(BPF_MAP_GET_NEXT_ID, &a)) {
		a.start_id = a.next_id;
		n++;
	}
	return n;
}

static void churn_make(void)
{
	maps_before = count_maps();
}

static void churn_step(struct slot *s)
{
	static const struct map_shape shape = { BPF_MAP_TYPE_HASH, 4, 8, 16 };
	const int fd = map_make(&shape, "churn");
	uint32_t key = s->index;
	uint64_t v = s->serial;
	int err;

	next_call(s);
	err = fd < 0 || element(BPF_MAP_UPDATE_ELEM, fd, &key, &v);
	next_call(s);
	if (err || element(BPF_MAP_LOOKUP_ELEM, fd, &key, &v) || v != s->serial)
		wrong(s, "a map of a moment: %s", strerror(errno));
	next_call(s);
	close(fd);
}

static void churn_finish(struct slot *s)
{
	const uint32_t now = count_maps();

	if (now != maps_before)
		wrong(s, "there are %u maps, %u before", now, maps_before);
}

/* Its make() comes after all others'. */
const struct work churn_work = { "churn", churn_make, NULL, churn_step, churn_finish };
