/* SPDX-License-Identifier: BSD-2-Clause */
/* sweep.c - blocks that are in no list are found, and no others. */
#include "tests/harness/test.h"
#include "things.h"
#include "obj/obj_int.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define SIZE 24 /* bytes of an object here, and as many are long lists: */
#define MANY 40000

static int sweep(struct obj_store *s)
{
	struct obj_sweep *state = NULL;
	int found;

	while ((found = obj_sweep(s, &state)) == -EAGAIN)
		;
	ASSERT_EQ(state, (struct obj_sweep *)NULL);
	return found;
}

/* Blocks that were ever taken. */
static uint32_t used(const struct obj_store *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < 2 * (CPUS + 1) * CLASSES; i++)
		n += pool_used(s, i);
	return n;
}

/* Objects that are all different ones, by what they say; gives them back. */
static void take_and_give(struct obj_store *s, uint32_t n)
{
	uint64_t **obj = calloc(n, sizeof(*obj));

	for (uint32_t i = 0; i < n; i++) {
		obj[i] = new_plain(s, SIZE);
		ASSERT(obj[i]);
		*obj[i] = i;
	}
	for (uint32_t i = 0; i < n; i++)
		ASSERT_EQ(*obj[i], i);
	for (uint32_t i = 0; i < n; i++)
		obj_put(s, obj[i], CPU);
	free(obj);
}

/* Lists of all rows, of all classes. */
static void cut_all(struct obj_store *s)
{
	for (uint32_t i = 0; i < (CPUS + 1) * 2 * CLASSES; i++)
		for (int j = 0; j < 3; j++)
			s->sh->row[i / (2 * CLASSES)].blocks[i / CLASSES % 2][i % CLASSES].list[j] =
				0;
}

static _Atomic uint32_t *longest(struct obj_store *s)
{
	struct row *r = &s->sh->row[CPUS];

	for (uint32_t i = 0; i < 3 * CLASSES; i++)
		if (r->blocks[0][i / 3].list[i % 3])
			return &r->blocks[0][i / 3].list[i % 3];
	abort();
}

/* Whoever nobody holds is in some list, once. */
static void check_lists(struct obj_store *s)
{
	const uint32_t ranges = 2 * (CPUS + 1) * CLASSES;
	uint32_t first[2 * (CPUS + 1) * CLASSES], bits = 0, n, place, listed = 0;
	uint8_t *met;

	for (uint32_t i = 0; i < ranges; i++) {
		first[i] = bits;
		bits += pool_used(s, i);
	}
	met = calloc(bits / 8 + 1, 1);
	for (uint32_t i = 0; i < ranges * 3; i++) {
		const struct row *r = &s->sh->row[i / 3 / (2 * CLASSES)];
		uint32_t unit = r->blocks[i / 3 / CLASSES % 2][i / 3 % CLASSES].list[i % 3];

		for (struct block *b; unit; unit = b->next, listed++) {
			b = unit_at(s, unit);
			ASSERT_EQ(block_count(b), 0);
			place = pool_place(s, b, &n);
			n += first[place];
			ASSERT(!(met[n / 8] >> n % 8 & 1));
			met[n / 8] |= (uint8_t)(1u << n % 8);
		}
	}
	ASSERT_EQ(listed + obj_live(s), bits);
	free(met);
}

TEST(what_is_in_lists_stays_there)
{
	struct obj_store *s = make_hive_store();
	uint64_t *held;
	uint32_t n;

	take_and_give(s, MANY);
	held = new_plain(s, SIZE);
	n = used(s);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(sweep(s), 0);
	take_and_give(s, n - 1);
	ASSERT_EQ(used(s), n);
	ASSERT_EQ(sweep(s), 0);
	ASSERT_EQ(obj_live(s), 1);
	obj_put(s, held, CPU);
	ASSERT_EQ(obj_live(s), 0);
}

