/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sys.h"
#include "hive/lock.h"
#include "tests/harness/test.h"

#include <pthread.h>
#include <unistd.h>

#define THREADS 6
#define ROUNDS	20000

static struct vcpus vcpus;
static struct {
	uint64_t n;
	char pad[56];
} per_cpu[2];

static void *bump(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct vcpu *c = vcpu_get(&vcpus);

		per_cpu[vcpu_id(&vcpus, c)].n++; /* no atomics: the slot is ours */
		vcpu_put(c);
	}
	return arg;
}

TEST(vcpu_slots_exclude_each_other)
{
	pthread_t t[THREADS];

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 2), 0);
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, bump, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	ASSERT_EQ(per_cpu[0].n + per_cpu[1].n, THREADS * ROUNDS);
	vcpus_fini(&vcpus, NULL);
}

static pthread_barrier_t both_hold, both_tried;

/* Holds one, and asks for another while both are held. */
static void *hold_and_ask(void *arg)
{
	const uint64_t who = vcpu_who(&vcpus, 1);
	struct vcpu *c = vcpu_enter(&vcpus, who);

	pthread_barrier_wait(&both_hold);
	*(struct vcpu **)arg = vcpu_enter(&vcpus, who);
	pthread_barrier_wait(&both_tried);
	vcpu_put(c);
	return NULL;
}

/* Handlers of signals that interrupted runs would wait for one another for ever. */
TEST(vcpu_enter_waits_for_nobody_while_it_holds_one)
{
	struct vcpu *got[2] = { (struct vcpu *)got, (struct vcpu *)got };
	pthread_t t[2];

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 2), 0);
	pthread_barrier_init(&both_hold, NULL, 2);
	pthread_barrier_init(&both_tried, NULL, 2);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, hold_and_ask, &got[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	ASSERT(!got[0] && !got[1]);
	vcpus_fini(&vcpus, NULL);
}

static _Atomic int published = 1;
static _Atomic bool stop;

static void *reader(void *arg)
{
	while (!atomic_load(&stop)) {
		struct vcpu *c = vcpu_get(&vcpus);
		int *p = (int *)arg;

		/* What was published at the start of a run stays valid until its end. */
		if (atomic_load(&published))
			ASSERT_EQ(*p, 42);
		vcpu_put(c);
	}
	return NULL;
}

/* Nobody's, which the server is told of; of a kernel without one there is nobody to mend it. */
TEST(vcpu_that_is_abandoned_is_told_of)
{
	_Atomic uint32_t asked = 0, bell = 0;
	struct vcpus v;
	struct vcpu *c;
	uint64_t who;

	ASSERT_EQ(vcpus_init(&v, NULL, 1), 0);
	who = vcpu_who(&v, 7);
	c = vcpu_enter(&v, who);
	ASSERT_EQ(c, v.slot);
	vcpu_abandon(&v, c, who);
	ASSERT_EQ(atomic_load(&c->owner), who);
	v.asked = &asked;
	v.bell = &bell;
	vcpu_abandon(&v, c, who ^ 1);
	ASSERT_EQ(atomic_load(&c->owner), who);
	ASSERT_EQ(atomic_load(&asked), 0u);
	vcpu_abandon(&v, c, who);
	ASSERT_EQ(vcpu_who_member(atomic_load(&c->owner)), 0u);
	ASSERT_NE(atomic_load(&c->owner), 0u);
	ASSERT_EQ(atomic_load(&asked), 1u);
	ASSERT_EQ(atomic_load(&bell), 1u);
	vcpus_fini(&v, NULL);
}

TEST(vcpu_synchronize_waits_for_readers)
{
	int value = 42;
	pthread_t t;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 2), 0);
	ASSERT_EQ(pthread_create(&t, NULL, reader, &value), 0);
	for (int i = 0; i < 2000; i++) {
		atomic_store(&published, 0);
		vcpus_synchronize(&vcpus);
		value = 0; /* nobody looks any more */
		value = 42;
		atomic_store(&published, 1);
	}
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	vcpus_fini(&vcpus, NULL);
}

/* Between the two writes of vcpu_put(), and after the second: no later run may ever come. */
TEST(vcpu_run_that_is_seen_at_its_end_is_over)
{
	struct vcpu *c;
	uint64_t owner, seen;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 1), 0);
	c = vcpu_get(&vcpus);
	ASSERT(!vcpu_run_over(c, vcpu_run(c)));
	owner = atomic_load(&c->owner);
	vcpu_put(c);
	atomic_store(&c->owner, owner);
	seen = vcpu_run(c);
	ASSERT(seen != 0);
	atomic_store(&c->owner, 0);
	ASSERT(vcpu_run_over(c, seen));
	vcpus_synchronize(&vcpus);
	vcpus_fini(&vcpus, NULL);
}

static void *take_one(void *arg)
{
	vcpu_put(vcpu_get(&vcpus));
	return arg;
}

/* In a hive: whoever waits for long says so, as nobody may hold the slot at all. */
TEST(vcpu_waits_are_told_of)
{
	_Atomic uint32_t asked = 0, bell = 0;
	pthread_t t;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 1), 0);
	vcpus.asked = &asked;
	vcpus.bell = &bell;
	atomic_store(&vcpus.slot[0].owner, 4711);
	ASSERT_EQ(pthread_create(&t, NULL, take_one, NULL), 0);
	while (!atomic_load(&bell))
		sys_rest();
	ASSERT_GE(atomic_load(&asked), 1);
	atomic_store(&vcpus.slot[0].owner, 0);
	pthread_join(t, NULL);
	vcpus_fini(&vcpus, NULL);
}

/* A lock of the kernel's that no thread of the kernel has: somebody wrote it. */
TEST(locks_of_no_kernel_are_taken)
{
	struct spinlock l = { LOCK_KERNEL };
	_Atomic uint32_t asked = 0, bell = 0;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 1), 0);
	vcpus.asked = &asked;
	vcpus.bell = &bell;
	ASSERT(!lock_try(&l, &vcpus, 0));
	ASSERT(lock_take(&l, &vcpus, 0));
	ASSERT_EQ(atomic_load(&l.word), lock_word(&vcpus, 0));
	vcpus_fini(&vcpus, NULL);
}

/* Where the slot of the run that it names is free nobody holds it, whatever the epoch says. */
TEST(locks_of_runs_in_free_slots_are_taken)
{
	struct spinlock l = { 0 };

	ASSERT_EQ(vcpus_init(&vcpus, NULL, 2), 0);
	atomic_store(&vcpus.slot[1].owner, 5);
	ASSERT(!lock_take(&l, &vcpus, 1));
	ASSERT(!lock_try(&l, &vcpus, 0));
	atomic_store(&vcpus.slot[1].owner, 0);
	ASSERT(lock_try(&l, &vcpus, 0));
	ASSERT_EQ(atomic_load(&l.word), lock_word(&vcpus, 0));
	vcpus_fini(&vcpus, NULL);
}

TEST(vcpus_possible_counts_at_least_the_configured)
{
	ASSERT_GE(vcpus_possible(), sysconf(_SC_NPROCESSORS_ONLN));
}
