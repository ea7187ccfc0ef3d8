/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cgroup_array.c - BPF_MAP_TYPE_CGROUP_ARRAY (kernel/bpf/arraymap.c): the id of a cgroup of the
 * machine's unified hierarchy at values + index * 8, 0 for none.  bpf(2) puts cgroups in by their
 * descriptors and takes them out; nobody reads them back.
 */
#include "map/map_int.h"

#include <stdatomic.h>

static _Atomic uint64_t *id_at(const struct skep_map *m, const void *key)
{
	uint32_t index = array_index(key);

	return index < m->max_entries ? (_Atomic uint64_t *)m->values + index : NULL;
}

static int cgroup_array_create(struct skep_map *m, const union bpf_attr *attr,
			       struct skep_diag *reterr_diag)
{
	(void)attr;
	return array_alloc(m, sizeof(uint64_t), 1, reterr_diag);
}

static int cgroup_array_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -ENOTSUPP;
}

static int cgroup_array_sys_update(struct skep_map *m, const void *key, const void *value,
				   uint64_t flags)
{
	_Atomic uint64_t *slot = id_at(m, key);
	uint64_t id;
	int err;

	if (flags != BPF_ANY)
		return -EINVAL;
	if (!slot)
		return -E2BIG;
	err = map_cgroup_id((int)array_index(value), &id);
	if (!err)
		atomic_store_explicit(slot, id, memory_order_release);
	return err;
}

static int cgroup_array_sys_delete(struct skep_map *m, const void *key)
{
	_Atomic uint64_t *slot = id_at(m, key);

	if (!slot)
		return -E2BIG;
	return atomic_exchange(slot, 0) ? 0 : -ENOENT;
}

const struct map_ops cgroup_array_map_ops = {};

const struct map_sys_ops cgroup_array_map_sys = {
	.run = &cgroup_array_map_ops,
	.check = map_rule_check,
	.create = cgroup_array_create,
	.next_key = array_next_key,
	.sys_lookup = cgroup_array_sys_lookup,
	.sys_update = cgroup_array_sys_update,
	.sys_delete = cgroup_array_sys_delete,
};
