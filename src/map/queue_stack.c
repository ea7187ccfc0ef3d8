/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue_stack.c - BPF_MAP_TYPE_QUEUE and _STACK (kernel/bpf/queue_stack_maps.c): values without
 * keys, first or last in first out.
 *
 *	| struct ring | value 0 | value 1 | ... | value max_entries |
 *	                          ^tail: the oldest   ^head: where the next one goes
 *
 * One place stays empty, so that head == tail says "empty" alone.  Both move under the lock; who
 * maps the map's descriptor can write them too, so they are brought into range when they are read.
 * A stack takes from the head; a push with BPF_EXIST into a full one drops the oldest, in both.
 */
#include "map/map_int.h"

/* At the beginning of the area. */
struct ring {
	struct spinlock lock; /* head, tail, the values */
	uint32_t head;	      /* the free place behind the newest value */
	uint32_t tail;	      /* the oldest value; head where there is none */
	uint32_t pad[13];     /* to a cache line */
};
static_assert(sizeof(struct ring) == 64, "values begin on a cache line");

/* Which value the ring gives up next. */
enum ring_end { RING_OLDEST, RING_NEWEST };

static int ring_create(struct skep_map *m, const union bpf_attr *attr,
		       struct skep_diag *reterr_diag)
{
	const uint32_t stride = ALIGN_UP(attr->value_size, 8);
	const uint64_t places = (uint64_t)attr->max_entries + 1;
	int err = map_area_of(m, 0, sizeof(struct ring) + places * stride);

	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0,
				"no memory for %u values of %u bytes", attr->max_entries,
				attr->value_size);
	m->elem_size = stride;
	return 0;
}

static struct ring *ring_of(const struct skep_map *m)
{
	return (struct ring *)m->area.mem;
}

static void *place(const struct skep_map *m, uint32_t i)
{
	return (uint8_t *)(ring_of(m) + 1) + (uint64_t)i * m->elem_size;
}

static uint32_t in_range(const struct skep_map *m, uint32_t i)
{
	return MIN(i, m->max_entries);
}

static uint32_t after(const struct skep_map *m, uint32_t i)
{
	return i < m->max_entries ? i + 1 : 0;
}

static uint32_t before(const struct skep_map *m, uint32_t i)
{
	return i ? i - 1 : m->max_entries;
}

static long ring_push(struct skep_map *m, const void *value, uint64_t flags, uint32_t cpu)
{
	struct ring *r = ring_of(m);
	uint32_t head, next;

	if (unlikely(flags & BPF_NOEXIST || flags > BPF_EXIST))
		return -EINVAL;
	map_lock(m, &r->lock, cpu);
	head = in_range(m, r->head);
	next = after(m, head);
	if (unlikely(next == r->tail)) {
		if (!(flags & BPF_EXIST)) {
			spin_unlock(&r->lock);
			return -E2BIG;
		}
		r->tail = after(m, next);
	}
	value_put(place(m, head), value, m->value_size);
	r->head = next;
	spin_unlock(&r->lock);
	return 0;
}

/* Copies the value at that end out, and takes it out where asked to; zeroes and -ENOENT: empty. */
MAP_ALWAYS_INLINE long ring_get(struct skep_map *m, void *value, enum ring_end end, bool take,
				uint32_t cpu)
{
	struct ring *r = ring_of(m);
	uint32_t head, tail, at;

	map_lock(m, &r->lock, cpu);
	head = in_range(m, r->head);
	tail = in_range(m, r->tail);
	if (unlikely(head == tail)) {
		spin_unlock(&r->lock);
		memset(value, 0, m->value_size);
		return -ENOENT;
	}
	at = end == RING_OLDEST ? tail : before(m, head);
	value_get(value, place(m, at), m->value_size);
	if (take && end == RING_OLDEST)
		r->tail = after(m, tail);
	else if (take)
		r->head = at;
	spin_unlock(&r->lock);
	return 0;
}

static long queue_pop(struct skep_map *m, void *value, uint32_t cpu)
{
	return ring_get(m, value, RING_OLDEST, true, cpu);
}

static long queue_peek(struct skep_map *m, void *value, uint32_t cpu)
{
	return ring_get(m, value, RING_OLDEST, false, cpu);
}

static long stack_pop(struct skep_map *m, void *value, uint32_t cpu)
{
	return ring_get(m, value, RING_NEWEST, true, cpu);
}

static long stack_peek(struct skep_map *m, void *value, uint32_t cpu)
{
	return ring_get(m, value, RING_NEWEST, false, cpu);
}

/* --- bpf(2): a lookup peeks, an update pushes, a lookup-and-delete pops ------------------------
 */

static int ring_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)key, (void)flags;
	return (int)m->ops->peek(m, value, VCPU_NONE);
}

static int ring_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	(void)key;
	return (int)ring_push(m, value, flags, VCPU_NONE);
}

static int ring_sys_lookup_delete(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)key;
	return flags ? -EINVAL : (int)m->ops->pop(m, value, VCPU_NONE);
}

static int ring_sys_delete(struct skep_map *m, const void *key)
{
	(void)m, (void)key;
	return -EINVAL;
}

static int ring_next_key(struct skep_map *m, const void *key, void *next)
{
	(void)m, (void)key, (void)next;
	return -EINVAL;
}

#define RING_OPS                                                                    \
	.check = map_rule_check, .create = ring_create, .next_key = ring_next_key,  \
	.sys_lookup = ring_sys_lookup, .sys_update = ring_sys_update,               \
	.sys_delete = ring_sys_delete, .sys_lookup_delete = ring_sys_lookup_delete, \
	.view = far_view

const struct map_ops queue_map_ops = {
	.push = ring_push,
	.pop = queue_pop,
	.peek = queue_peek,
};

const struct map_sys_ops queue_map_sys = {
	.run = &queue_map_ops,
	RING_OPS,
};
const struct map_ops stack_map_ops = {
	.push = ring_push,
	.pop = stack_pop,
	.peek = stack_peek,
};

const struct map_sys_ops stack_map_sys = {
	.run = &stack_map_ops,
	RING_OPS,
};
