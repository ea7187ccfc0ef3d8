/* SPDX-License-Identifier: BSD-2-Clause */
/* member.c - what members of a hive get to see of its memory. */
#include "core/core_int.h"
#include "hive/space.h"
#include "jit/jit.h"
#include "map/storage.h"

#include <stdio.h>
#include <unistd.h>

int core_segment(struct skep_kernel *k, uint64_t segment)
{
	if (!k->space)
		return -EOPNOTSUPP;
	return segment < _HIVE_SEGMENTS ? space_fd(k->space, (enum hive_segment)segment) : -EINVAL;
}

int core_own_map(struct skep_kernel *k, const union bpf_attr *attr, struct skep_map **ret)
{
	const struct map_deps deps = { .vcpus = k->vcpus,
				       .space = k->space,
				       .nr_cpus = k->vcpus->nr };

	return map_new(attr, &deps, ret, NULL);
}

/* All maps that are there, counted; their number. */
static size_t hold_maps(struct skep_kernel *k, struct skep_map ***ret)
{
	const struct id_list *ids = &k->objects.ids[OBJ_MAP];
	size_t n = 0;

	pthread_mutex_lock(&k->lock);
	*ret = skep_alloc_array(MAX(ids->n, 1), sizeof(**ret));
	for (; *ret && n < ids->n; n++)
		(*ret)[n] = map_get(ids->at[n]->payload);
	pthread_mutex_unlock(&k->lock);
	return n;
}

struct held_maps {
	struct skep_map **at;
	size_t n;
};

/* Is that memory of values that own objects? */
static bool is_value(void *arg, uintptr_t addr, size_t len)
{
	const struct held_maps *maps = arg;

	for (size_t i = 0; i < maps->n; i++)
		if (map_owns(maps->at[i]) && maps->at[i]->ops->contains &&
		    maps->at[i]->ops->contains(maps->at[i], addr, len))
			return true;
	return false;
}

void core_cpu_died(struct skep_kernel *k, uint32_t cpu)
{
	struct skep_map **maps;
	const size_t n = hold_maps(k, &maps);

	if (k->tasks)
		k->tasks->sys->cpu_died(k->tasks, cpu);
	for (size_t i = 0; i < n; i++) {
		if (maps[i]->sys->cpu_died)
			maps[i]->sys->cpu_died(maps[i], cpu);
	}
	if (k->env.objects)
		obj_cpu_died(k->env.objects, cpu, is_value, &(struct held_maps){ maps, n });
	for (size_t i = 0; i < n; i++)
		map_put(maps[i]);
	skep_free(maps);
	timers_cpu_died(k);
}

void core_socket_gone(struct skep_kernel *k, uint64_t cookie)
{
	struct skep_map **maps;
	const size_t n = hold_maps(k, &maps);

	for (size_t i = 0; i < n; i++) {
		if (maps[i]->type == BPF_MAP_TYPE_SK_STORAGE)
			storage_delete(maps[i], &cookie, VCPU_NONE);
		map_put(maps[i]);
	}
	skep_free(maps);
}

static void scrub(struct skep_kernel *k, struct skep_map *m)
{
	char text[128];

	if (!m->sys->scrub || !m->sys->scrub(m, &m->scrubbed))
		return;
	snprintf(text, sizeof(text),
		 "somebody wrote over map '%s' (%s, id %u), which is new or empty now", m->name,
		 m->kind->name, m->id);
	core_trace_say(k, (uint32_t)getpid(), "skep", text);
}

/* The map with the next id, counted; NULL: that was the last. */
static struct skep_map *next_map(struct skep_kernel *k, uint32_t id)
{
	const struct id_list *ids = &k->objects.ids[OBJ_MAP];
	struct skep_map *ret = NULL, *m;

	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < ids->n; i++) {
		m = ids->at[i]->payload;
		if (m->id > id && (!ret || m->id < ret->id))
			ret = m;
	}
	if (ret)
		map_get(ret);
	pthread_mutex_unlock(&k->lock);
	return ret;
}

void core_scrub(struct skep_kernel *k)
{
	uint32_t id = 0;

	store_scrub(k);
	if (k->tasks)
		scrub(k, k->tasks);
	/* One at a time: a look may take seconds, and whose users have gone should go. */
	for (struct skep_map *m; (m = next_map(k, id)); map_put(m)) {
		id = m->id;
		scrub(k, m);
	}
}

/* It is the server's alone, or the maps are that it has as values. */
static bool stays(const struct skep_map *m)
{
	return m->kind->traits & MAP_STAYS || (m->inner && stays(m->inner));
}

/* The map that keeps the program in the server, NULL: none does. */
static const struct skep_map *map_that_stays(const struct skep_prog *p)
{
	for (uint32_t i = 0; i < p->map_cnt; i++)
		if (stays(p->maps[i]))
			return p->maps[i];
	return NULL;
}

bool core_may_leave(const struct skep_prog *p)
{
	return p->space && p->engine == &jit_engine && !map_that_stays(p);
}

int core_check_leaves(struct call *c, const struct skep_prog *p)
{
	const struct skep_map *m = map_that_stays(p);

	if (m)
		return FAIL(c, -EOPNOTSUPP,
			    "the program cannot run in other processes: map '%s' (%s) stays in the "
			    "hive's server",
			    m->name, m->kind->name);
	if (!core_may_leave(p))
		return FAIL(c, -EOPNOTSUPP,
			    "the program cannot run in other processes: it is interpreted");
	return 0;
}

long core_prog_at(struct skep_kernel *k, int fd)
{
	struct skep_prog *p;
	int err = core_prog_by_fd(k, fd, &p);

	if (err)
		return err;
	return core_may_leave(p) ? (long)(uintptr_t)p : -EOPNOTSUPP;
}
