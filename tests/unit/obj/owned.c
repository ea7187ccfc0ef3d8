/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/harness/test.h"
#include "things.h"

#include <pthread.h>

TEST(the_last_reference_frees)
{
	struct obj_store *s = make_store();
	struct thing *t = new_thing(s, 7);

	ASSERT_EQ(refs_of(t), 1);
	ASSERT(obj_get(s, t, CPU) == t);
	ASSERT_EQ(refs_of(t), 2);
	obj_put(s, t, CPU);
	ASSERT_EQ(obj_live(s), 1);
	obj_put(s, t, CPU);
	ASSERT_EQ(obj_live(s), 0);
	ASSERT(!obj_get(s, t, CPU)); /* the memory is still there, but nobody's */
}

TEST(what_an_owner_holds_goes_with_it)
{
	struct obj_store *s = make_store();
	struct owner *o = new_owner(s);
	struct thing *kept = new_thing(s, 100);

	for (uint64_t i = 0; i < 100; i++) {
		ASSERT_EQ(obj_list_push(s, o->list, new_thing(s, i)->list, i % 2, CPU), 0);
		ASSERT_EQ(obj_tree_add(s, o->tree, new_thing(s, i)->tree, by_key, NULL, CPU), 0);
	}
	ASSERT_EQ(
		obj_list_push(s, o->list, ((struct thing *)obj_get(s, kept, CPU))->list, true, CPU),
		0);
	ASSERT_EQ(obj_tree_add(s, o->tree, ((struct thing *)obj_get(s, kept, CPU))->tree, by_key,
			       NULL, CPU),
		  0);
	obj_kptr_xchg(s, &o->kptr, new_owner(s), CPU);
	obj_kptr_xchg(s, &o->percpu, new_percpu(s, 8), CPU);
	ASSERT_EQ(obj_live(s), 204);
	obj_put(s, o, CPU);
	/* One reference to this one is ours. */
	ASSERT_EQ(obj_live(s), 1);
	ASSERT_EQ(refs_of(kept), 1);
	ASSERT(!obj_tree_remove(s, o->tree, kept->tree, CPU));
	obj_put(s, kept, CPU);
	ASSERT_EQ(obj_live(s), 0);
}

TEST(fields_of_values_are_emptied_in_place)
{
	struct obj_store *s = make_store();
	struct owner value = { .plain = 5 };

	obj_fields_init(owner_record, &value);
	for (int round = 0; round < 2; round++) {
		ASSERT(!obj_list_pop(s, value.list, false, CPU) &&
		       !obj_list_peek(s, value.list, true));
		ASSERT(!obj_tree_first(s, value.tree) && !obj_tree_root(s, value.tree));
		ASSERT_EQ(obj_list_push(s, value.list, new_thing(s, 1)->list, true, CPU), 0);
		ASSERT_EQ(obj_tree_add(s, value.tree, new_thing(s, 1)->tree, by_key, NULL, CPU), 0);
		ASSERT(!obj_kptr_xchg(s, &value.kptr, new_owner(s), CPU));
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

	ASSERT(obj_get(s, t, CPU) && obj_get(s, t, CPU));
	ASSERT_EQ(obj_list_push(s, a.list, t->list, false, CPU), 0);
	/* Refused, and the reference is gone all the same. */
	ASSERT_EQ(obj_list_push(s, b.list, t->list, false, CPU), -EINVAL);
	ASSERT_EQ(refs_of(t), 2);
	ASSERT(!obj_list_peek(s, b.list, false));
	/* A tree is another matter. */
	ASSERT_EQ(obj_tree_add(s, a.tree, t->tree, by_key, NULL, CPU), 0);
	ASSERT(!obj_tree_remove(s, b.tree, t->tree, CPU));
	ASSERT(of_list(obj_list_pop(s, a.list, true, CPU)) == t);
	ASSERT_EQ(obj_list_push(s, b.list, t->list, false, CPU), 0);
	obj_fields_free(s, owner_record, &a, VCPU_NONE);
	ASSERT_EQ(refs_of(t), 1);
	obj_fields_free(s, owner_record, &b, VCPU_NONE);
	ASSERT_EQ(obj_live(s), 0);
}

TEST(long_chains_of_owners_go_without_recursion)
{
	struct obj_store *s = make_store();
	struct owner *first = NULL, *o;

	for (int i = 0; i < 200000; i++) {
		o = new_owner(s);
		obj_kptr_xchg(s, &o->kptr, first, CPU);
		first = o;
	}
	obj_put(s, first, CPU);
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
		const uint32_t cpu = vcpu_id(&vcpus, run);
		struct thing *t = new_thing_on(shared, i * 2654435761u % 1000, cpu), *out;

		ASSERT(obj_get(shared, t, cpu));
		pthread_mutex_lock(&lock);
		ASSERT_EQ(obj_list_push(shared, box.list, t->list, i % 2, cpu), 0);
		ASSERT_EQ(obj_tree_add(shared, box.tree, t->tree, by_key, NULL, cpu), 0);
		out = i % 3 ? of_list(obj_list_pop(shared, box.list, i % 5 == 0, cpu)) : NULL;
		pthread_mutex_unlock(&lock);
		obj_put(shared, out, cpu);
		pthread_mutex_lock(&lock);
		out = of_tree(obj_tree_first(shared, box.tree));
		out = out ? of_tree(obj_tree_remove(shared, box.tree, out->tree, cpu)) : NULL;
		pthread_mutex_unlock(&lock);
		obj_put(shared, out, cpu);
		vcpu_put(run);
	}
	return arg;
}

TEST(things_move_between_threads)
{
	pthread_t t[THREADS];

	shared = make_hive_store();
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, mover, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	obj_fields_free(shared, owner_record, &box, VCPU_NONE);
	ASSERT_EQ(obj_live(shared), 0);
}
