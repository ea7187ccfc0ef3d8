/* SPDX-License-Identifier: BSD-2-Clause */
/* map.c - helpers on maps reach the type's ops with what the program passed; ops are stand-ins */
#include "helper/dynptr.h"
#include "map/perf_event.h"
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"
#include "tests/unit/helper/helper_test.h"

static uint64_t seen[6];
static uint32_t seen_cpu;
static char value[8];

static void *lookup(struct skep_map *m, const void *key, uint32_t cpu)
{
	seen[0] = P(key);
	seen_cpu = cpu;
	return value;
}

static long update(struct skep_map *m, const void *key, const void *val, uint64_t flags,
		   uint32_t cpu)
{
	seen[0] = P(key);
	seen[1] = P(val);
	seen[2] = flags;
	seen_cpu = cpu;
	return -EEXIST;
}

static long delete (struct skep_map *m, const void *key, uint32_t cpu)
{
	seen[0] = P(key);
	return -ENOENT;
}

static long push(struct skep_map *m, const void *val, uint64_t flags, uint32_t cpu)
{
	seen[0] = P(val);
	seen[1] = flags;
	return -E2BIG;
}

static long pop(struct skep_map *m, void *val, uint32_t cpu)
{
	seen[0] = P(val);
	return -ENOENT;
}

static long for_each(struct skep_map *m, uint32_t cpu,
		     uint64_t (*cb)(void *arg, const void *key, void *val), void *arg)
{
	for (uint32_t i = 0; i < 4; i++)
		if (cb(arg, &i, value))
			return i + 1;
	return 4;
}

static const struct map_ops ops = {
	.lookup = lookup, .update = update, .delete = delete, .push = push, .pop = pop, .peek = pop,
	.for_each = for_each,
}, no_ops;
static const struct map_type plain = { .name = "test" };

TEST(map_helpers_pass_arguments_and_results)
{
	struct skep_map m = { .ops = &ops, .kind = &plain, .nr_cpus = 2 };
	int key;

	ASSERT_EQ(CALL(map_lookup_elem, P(&m), P(&key)), P(value));
	ASSERT_EQ(seen[0], P(&key));
	ASSERT_EQ(seen_cpu, test_run()->cpu);
	ASSERT_EQ(CALL(map_update_elem, P(&m), P(&key), 7, BPF_NOEXIST), -EEXIST);
	ASSERT(seen[0] == P(&key) && seen[1] == 7 && seen[2] == BPF_NOEXIST);
	ASSERT_EQ(CALL(map_delete_elem, P(&m), P(&key)), -ENOENT);
	ASSERT_EQ(CALL(map_push_elem, P(&m), 8, BPF_EXIST), -E2BIG);
	ASSERT(seen[0] == 8 && seen[1] == BPF_EXIST);
	ASSERT_EQ(CALL(map_pop_elem, P(&m), 9), -ENOENT);
	ASSERT_EQ(seen[0], 9);
	ASSERT_EQ(CALL(map_peek_elem, P(&m), 10), -ENOENT);
	ASSERT_EQ(seen[0], 10);
}

TEST(map_helpers_without_the_operation)
{
	struct skep_map m = { .ops = &no_ops, .kind = &plain };

	ASSERT_EQ(CALL(map_lookup_elem, P(&m), 0), 0);
	ASSERT_EQ(CALL(map_update_elem, P(&m)), -EOPNOTSUPP);
	ASSERT_EQ(CALL(map_delete_elem, P(&m)), -EOPNOTSUPP);
	ASSERT_EQ(CALL(map_push_elem, P(&m)), -EOPNOTSUPP);
	ASSERT_EQ(CALL(map_pop_elem, P(&m)), -EOPNOTSUPP);
	ASSERT_EQ(CALL(map_peek_elem, P(&m)), -EOPNOTSUPP);
	ASSERT_EQ(CALL(for_each_map_elem, P(&m)), -EINVAL);
}

TEST(map_lookup_percpu_knows_its_cpus)
{
	struct skep_map m = { .ops = &ops, .percpu = true, .nr_cpus = 2 };
	int key;

	ASSERT_EQ(CALL(map_lookup_percpu_elem, P(&m), P(&key), 1), P(value));
	ASSERT_EQ(seen_cpu, 1);
	ASSERT_EQ(CALL(map_lookup_percpu_elem, P(&m), P(&key), 2), 0);
	m.percpu = false;
	ASSERT_EQ(CALL(map_lookup_percpu_elem, P(&m), P(&key), 1), 0);
}

