/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockhash.c - BPF_MAP_TYPE_SOCKHASH (net/core/sock_map.c): sockets by any key, as sockmap.c has
 * them by index.  The table is hash_int.h's, of the same keys and 64-bit cookies.
 */
#include "base/alloc.h"
#include "map/hash_int.h"
#include "map/socket.h"

/* m->priv */
struct sockhash {
	struct skep_map table; /* facts and priv alone: the area is the map's */
	struct socket_watch watch;
};

static struct skep_map *table_of(const struct skep_map *m)
{
	return &((struct sockhash *)m->priv)->table;
}

/* --- hot -------------------------------------------------------------------------------------- */

static long sockhash_delete(struct skep_map *m, const void *key, uint32_t cpu)
{
	return hash_delete(table_of(m), key, cpu);
}

/* --- bpf(2) ----------------------------------------------------------------------------------- */

static int sockhash_create(struct skep_map *m, const union bpf_attr *attr,
			   struct skep_diag *reterr_diag)
{
	_cleanup_(skep_free_p) struct sockhash *s = skep_alloc(sizeof(*s));
	struct hash h;
	int err;

	(void)attr;
	if (!s)
		return diag_set(reterr_diag, -ENOMEM, SKEP_AT_NONE, 0, "no memory for a map");
	socket_watch_begin(&s->watch);
	s->table = (struct skep_map){
		.type = BPF_MAP_TYPE_HASH,
		.key_size = m->key_size,
		.value_size = sizeof(uint64_t),
		.max_entries = m->max_entries,
		.nr_cpus = m->nr_cpus,
		.seed = m->seed,
	};
	if (!hash_layout(&s->table, &h))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0, "max_entries %u",
				m->max_entries);
	err = hash_alloc(&s->table, &h, reterr_diag);
	if (err) {
		hash_destroy(&s->table);
		return err;
	}
	m->area = s->table.area;
	m->priv = TAKE_PTR(s);
	return 0;
}

static void sockhash_destroy(struct skep_map *m)
{
	struct sockhash *s = m->priv;

	if (!s)
		return;
	socket_watch_end(&s->watch);
	hash_destroy(&s->table);
	skep_free(s);
}

static void lock(struct skep_map *m)
{
	socket_watch_lock(&((struct sockhash *)m->priv)->watch);
}

static void unlock(struct skep_map *m)
{
	socket_watch_unlock(&((struct sockhash *)m->priv)->watch);
}

/* The socket of that key, if it is open; else the key is none.  The watch is locked. */
static uint64_t open_at(struct skep_map *m, const void *key)
{
	const struct sockhash *s = m->priv;
	uint64_t cookie;

	if (hash_sys_lookup(table_of(m), key, &cookie, 0))
		return 0;
	if (socket_is_open(&s->watch, cookie))
		return cookie;
	hash_delete(table_of(m), key, VCPU_NONE);
	return 0;
}

/* The key after `key` whose socket is open.  The watch is locked. */
static int next_open(struct skep_map *m, const void *key, void *next)
{
	int err = hash_next_key(table_of(m), key, next);

	while (!err && !open_at(m, next))
		err = hash_next_key(table_of(m), key, next);
	return err;
}

static int sockhash_next_key(struct skep_map *m, const void *key, void *next)
{
	int err;

	lock(m);
	err = next_open(m, key, next);
	unlock(m);
	return err;
}

static int sockhash_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	uint64_t cookie;

	(void)flags;
	if (m->value_size != sizeof(cookie))
		return -ENOSPC;
	lock(m);
	cookie = open_at(m, key);
	unlock(m);
	memcpy(value, &cookie, sizeof(cookie));
	return cookie ? 0 : -ENOENT;
}

/* Where the map is full of sockets that are closed, there is room. */
static int put_locked(struct skep_map *m, const void *key, const struct socket_facts *facts,
		      uint64_t flags)
{
	struct sockhash *s = m->priv;
	uint8_t seen[SOCKHASH_KEY_MAX];
	int err = socket_watch(&s->watch, facts);

	if (err)
		return err;
	open_at(m, key);
	err = (int)hash_update_as(&s->table, key, &facts->cookie, flags, HASH_USER, 0, HASH_PLAIN,
				  NULL);
	if (err != -E2BIG)
		return err;
	for (const void *at = NULL; !next_open(m, at, seen); at = seen)
		;
	return (int)hash_update_as(&s->table, key, &facts->cookie, flags, HASH_USER, 0, HASH_PLAIN,
				   NULL);
}

static int sockhash_sys_update(struct skep_map *m, const void *key, const void *value,
			       uint64_t flags)
{
	struct socket_facts s;
	int err = socket_find(m, value, &s);

	if (err)
		return err;
	if (!socket_is_ready(&s))
		return -EOPNOTSUPP;
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (!socket_has_hooks(&s))
		return -EOPNOTSUPP;
	lock(m);
	err = put_locked(m, key, &s, flags);
	unlock(m);
	return err;
}

static int sockhash_sys_delete(struct skep_map *m, const void *key)
{
	lock(m);
	open_at(m, key);
	unlock(m);
	return (int)sockhash_delete(m, key, VCPU_NONE);
}

const struct map_ops sockhash_map_ops = {
	.delete = sockhash_delete,
};

const struct map_sys_ops sockhash_map_sys = {
	.run = &sockhash_map_ops,
	.check = map_rule_check,
	.create = sockhash_create,
	.destroy = sockhash_destroy,
	.next_key = sockhash_next_key,
	.sys_lookup = sockhash_sys_lookup,
	.sys_update = sockhash_sys_update,
	.sys_delete = sockhash_sys_delete,
};
