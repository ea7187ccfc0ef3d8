/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redirect.c - arrays of where XDP sends packets: BPF_MAP_TYPE_DEVMAP, CPUMAP, XSKMAP
 * (kernel/bpf/devmap.c, cpumap.c, net/xdp/xskmap.c).  Devices by any index are devmap_hash.c's.
 *
 * An entry is one 64-bit word, so programs and bpf(2) always see one whole: in the low half the
 * interface (DEVMAP) or the length of the queue (CPUMAP), in the high half our own descriptor of
 * the socket, plus 1 (XSKMAP).  0 is no entry.  Programs only look; bpf(2) writes.
 */
#include "map/map_int.h"

#define QUEUE_MAX 16384u /* packets that wait for a CPU */

static _Atomic uint64_t *entry_at(const struct skep_map *m, const void *key)
{
	uint32_t index = array_index(key);

	return index < m->max_entries ? (_Atomic uint64_t *)m->values + index : NULL;
}

static int redirect_create(struct skep_map *m, const union bpf_attr *attr,
			   struct skep_diag *reterr_diag)
{
	(void)attr;
	/* What programs look up is the kernel's own record. */
	if (m->type == BPF_MAP_TYPE_DEVMAP)
		m->flags |= BPF_F_RDONLY_PROG;
	return array_alloc(m, sizeof(uint64_t), 1, reterr_diag);
}

static void *redirect_lookup(struct skep_map *m, const void *key, uint32_t cpu)
{
	_Atomic uint64_t *e = entry_at(m, key);

	(void)cpu;
	return e && atomic_load_explicit(e, memory_order_acquire) ? e : NULL;
}

static bool array_redirect(struct skep_map *m, uint32_t key, uint32_t *ret_ifindex)
{
	const _Atomic uint64_t *e = entry_at(m, &key);
	const uint64_t entry = e ? atomic_load_explicit(e, memory_order_acquire) : 0;

	if (m->type == BPF_MAP_TYPE_DEVMAP)
		*ret_ifindex = (uint32_t)entry;
	return entry;
}

/* What all three say of flags and index, in this order. */
static int check_place(const struct skep_map *m, const void *key, uint64_t flags)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	return array_index(key) < m->max_entries ? 0 : -E2BIG;
}

/* The same of those whose values are records, which exist from the start: *ret_what and the program
 * that comes with it. */
static int check_record(const struct skep_map *m, const void *key, const void *value,
			uint64_t flags, uint32_t *ret_what, int32_t *ret_prog)
{
	int err = check_place(m, key, flags);

	*ret_what = array_index(value);
	*ret_prog = m->value_size == 8 ? (int32_t)array_index((const uint8_t *)value + 4) : 0;
	return !err && flags == BPF_NOEXIST ? -EEXIST : err;
}

static int devmap_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	uint32_t ifindex;
	int32_t prog;
	int err = check_record(m, key, value, flags, &ifindex, &prog);

	if (!err && ((ifindex && !map_device_exists(ifindex)) || prog > 0))
		err = -EINVAL;
	if (!err)
		atomic_store_explicit(entry_at(m, key), ifindex, memory_order_release);
	return err;
}

static int cpumap_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	uint32_t queue;
	int32_t prog;
	int err = check_record(m, key, value, flags, &queue, &prog);

	if (err)
		return err;
	if (queue > QUEUE_MAX)
		return -EOVERFLOW;
	if (array_index(key) >= m->nr_cpus)
		return -ENODEV;
	/* Linux's word for a program that it cannot take. */
	if (queue && prog > 0)
		return -ENOMEM;
	atomic_store_explicit(entry_at(m, key), queue, memory_order_release);
	return 0;
}

/* 0 and the entry replaced, or what Linux says of one that is there, or is not. */
static int xsk_replace(struct skep_map *m, _Atomic uint64_t *slot, uint64_t entry, uint64_t flags,
		       uint64_t *ret_old)
{
	int err;

	spin_lock(&m->lock);
	*ret_old = atomic_load(slot);
	err = flags == BPF_NOEXIST && *ret_old	? -EEXIST
	      : flags == BPF_EXIST && !*ret_old ? -ENOENT
						: 0;
	if (!err)
		atomic_store_explicit(slot, entry, memory_order_release);
	spin_unlock(&m->lock);
	return err;
}

static void xsk_close(uint64_t entry)
{
	map_socket_close((int)(entry >> 32) - 1);
}

static int xskmap_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	uint64_t entry, old;
	int fd, err = check_place(m, key, flags);

	if (err)
		return err;
	fd = map_xsk_open((int)array_index(value));
	if (fd < 0)
		return fd;
	entry = (uint64_t)(fd + 1) << 32;
	err = xsk_replace(m, entry_at(m, key), entry, flags, &old);
	xsk_close(err ? entry : old);
	return err;
}

static int redirect_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	const _Atomic uint64_t *e = redirect_lookup(m, key, 0);
	const uint64_t entry = e ? atomic_load(e) : 0;

	(void)flags;
	memcpy(value, &entry, m->value_size);
	return entry ? 0 : -ENOENT;
}

static int xskmap_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -EOPNOTSUPP;
}

/* There may have been none. */
static int redirect_sys_delete(struct skep_map *m, const void *key)
{
	_Atomic uint64_t *slot = entry_at(m, key);
	uint64_t old;

	if (!slot)
		return -EINVAL;
	xsk_replace(m, slot, 0, BPF_ANY, &old);
	if (m->type == BPF_MAP_TYPE_XSKMAP)
		xsk_close(old);
	return 0;
}

static void xskmap_destroy(struct skep_map *m)
{
	for (uint32_t i = 0; m->values && i < m->max_entries; i++)
		xsk_close(atomic_load_explicit(entry_at(m, &i), memory_order_relaxed));
}

#define REDIRECT_OPS                                                                    \
	.check = map_rule_check, .create = redirect_create, .next_key = array_next_key, \
	.sys_delete = redirect_sys_delete

const struct map_ops devmap_map_ops = {
	.contains = array_contains,
	.redirect = array_redirect,
	.lookup = redirect_lookup,
	.redirect_flags = BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS,
};

const struct map_sys_ops devmap_map_sys = {
	.run = &devmap_map_ops,
	REDIRECT_OPS,
	.sys_lookup = redirect_sys_lookup,
	.sys_update = devmap_sys_update,
};

const struct map_ops cpumap_map_ops = {
	.contains = array_contains,
	.redirect = array_redirect,
};

const struct map_sys_ops cpumap_map_sys = {
	.run = &cpumap_map_ops,
	REDIRECT_OPS,
	.sys_lookup = redirect_sys_lookup,
	.sys_update = cpumap_sys_update,
};

const struct map_ops xskmap_map_ops = {
	.contains = array_contains,
	.redirect = array_redirect,
	.lookup = redirect_lookup,
};

const struct map_sys_ops xskmap_map_sys = {
	.run = &xskmap_map_ops,
	REDIRECT_OPS,
	.destroy = xskmap_destroy,
	.sys_lookup = xskmap_sys_lookup,
	.sys_update = xskmap_sys_update,
};
