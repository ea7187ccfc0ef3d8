/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/harness/test.h"
#include "things.h"

#include <pthread.h>

TEST(objects_are_apart_aligned_and_zero)
{
	struct obj_store *s = make_store();
	uint8_t *obj[512], zero[OBJ_SIZE_MAX] = { 0 };

	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < ARRAY_SIZE(obj); i++) {
			const uint32_t size = 1 + i * 8 % OBJ_SIZE_MAX;

			obj[i] = new_plain(s, size);
			ASSERT(obj[i] && (uintptr_t)obj[i] % 16 == 0);
			ASSERT_MEMEQ(obj[i], zero, size);
			memset(obj[i], (int)i, size);
		}
		ASSERT_EQ(obj_live(s), ARRAY_SIZE(obj));
		for (uint32_t i = 0; i < ARRAY_SIZE(obj); i++) {
			ASSERT_EQ(obj[i][0], i & 0xff);
			ASSERT_EQ(obj[i][i * 8 % OBJ_SIZE_MAX], i & 0xff);
			obj_put(s, obj[i], CPU);
		}
		ASSERT_EQ(obj_live(s), 0);
	}
	ASSERT(!new_plain(s, OBJ_SIZE_MAX + 1));
	obj_put(s, NULL, CPU);
}

TEST(object_of_an_address)
{
	struct obj_store *s = make_store();
	uint8_t *obj = new_plain(s, 40), *cpus = new_percpu(s, 24);
	uintptr_t at = (uintptr_t)obj;
	size_t size = 0;

	ASSERT(obj_find(s, at, 40, &size) == obj);
	ASSERT_EQ(size, 40);
	ASSERT(obj_find(s, at + 39, 1, &size) == obj);
	ASSERT(obj_find(s, at + 8, 32, &size) == obj);
	ASSERT(!obj_find(s, at + 8, 33, &size));
	ASSERT(!obj_find(s, at + 40, 1, &size));
	ASSERT(!obj_find(s, at - 1, 1, &size));
	ASSERT(!obj_find(s, at - 16, 16, &size));
	ASSERT(!obj_find(s, at, SIZE_MAX, &size));
	ASSERT(!obj_find(s, (uintptr_t)s, 1, &size));
	ASSERT(!obj_find(s, (uintptr_t)&s, 1, &size));
	ASSERT(!obj_find(s, 0, 1, &size));
	ASSERT(!obj_find(s, UINTPTR_MAX, 1, &size));
	/* Its neighbour was not given out yet. */
	ASSERT(!obj_find(s, at + 64, 1, &size));

	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		uint8_t *copy = obj_of_cpu(s, cpus, cpu);

		ASSERT(obj_find(s, (uintptr_t)copy + 23, 1, &size) == copy);
		ASSERT_EQ(size, 24);
		ASSERT(!obj_find(s, (uintptr_t)copy + 24, 1, &size));
		ASSERT(!obj_find(s, (uintptr_t)copy - 8, 8, &size));
	}
}

TEST(percpu_objects_have_a_copy_each)
{
	struct obj_store *s = make_store();
	uint64_t *obj;

	for (int round = 0; round < 3; round++) {
		obj = new_percpu(s, 16);
		for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
			uint64_t *copy = obj_of_cpu(s, obj, cpu);

			ASSERT(copy[0] == 0 && copy[1] == 0);
			copy[0] = copy[1] = cpu + 1;
		}
		for (uint32_t cpu = 0; cpu < CPUS; cpu++)
			ASSERT_EQ(((uint64_t *)obj_of_cpu(s, obj, cpu))[0], cpu + 1);
		obj_put(s, obj, CPU);
	}
	ASSERT_EQ(obj_live(s), 0);
}

/* As many as there are; a chain by their first word. */
static uint64_t *all_of(struct obj_store *s, uint32_t *ret_n)
{
	uint64_t *obj, *first = NULL;

	for (*ret_n = 0; (obj = new_percpu(s, 512)); ++*ret_n) {
		*obj = (uintptr_t)first;
		first = obj;
	}
	return first;
}

TEST(dropped_objects_wait_for_runs)
{
	struct obj_store *s = make_store();
	struct vcpu *run;
	uint64_t *obj, *next;
	uint32_t n, again;

	obj = all_of(s, &n);
	ASSERT_GE(n, 25000);
	run = vcpu_get(&vcpus);
	for (; obj; obj = next) {
		next = (void *)(uintptr_t)*obj;
		obj_put(s, obj, CPU);
	}
	/* The run may look at any of them, in this group and in the next. */
	ASSERT(!new_percpu(s, 512));
	ASSERT(!new_percpu(s, 512));
	vcpu_put(run);
	obj = all_of(s, &again);
	ASSERT_EQ(again, n);
	ASSERT_EQ(obj_live(s), n);
}

TEST(other_sizes_do_not_wait)
{
	struct obj_store *s = make_store();
	struct vcpu *run = vcpu_get(&vcpus);
	void *first = new_plain(s, 100), *obj;

	for (int i = 0; i < 100000; i++) {
		obj = new_plain(s, 200);
		ASSERT(obj && obj != first);
		obj_put(s, obj, CPU);
		vcpu_quiesce(run);
	}
	vcpu_put(run);
	ASSERT_EQ(obj_live(s), 1);
}

/* --- many at once ----------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS	20000

static struct obj_store *shared;
static uint64_t slot[8]; /* kptrs: each holds an object whose words are all the same */
static _Atomic uint64_t stamp = 1;
static uint32_t stamped_type;

static uint64_t *stamped(uint32_t cpu)
{
	uint64_t *obj = obj_new(shared, stamped_type, cpu), n = atomic_fetch_add(&stamp, 1);

	ASSERT(obj);
	for (int i = 0; i < 8; i++)
		__atomic_store_n(&obj[i], n, __ATOMIC_RELAXED);
	return obj;
}

static void *exchanger(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct vcpu *run = vcpu_get(&vcpus);
		const uint32_t cpu = vcpu_id(&vcpus, run);
		void *at = &slot[i % ARRAY_SIZE(slot)];
		uint64_t *seen = (void *)(uintptr_t)obj_kptr_load(shared, at), first;

		/* As a program under RCU: what it reads stays to the end of the run. */
		first = seen ? __atomic_load_n(seen, __ATOMIC_RELAXED) : 0;
		obj_put(shared, obj_kptr_xchg(shared, at, stamped(cpu), cpu), cpu);
		for (int w = 0; seen && w < 8; w++)
			ASSERT_EQ(__atomic_load_n(&seen[w], __ATOMIC_RELAXED), first);
		vcpu_put(run);
	}
	return arg;
}

TEST(dropped_objects_stay_to_the_end_of_each_run)
{
	pthread_t t[THREADS];

	shared = make_hive_store();
	stamped_type = (uint32_t)obj_type_add(shared, 64, false, NULL);
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, exchanger, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(slot); i++)
		obj_put(shared, obj_kptr_xchg(shared, &slot[i], NULL, CPU), CPU);
	ASSERT_EQ(obj_live(shared), 0);
}
