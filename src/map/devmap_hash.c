/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devmap_hash.c - BPF_MAP_TYPE_DEVMAP_HASH (kernel/bpf/devmap.c): devices by any 32-bit index, for
 * XDP's redirects.
 *
 *	| buckets: numbers of entries | entry 1 | entry 2 | ...
 *
 * Buckets are as many as max_entries, rounded up to a power of two; an index' bucket is its low
 * bits, and a chain has the newest first: the order in which GET_NEXT_KEY goes.  Programs look
 * without a lock.  Only bpf(2) writes, under m->lock; an entry that was taken out is used again
 * after the runs that may stand on it.
 */
#include "hive/vcpu.h"
#include "map/map_int.h"

#define LOOKS 100

struct dev_entry {
	struct bpf_devmap_val value; /* as programs and bpf(2) see it */
	uint32_t index;		     /* the key */
	_Atomic uint32_t next;	     /* in the chain, or in the list of free ones; 0 ends */
};
static_assert(sizeof(struct dev_entry) == 16, "values are aligned");

/* At the beginning of the area; buckets and entries follow. */
struct dev_table {
	uint32_t used;		 /* entries in chains */
	uint32_t fresh;		 /* entries up to here were used at least once */
	uint32_t free;		 /* list of those that were, and are free */
	_Atomic uint32_t moves;	 /* odd while an entry moves to the front of its chain */
	_Atomic uint32_t head[]; /* [m->index_mask + 1] first of each chain */
};

/* One more than max_entries: a replacement is complete before the old one goes. */
static int devmap_hash_create(struct skep_map *m, const union bpf_attr *attr,
			      struct skep_diag *reterr_diag)
{
	const uint64_t buckets = round_up_pow2(attr->max_entries);
	const uint64_t table = ALIGN_UP(sizeof(struct dev_table) + buckets * 4, 16);
	const uint64_t entries = ((uint64_t)attr->max_entries + 1) * sizeof(struct dev_entry);
	int err = map_area_of(m, 0, table + entries);

	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0, "no memory for %u devices",
				attr->max_entries);
	m->flags |= BPF_F_RDONLY_PROG;
	m->index_mask = (uint32_t)(buckets - 1);
	m->priv = m->area.mem + table - sizeof(struct dev_entry);
	return 0;
}

static struct dev_table *table_of(const struct skep_map *m)
{
	return (struct dev_table *)m->area.mem;
}

/* Entry n; there is no 0. */
static struct dev_entry *entry_at(const struct skep_map *m, uint32_t n)
{
	return (struct dev_entry *)m->priv + n;
}

static _Atomic uint32_t *head_of(const struct skep_map *m, uint32_t index)
{
	return &table_of(m)->head[index & m->index_mask];
}

/* What names the entry of that index; the end of the chain where there is none.  m->lock is held.
 */
static _Atomic uint32_t *find_link_locked(const struct skep_map *m, uint32_t index)
{
	_Atomic uint32_t *link = head_of(m, index);
	uint32_t n;

	while ((n = atomic_load_explicit(link, memory_order_relaxed)) &&
	       entry_at(m, n)->index != index)
		link = &entry_at(m, n)->next;
	return link;
}

/* Each link is read once: by the next time it may name another entry. */
static struct dev_entry *walk(const struct skep_map *m, uint32_t index)
{
	const _Atomic uint32_t *link = head_of(m, index);
	uint32_t n;

	/* Acquire pairs with the release that put it there: the entry is complete. */
	while ((n = atomic_load_explicit(link, memory_order_acquire))) {
		struct dev_entry *e = entry_at(m, n);

		if (e->index == index)
			return e;
		link = &e->next;
	}
	return NULL;
}

/* Whoever finds nothing while an entry moved looks again; not for ever, as its mover may be dead.
 */
static struct dev_entry *find(const struct skep_map *m, uint32_t index)
{
	const struct dev_table *t = table_of(m);

	for (unsigned look = 0; look < LOOKS; look++) {
		const uint32_t moves = atomic_load_explicit(&t->moves, memory_order_acquire);
		struct dev_entry *e = walk(m, index);

		/* Pairs with the fences of put_locked. */
		atomic_thread_fence(memory_order_acquire);
		if (e || (!(moves & 1) &&
			  atomic_load_explicit(&t->moves, memory_order_relaxed) == moves))
			return e;
	}
	return NULL;
}

static void *devmap_hash_lookup(struct skep_map *m, const void *key, uint32_t cpu)
{
	struct dev_entry *e = find(m, array_index(key));

	(void)cpu;
	return e ? &e->value : NULL;
}

static bool devmap_hash_redirect(struct skep_map *m, uint32_t key, uint32_t *ret_ifindex)
{
	const struct dev_entry *e = find(m, key);

	*ret_ifindex = e ? e->value.ifindex : 0;
	return e;
}

/* --- bpf(2); m->lock is held where it says so ---------------------------------------------------
 */

/* Takes what the link names out, for somebody to free. */
static uint32_t unlink_locked(struct skep_map *m, _Atomic uint32_t *link)
{
	const uint32_t n = atomic_load_explicit(link, memory_order_relaxed);

	if (n)
		atomic_store_explicit(
			link, atomic_load_explicit(&entry_at(m, n)->next, memory_order_relaxed),
			memory_order_release);
	return n;
}

