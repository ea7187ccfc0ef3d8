/* SPDX-License-Identifier: BSD-2-Clause */
/* Map commands through bpf(2): descriptors, rights, memory, batches. */
#include "tests/unit/core/core_test.h"

#include <pthread.h>
#include <sys/mman.h>

TEST(map_elements_come_and_go)
{
	uint32_t key = 7, next;
	uint64_t value = 42, got = 0;
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_HASH, 4, 8, 16, 0);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(map_lookup(fd, &key, &got, 0), -ENOENT);
	ASSERT_EQ(map_update(fd, &key, &value, BPF_EXIST), -ENOENT);
	ASSERT_EQ(map_update(fd, &key, &value, BPF_NOEXIST), 0);
	ASSERT_EQ(map_update(fd, &key, &value, BPF_NOEXIST), -EEXIST);
	ASSERT_EQ(map_lookup(fd, &key, &got, 0), 0);
	ASSERT_EQ(got, 42);
	ASSERT_EQ(map_next(fd, NULL, &next), 0);
	ASSERT_EQ(next, 7);
	ASSERT_EQ(map_next(fd, &next, &next), -ENOENT);
	ASSERT_EQ(map_delete(fd, &key), 0);
	ASSERT_EQ(map_delete(fd, &key), -ENOENT);
	close((int)fd);
	core_stop();
}

TEST(map_lookup_and_delete_is_one_step)
{
	uint32_t key = 1;
	uint64_t value = 9, got = 0;
	union core_attr attr = attr_zero;
	long fd, array;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	array = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	ASSERT_EQ(map_update(fd, &key, &value, 0), 0);
	attr.a.map_fd = (uint32_t)fd;
	attr.a.key = PTR(&key);
	attr.a.value = PTR(&got);
	ASSERT_EQ(bpf_call(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr), 0);
	ASSERT_EQ(got, 9);
	ASSERT_EQ(bpf_call(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr), -ENOENT);
	attr.a.map_fd = (uint32_t)array;
	ASSERT_EQ(bpf_call(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr), -ENOTSUPP);
	attr.a.flags = 1;
	ASSERT_EQ(bpf_call(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr), -EINVAL);
	core_stop();
}

TEST(map_values_of_many_cpus)
{
	uint32_t key = 0, cpus;
	uint64_t in[256] = { 0 }, out[256] = { 0 };
	long fd;

	core_start(NULL);
	cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	ASSERT_LE(cpus, 256);
	fd = map_create(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4, 0);
	for (uint32_t i = 0; i < cpus; i++)
		in[i] = 100 + i;
	ASSERT_EQ(map_update(fd, &key, in, 0), 0);
	ASSERT_EQ(map_lookup(fd, &key, out, 0), 0);
	ASSERT_MEMEQ(in, out, cpus * 8);
	ASSERT_EQ(out[cpus], 0);
	core_stop();
}

TEST(map_bad_addresses_are_efault)
{
	uint8_t *page =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t key = 0;
	uint64_t value = 0;
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	ASSERT_NE(page, MAP_FAILED);
	mprotect(page + 4096, 4096, PROT_NONE);
	ASSERT_EQ(map_lookup(fd, NULL, &value, 0), -EFAULT);
	ASSERT_EQ(map_lookup(fd, &key, NULL, 0), -EFAULT);
	ASSERT_EQ(map_lookup(fd, (void *)UINT64_C(0xffff800000000000), &value, 0), -EFAULT);
	ASSERT_EQ(map_update(fd, &key, (void *)8, 0), -EFAULT);
	/* The last bytes of a mapping are good, one more is not. */
	ASSERT_EQ(map_lookup(fd, &key, page + 4096 - 8, 0), 0);
	ASSERT_EQ(map_lookup(fd, &key, page + 4096 - 7, 0), -EFAULT);
	mprotect(page, 4096, PROT_READ);
	ASSERT_EQ(map_update(fd, page, page, 0), 0);
	ASSERT_EQ(map_lookup(fd, page, page, 0), -EFAULT);
	ASSERT_EQ(skep_kernel_bpf(k, BPF_MAP_LOOKUP_ELEM, NULL, 32), -EFAULT);
	ASSERT_EQ(skep_kernel_bpf(k, BPF_MAP_LOOKUP_ELEM, (void *)(page + 4090), 32), -EFAULT);
	ASSERT_STRHAS(skep_last_error(), "address");
	core_stop();
}

