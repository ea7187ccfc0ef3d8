/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * perf_event_array.c - BPF_MAP_TYPE_PERF_EVENT_ARRAY: struct perf_event * at values + index * 8,
 * counted.  Programs name an index and write to the event; user space puts events in and takes
 * them out, but does not read them back.  Lifetimes are as in prog_array.c.
 */
#include "hive/vcpu.h"
#include "map/map_int.h"
#include "map/perf_event.h"

static int perf_event_array_create(struct skep_map *m, const union bpf_attr *attr,
				   struct skep_diag *reterr_diag)
{
	(void)attr;
	return array_alloc(m, sizeof(void *), 1, reterr_diag);
}

struct perf_event *perf_event_at(struct skep_map *m, uint32_t index)
{
	/* Acquire pairs with the exchange: the event is seen complete. */
	return atomic_load_explicit(object_slot(m, &index), memory_order_acquire);
}

/* Puts e (may be NULL) into the slot and lets the old one go; false where there was none. */
static bool exchange(struct skep_map *m, _Atomic(void *) *slot, struct perf_event *e)
{
	struct perf_event *old = atomic_exchange(slot, e);

	if (!old)
		return false;
	if (m->vcpus)
		vcpus_synchronize(m->vcpus);
	perf_event_put(old);
	return true;
}

static void clear(struct skep_map *m)
{
	for (uint32_t i = 0; m->values && i < m->max_entries; i++)
		if (atomic_load_explicit(object_slot(m, &i), memory_order_relaxed))
			exchange(m, object_slot(m, &i), NULL);
}

static void perf_event_array_release(struct skep_map *m)
{
	if (!(m->flags & BPF_F_PRESERVE_ELEMS))
		clear(m);
}

static int perf_event_array_sys_lookup(struct skep_map *m, const void *key, void *value,
				       uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -ENOTSUPP;
}

static int perf_event_array_sys_update(struct skep_map *m, const void *key, const void *value,
				       uint64_t flags)
{
	_Atomic(void *) *slot = object_slot(m, key);
	struct perf_event *e;

	if (flags != BPF_ANY)
		return -EINVAL;
	if (!slot)
		return -E2BIG;
	memcpy(&e, value, sizeof(e));
	exchange(m, slot, perf_event_get(e));
	return 0;
}

static int perf_event_array_sys_delete(struct skep_map *m, const void *key)
{
	_Atomic(void *) *slot = object_slot(m, key);

	if (!slot)
		return -E2BIG;
	return exchange(m, slot, NULL) ? 0 : -ENOENT;
}

const struct map_ops perf_event_array_map_ops = {};

const struct map_sys_ops perf_event_array_map_sys = {
	.run = &perf_event_array_map_ops,
	.check = map_rule_check,
	.create = perf_event_array_create,
	.destroy = clear,
	.next_key = array_next_key,
	.sys_lookup = perf_event_array_sys_lookup,
	.sys_update = perf_event_array_sys_update,
	.sys_delete = perf_event_array_sys_delete,
	.release_user = perf_event_array_release,
	.fd_kind = MAP_FD_PERF,
};
