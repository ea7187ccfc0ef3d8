/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * array_of_maps.c - BPF_MAP_TYPE_ARRAY_OF_MAPS: struct skep_map * at values + index * 8; a
 * program's lookup gives the inner map.  Lifetimes are as in prog_array.c.
 */
#include "map/map_int.h"

static int array_of_maps_create(struct skep_map *m, const union bpf_attr *attr,
				struct skep_diag *reterr_diag)
{
	(void)attr;
	return array_alloc(m, sizeof(void *), 1, reterr_diag);
}

static void array_of_maps_destroy(struct skep_map *m)
{
	for (uint32_t i = 0; m->values && i < m->max_entries; i++)
		map_put(atomic_exchange(object_slot(m, &i), NULL));
}

static void *array_of_maps_lookup(struct skep_map *m, const void *key, uint32_t cpu)
{
	_Atomic(void *) *slot = object_slot(m, key);

	(void)cpu;
	/* Acquire pairs with the exchange: the inner map is seen complete. */
	return likely(slot) ? atomic_load_explicit(slot, memory_order_acquire) : NULL;
}

static struct skep_map *exchange(struct skep_map *m, _Atomic(void *) *slot, struct skep_map *inner)
{
	struct skep_map *old;

	spin_lock(&m->lock);
	old = atomic_exchange(slot, inner);
	spin_unlock(&m->lock);
	return old;
}

static int array_of_maps_sys_lookup(struct skep_map *m, const void *key, void *value,
				    uint64_t flags)
{
	_Atomic(void *) *slot = object_slot(m, key);
	struct skep_map *inner;
	uint32_t id = 0;

	(void)flags;
	if (!slot)
		return -ENOENT;
	spin_lock(&m->lock);
	inner = atomic_load(slot);
	if (inner)
		id = inner->id;
	spin_unlock(&m->lock);
	if (!inner)
		return -ENOENT;
	memcpy(value, &id, sizeof(id));
	return 0;
}

static int array_of_maps_sys_update(struct skep_map *m, const void *key, const void *value,
				    uint64_t flags)
{
	_Atomic(void *) *slot = object_slot(m, key);
	struct skep_map *inner;
	int err;

	if (flags != BPF_ANY)
		return -EINVAL;
	if (!slot)
		return -E2BIG;
	memcpy(&inner, value, sizeof(inner));
	err = inner_get(m, inner);
	if (err)
		return err;
	inner_retire(m, exchange(m, slot, inner));
	return 0;
}

static int array_of_maps_sys_delete(struct skep_map *m, const void *key)
{
	_Atomic(void *) *slot = object_slot(m, key);
	struct skep_map *old;

	if (!slot)
		return -E2BIG;
	old = exchange(m, slot, NULL);
	if (!old)
		return -ENOENT;
	inner_retire(m, old);
	return 0;
}

const struct map_ops array_of_maps_map_ops = {
	.lookup = array_of_maps_lookup,
};

const struct map_sys_ops array_of_maps_map_sys = {
	.run = &array_of_maps_map_ops,
	.check = object_array_check,
	.create = array_of_maps_create,
	.destroy = array_of_maps_destroy,
	.next_key = array_next_key,
	.sys_lookup = array_of_maps_sys_lookup,
	.sys_update = array_of_maps_sys_update,
	.sys_delete = array_of_maps_sys_delete,
	.fd_kind = MAP_FD_MAP,
};