static uint64_t callback(uint64_t map, uint64_t key, uint64_t val, uint64_t ctx, uint64_t zero,
			 struct skep_run *run)
{
	ASSERT(run == test_run() && val == P(value) && zero == 0 && map);
	seen[3] += *(uint32_t *)(uintptr_t)key;
	return seen[3] >= ctx;
}

TEST(for_each_calls_back_until_told_to_stop)
{
	struct skep_map m = { .ops = &ops, .kind = &plain };

	ASSERT_EQ(CALL(for_each_map_elem, P(&m), P(callback), 100, 0), 4);
	ASSERT_EQ(seen[3], 6);
	seen[3] = 0;
	ASSERT_EQ(CALL(for_each_map_elem, P(&m), P(callback), 1, 0), 2);
	ASSERT_EQ(CALL(for_each_map_elem, P(&m), P(callback), 100, 1), -EINVAL);
	/* A fault in the callback ends the walk. */
	seen[3] = 0;
	test_run()->fault = -EFAULT;
	ASSERT_EQ(CALL(for_each_map_elem, P(&m), P(callback), 100, 0), 1);
}

/* --- ring buffer: the map room's functions, recorded -------------------------------------------
 */

long ringbuf_output(struct skep_map *m, const void *data, uint64_t size, uint64_t flags,
		    uint32_t cpu)
{
	seen[0] = P(m), seen[1] = P(data), seen[2] = size, seen[3] = flags;
	return -EAGAIN;
}

void *ringbuf_reserve(struct skep_map *m, uint64_t size, uint64_t flags, uint32_t cpu)
{
	seen[0] = P(m), seen[1] = size, seen[2] = flags;
	return value;
}

void ringbuf_commit(struct skep_map *m, void *sample, uint64_t flags, bool discard)
{
	seen[0] = P(sample), seen[1] = flags, seen[2] = discard;
}

uint64_t ringbuf_query(struct skep_map *m, uint64_t flags)
{
	seen[0] = P(m), seen[1] = flags;
	return 77;
}

TEST(ringbuf_helpers_pass_arguments_and_results)
{
	ASSERT_EQ(CALL(ringbuf_output, 1, 2, 3, 4), -EAGAIN);
	ASSERT(seen[0] == 1 && seen[1] == 2 && seen[2] == 3 && seen[3] == 4);
	ASSERT_EQ(CALL(ringbuf_reserve, 5, 6, 7), P(value));
	ASSERT(seen[0] == 5 && seen[1] == 6 && seen[2] == 7);
	CALL(ringbuf_submit, 8, 9);
	ASSERT(seen[0] == 8 && seen[1] == 9 && seen[2] == 0);
	CALL(ringbuf_discard, 8, 9);
	ASSERT_EQ(seen[2], 1);
	ASSERT_EQ(CALL(ringbuf_query, 10, BPF_RB_RING_SIZE), 77);
	ASSERT(seen[0] == 10 && seen[1] == BPF_RB_RING_SIZE);
}

/* --- user ring buffer: the same ------------------------------------------------------------------
 */

static bool busy, waked;
static const long *peeks; /* what comes next */
static uint64_t released;

bool user_ringbuf_begin(struct skep_map *m, uint32_t cpu)
{
	seen[0] = P(m);
	return !busy;
}

long user_ringbuf_peek(struct skep_map *m, void **ret_sample)
{
	*ret_sample = value;
	return *peeks++;
}

void user_ringbuf_release(struct skep_map *m, uint32_t size)
{
	released += size;
}

void user_ringbuf_end(struct skep_map *m, bool wake)
{
	waked = wake;
}

static uint64_t on_sample(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
			  struct skep_run *run)
{
	const struct dynptr_kern *d = (const void *)(uintptr_t)r1;

	ASSERT(run_region_has(run, r1, sizeof(*d)));
	ASSERT(d->data == value && dynptr_kind(d) == DYNPTR_LOCAL);
	ASSERT_EQ(r2, 77);
	return dynptr_size(d) == 9;
}

