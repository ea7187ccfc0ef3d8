/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pair.h - a map of the host's kernel and one of ours with the same attributes, for the same random
 * operations on both.
 */
#ifndef SKEP_TESTS_UNIT_MAP_PAIR_H
#define SKEP_TESTS_UNIT_MAP_PAIR_H

#include "hive/vcpu.h"
#include "tests/harness/host.h"
#include "tests/unit/map/maps.h"

#include <unistd.h>

#define VALUE_MAX (64 * 128) /* bytes of a value of all CPUs */

static uint64_t pair_state; /* of the random numbers */

static inline uint64_t random64(void)
{
	pair_state ^= pair_state << 13;
	pair_state ^= pair_state >> 7;
	pair_state ^= pair_state << 17;
	return pair_state;
}

static inline uint32_t below(uint32_t n)
{
	return (uint32_t)((random64() >> 32) * n >> 32);
}

#define ONE_OF(a) ((a)[below(ARRAY_SIZE(a))])

/* Prints the seed, and skips where the host does not let us. */
static inline void pair_begin(void)
{
	const char *seed = getenv("MAP_SEED");

	host_required();
	pair_state = seed ? strtoull(seed, NULL, 0) : (uint64_t)getpid() * 2654435761u + 1;
	printf("# MAP_SEED=%" PRIu64 "\n", pair_state);
	fflush(stdout);
}

struct pair {
	int fd; /* the host's */
	struct skep_map *ours;
	uint32_t key_size, value_size; /* as bpf(2) passes it */
	const char *what;	       /* for messages */
};

static inline struct pair pair_make_extra(const struct map_args *a, uint64_t extra,
					  const char *what)
{
	union bpf_attr attr = map_attr(a);
	struct map_deps deps = { .nr_cpus = vcpus_possible(), .vcpus = a->vcpus };
	struct pair p = { .key_size = a->key, .what = what };

	attr.map_extra = extra;
	p.fd = (int)host_bpf(BPF_MAP_CREATE, &attr);
	ASSERT_MSG(p.fd >= 0, "%s: host %d", what, p.fd);
	ASSERT_EQ(map_new(&attr, &deps, &p.ours, NULL), 0);
	p.value_size = (uint32_t)map_sys_value_size(p.ours);
	ASSERT_LE(p.value_size, VALUE_MAX);
	return p;
}

static inline struct pair pair_make(const struct map_args *a, const char *what)
{
	return pair_make_extra(a, 0, what);
}

static inline void pair_close(struct pair *p)
{
	close(p->fd);
	map_put(p->ours);
}

static inline int host_elem(int cmd, struct pair *p, const void *key, void *value, uint64_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)p->fd;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value; /* or next_key */
	attr.flags = cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_MAP_GET_NEXT_KEY ? 0 : flags;
	return (int)host_bpf(cmd, &attr);
}

#endif
