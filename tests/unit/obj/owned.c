/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/harness/test.h"
#include "things.h"

#include <pthread.h>

TEST(the_last_reference_frees)
{
	struct obj_store *s = make_store();
	struct thing *t = new_thing(s, 7);

	ASSERT_EQ(t->refs, 1);
	ASSERT(obj_get(t) == t);
	ASSERT_EQ(t->refs, 2);
	obj_put(s, t);
	ASSERT_EQ(obj_live(s), 1);
	obj_put(s, t);
	ASSERT_EQ(obj_live(s), 0);
	ASSERT(!obj_get(t)); /* the memory is still there, but nobody's */
}

TEST(what_an_owner_holds_goes_with_it)
{
	struct obj_store *s = make_store();
	struct owner *o = new_owner(s);
	struct thing *kept = new_thing(s, 100);

	for (uint64_t i = 0; i < 100; i++) {
		ASSERT_EQ(obj_list_push(s, o->list, new_thing(s, i)->list, i % 2), 0);
		ASSERT_EQ(obj_tree_add(s, o->tree, new_thing(s, i)->tree, by_key, NULL), 0);
	}
	ASSERT_EQ(obj_list_push(s, o->list, ((struct thing *)obj_get(kept))->list, true), 0);
	ASSERT_EQ(obj_tree_add(s, o->tree, ((struct thing *)obj_get(kept))->tree, by_key, NULL), 0);
	obj_kptr_xchg(&o->kptr, new_owner(s));
	obj_kptr_xchg(&o->percpu, obj_new_percpu(s, 8));
	ASSERT_EQ(obj_live(s), 204);
	obj_put(s, o);
	/* One reference to this one is ours. */
	ASSERT_EQ(obj_live(s), 1);
	ASSERT_EQ(kept->refs, 1);
	ASSERT(!obj_tree_remove(o->tree, kept->tree));
	obj_put(s, kept);
	ASSERT_EQ(obj_live(s), 0);
}

TEST(fields_of_values_are_emptied_in_place)
{
	struct obj_store *s = make_store();
	struct owner value = { .plain = 5 };

	obj_fields_init(owner_record, &value);
	for (int round = 0; round < 2; round++) {
		ASSERT(!obj_list_pop(value.list, false) && !obj_list_peek(value.list, true));
		ASSERT(!obj_tree_first(value.tree) && !obj_tree_root(value.tree));
		ASSERT_EQ(obj_list_push(s, value.list, new_thing(s, 1)->list, true), 0);
		ASSERT_EQ(obj_tree_add(s, value.tree, new_thing(s, 1)->tree, by_key, NULL), 0);
		ASSERT(!obj_kptr_xchg(&value.kptr, new_owner(s)));
		obj_fields_free(s, owner_record, &value, VCPU_NONE);
		ASSERT_EQ(obj_live(s), 0);
		ASSERT(!value.kptr && value.plain == 5);
	}
	obj_fields_free(s, NULL, &value, VCPU_NONE);
}

TEST(a_node_is_in_one_list_at_a_time)
{
	struct obj_store *s = make_store();
	struct owner a = { 0 }, b = { 0 };
	struct thing *t = new_thing(s, 1);

	ASSERT(obj_get(t) && obj_get(t));
	ASSERT_EQ(obj_list_push(s, a.list, t->list, false), 0);
	/* Refused, and the reference is gone all the same. */
	ASSERT_EQ(obj_list_push(s, b.list, t->list, false), -EINVAL);
	ASSERT_EQ(t->refs, 2);
	ASSERT(!obj_list_peek(b.list, false));
	/* A tree is another matter. */
	ASSERT_EQ(obj_tree_add(s, a.tree, t->tree, by_key, NULL), 0);
	ASSERT(!obj_tree_remove(b.tree, t->tree));
	ASSERT(of_list(obj_list_pop(a.list, true)) == t);
	ASSERT_EQ(obj_list_push(s, b.list, t->list, false), 0);
	obj_fields_free(s, owner_record, &a, VCPU_NONE);
	ASSERT_EQ(t->refs, 1);
	obj_fields_free(s, owner_record, &b, VCPU_NONE);
	ASSERT_EQ(obj_live(s), 0);
}

TEST(long_chains_of_owners_go_without_recursion)
{
	struct obj_store *s = make_store();
	struct owner *first = NULL, *o;

	for (int i = 0; i < 200000; i++) {
		o = new_owner(s);
		o->kptr = first;
		first = o;
	}
	obj_put(s, first);
	ASSERT_EQ(obj_live(s), 0);
}

/* --- many at once ----------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS	20000

static struct obj_store *shared;
static struct owner box;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Things go in and come out at both ends, some held twice; another empties the whole. */
static void *mover(void *arg)
{
	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct vcpu *run = vcpu_get(&vcpus);
		struct thing *t = new_thing(shared, i * 2654435761u % 1000), *out;

		ASSERT(obj_get(t));
		pthread_mutex_lock(&lock);
		ASSERT_EQ(obj_list_push(shared, box.list, t->list, i % 2), 0);
		ASSERT_EQ(obj_tree_add(shared, box.tree, t->tree, by_key, NULL), 0);
		out = i % 3 ? of_list(obj_list_pop(box.list, i % 5 == 0)) : NULL;
		pthread_mutex_unlock(&lock);
		obj_put(shared, out);
		pthread_mutex_lock(&lock);
		out = of_tree(obj_tree_first(box.tree));
		out = out ? of_tree(obj_tree_remove(box.tree, out->tree)) : NULL;
		pthread_mutex_unlock(&lock);
		obj_put(shared, out);
		vcpu_put(run);
	}
	return arg;
}

TEST(things_move_between_threads)
{
	pthread_t t[THREADS];

	shared = make_store();
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, mover, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	obj_fields_free(shared, owner_record, &box, VCPU_NONE);
	ASSERT_EQ(obj_live(shared), 0);
}