static uint64_t drain(const long *next, uint64_t flags)
{
	peeks = next;
	released = 0;
	return CALL(user_ringbuf_drain, 1, P(on_sample), 77, flags);
}

TEST(user_ringbuf_drain_ends_for_several_reasons)
{
	static const long none[] = { -ENODATA }, some[] = { 8, -EAGAIN, 0, 16, -ENODATA };
	static const long stop[] = { 8, 9, 8 }, bad[] = { 8, -EINVAL };

	ASSERT_EQ(drain(none, 4), -EINVAL);
	ASSERT_EQ(drain(none, 0), 0);
	ASSERT(!waked);
	ASSERT_EQ(drain(none, BPF_RB_FORCE_WAKEUP), 0);
	ASSERT(waked);
	ASSERT_EQ(drain(some, 0), 3);
	ASSERT(waked && released == 24);
	ASSERT_EQ(drain(some, BPF_RB_NO_WAKEUP), 3);
	ASSERT(!waked);
	ASSERT_EQ(drain(stop, 0), 2);
	ASSERT_EQ(released, 17);
	ASSERT_EQ(drain(bad, 0), -EINVAL);
	ASSERT(waked && released == 8);
	busy = true;
	ASSERT_EQ(drain(some, 0), -EBUSY);
	busy = false;
}

/* --- perf events: the same
 * ------------------------------------------------------------------------
 */

static struct perf_event event;
static struct perf_sample sample;

struct perf_event *perf_event_at(struct skep_map *m, uint32_t index)
{
	seen[0] = P(m), seen[1] = index;
	return index == 3 ? NULL : &event;
}

long perf_event_output(struct perf_event *e, uint32_t cpu, const struct perf_sample *s)
{
	ASSERT(e == &event);
	seen[2] = cpu;
	sample = *s;
	return -ENOSPC;
}

static uint64_t perf_output(uint64_t flags)
{
	static struct skep_map m = { .max_entries = 4 };

	return CALL(perf_event_output, 0, P(&m), flags, P(value), 5);
}

TEST(perf_event_output_names_an_event_by_index)
{
	struct skep_prog p = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT };

	test_run()->prog = &p;
	test_run()->cpu = 2;
	ASSERT_EQ(perf_output(1), -ENOSPC);
	ASSERT_EQ(seen[1], 1);
	ASSERT_EQ(seen[2], 2);
	ASSERT(sample.data == value && sample.size == 5 && !sample.more_size);
	ASSERT_EQ(perf_output(BPF_F_CURRENT_CPU), -ENOSPC);
	ASSERT_EQ(seen[1], 2);
	ASSERT_EQ(perf_output(3), -ENOENT);
	ASSERT_EQ(perf_output(4), -E2BIG);
	/* Bytes of the context are for packets. */
	ASSERT_EQ(perf_output(UINT64_C(1) << 32), -EINVAL);
	test_run()->prog = NULL;
	test_run()->cpu = 0;
}

TEST(perf_event_output_takes_bytes_of_the_packet)
{
	uint8_t packet[100] = { 0 };
	struct xdp_ctx xdp = { .data = packet, .data_end = packet + 100 };
	struct skb_ctx skb = { .data = packet, .len = 60 };
	struct skep_prog p = { .type = BPF_PROG_TYPE_XDP };

	test_run()->prog = &p;
	test_run()->ctx = &xdp;
	ASSERT_EQ(perf_output(UINT64_C(100) << 32), -ENOSPC);
	ASSERT(sample.more == packet && sample.more_size == 100);
	ASSERT_EQ(perf_output(UINT64_C(101) << 32), -EFAULT);
	ASSERT_EQ(perf_output(UINT64_C(1) << 52), -EINVAL);
	p.type = BPF_PROG_TYPE_SCHED_CLS;
	test_run()->ctx = &skb;
	ASSERT_EQ(perf_output(UINT64_C(60) << 32), -ENOSPC);
	ASSERT(sample.more == packet && sample.more_size == 60);
	ASSERT_EQ(perf_output(UINT64_C(61) << 32), -EFAULT);
	test_run()->prog = NULL;
	test_run()->ctx = NULL;
}