TEST(blocks_of_lists_that_were_cut_come_back)
{
	struct obj_store *s = make_hive_store();
	struct thing *held = new_thing(s, 5);
	uint32_t n;

	take_and_give(s, MANY);
	obj_put(s, new_percpu(s, SIZE), CPU);
	n = used(s);
	cut_all(s);
	ASSERT_EQ(sweep(s), n - 1);
	check_lists(s);
	ASSERT_EQ(sweep(s), 0);
	ASSERT_EQ(held->key, 5);
	take_and_give(s, MANY);
	obj_put(s, new_percpu(s, SIZE), CPU);
	ASSERT_EQ(used(s), n);
}

/* A block in the middle of a list leads there. */
static void lead_to(uint32_t nonsense)
{
	struct obj_store *s = make_hive_store();
	struct block *b;
	uint32_t n;

	take_and_give(s, MANY);
	n = used(s);
	b = unit_at(s, *longest(s));
	for (uint32_t k = 1; k < MANY / 2; k++)
		b = unit_at(s, b->next);
	b->next = nonsense;
	ASSERT_EQ(sweep(s), MANY / 2);
	check_lists(s);
	take_and_give(s, MANY);
	ASSERT_EQ(used(s), n);
}

TEST(what_is_behind_no_block_comes_back)
{
	lead_to(7);
}

TEST(what_is_behind_no_memory_comes_back)
{
	lead_to(UINT32_MAX);
}

TEST(a_list_without_end_is_left_alone)
{
	struct obj_store *s = make_hive_store();
	struct block *b;

	take_and_give(s, 100);
	b = unit_at(s, *longest(s));
	((struct block *)unit_at(s, b->next))->next = unit_of(s, b);
	ASSERT_EQ(sweep(s), 0);
}

TEST(damage_is_looked_at_once)
{
	struct obj_store *s = make_hive_store();

	ASSERT(!obj_wants_sweep(s) && !obj_is_damaged(s));
	store_damaged(s);
	ASSERT(obj_wants_sweep(s) && obj_is_damaged(s));
	ASSERT_EQ(sweep(s), 0);
	ASSERT(!obj_wants_sweep(s) && obj_is_damaged(s));
	store_damaged(s);
	ASSERT(obj_wants_sweep(s));
}

/* --- while others take and give --------------------------------------------------------------- */

static struct obj_store *store;
static _Atomic bool over;

/* What it holds is its own. */
static void *work(void *arg)
{
	uint64_t *obj[64], tag = (uintptr_t)arg << 32;

	while (!over) {
		struct vcpu *c = vcpu_get(&vcpus);
		const uint32_t cpu = vcpu_id(&vcpus, c),
			       type = obj_type_find(store, SIZE, false, NULL);

		for (uint32_t i = 0; i < ARRAY_SIZE(obj); i++) {
			obj[i] = obj_new(store, type, cpu);
			ASSERT(obj[i]);
			*obj[i] = ++tag;
		}
		for (uint32_t i = 0; i < ARRAY_SIZE(obj); i++) {
			ASSERT_EQ(*obj[i], tag - ARRAY_SIZE(obj) + 1 + i);
			obj_put(store, obj[i], cpu);
		}
		vcpu_put(c);
	}
	return NULL;
}

TEST(blocks_come_back_while_others_move)
{
	pthread_t t[2];
	uint32_t found = 0;

	store = make_hive_store();
	take_and_give(store, MANY);
	for (uintptr_t i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, work, (void *)(i + 1)), 0);
	for (int i = 0; i < 12; i++) {
		/* The head of a list: what was there, but for what is on its way, is lost. */
		if (i % 3 == 1)
			*longest(store) = 0;
		found += (uint32_t)sweep(store);
	}
	over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	ASSERT_GT(found, 0);
	found += (uint32_t)sweep(store);
	ASSERT_EQ(obj_live(store), 0);
	check_lists(store);
	take_and_give(store, MANY);
}
