/* SPDX-License-Identifier: BSD-2-Clause */
/* storage.c - whose storage the helpers ask for; the elements are stand-ins */
#include "helper/task.h"
#include "map/storage.h"
#include "prog/ctx_skb.h"
#include "tests/unit/helper/helper_test.h"

static uint64_t asked; /* the owner that was named last */
static _Atomic uint32_t looked_up;
static char value[8];

uint64_t storage_task(uint32_t tid)
{
	looked_up++;
	return tid ? UINT64_C(77) << STORAGE_TID_BITS | tid : 0;
}

void *storage_get(struct skep_map *m, const uint64_t *owner, const void *init, bool create,
		  uint32_t cpu)
{
	asked = *owner;
	return create ? value : NULL;
}

long storage_delete(struct skep_map *m, const uint64_t *owner, uint32_t cpu)
{
	asked = *owner;
	return -ENOENT;
}

static uint64_t named(uint32_t tid)
{
	return UINT64_C(77) << STORAGE_TID_BITS | tid;
}

TEST(storage_is_of_the_task_that_is_named)
{
	const struct skep_task *t = (const struct skep_task *)(uintptr_t)CALL(get_current_task);
	struct skep_map m = { 0 };

	ASSERT_EQ(CALL(task_storage_get, P(&m), P(t), 0, BPF_LOCAL_STORAGE_GET_F_CREATE), P(value));
	ASSERT_EQ(asked, named((uint32_t)t->pid));
	/* A thread looks for itself once. */
	ASSERT_EQ(looked_up, 1);
	ASSERT_EQ(CALL(task_storage_get, P(&m), P(t), 0, 0), 0);
	ASSERT_EQ(CALL(task_storage_delete, P(&m), P(t)), -ENOENT);
	ASSERT_EQ(looked_up, 1);
	ASSERT_EQ(CALL(task_storage_delete, P(&m), P(t->real_parent)), -ENOENT);
	ASSERT_EQ(asked, named((uint32_t)t->real_parent->pid));
	ASSERT_EQ(looked_up, 2);
}

TEST(storage_of_what_is_no_task)
{
	const struct skep_task *t = (const struct skep_task *)(uintptr_t)CALL(get_current_task);
	struct skep_task forged = *t;
	struct skep_map m = { 0 };

	ASSERT_EQ(CALL(task_storage_get, P(&m), 0, 0, 1), 0);
	ASSERT_EQ(CALL(task_storage_get, P(&m), P(t), 0, 2), 0);
	ASSERT_EQ(CALL(task_storage_get, P(&m), P(&forged), 0, 1), 0);
	ASSERT_EQ(CALL(task_storage_delete, P(&m), 0), -EINVAL);
	ASSERT_EQ(CALL(task_storage_delete, P(&m), P(&forged)), -ENOENT);
	ASSERT_EQ(asked, 0);
}

TEST(storage_of_a_packets_socket)
{
	struct skb_sock sk = { .cookie = 4712 };
	struct skep_map m = { 0 };

	ASSERT_EQ(CALL(sk_storage_get, P(&m), P(&sk), 0, 0), 0);
	ASSERT_EQ(asked, 4712);
	ASSERT(!sk.stored);
	ASSERT_EQ(CALL(sk_storage_get, P(&m), P(&sk), 0, 2), 0);
	ASSERT(!sk.stored);
	ASSERT_EQ(CALL(sk_storage_get, P(&m), P(&sk), 0, BPF_SK_STORAGE_GET_F_CREATE), P(value));
	/* From now on somebody has to look when it goes. */
	ASSERT(sk.stored);
	ASSERT_EQ(CALL(sk_storage_get, P(&m), 0, 0, BPF_SK_STORAGE_GET_F_CREATE), 0);
	ASSERT_EQ(CALL(sk_storage_delete, P(&m), P(&sk)), -ENOENT);
	ASSERT_EQ(CALL(sk_storage_delete, P(&m), 0), -EINVAL);
	ASSERT_EQ(CALL(sk_fullsock, P(&sk)), P(&sk));
	ASSERT_EQ(CALL(tcp_sock, P(&sk)), 0);
}

TEST(storage_of_a_task_elsewhere)
{
	const struct run_task other = { .tid = 11, .tgid = 10, .ppid = 9, .identity = 4711 };
	struct skep_run *run = test_run();
	const struct skep_task *t;
	struct skep_map m = { 0 };

	run->as = &other;
	t = (const struct skep_task *)(uintptr_t)CALL(get_current_task);
	ASSERT_EQ(CALL(task_storage_get, P(&m), P(t), 0, 0), 0);
	ASSERT_EQ(asked, 4711);
	ASSERT_EQ(CALL(task_storage_get, P(&m), P(t->group_leader), 0, 0), 0);
	ASSERT_EQ(asked, named(10));
}
