/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.c - helpers on maps: thin, the types' ops do the work (kernel/bpf/helpers.c).
 *
 * A map type that lacks an operation is refused by the verifier where Linux does so; what gets
 * here nevertheless hears -EOPNOTSUPP.
 */
#include "map/map.h"
#include "helper/helper_int.h"

HELPER_FN(map_lookup)
{
	struct skep_map *m = PTR(r1);

	return m->ops->lookup ? (uintptr_t)m->ops->lookup(m, PTR(r2), run->cpu) : 0;
}

HELPER_FN(map_lookup_percpu)
{
	struct skep_map *m = PTR(r1);
	uint32_t cpu = (uint32_t)r3;

	if (!m->percpu || cpu >= m->nr_cpus || !m->ops->lookup)
		return 0;
	return (uintptr_t)m->ops->lookup(m, PTR(r2), cpu);
}

HELPER_FN(map_update)
{
	struct skep_map *m = PTR(r1);

	if (!m->ops->update)
		return RET(-EOPNOTSUPP);
	return RET(m->ops->update(m, PTR(r2), PTR(r3), r4, run->cpu));
}

HELPER_FN(map_delete)
{
	struct skep_map *m = PTR(r1);

	return RET(m->ops->delete ? m->ops->delete (m, PTR(r2), run->cpu) : -EOPNOTSUPP);
}

HELPER_FN(map_push)
{
	struct skep_map *m = PTR(r1);

	return RET(m->ops->push ? m->ops->push(m, PTR(r2), r3, run->cpu) : -EOPNOTSUPP);
}

HELPER_FN(map_pop)
{
	struct skep_map *m = PTR(r1);

	return RET(m->ops->pop ? m->ops->pop(m, PTR(r2), run->cpu) : -EOPNOTSUPP);
}

HELPER_FN(map_peek)
{
	struct skep_map *m = PTR(r1);

	return RET(m->ops->peek ? m->ops->peek(m, PTR(r2), run->cpu) : -EOPNOTSUPP);
}

/* What the callback of for_each_map_elem needs beside key and value. */
struct each {
	struct skep_run *run;
	uint64_t map, func, ctx; /* as the program passed them */
};

static uint64_t each_element(void *arg, const void *key, void *value)
{
	struct each *e = arg;
	uint64_t stop =
		run_callback(e->run, e->func, e->map, (uintptr_t)key, (uintptr_t)value, e->ctx, 0);

	return stop || e->run->fault;
}

HELPER_FN(for_each_map_elem)
{
	struct skep_map *m = PTR(r1);
	struct each e = { .run = run, .map = r1, .func = r2, .ctx = r3 };

	if (r4 || !m->ops->for_each)
		return RET(-EINVAL);
	return RET(m->ops->for_each(m, run->cpu, each_element, &e));
}
