/* SPDX-License-Identifier: BSD-2-Clause */
/* RINGBUF: creation, layout, records, positions, wake-ups. */
#include "map/ringbuf.h"
#include "tests/unit/map/maps.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

static struct skep_map *ring(uint32_t size)
{
	return MAP(BPF_MAP_TYPE_RINGBUF, 0, 0, size);
}

static _Atomic uint64_t *consumer(struct skep_map *m)
{
	return (_Atomic uint64_t *)m->area.mem;
}

static uint64_t producer(struct skep_map *m)
{
	return atomic_load((_Atomic uint64_t *)(m->area.mem + 4096));
}

/* The record at a position, as a consumer finds it. */
static struct ringbuf_hdr *record(struct skep_map *m, uint64_t pos)
{
	return (struct ringbuf_hdr *)(m->area.mem + 8192 + (pos & (m->max_entries - 1)));
}

TEST(ringbuf_creation_errors)
{
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_RINGBUF, 0, 0, 0), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_RINGBUF, 0, 0, 2048), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_RINGBUF, 0, 0, 3 * 4096), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_RINGBUF, 4, 0, 4096), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_RINGBUF, 0, 4, 4096), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, BPF_F_MMAPABLE), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, BPF_F_NUMA_NODE), 0);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_RINGBUF, 0, 0, 1u << 31), 0);
}

TEST(ringbuf_has_no_elements)
{
	struct skep_map *m = ring(4096);

	ASSERT_EQ(map_sys_lookup(m, NULL, NULL, 0), -ENOTSUPP);
	ASSERT_EQ(map_sys_update(m, NULL, NULL, 0), -ENOTSUPP);
	ASSERT_EQ(map_sys_delete(m, NULL), -ENOTSUPP);
	ASSERT_EQ(map_sys_next_key(m, NULL, NULL), -ENOTSUPP);
	map_put(m);
}

TEST(ringbuf_memory_is_that_of_linux)
{
	struct skep_map *m = ring(4096);
	/* As libbpf maps it: the consumer's page, then the rest read-only. */
	uint64_t *cons = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m->area.fd, 0);
	uint8_t *prod = mmap(NULL, 4096 + 2 * 4096, PROT_READ, MAP_SHARED, m->area.fd, 4096);
	uint32_t header[2];

	ASSERT(cons != MAP_FAILED && prod != MAP_FAILED);
	ASSERT_EQ(m->area.size, 2 * 4096 + 2 * 4096);
	ASSERT_EQ(ringbuf_output(m, "hello", 5, 0, VCPU_NONE), 0);
	ASSERT_EQ(*(uint64_t *)prod, 16);
	memcpy(header, prod + 4096, 8);
	ASSERT_EQ(header[0], 5);
	ASSERT_EQ(header[1], 3); /* private page, consumer, producer, data */
	ASSERT_MEMEQ(prod + 4096 + 8, "hello", 5);
	*cons = 16;
	ASSERT_EQ(ringbuf_query(m, BPF_RB_CONS_POS), 16);
	ASSERT_EQ(ringbuf_query(m, BPF_RB_PROD_POS), 16);
	ASSERT_EQ(ringbuf_query(m, BPF_RB_AVAIL_DATA), 0);
	ASSERT_EQ(ringbuf_query(m, BPF_RB_RING_SIZE), 4096);
	ASSERT_EQ(ringbuf_query(m, 99), 0);
	munmap(cons, 4096);
	munmap(prod, 3 * 4096);
	map_put(m);
}

