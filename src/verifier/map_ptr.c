/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_ptr.c - loads from a map itself, as programs do that know the kernel's struct bpf_map
 * (check_ptr_to_map_access() of the kernel).
 *
 * Skep's maps are other structs, so such a program can be judged for Linux but not run.
 */
#include "verifier/verifier_int.h"

/* The kernel's struct of each map type (map_btf_id of its operations). */
static const char *const structs[] = {
	[BPF_MAP_TYPE_HASH] = "bpf_htab",
	[BPF_MAP_TYPE_ARRAY] = "bpf_array",
	[BPF_MAP_TYPE_PROG_ARRAY] = "bpf_array",
	[BPF_MAP_TYPE_PERF_EVENT_ARRAY] = "bpf_array",
	[BPF_MAP_TYPE_PERCPU_HASH] = "bpf_htab",
	[BPF_MAP_TYPE_PERCPU_ARRAY] = "bpf_array",
	[BPF_MAP_TYPE_STACK_TRACE] = "bpf_stack_map",
	[BPF_MAP_TYPE_CGROUP_ARRAY] = "bpf_array",
	[BPF_MAP_TYPE_LRU_HASH] = "bpf_htab",
	[BPF_MAP_TYPE_LRU_PERCPU_HASH] = "bpf_htab",
	[BPF_MAP_TYPE_LPM_TRIE] = "lpm_trie",
	[BPF_MAP_TYPE_ARRAY_OF_MAPS] = "bpf_array",
	[BPF_MAP_TYPE_HASH_OF_MAPS] = "bpf_htab",
	[BPF_MAP_TYPE_DEVMAP] = "bpf_dtab",
	[BPF_MAP_TYPE_SOCKMAP] = "bpf_stab",
	[BPF_MAP_TYPE_CPUMAP] = "bpf_cpu_map",
	[BPF_MAP_TYPE_XSKMAP] = "xsk_map",
	[BPF_MAP_TYPE_SOCKHASH] = "bpf_shtab",
	[BPF_MAP_TYPE_REUSEPORT_SOCKARRAY] = "reuseport_array",
	[BPF_MAP_TYPE_QUEUE] = "bpf_queue_stack",
	[BPF_MAP_TYPE_STACK] = "bpf_queue_stack",
	[BPF_MAP_TYPE_SK_STORAGE] = "bpf_local_storage_map",
	[BPF_MAP_TYPE_DEVMAP_HASH] = "bpf_dtab",
	[BPF_MAP_TYPE_RINGBUF] = "bpf_ringbuf_map",
	[BPF_MAP_TYPE_INODE_STORAGE] = "bpf_local_storage_map",
	[BPF_MAP_TYPE_TASK_STORAGE] = "bpf_local_storage_map",
	[BPF_MAP_TYPE_BLOOM_FILTER] = "bpf_bloom_filter",
	[BPF_MAP_TYPE_USER_RINGBUF] = "bpf_ringbuf_map",
	[BPF_MAP_TYPE_CGROUP_STORAGE] = "bpf_cgroup_storage_map",
	[BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE] = "bpf_cgroup_storage_map",
	[BPF_MAP_TYPE_STRUCT_OPS] = "bpf_struct_ops_map",
	[SKEP_MAP_TYPE_CGRP_STORAGE] = "bpf_local_storage_map",
	[SKEP_MAP_TYPE_ARENA] = "bpf_arena",
};

int map_ptr_access(struct verifier *v, uint32_t n, int off, unsigned size, bool write, int value)
{
	struct reg *r = &cur_regs(v)[n];
	const struct reg map = *r;
	const uint32_t type = map.map->type;
	const char *name = type < ARRAY_SIZE(structs) ? structs[type] : NULL;
	int err;

	if (!name)
		return fail(v, -ENOTSUPP, "map_ptr access not supported for map type %u", type);
	if (!v->opts->rights.allow_ptr_leaks)
		return fail(v, -EPERM,
			    "'struct %s' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN",
			    name);
	if (off < 0)
		return fail(v, -EACCES, "R%u is %s invalid negative access: off=%d", n, name, off);
	if (write)
		return fail(v, -EACCES, "only read from %s is supported", name);
	if (!v->opts->judge || !btf_ptr_find(v, name))
		return fail(v, -EACCES, "R%u invalid mem access '%s'", n, TYPE_NAME(map.type));
	/* The map as the kernel's struct, for the time of the access. */
	reg_pointer(r, PTR_TO_BTF_ID);
	r->btf_id = btf_ptr_find(v, name);
	err = btf_ptr_access(v, n, off, size, false, value);
	if (value != (int)n)
		*r = map;
	return err;
}