/* Frees an entry that was unlinked, once nobody can stand on it any more. */
static void retire(struct skep_map *m, uint32_t n)
{
	struct dev_table *t = table_of(m);

	if (!n)
		return;
	if (m->vcpus)
		vcpus_synchronize(m->vcpus);
	spin_lock(&m->lock);
	atomic_store_explicit(&entry_at(m, n)->next, t->free, memory_order_relaxed);
	t->free = n;
	spin_unlock(&m->lock);
}

static uint32_t take_locked(struct skep_map *m)
{
	struct dev_table *t = table_of(m);
	const uint32_t n = t->free;

	if (n)
		t->free = atomic_load_explicit(&entry_at(m, n)->next, memory_order_relaxed);
	else if (t->fresh <= m->max_entries)
		return ++t->fresh;
	return n;
}

/* v: NULL where Linux would not take the value. */
static int put_locked(struct skep_map *m, uint32_t index, const struct bpf_devmap_val *v,
		      uint64_t flags, uint32_t *ret_old)
{
	struct dev_table *t = table_of(m);
	_Atomic uint32_t *link = find_link_locked(m, index), *head = head_of(m, index);
	const bool there = atomic_load_explicit(link, memory_order_relaxed);
	uint32_t n;

	*ret_old = 0;
	if (there && flags & BPF_NOEXIST)
		return -EEXIST;
	if (!v)
		return -EINVAL;
	if (!there && t->used >= m->max_entries)
		return -E2BIG;
	/* Fails only while other replacements wait for runs to end. */
	n = take_locked(m);
	if (!n)
		return -ENOMEM;
	entry_at(m, n)->value = (struct bpf_devmap_val){ .ifindex = v->ifindex };
	entry_at(m, n)->index = index;
	atomic_store_explicit(&entry_at(m, n)->next,
			      atomic_load_explicit(head, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_fetch_add_explicit(&t->moves, there, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(head, n, memory_order_release);
	/* The old one goes once the new one stands before it: whoever begins at the head finds one.
	 */
	*ret_old = unlink_locked(m, link == head ? &entry_at(m, n)->next : link);
	atomic_fetch_add_explicit(&t->moves, there, memory_order_release);
	t->used += !*ret_old;
	return 0;
}

static int devmap_hash_sys_update(struct skep_map *m, const void *key, const void *value,
				  uint64_t flags)
{
	struct bpf_devmap_val v = { 0 };
	uint32_t old;
	bool good;
	int err;

	memcpy(&v, value, m->value_size);
	if (flags > BPF_EXIST || !v.ifindex)
		return -EINVAL;
	good = v.bpf_prog.fd <= 0 && map_device_exists(v.ifindex);
	spin_lock(&m->lock);
	err = put_locked(m, array_index(key), good ? &v : NULL, flags, &old);
	spin_unlock(&m->lock);
	retire(m, old);
	return err;
}

static int devmap_hash_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	const struct dev_entry *e;

	(void)flags;
	spin_lock(&m->lock);
	e = find(m, array_index(key));
	if (e)
		memcpy(value, &e->value, m->value_size);
	spin_unlock(&m->lock);
	return e ? 0 : -ENOENT;
}

static int devmap_hash_sys_delete(struct skep_map *m, const void *key)
{
	uint32_t old;

	spin_lock(&m->lock);
	old = unlink_locked(m, find_link_locked(m, array_index(key)));
	table_of(m)->used -= !!old;
	spin_unlock(&m->lock);
	retire(m, old);
	return old ? 0 : -ENOENT;
}

static int devmap_hash_next_key(struct skep_map *m, const void *key, void *next)
{
	const struct dev_entry *e;
	uint64_t bucket = 0;
	uint32_t n = 0;

	spin_lock(&m->lock);
	/* A key that is not there begins anew. */
	e = key ? find(m, array_index(key)) : NULL;
	if (e) {
		n = atomic_load_explicit(&e->next, memory_order_relaxed);
		bucket = (uint64_t)(e->index & m->index_mask) + 1;
	}
	for (; !n && bucket <= m->index_mask; bucket++)
		n = atomic_load_explicit(&table_of(m)->head[bucket], memory_order_relaxed);
	if (n)
		memcpy(next, &entry_at(m, n)->index, sizeof(uint32_t));
	spin_unlock(&m->lock);
	return n ? 0 : -ENOENT;
}

const struct map_ops devmap_hash_map_ops = {
	.lookup = devmap_hash_lookup,
	.contains = array_contains,
	.redirect = devmap_hash_redirect,
	.redirect_flags = BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS,
};

const struct map_sys_ops devmap_hash_map_sys = {
	.run = &devmap_hash_map_ops,
	.check = map_rule_check,
	.create = devmap_hash_create,
	.next_key = devmap_hash_next_key,
	.sys_lookup = devmap_hash_sys_lookup,
	.sys_update = devmap_hash_sys_update,
	.sys_delete = devmap_hash_sys_delete,
};
