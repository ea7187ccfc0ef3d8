/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockmap.c - maps of sockets by index: BPF_MAP_TYPE_SOCKMAP and REUSEPORT_SOCKARRAY
 * (net/core/sock_map.c, kernel/bpf/reuseport_array.c).  By any key: sockhash.c.
 *
 * An element is one word, the socket's cookie, 0 for none.  bpf(2) puts sockets in by their
 * descriptors; what was closed since is found when its element is looked at.  Programs have no
 * sockets in this kernel: they find none, and may empty an element.
 */
#include "base/alloc.h"
#include "map/map_int.h"
#include "map/socket.h"

/* --- hot -------------------------------------------------------------------------------------- */

static _Atomic uint64_t *cookie_at(const struct skep_map *m, const void *key)
{
	uint32_t index = array_index(key);

	return index < m->max_entries ? (_Atomic uint64_t *)m->values + index : NULL;
}

static long sockmap_delete(struct skep_map *m, const void *key, uint32_t cpu)
{
	_Atomic uint64_t *slot = cookie_at(m, key);

	return slot && atomic_exchange(slot, 0) ? 0 : -EINVAL;
}

/* --- bpf(2) ----------------------------------------------------------------------------------- */

static int sockmap_create(struct skep_map *m, const union bpf_attr *attr,
			  struct skep_diag *reterr_diag)
{
	_cleanup_(skep_free_p) struct socket_watch *w = skep_alloc(sizeof(*w));
	int err;

	(void)attr;
	if (!w)
		return diag_set(reterr_diag, -ENOMEM, SKEP_AT_NONE, 0, "no memory for a map");
	err = array_alloc(m, sizeof(uint64_t), 1, reterr_diag);
	if (err)
		return err;
	socket_watch_begin(w);
	m->priv = TAKE_PTR(w);
	return 0;
}

static void sockmap_destroy(struct skep_map *m)
{
	if (m->priv)
		socket_watch_end(m->priv);
	skep_free(m->priv);
}

/* The socket in the slot, if it is open; else the slot is empty.  The watch is locked. */
static uint64_t open_in(struct skep_map *m, _Atomic uint64_t *slot)
{
	uint64_t cookie = atomic_load(slot);

	if (cookie && !socket_is_open(m->priv, cookie)) {
		atomic_compare_exchange_strong(slot, &cookie, 0);
		return 0;
	}
	return cookie;
}

/* Puts the socket in where the flags allow it. */
static int put_locked(struct skep_map *m, _Atomic uint64_t *slot, const struct socket_facts *s,
		      uint64_t flags)
{
	const bool there = flags != BPF_ANY && open_in(m, slot);
	int err;

	if (flags != BPF_ANY && there != (flags == BPF_EXIST))
		return there ? -EEXIST : -ENOENT;
	err = socket_watch(m->priv, s);
	if (!err)
		atomic_store(slot, s->cookie);
	return err;
}

static int sockmap_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	_Atomic uint64_t *slot = cookie_at(m, key);
	uint64_t cookie = 0;

	(void)flags;
	if (m->value_size != sizeof(cookie))
		return -ENOSPC;
	socket_watch_lock(m->priv);
	if (slot)
		cookie = open_in(m, slot);
	socket_watch_unlock(m->priv);
	memcpy(value, &cookie, sizeof(cookie));
	return cookie ? 0 : -ENOENT;
}

static int sockmap_sys_update(struct skep_map *m, const void *key, const void *value,
			      uint64_t flags)
{
	_Atomic uint64_t *slot = cookie_at(m, key);
	struct socket_facts s;
	int err = socket_find(m, value, &s);

	if (err)
		return err;
	if (!socket_is_ready(&s))
		return -EOPNOTSUPP;
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (!slot)
		return -E2BIG;
	if (!socket_has_hooks(&s))
		return -EOPNOTSUPP;
	socket_watch_lock(m->priv);
	err = put_locked(m, slot, &s, flags);
	socket_watch_unlock(m->priv);
	return err;
}

static int sockmap_sys_delete(struct skep_map *m, const void *key)
{
	_Atomic uint64_t *slot = cookie_at(m, key);

	if (!slot)
		return -EINVAL;
	socket_watch_lock(m->priv);
	open_in(m, slot);
	socket_watch_unlock(m->priv);
	return (int)sockmap_delete(m, key, VCPU_NONE);
}

/* --- sockets that share a port ---------------------------------------------------------------- */

static bool is_in(const struct skep_map *m, uint64_t cookie)
{
	for (uint32_t i = 0; i < m->max_entries; i++)
		if (atomic_load(cookie_at(m, &i)) == cookie)
			return true;
	return false;
}

static int reuseport_check(struct skep_map *m, _Atomic uint64_t *slot, const struct socket_facts *s,
			   uint64_t flags)
{
	const bool there = open_in(m, slot);

	if (there && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!there && flags == BPF_EXIST)
		return -ENOENT;
	if (!socket_is_tcp(s) && !socket_is_udp(s))
		return -ENOTSUPP;
	if (!s->reuseport || !(socket_is_tcp(s) ? socket_listens(s) : socket_is_bound(s)))
		return -EINVAL;
	return is_in(m, s->cookie) ? -EBUSY : 0;
}

static int reuseport_sys_update(struct skep_map *m, const void *key, const void *value,
				uint64_t flags)
{
	_Atomic uint64_t *slot = cookie_at(m, key);
	struct socket_facts s;
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (!slot)
		return -E2BIG;
	err = socket_find(m, value, &s);
	if (err)
		return err;
	socket_watch_lock(m->priv);
	err = reuseport_check(m, slot, &s, flags);
	if (!err)
		err = put_locked(m, slot, &s, BPF_ANY);
	socket_watch_unlock(m->priv);
	return err;
}

static int reuseport_sys_delete(struct skep_map *m, const void *key)
{
	if (!cookie_at(m, key))
		return -E2BIG;
	return sockmap_sys_delete(m, key) ? -ENOENT : 0;
}

#define SOCKMAP_OPS                                                                    \
	.check = map_rule_check, .create = sockmap_create, .destroy = sockmap_destroy, \
	.next_key = array_next_key, .sys_lookup = sockmap_sys_lookup

const struct map_ops sockmap_map_ops = {
	.delete = sockmap_delete,
};

const struct map_sys_ops sockmap_map_sys = {
	.run = &sockmap_map_ops,
	SOCKMAP_OPS,
	.sys_update = sockmap_sys_update,
	.sys_delete = sockmap_sys_delete,
};

const struct map_ops reuseport_sockarray_map_ops = {};

const struct map_sys_ops reuseport_sockarray_map_sys = {
	.run = &reuseport_sockarray_map_ops,
	SOCKMAP_OPS,
	.sys_update = reuseport_sys_update,
	.sys_delete = reuseport_sys_delete,
};
