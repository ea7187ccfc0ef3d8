/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.c - what bpf(2) does to a map, done by a member: a run without a program, whose vCPU says who
 * holds the map's locks, and keeps the map as long as it lasts.
 *
 * What a map cannot do, or not now, is the kernel's to say: its errors are for bpf(2), which may
 * wait for memory.
 */
#include "agent/agent_int.h"

typedef long (*op_fn)(struct skep_map *m, const void *key, void *value, uint64_t flags,
		      uint32_t cpu);

static long lookup(struct skep_map *m, const void *key, void *value, uint64_t flags, uint32_t cpu)
{
	const void *there;

	if (!m->ops->lookup)
		return m->ops->peek ? m->ops->peek(m, value, cpu) : -EOPNOTSUPP;
	there = m->ops->lookup(m, key, cpu);
	if (!there)
		return -ENOENT;
	memcpy(value, there, m->value_size);
	return 0;
}

static long update(struct skep_map *m, const void *key, void *value, uint64_t flags, uint32_t cpu)
{
	if (!m->ops->update)
		return m->ops->push ? m->ops->push(m, value, flags, cpu) : -EOPNOTSUPP;
	return m->ops->update(m, key, value, flags, cpu);
}

static long delete (struct skep_map *m, const void *key, void *value, uint64_t flags, uint32_t cpu)
{
	return m->ops->delete ? m->ops->delete (m, key, cpu) : -EOPNOTSUPP;
}

static long take(struct skep_map *m, const void *key, void *value, uint64_t flags, uint32_t cpu)
{
	return m->ops->pop && !flags ? m->ops->pop(m, value, cpu) : -EOPNOTSUPP;
}

static const struct {
	op_fn fn;
	bool writes;
} ops[] = {
	[MAP_OP_LOOKUP] = { lookup, false },
	[MAP_OP_UPDATE] = { update, true },
	[MAP_OP_DELETE] = { delete, true },
	[MAP_OP_TAKE] = { take, true },
};

long agent_map_call(const struct map_far *f, enum map_op op, const void *key, void *value,
		    uint64_t flags)
{
	struct vcpus *vcpus = &agent_process.vcpus;
	struct skep_map *m = f->map;
	long ret = -EAGAIN;
	struct vcpu *c;

	if ((unlikely(!agent_child.member) && !agent_enrol()) || agent_sync())
		return -EAGAIN;
	c = vcpu_enter(vcpus, agent_who());
	if (unlikely(!c))
		return -EAGAIN;
	/* In the run, so what is there now stays until its end. */
	if (likely(atomic_load(&m->serial) == f->serial))
		ret = ops[op].writes && atomic_load(&m->frozen)
			      ? -EPERM
			      : ops[op].fn(m, key, value, flags, vcpu_id(vcpus, c));
	vcpu_put(c);
	return ret == -EOPNOTSUPP || ret == -ENOMEM ? -EAGAIN : ret;
}
