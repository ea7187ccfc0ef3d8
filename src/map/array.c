/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * array.c - BPF_MAP_TYPE_ARRAY, and what the other arrays share (kernel/bpf/arraymap.c).
 *
 * All elements exist from the start, at values + index * elem_size; they begin at offset 0 of
 * the area, so that mmap() of a BPF_F_MMAPABLE array sees element 0 first.
 */
#include "map/map_int.h"

#include <limits.h>

#define ARRAY_FLAGS                                                                   \
	(BPF_F_NUMA_NODE | BPF_F_MMAPABLE | MAP_ACCESS_FLAGS | BPF_F_PRESERVE_ELEMS | \
	 BPF_F_INNER_MAP)

static bool numa_given(const union bpf_attr *attr)
{
	return (attr->map_flags & BPF_F_NUMA_NODE) && attr->numa_node != UINT32_MAX;
}

int array_check(const union bpf_attr *attr, struct skep_diag *reterr_diag)
{
	bool percpu = attr->map_type == BPF_MAP_TYPE_PERCPU_ARRAY;
	uint32_t unknown = attr->map_flags & ~(uint32_t)ARRAY_FLAGS;

	if (attr->key_size != 4)
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"key_size of an array is 4, not %u", attr->key_size);
	if (attr->max_entries == 0 || attr->value_size == 0)
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"max_entries and value_size of an array must not be 0");
	/* BPF_F_PRESERVE_ELEMS is for perf event arrays, the next two for plain arrays. */
	unknown |= attr->map_flags & BPF_F_PRESERVE_ELEMS;
	if (attr->map_type != BPF_MAP_TYPE_ARRAY)
		unknown |= attr->map_flags & (BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	if (unknown)
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"map_flags 0x%x are not for this type", unknown);
	if (!map_access_ok(attr->map_flags))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"a map cannot be read-only and write-only for programs");
	if (percpu && numa_given(attr))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"a per-CPU map has no NUMA node");
	if (attr->value_size > INT_MAX || (percpu && attr->value_size > PERCPU_VALUE_MAX))
		return diag_set(reterr_diag, -E2BIG, SKEP_AT_NONE, 0, "value_size %u is too large",
				attr->value_size);
	return 0;
}

int object_array_check(const union bpf_attr *attr, struct skep_diag *reterr_diag)
{
	if (attr->value_size != 4)
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"value_size of a map of fds is 4, not %u", attr->value_size);
	if (attr->map_flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"a map of fds cannot be read-only or write-only for programs");
	return array_check(attr, reterr_diag);
}

bool array_layout(struct skep_map *m, uint32_t elem_size, uint32_t blocks, uint64_t *ret_size)
{
	/* 2^32 elements of 2^31 bytes still fit; the blocks of all CPUs may not. */
	uint64_t block = (uint64_t)m->max_entries * elem_size;

	if (blocks > 1)
		block = ALIGN_UP(block, 4096);
	m->elem_size = elem_size;
	m->index_mask = (uint32_t)(round_up_pow2(m->max_entries) - 1);
	m->cpu_stride = blocks > 1 ? block : 0;
	return !__builtin_mul_overflow(block, blocks, ret_size);
}

int array_alloc(struct skep_map *m, uint32_t elem_size, uint32_t blocks,
		struct skep_diag *reterr_diag)
{
	uint64_t size;
	int err = array_layout(m, elem_size, blocks, &size) ? map_area_of(m, 0, size) : -ENOMEM;

	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0,
				"no memory for an array of %u values of %u bytes", m->max_entries,
				m->value_size);
	m->values = m->area.mem;
	return 0;
}

int array_view(struct skep_map *m, int fd, bool write)
{
	uint64_t size;
	int err =
		array_layout(m, ALIGN_UP(m->value_size, 8), m->kind->percpu ? m->nr_cpus : 1, &size)
			? map_area_view(&m->area, fd, sizeof(struct view_head), size, write)
			: -EINVAL;

	m->values = m->area.mem;
	return err;
}

int array_next_key(struct skep_map *m, const void *key, void *next)
{
	uint32_t index = key ? array_index(key) : UINT32_MAX;

	if (index == m->max_entries - 1)
		return -ENOENT;
	index = index < m->max_entries ? index + 1 : 0;
	memcpy(next, &index, sizeof(index));
	return 0;
}

bool array_contains(struct skep_map *m, uintptr_t addr, size_t len)
{
	uintptr_t off = addr - (uintptr_t)m->area.mem;

	return off < m->area.size && len <= m->area.size - off;
}

long array_no_delete(struct skep_map *m, const void *key, uint32_t cpu)
{
	(void)m, (void)key, (void)cpu;
	return -EINVAL;
}

void array_destroy(struct skep_map *m)
{
	const uint64_t blocks = m->cpu_stride ? m->nr_cpus : 1;

	for (uint64_t b = 0; m->objects && b < blocks; b++)
		for (uint64_t i = 0; i < m->max_entries; i++)
			value_drop(m, m->values + b * m->cpu_stride + i * m->elem_size, VCPU_NONE);
}

static int array_create(struct skep_map *m, const union bpf_attr *attr,
			struct skep_diag *reterr_diag)
{
	return array_alloc(m, ALIGN_UP(attr->value_size, 8), 1, reterr_diag);
}

static void *array_lookup(struct skep_map *m, const void *key, uint32_t cpu)
{
	uint32_t index = array_index(key);

	(void)cpu;
	if (unlikely(index >= m->max_entries))
		return NULL;
	return m->values + (uint64_t)index * m->elem_size;
}

static long array_update(struct skep_map *m, const void *key, const void *value, uint64_t flags,
			 uint32_t cpu)
{
	uint32_t index = array_index(key);
	long err = array_update_check(m, index, flags);
	void *mem;

	if (unlikely(err))
		return err;
	mem = m->values + (uint64_t)index * m->elem_size;
	value_write(m, mem, value, flags, cpu);
	value_drop(m, mem, cpu);
	return 0;
}

static int array_value_addr(struct skep_map *m, uint64_t *ret_addr, uint32_t off)
{
	if (m->max_entries != 1)
		return -ENOTSUPP;
	if (off >= m->value_size)
		return -EINVAL;
	*ret_addr = (uint64_t)(uintptr_t)m->values + off;
	return 0;
}

static long array_for_each(struct skep_map *m, uint32_t cpu,
			   uint64_t (*cb)(void *arg, const void *key, void *value), void *arg)
{
	uint8_t *value = m->values;

	(void)cpu;
	for (uint32_t i = 0; i < m->max_entries; i++, value += m->elem_size)
		if (cb(arg, &i, value))
			return (long)i + 1;
	return m->max_entries;
}

const struct map_ops array_map_ops = {
	.lookup = array_lookup,
	.update = array_update,
	.delete = array_no_delete,
	.contains = array_contains,
	.for_each = array_for_each,
};

const struct map_sys_ops array_map_sys = {
	.run = &array_map_ops,
	.check = array_check,
	.create = array_create,
	.view = array_view,
	.destroy = array_destroy,
	.next_key = array_next_key,
	.value_addr = array_value_addr,
};
