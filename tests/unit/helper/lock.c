/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf_res_spin_lock: it excludes, and it says when it cannot be had. */
#include "tests/unit/helper/helper_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static int lock(_Atomic uint32_t *word)
{
	return (int)kfunc_by_name("bpf_res_spin_lock")->fn(P(word), 0, 0, 0, 0, test_run());
}

static void unlock(_Atomic uint32_t *word)
{
	kfunc_by_name("bpf_res_spin_unlock")->fn(P(word), 0, 0, 0, 0, test_run());
}

TEST(res_lock_is_not_had_twice)
{
	_Atomic uint32_t a = 0, b = 0;

	ASSERT_EQ(lock(&a), 0);
	ASSERT_EQ(lock(&a), -EDEADLK);
	ASSERT_EQ(lock(&b), 0);
	ASSERT_EQ(lock(&b), -EDEADLK);
	unlock(&b);
	unlock(&a);
	ASSERT_EQ(lock(&a), 0);
}

TEST(res_lock_with_flags)
{
	const struct kfunc *take = kfunc_by_name("bpf_res_spin_lock_irqsave");
	const struct kfunc *give = kfunc_by_name("bpf_res_spin_unlock_irqrestore");
	_Atomic uint32_t a = 0;
	uint64_t flags = 77;

	ASSERT_EQ(take->fn(P(&a), P(&flags), 0, 0, 0, test_run()), 0);
	ASSERT_EQ(flags, 0);
	ASSERT_EQ((int)take->fn(P(&a), P(&flags), 0, 0, 0, test_run()), -EDEADLK);
	give->fn(P(&a), P(&flags), 0, 0, 0, test_run());
	ASSERT_EQ(a, 0);
}

/* bpf(2) holds a lock beside a list for a while only, but who knows. */
TEST(res_lock_waits_for_a_while)
{
	_Atomic uint32_t a = 1;

	ASSERT_EQ(lock(&a), -ETIMEDOUT);
	ASSERT_EQ(a, 1);
	a = 0;
	ASSERT_EQ(lock(&a), 0);
}

/* --- many at once ----------------------------------------------------------------------------- */

static _Atomic uint32_t first, second;
static _Atomic int holding, refused;

/* Both hold one and want the other's: at least one is told so, before the time is up. */
static void *crossing(void *arg)
{
	_Atomic uint32_t *mine = arg ? &first : &second, *other = arg ? &second : &first;
	int err;

	test_run();
	ASSERT_EQ(lock(mine), 0);
	for (atomic_fetch_add(&holding, 1); atomic_load(&holding) < 2;)
		usleep(100);
	err = lock(other);
	ASSERT_MSG(!err || err == -EDEADLK, "%d", err);
	if (err)
		atomic_fetch_add(&refused, 1);
	else
		unlock(other);
	unlock(mine);
	test_run_end();
	return NULL;
}

TEST(res_locks_taken_crosswise)
{
	pthread_t t[2];

	test_run_end();
	for (int round = 0; round < 200; round++) {
		atomic_store(&holding, 0);
		atomic_store(&refused, 0);
		for (int i = 0; i < 2; i++)
			ASSERT_EQ(pthread_create(&t[i], NULL, crossing, i ? &first : NULL), 0);
		for (int i = 0; i < 2; i++)
			pthread_join(t[i], NULL);
		ASSERT_GE(refused, 1);
		ASSERT(!first && !second);
	}
}

static uint64_t guarded;

static void *adding(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		if (lock(&first))
			continue;
		guarded++;
		atomic_fetch_add(&holding, 1);
		unlock(&first);
	}
	test_run_end();
	return arg;
}

TEST(res_lock_excludes)
{
	pthread_t t[4];

	test_run_end();
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, adding, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	ASSERT_EQ(guarded, holding);
	ASSERT_GE(guarded, 20000);
}
