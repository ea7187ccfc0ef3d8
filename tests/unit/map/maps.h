/* SPDX-License-Identifier: BSD-2-Clause */
/* maps.h - what the tests of maps share: creation in one line. */
#ifndef SKEP_TESTS_UNIT_MAP_MAPS_H
#define SKEP_TESTS_UNIT_MAP_MAPS_H

#include "map/map.h"
#include "tests/harness/test.h"

/* As many "CPUs" as the tests use; the machine may have fewer. */
#define CPUS 4

struct map_args {
	uint32_t type, key, value, entries, flags;
	uint32_t numa;		/* numa_node, with BPF_F_NUMA_NODE */
	struct skep_map *inner; /* template */
	struct vcpus *vcpus;
	const struct map_prog_ops *progs;
};

static inline union bpf_attr map_attr(const struct map_args *a)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = a->type;
	attr.key_size = a->key;
	attr.value_size = a->value;
	attr.max_entries = a->entries;
	attr.map_flags = a->flags;
	attr.numa_node = a->numa;
	return attr;
}

static inline int map_try(const struct map_args *a, struct skep_map **ret)
{
	union bpf_attr attr = map_attr(a);
	struct map_deps deps = {
		.inner = a->inner, .vcpus = a->vcpus, .progs = a->progs, .nr_cpus = CPUS
	};

	return map_new(&attr, &deps, ret, NULL);
}

static inline struct skep_map *map_make(const struct map_args *a)
{
	struct skep_map *m = NULL;
	int err = map_try(a, &m);

	ASSERT_MSG(!err && m, "map_new: %d", err);
	return m;
}

#define MAP(...) map_make(&(struct map_args){ __VA_ARGS__ })
#define MAP_ERR(...)                                                           \
	({                                                                     \
		struct skep_map *_none = NULL;                                 \
		int _err = map_try(&(struct map_args){ __VA_ARGS__ }, &_none); \
		map_put(_none);                                                \
		_err;                                                          \
	})

/* The bpf(2) side with small integers. */
static inline int up(struct skep_map *m, uint64_t key, uint64_t value, uint64_t flags)
{
	return map_sys_update(m, &key, &value, flags);
}

static inline int del(struct skep_map *m, uint64_t key)
{
	return map_sys_delete(m, &key);
}

/* The value, or the negative errno. */
static inline int64_t get(struct skep_map *m, uint64_t key)
{
	uint64_t value = 0;
	int err = map_sys_lookup(m, &key, &value, 0);

	return err ? err : (int64_t)value;
}

#endif
