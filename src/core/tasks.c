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
	const union bpf_attr attr = { .map_type = BPF_MAP_TYPE_HASH,
				      .key_size = sizeof(uint32_t),
				      .value_size = sizeof(struct hive_task),
				      .max_entries = TASKS_MAX };
	const int err = core_own_map(k, &attr, &k->tasks);

	if (err)
		return err;
	strcpy(k->tasks->name, "tasks"); /* nobody lists it, but it may be told of */
	space_meta(k->space)->tasks = (uintptr_t)k->tasks;
	return 0;
}