TEST(ringbuf_reserve_commit_discard)
{
	struct skep_map *m = ring(4096);
	void *a = ringbuf_reserve(m, 10, 0, VCPU_NONE), *b = ringbuf_reserve(m, 0, 0, VCPU_NONE);

	ASSERT(a && b);
	ASSERT(m->ops->contains(m, (uintptr_t)a, 10));
	ASSERT_EQ((uintptr_t)a % 8, 0);
	ASSERT_EQ(producer(m), 24 + 8);
	ASSERT_EQ(record(m, 0)->len, 10 | BPF_RINGBUF_BUSY_BIT);
	ringbuf_commit(NULL, b, 0, true);
	ASSERT_EQ(record(m, 24)->len, BPF_RINGBUF_DISCARD_BIT);
	ringbuf_commit(NULL, a, 0, false);
	ASSERT_EQ(record(m, 0)->len, 10);
	ASSERT(!ringbuf_reserve(m, 8, 1, VCPU_NONE));
	ASSERT_EQ(ringbuf_output(m, "x", 1, 4, VCPU_NONE), -EINVAL);
	map_put(m);
}

TEST(ringbuf_full_and_too_large)
{
	struct skep_map *m = ring(4096);
	char data[4096] = { 0 };

	ASSERT(!ringbuf_reserve(m, 4096, 0, VCPU_NONE));
	ASSERT(!ringbuf_reserve(m, 4089, 0, VCPU_NONE));
	/* Even 4088 + 8 would make the positions differ by the whole size. */
	ASSERT(!ringbuf_reserve(m, 4088, 0, VCPU_NONE));
	ASSERT(!ringbuf_reserve(m, UINT64_MAX, 0, VCPU_NONE));
	ASSERT_EQ(ringbuf_output(m, data, 4080, 0, VCPU_NONE), 0);
	ASSERT_EQ(ringbuf_output(m, data, 0, 0, VCPU_NONE), -EAGAIN);
	atomic_store(consumer(m), 4088);
	ASSERT_EQ(ringbuf_output(m, data, 0, 0, VCPU_NONE), 0);
	map_put(m);
}

TEST(ringbuf_records_run_on_into_the_second_copy)
{
	struct skep_map *m = ring(4096);
	uint64_t pos = 0;
	char data[1000];

	for (int i = 0; i < 1000; i++) {
		uint32_t size = (uint32_t)(i * 37 % 1000);

		memset(data, i, sizeof(data));
		ASSERT_EQ(ringbuf_output(m, data, size, 0, VCPU_NONE), 0);
		ASSERT_EQ(record(m, pos)->len, size);
		ASSERT_EQ(record(m, pos)->pg_off, 3 + (pos & 4095) / 4096);
		ASSERT_MEMEQ(record(m, pos) + 1, data, size);
		pos += (size + 8 + 7) / 8 * 8;
		ASSERT_EQ(producer(m), pos);
		atomic_store(consumer(m), pos);
	}
	map_put(m);
}

TEST(ringbuf_programs_have_what_they_reserved)
{
	struct skep_map *m = ring(4096);
	bool (*has)(struct skep_map *, uintptr_t, size_t) = m->ops->contains;
	uint8_t *a = ringbuf_reserve(m, 20, 0, VCPU_NONE), *b = ringbuf_reserve(m, 8, 0, VCPU_NONE),
		*none;

	ASSERT(a && b);
	ASSERT(has(m, (uintptr_t)a, 20) && has(m, (uintptr_t)a + 19, 1));
	ASSERT(!has(m, (uintptr_t)a, 21) && !has(m, (uintptr_t)a + 20, 1));
	ASSERT(!has(m, (uintptr_t)a - 1, 1) && !has(m, (uintptr_t)b - 8, 4));
	ASSERT(has(m, (uintptr_t)b, 8) && !has(m, (uintptr_t)b + 8, 1));
	ASSERT(ringbuf_reserved(m, a, 20) && !ringbuf_reserved(m, a, 21));
	ASSERT(!ringbuf_reserved(m, a + 8, 4) && !ringbuf_reserved(m, &m, 0));
	ringbuf_commit(NULL, a, 0, false);
	ASSERT(!has(m, (uintptr_t)a, 1) && !ringbuf_reserved(m, a, 0));
	ASSERT(has(m, (uintptr_t)b, 8));
	ringbuf_commit(NULL, b, 0, true);
	ASSERT(!has(m, (uintptr_t)b, 1));
	none = ringbuf_reserve(m, 0, 0, VCPU_NONE);
	ASSERT(ringbuf_reserved(m, none, 0) && !has(m, (uintptr_t)none, 1));
	ringbuf_commit(NULL, none, 0, true);
	map_put(m);
}