TEST(map_descriptors_have_rights)
{
	union core_attr attr = attr_zero;
	uint32_t key = 0;
	uint64_t value = 1;
	long rw, ro, wo;

	core_start(NULL);
	rw = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	attr.a.map_id = map_id(rw);
	attr.a.open_flags = BPF_F_RDONLY;
	ro = bpf_call(BPF_MAP_GET_FD_BY_ID, &attr);
	attr.a.open_flags = BPF_F_WRONLY;
	wo = bpf_call(BPF_MAP_GET_FD_BY_ID, &attr);
	ASSERT_GE(ro, 0);
	ASSERT_GE(wo, 0);
	attr.a.open_flags = BPF_F_RDONLY | BPF_F_WRONLY;
	ASSERT_EQ(bpf_call(BPF_MAP_GET_FD_BY_ID, &attr), -EINVAL);

	ASSERT_EQ(map_update(ro, &key, &value, 0), -EPERM);
	ASSERT_EQ(map_lookup(ro, &key, &value, 0), 0);
	ASSERT_EQ(map_next(ro, NULL, &key), 0);
	ASSERT_EQ(map_lookup(wo, &key, &value, 0), -EPERM);
	ASSERT_EQ(map_next(wo, NULL, &key), -EPERM);
	ASSERT_EQ(map_update(wo, &key, &value, 0), 0);
	/* A copy of the descriptor has the same rights, and finds the same map. */
	ASSERT_EQ(map_update(dup((int)ro), &key, &value, 0), -EPERM);
	ASSERT_EQ(map_id(ro), map_id(rw));

	close((int)ro);
	ro = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_RDONLY);
	ASSERT_EQ(map_update(ro, &key, &value, 0), -EPERM);
	core_stop();
}

TEST(map_frozen_is_read_only_for_bpf)
{
	union core_attr attr = attr_zero;
	uint32_t key = 0;
	uint64_t value = 5;
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	attr.a.map_fd = (uint32_t)fd;
	ASSERT_EQ(map_update(fd, &key, &value, 0), 0);
	ASSERT_EQ(bpf_call(BPF_MAP_FREEZE, &attr), 0);
	ASSERT_EQ(map_update(fd, &key, &value, 0), -EPERM);
	ASSERT_EQ(map_lookup(fd, &key, &value, 0), 0);
	ASSERT_EQ(value, 5);
	ASSERT_EQ(bpf_call(BPF_MAP_FREEZE, &attr), -EPERM);
	ASSERT_EQ(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, (int)fd, 0), MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
	ASSERT_NE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, (int)fd, 0), MAP_FAILED);
	core_stop();
}

TEST(map_memory_is_mapped_by_descriptor)
{
	uint32_t key = 1;
	uint64_t value = 0x1122334455667788, *mem;
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, BPF_F_MMAPABLE);
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	ASSERT_NE(mem, MAP_FAILED);
	ASSERT_EQ(map_update(fd, &key, &value, 0), 0);
	ASSERT_EQ(mem[1], value);
	mem[1] = 3;
	ASSERT_EQ(map_lookup(fd, &key, &value, 0), 0);
	ASSERT_EQ(value, 3);
	/* Nobody cuts the memory off. */
	ASSERT_NE(ftruncate((int)fd, 0), 0);
	munmap(mem, 4096);
	core_stop();
}

