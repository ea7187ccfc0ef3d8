/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prog_array.c - BPF_MAP_TYPE_PROG_ARRAY: struct skep_prog * at values + index * 8, which
 * compiled tail calls read without a lock.
 *
 * A program that was taken out is dropped only after every run that may still jump to it has
 * ended.  m->lock keeps bpf(2) readers from a program that is being dropped.
 */
#include "hive/vcpu.h"
#include "map/map_int.h"

static int prog_array_create(struct skep_map *m, const union bpf_attr *attr,
			     struct skep_diag *reterr_diag)
{
	(void)attr;
	return array_alloc(m, sizeof(void *), 1, reterr_diag);
}

/* Puts prog (may be NULL) into the slot and lets the old one go; false where there was none. */
static bool exchange(struct skep_map *m, _Atomic(void *) *slot, void *prog)
{
	void *old;

	spin_lock(&m->lock);
	old = atomic_exchange(slot, prog);
	spin_unlock(&m->lock);
	if (!old)
		return false;
	if (m->vcpus)
		vcpus_synchronize(m->vcpus);
	m->progs->put(old);
	return true;
}

static void prog_array_clear(struct skep_map *m)
{
	for (uint32_t i = 0; i < m->max_entries; i++) {
		_Atomic(void *) *slot = object_slot(m, &i);

		if (atomic_load_explicit(slot, memory_order_relaxed))
			exchange(m, slot, NULL);
	}
}

static void prog_array_destroy(struct skep_map *m)
{
	if (m->values)
		prog_array_clear(m);
}

static int prog_array_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	_Atomic(void *) *slot = object_slot(m, key);
	uint32_t id = 0;
	void *prog;

	(void)flags;
	if (!slot)
		return -ENOENT;
	spin_lock(&m->lock);
	prog = atomic_load(slot);
	if (prog)
		id = m->progs->id(prog);
	spin_unlock(&m->lock);
	if (!prog)
		return -ENOENT;
	memcpy(value, &id, sizeof(id));
	return 0;
}

static int prog_array_sys_update(struct skep_map *m, const void *key, const void *value,
				 uint64_t flags)
{
	_Atomic(void *) *slot = object_slot(m, key);
	void *prog;
	int err;

	if (flags != BPF_ANY)
		return -EINVAL;
	if (!slot)
		return -E2BIG;
	memcpy(&prog, value, sizeof(prog));
	err = map_prog_fits(m, prog);
	if (err)
		return err;
	m->progs->get(prog);
	exchange(m, slot, prog);
	return 0;
}

static int prog_array_sys_delete(struct skep_map *m, const void *key)
{
	_Atomic(void *) *slot = object_slot(m, key);

	if (!slot)
		return -E2BIG;
	return exchange(m, slot, NULL) ? 0 : -ENOENT;
}

const struct map_ops prog_array_map_ops = {};

const struct map_sys_ops prog_array_map_sys = {
	.run = &prog_array_map_ops,
	.check = object_array_check,
	.create = prog_array_create,
	.destroy = prog_array_destroy,
	.next_key = array_next_key,
	.sys_lookup = prog_array_sys_lookup,
	.sys_update = prog_array_sys_update,
	.sys_delete = prog_array_sys_delete,
	.release_user = prog_array_clear,
	.fd_kind = MAP_FD_PROG,
};