TEST(ringbuf_keeps_uncommitted_records_from_a_lying_consumer)
{
	struct skep_map *m = ring(4096);
	uint64_t *busy = ringbuf_reserve(m, 8, 0, VCPU_NONE);
	char data[2000] = { 1 };

	*busy = 0x1234;
	ASSERT_EQ(ringbuf_output(m, data, 2000, 0, VCPU_NONE), 0);
	/* "I have read it all", says the consumer, though the first is not even committed. */
	atomic_store(consumer(m), producer(m));
	ASSERT_EQ(ringbuf_output(m, data, 2000, 0, VCPU_NONE), 0);
	ASSERT_EQ(ringbuf_output(m, data, 2000, 0, VCPU_NONE), -EAGAIN);
	ASSERT_EQ(*busy, 0x1234);
	ringbuf_commit(NULL, busy, 0, false);
	atomic_store(consumer(m), producer(m));
	ASSERT_EQ(ringbuf_output(m, data, 2000, 0, VCPU_NONE), 0);

	/* A position from nowhere only makes the ring look full. */
	atomic_store(consumer(m), producer(m) + 4096);
	ASSERT_EQ(ringbuf_output(m, data, 8, 0, VCPU_NONE), -EAGAIN);
	atomic_store(consumer(m), UINT64_MAX / 2);
	ASSERT_EQ(ringbuf_output(m, data, 8, 0, VCPU_NONE), -EAGAIN);
	/* Lengths from nowhere are not followed. */
	atomic_store(consumer(m), producer(m));
	for (uint32_t *p = (uint32_t *)(m->area.mem + 8192); p < (uint32_t *)(m->area.mem + 16384);)
		*p++ = 0x3fffffff;
	for (int i = 0; i < 10; i++) {
		ringbuf_output(m, data, 2000, 0, VCPU_NONE);
		atomic_store(consumer(m), producer(m));
	}
	map_put(m);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void drain(int fd)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) != sizeof(n))
		ASSERT(errno == EAGAIN);
}

TEST(ringbuf_wakes_by_the_rule_of_linux)
{
	struct skep_map *m = ring(4096);
	int fd = ringbuf_wait_fd(m);
	void *first;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(ringbuf_wait_fd(m), fd);
	ASSERT(!readable(fd));
	/* The consumer stands at this record: wake. */
	ASSERT_EQ(ringbuf_output(m, "a", 1, 0, VCPU_NONE), 0);
	ASSERT(readable(fd));
	drain(fd);
	/* It lags behind: it will find the record by itself. */
	ASSERT_EQ(ringbuf_output(m, "a", 1, 0, VCPU_NONE), 0);
	ASSERT(!readable(fd));
	ASSERT_EQ(ringbuf_output(m, "a", 1, BPF_RB_FORCE_WAKEUP, VCPU_NONE), 0);
	ASSERT(readable(fd));
	drain(fd);
	atomic_store(consumer(m), producer(m));
	ASSERT_EQ(ringbuf_output(m, "a", 1, BPF_RB_NO_WAKEUP, VCPU_NONE), 0);
	ASSERT(!readable(fd));
	atomic_store(consumer(m), producer(m));

	/* It waits for the first, which is committed last. */
	first = ringbuf_reserve(m, 1, 0, VCPU_NONE);
	ASSERT_EQ(ringbuf_output(m, "a", 1, 0, VCPU_NONE), 0);
	ASSERT(!readable(fd));
	ringbuf_commit(NULL, first, 0, true);
	ASSERT(readable(fd));
	map_put(m);
}

TEST(ringbuf_wait_fd_tells_what_came_before_it)
{
	struct skep_map *m = ring(4096);

	ASSERT_EQ(ringbuf_output(m, "a", 1, 0, VCPU_NONE), 0);
	ASSERT(readable(ringbuf_wait_fd(m)));
	map_put(m);
}
