/* SPDX-License-Identifier: BSD-2-Clause */
/* sums.h - what probe.bpf.c's programs counted, for the tools that attach them. */
#ifndef SKEP_TESTS_HOOK_SUMS_H
#define SKEP_TESTS_HOOK_SUMS_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define CPUS_MAX 1024

/* A row of the map `sums`, of all CPUs; -1: it cannot be read. */
static inline long sum_of(struct bpf_object *obj, unsigned index)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, "sums");
	unsigned long v[CPUS_MAX], sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(m), &index, v))
		return -1;
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += v[i];
	return (long)sum;
}

#endif