/* --- maps that hold objects ------------------------------------------------------------------ */

TEST(map_of_maps_takes_descriptors_and_gives_ids)
{
	union core_attr attr = attr_zero;
	uint32_t key = 3, id = 0, fd32;
	long inner, other, outer, prog;

	attr.a.map_type = BPF_MAP_TYPE_HASH_OF_MAPS;
	attr.a.key_size = 4;
	attr.a.value_size = 4;
	attr.a.max_entries = 4;
	core_start(NULL);
	inner = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	other = map_create(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	prog = prog_return(BPF_PROG_TYPE_XDP, 0);
	attr.a.inner_map_fd = 12345;
	ASSERT_EQ(bpf_call(BPF_MAP_CREATE, &attr), -EBADF);
	attr.a.inner_map_fd = (uint32_t)prog;
	ASSERT_EQ(bpf_call(BPF_MAP_CREATE, &attr), -EINVAL);
	attr.a.inner_map_fd = (uint32_t)inner;
	outer = bpf_call(BPF_MAP_CREATE, &attr);
	ASSERT_GE(outer, 0);

	fd32 = (uint32_t)inner;
	ASSERT_EQ(map_update(outer, &key, &fd32, 0), 0);
	ASSERT_EQ(map_lookup(outer, &key, &id, 0), 0);
	ASSERT_EQ(id, map_id(inner));
	fd32 = (uint32_t)other;
	ASSERT_EQ(map_update(outer, &key, &fd32, 0), -EINVAL);
	fd32 = 4242;
	ASSERT_EQ(map_update(outer, &key, &fd32, 0), -EBADF);
	fd32 = (uint32_t)prog;
	ASSERT_EQ(map_update(outer, &key, &fd32, 0), -EINVAL);

	/* The outer map keeps the inner one alive, and lets it go. */
	close((int)inner);
	inner = fd_by_id(BPF_MAP_GET_FD_BY_ID, id);
	ASSERT_GE(inner, 0);
	close((int)inner);
	ASSERT_EQ(map_delete(outer, &key), 0);
	ASSERT_EQ(fd_by_id(BPF_MAP_GET_FD_BY_ID, id), -ENOENT);
	core_stop();
}

TEST(map_of_programs_takes_one_kind)
{
	uint32_t key = 0, id = 0, fd32;
	long array, xdp, tc;

	core_start(NULL);
	array = map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0);
	xdp = prog_return(BPF_PROG_TYPE_XDP, 1);
	tc = prog_return(BPF_PROG_TYPE_SCHED_CLS, 1);
	fd32 = (uint32_t)xdp;
	ASSERT_EQ(map_update(array, &key, &fd32, 0), 0);
	ASSERT_EQ(map_lookup(array, &key, &id, 0), 0);
	ASSERT_EQ(id, prog_id(xdp));
	fd32 = (uint32_t)tc;
	ASSERT_EQ(map_update(array, &key, &fd32, 0), -EINVAL);
	fd32 = (uint32_t)array;
	ASSERT_EQ(map_update(array, &key, &fd32, 0), -EINVAL);
	core_stop();
}

/* --- batches --------------------------------------------------------------------------------- */

static long batch(int cmd, long fd, void *in, void *out, void *keys, void *values, uint32_t *count)
{
	union core_attr attr = attr_zero;
	long err;

	attr.a.batch.in_batch = PTR(in);
	attr.a.batch.out_batch = PTR(out);
	attr.a.batch.keys = PTR(keys);
	attr.a.batch.values = PTR(values);
	attr.a.batch.count = *count;
	attr.a.batch.map_fd = (uint32_t)fd;
	err = bpf_call(cmd, &attr);
	*count = attr.a.batch.count;
	return err;
}

