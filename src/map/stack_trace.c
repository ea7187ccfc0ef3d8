/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack_trace.c - BPF_MAP_TYPE_STACK_TRACE (kernel/bpf/stackmap.c): call stacks by a number that
 * their hash gives them.
 *
 *	| struct stacks | buckets: numbers of traces | trace 1 | trace 2 | ...
 *
 * A stack's number is its bucket, and a bucket holds one trace: what collides is refused, or
 * takes its place.  Everything happens under the one lock; traces never leave it.
 */
#include "base/hash.h"
#include "map/map_int.h"

/* At the beginning of the area. */
struct stacks {
	struct spinlock lock;
	uint32_t fresh;	   /* traces up to here were used at least once */
	uint32_t free;	   /* list of those that were, and are free; 0 ends */
	uint32_t bucket[]; /* [m->index_mask + 1] the trace, or 0 */
};

struct trace {
	uint32_t next;	/* in the list of free ones */
	uint32_t hash;	/* of the addresses */
	uint32_t nr;	/* entries */
	uint32_t pad;	/* data is 8-byte aligned */
	uint8_t data[]; /* addresses, or struct bpf_stack_build_id */
};

static struct stacks *stacks_of(const struct skep_map *m)
{
	return (struct stacks *)m->area.mem;
}

/* There is no 0; whatever number stands in the area, it is one of the traces. */
static struct trace *trace_at(const struct skep_map *m, uint32_t n)
{
	return (struct trace *)((uint8_t *)m->priv +
				(uint64_t)MIN(n, m->max_entries) * m->elem_size);
}

static int stack_create(struct skep_map *m, const union bpf_attr *attr,
			struct skep_diag *reterr_diag)
{
	const uint64_t buckets = round_up_pow2(attr->max_entries);
	const uint64_t head = ALIGN_UP(sizeof(struct stacks) + buckets * 4, 16);
	int err;

	m->elem_size = ALIGN_UP(sizeof(struct trace) + attr->value_size, 8);
	m->index_mask = (uint32_t)(buckets - 1);
	err = map_area_of(m, 0, head + (uint64_t)attr->max_entries * m->elem_size);
	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0, "no memory for %u stacks",
				attr->max_entries);
	m->priv = m->area.mem + head - m->elem_size;
	return 0;
}

/* --- what programs put in --------------------------------------------------------------------- */

static bool by_build_id(const struct skep_map *m)
{
	return m->flags & BPF_F_STACK_BUILD_ID;
}

static uint32_t entry_size(const struct skep_map *m)
{
	return by_build_id(m) ? sizeof(struct bpf_stack_build_id) : sizeof(uint64_t);
}

/* An address as the map has it; where it has build ids that is what it is in its file. */
static const void *entry_of(const struct skep_map *m, const struct stack_ips *ips, uint32_t i,
			    struct bpf_stack_build_id *room)
{
	if (!by_build_id(m))
		return &ips->at[i];
	ips->name(ips->arg, ips->at[i], room);
	return room;
}

/* What stands in a trace may be anything at any time: n is what the caller knows. */
static void write_entries(const struct skep_map *m, struct trace *t, const struct stack_ips *ips,
			  uint32_t n)
{
	const uint32_t size = entry_size(m);
	struct bpf_stack_build_id room;

	for (uint32_t i = 0; i < n; i++)
		memcpy(t->data + (size_t)i * size, entry_of(m, ips, i, &room), size);
}

static bool same(const struct skep_map *m, const struct trace *t, const struct stack_ips *ips,
		 uint32_t n)
{
	const uint32_t size = entry_size(m);
	struct bpf_stack_build_id room;

	if (t->nr != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(t->data + (size_t)i * size, entry_of(m, ips, i, &room), size) != 0)
			return false;
	return true;
}

/* A free trace, or 0. */
static uint32_t take(struct skep_map *m, struct stacks *s)
{
	const uint32_t n = s->free;

	if (n)
		s->free = trace_at(m, n)->next;
	else if (s->fresh < m->max_entries)
		return ++s->fresh;
	return n;
}

static void give(struct skep_map *m, struct stacks *s, uint32_t n)
{
	if (!n)
		return;
	trace_at(m, n)->next = s->free;
	s->free = n;
}

