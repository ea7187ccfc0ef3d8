/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * percpu_array.c - BPF_MAP_TYPE_PERCPU_ARRAY: one array after the other, each CPU's on its own
 * pages, so CPUs never share a cache line.
 */
#include "map/map_int.h"

static uint8_t *elem(const struct skep_map *m, uint32_t index, uint32_t cpu)
{
	return m->values + cpu * m->cpu_stride + (uint64_t)index * m->elem_size;
}

static int percpu_array_create(struct skep_map *m, const union bpf_attr *attr,
			       struct skep_diag *reterr_diag)
{
	return array_alloc(m, ALIGN_UP(attr->value_size, 8), m->nr_cpus, reterr_diag);
}

static void *percpu_array_lookup(struct skep_map *m, const void *key, uint32_t cpu)
{
	uint32_t index = array_index(key);

	return likely(index < m->max_entries) ? elem(m, index, cpu) : NULL;
}

static long percpu_array_update(struct skep_map *m, const void *key, const void *value,
				uint64_t flags, uint32_t cpu)
{
	uint32_t index = array_index(key);
	long err = array_update_check(m, index, flags);

	if (!err)
		cpu_value_write(m, elem(m, index, cpu), value, m->value_size);
	return err;
}

static int percpu_array_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	uint32_t index = array_index(key);
	uint8_t *to = value;

	(void)flags;
	if (index >= m->max_entries)
		return -ENOENT;
	for (uint32_t cpu = 0; cpu < m->nr_cpus; cpu++, to += m->elem_size)
		cpu_value_read(m, to, elem(m, index, cpu), m->elem_size);
	return 0;
}

static int percpu_array_sys_update(struct skep_map *m, const void *key, const void *value,
				   uint64_t flags)
{
	uint32_t index = array_index(key);
	const uint8_t *from = value;
	long err = flags > BPF_EXIST ? -EINVAL : array_update_check(m, index, flags);

	if (err)
		return (int)err;
	for (uint32_t cpu = 0; cpu < m->nr_cpus; cpu++, from += m->elem_size)
		cpu_value_write(m, elem(m, index, cpu), from, m->elem_size);
	return 0;
}

static long percpu_array_for_each(struct skep_map *m, uint32_t cpu,
				  uint64_t (*cb)(void *arg, const void *key, void *value),
				  void *arg)
{
	for (uint32_t i = 0; i < m->max_entries; i++)
		if (cb(arg, &i, elem(m, i, cpu)))
			return (long)i + 1;
	return m->max_entries;
}

const struct map_ops percpu_array_map_ops = {
	.lookup = percpu_array_lookup,
	.update = percpu_array_update,
	.delete = array_no_delete,
	.contains = array_contains,
	.for_each = percpu_array_for_each,
};

const struct map_sys_ops percpu_array_map_sys = {
	.run = &percpu_array_map_ops,
	.check = array_check,
	.create = percpu_array_create,
	.view = array_view,
	.destroy = array_destroy,
	.next_key = array_next_key,
	.sys_lookup = percpu_array_sys_lookup,
	.sys_update = percpu_array_sys_update,
};