TEST(batch_walks_a_hash)
{
	uint32_t keys[100], token, count = 100, total = 0;
	uint64_t values[100], sum = 0;
	void *in = NULL;
	long fd, err;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_HASH, 4, 8, 100, 0);
	for (uint32_t i = 0; i < 100; i++) {
		keys[i] = i;
		values[i] = i * 2;
	}
	ASSERT_EQ(batch(BPF_MAP_UPDATE_BATCH, fd, NULL, NULL, keys, values, &count), 0);
	ASSERT_EQ(count, 100);
	do {
		count = 40;
		err = batch(BPF_MAP_LOOKUP_BATCH, fd, in, &token, keys, values, &count);
		ASSERT(err == 0 || err == -ENOENT);
		for (uint32_t i = 0; i < count; i++) {
			ASSERT_EQ(values[i], keys[i] * 2);
			sum += keys[i];
		}
		total += count;
		in = &token;
	} while (!err);
	ASSERT_EQ(total, 100);
	ASSERT_EQ(sum, 99 * 100 / 2);
	core_stop();
}

TEST(batch_counts_what_was_done)
{
	uint32_t keys[4] = { 0, 1, 9, 2 }, count = 4;
	uint64_t values[4] = { 10, 11, 12, 13 };
	long fd, ring;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0);
	ASSERT_EQ(batch(BPF_MAP_UPDATE_BATCH, fd, NULL, NULL, keys, values, &count), -E2BIG);
	ASSERT_EQ(count, 2);
	count = 1;
	ASSERT_EQ(batch(BPF_MAP_DELETE_BATCH, fd, NULL, NULL, keys, NULL, &count), -ENOTSUPP);
	ring = map_create(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
	ASSERT_EQ(batch(BPF_MAP_LOOKUP_BATCH, ring, NULL, NULL, keys, values, &count), -ENOTSUPP);
	count = 0;
	ASSERT_EQ(batch(BPF_MAP_LOOKUP_BATCH, fd, NULL, NULL, NULL, NULL, &count), 0);
	fd = map_create(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	keys[2] = 1;
	count = 2;
	ASSERT_EQ(batch(BPF_MAP_UPDATE_BATCH, fd, NULL, NULL, keys, values, &count), 0);
	count = 4;
	ASSERT_EQ(batch(BPF_MAP_DELETE_BATCH, fd, NULL, NULL, keys, NULL, &count), -ENOENT);
	ASSERT_EQ(count, 2);
	core_stop();
}

TEST(batch_lookup_and_delete_empties)
{
	uint32_t keys[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, token, count = 8;
	uint64_t values[8] = { 0 };
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_HASH, 4, 8, 8, 0);
	ASSERT_EQ(batch(BPF_MAP_UPDATE_BATCH, fd, NULL, NULL, keys, values, &count), 0);
	count = 100;
	ASSERT_EQ(batch(BPF_MAP_LOOKUP_AND_DELETE_BATCH, fd, NULL, &token, (uint32_t[100]){ 0 },
			(uint64_t[100]){ 0 }, &count),
		  -ENOENT);
	ASSERT_EQ(count, 8);
	ASSERT_EQ(map_next(fd, NULL, keys), -ENOENT);
	core_stop();
}

/* --- threads --------------------------------------------------------------------------------- */

static void *update_many(void *arg)
{
	long fd = *(long *)arg;

	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t key = i % 64;
		uint64_t value = i;
		long made = i % 16 == 0 ? map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0) : -1;

		ASSERT_EQ(map_update(fd, &key, &value, 0), 0);
		ASSERT_EQ(map_lookup(fd, &key, &value, 0), 0);
		if (made >= 0)
			close((int)made);
		if (i % 256 == 0)
			next_id(BPF_MAP_GET_NEXT_ID, 0);
	}
	return NULL;
}

TEST(maps_serve_many_threads)
{
	pthread_t t[4];
	long fd;

	core_start(NULL);
	fd = map_create(BPF_MAP_TYPE_HASH, 4, 8, 64, 0);
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, update_many, &fd), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	core_stop();
}