static long put_locked(struct skep_map *m, uint32_t hash, const struct stack_ips *ips, uint32_t n,
		       uint64_t flags)
{
	struct stacks *s = stacks_of(m);
	uint32_t *bucket = &s->bucket[hash & m->index_mask], fresh;
	const struct trace *old = *bucket ? trace_at(m, *bucket) : NULL;
	struct trace *t;

	if (old && old->hash == hash && (flags & BPF_F_FAST_STACK_CMP || same(m, old, ips, n)))
		return hash & m->index_mask;
	if (old && !(flags & BPF_F_REUSE_STACKID))
		return -EEXIST;
	fresh = take(m, s);
	if (!fresh)
		return -ENOMEM;
	t = trace_at(m, fresh);
	t->hash = hash;
	t->nr = n;
	write_entries(m, t, ips, n);
	give(m, s, *bucket);
	*bucket = fresh;
	return hash & m->index_mask;
}

long stack_trace_put(struct skep_map *m, const struct stack_ips *ips, uint64_t flags, uint32_t cpu)
{
	const uint32_t n = MIN(ips->n, m->value_size / entry_size(m));
	struct stacks *s = stacks_of(m);
	long id;

	map_lock(m, &s->lock, cpu);
	id = put_locked(m, hash_bytes(ips->at, n * sizeof(*ips->at), m->seed), ips, n, flags);
	spin_unlock(&s->lock);
	return id;
}

/* --- bpf(2) ------------------------------------------------------------------------------------
 */

/* Empties the bucket: true where there was a trace in it. */
static bool drop_locked(struct skep_map *m, struct stacks *s, uint32_t id)
{
	const uint32_t old = s->bucket[id];

	s->bucket[id] = 0;
	give(m, s, old);
	return old;
}

static int copy_out(struct skep_map *m, const void *key, void *value, bool drop)
{
	const uint32_t id = array_index(key);
	struct stacks *s = stacks_of(m);
	const struct trace *t;
	size_t len;

	if (id > m->index_mask)
		return -ENOENT;
	map_lock(m, &s->lock, VCPU_NONE);
	t = s->bucket[id] ? trace_at(m, s->bucket[id]) : NULL;
	if (t) {
		len = MIN((size_t)t->nr * entry_size(m), m->value_size);
		memcpy(value, t->data, len);
		memset((uint8_t *)value + len, 0, m->value_size - len);
	}
	if (t && drop)
		drop_locked(m, s, id);
	spin_unlock(&s->lock);
	return t ? 0 : -ENOENT;
}

static int stack_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)flags;
	return copy_out(m, key, value, false);
}

static int stack_sys_lookup_delete(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)flags;
	return copy_out(m, key, value, true);
}

static int stack_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -EINVAL;
}

static int stack_sys_delete(struct skep_map *m, const void *key)
{
	const uint32_t id = array_index(key);
	struct stacks *s = stacks_of(m);
	bool there;

	if (id > m->index_mask)
		return -E2BIG;
	map_lock(m, &s->lock, VCPU_NONE);
	there = drop_locked(m, s, id);
	spin_unlock(&s->lock);
	return there ? 0 : -ENOENT;
}

static int stack_next_key(struct skep_map *m, const void *key, void *next)
{
	struct stacks *s = stacks_of(m);
	uint64_t id = key ? array_index(key) : UINT64_MAX;

	map_lock(m, &s->lock, VCPU_NONE);
	/* A number that no stack has begins anew. */
	id = id <= m->index_mask && s->bucket[id] ? id + 1 : 0;
	while (id <= m->index_mask && !s->bucket[id])
		id++;
	spin_unlock(&s->lock);
	if (id > m->index_mask)
		return -ENOENT;
	memcpy(next, &(uint32_t){ (uint32_t)id }, sizeof(uint32_t));
	return 0;
}

const struct map_ops stack_trace_map_ops = {};

const struct map_sys_ops stack_trace_map_sys = {
	.run = &stack_trace_map_ops,
	.check = map_rule_check,
	.create = stack_create,
	.next_key = stack_next_key,
	.sys_lookup = stack_sys_lookup,
	.sys_update = stack_sys_update,
	.sys_delete = stack_sys_delete,
	.sys_lookup_delete = stack_sys_lookup_delete,
};
