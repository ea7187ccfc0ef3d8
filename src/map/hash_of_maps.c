/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_of_maps.c - BPF_MAP_TYPE_HASH_OF_MAPS: the table of hash_int.h with struct skep_map * as
 * values.  Programs only look up; what bpf(2) takes out is dropped after running programs end.
 */
#include "map/hash_int.h"

static int hash_of_maps_check(const union bpf_attr *attr, struct skep_diag *reterr_diag)
{
	if (attr->value_size != 4)
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"value_size of a map of fds is 4, not %u", attr->value_size);
	return hash_check(attr, reterr_diag);
}

static void *hash_of_maps_lookup(struct skep_map *m, const void *key, uint32_t cpu)
{
	return hash_lookup_as(m, key, cpu, 0, HASH_OBJECT);
}

static int hash_of_maps_sys_update(struct skep_map *m, const void *key, const void *value,
				   uint64_t flags)
{
	struct skep_map *inner;
	void *old = NULL;
	int err;

	memcpy(&inner, value, sizeof(inner));
	err = inner_get(m, inner);
	if (err)
		return err;
	err = (int)hash_update_as(m, key, &inner, flags, HASH_USER, 0, HASH_OBJECT, &old);
	if (err)
		map_put(inner);
	else
		inner_retire(m, old);
	return err;
}

const struct map_ops hash_of_maps_map_ops = {
	.lookup = hash_of_maps_lookup,
};

const struct map_sys_ops hash_of_maps_map_sys = {
	.run = &hash_of_maps_map_ops,
	.check = hash_of_maps_check,
	.create = hash_create,
	.destroy = hash_destroy,
	.next_key = hash_next_key,
	.sys_lookup = hash_sys_lookup,
	.sys_update = hash_of_maps_sys_update,
	.sys_delete = hash_sys_delete,
	.sys_batch = hash_sys_batch,
	.fd_kind = MAP_FD_MAP,
};
