/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tasks.c - the table of a hive's tasks: a hash as programs have them, so that whoever dies in it
 * leaves it whole (map/hash_repair.c).  What is in it is agent/process.c's and hook/ends.c's.
 */
#include "core/core_int.h"
#include "hive/site.h"
#include "hive/space.h"

#define TASKS_MAX (1u << 16)

int core_tasks_share(struct skep_kernel *k)
{
	const struct map_deps deps = { .vcpus = k->vcpus,
				       .space = k->space,
				       .nr_cpus = k->vcpus->nr };
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_HASH;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = sizeof(struct hive_task);
	attr.max_entries = TASKS_MAX;
	err = map_new(&attr, &deps, &k->tasks, NULL);
	if (!err)
		space_meta(k->space)->tasks = (uintptr_t)k->tasks;
	return err;
}
