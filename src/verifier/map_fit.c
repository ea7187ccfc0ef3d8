/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_fit.c - which helpers work on which types of maps (check_map_func_compatibility of the
 * kernel): a pair that belongs together is one row.
 */
#include "verifier/verifier_int.h"

static const struct {
	uint32_t map_type, helper;
} pairs[] = {
	{ BPF_MAP_TYPE_PROG_ARRAY, BPF_FUNC_tail_call },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_FUNC_perf_event_read },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_FUNC_perf_event_output },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_FUNC_perf_event_read_value },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_FUNC_skb_output },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_FUNC_xdp_output },
	{ BPF_MAP_TYPE_RINGBUF, BPF_FUNC_ringbuf_output },
	{ BPF_MAP_TYPE_RINGBUF, BPF_FUNC_ringbuf_reserve },
	{ BPF_MAP_TYPE_RINGBUF, BPF_FUNC_ringbuf_query },
	{ BPF_MAP_TYPE_RINGBUF, BPF_FUNC_ringbuf_reserve_dynptr },
	{ BPF_MAP_TYPE_RINGBUF, BPF_FUNC_ringbuf_submit_dynptr },
	{ BPF_MAP_TYPE_RINGBUF, BPF_FUNC_ringbuf_discard_dynptr },
	{ BPF_MAP_TYPE_USER_RINGBUF, BPF_FUNC_user_ringbuf_drain },
	{ BPF_MAP_TYPE_STACK_TRACE, BPF_FUNC_get_stackid },
	{ BPF_MAP_TYPE_CGROUP_ARRAY, BPF_FUNC_skb_under_cgroup },
	{ BPF_MAP_TYPE_CGROUP_ARRAY, BPF_FUNC_current_task_under_cgroup },
	{ BPF_MAP_TYPE_CGROUP_STORAGE, BPF_FUNC_get_local_storage },
	{ BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, BPF_FUNC_get_local_storage },
	{ BPF_MAP_TYPE_DEVMAP, BPF_FUNC_redirect_map },
	{ BPF_MAP_TYPE_DEVMAP, BPF_FUNC_map_lookup_elem },
	{ BPF_MAP_TYPE_DEVMAP_HASH, BPF_FUNC_redirect_map },
	{ BPF_MAP_TYPE_DEVMAP_HASH, BPF_FUNC_map_lookup_elem },
	{ BPF_MAP_TYPE_CPUMAP, BPF_FUNC_redirect_map },
	{ BPF_MAP_TYPE_XSKMAP, BPF_FUNC_redirect_map },
	{ BPF_MAP_TYPE_XSKMAP, BPF_FUNC_map_lookup_elem },
	{ BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_FUNC_map_lookup_elem },
	{ BPF_MAP_TYPE_HASH_OF_MAPS, BPF_FUNC_map_lookup_elem },
	{ BPF_MAP_TYPE_SOCKMAP, BPF_FUNC_sk_redirect_map },
	{ BPF_MAP_TYPE_SOCKMAP, BPF_FUNC_sock_map_update },
	{ BPF_MAP_TYPE_SOCKMAP, BPF_FUNC_msg_redirect_map },
	{ BPF_MAP_TYPE_SOCKMAP, BPF_FUNC_sk_select_reuseport },
	{ BPF_MAP_TYPE_SOCKMAP, BPF_FUNC_map_lookup_elem },
	{ BPF_MAP_TYPE_SOCKHASH, BPF_FUNC_sk_redirect_hash },
	{ BPF_MAP_TYPE_SOCKHASH, BPF_FUNC_sock_hash_update },
	{ BPF_MAP_TYPE_SOCKHASH, BPF_FUNC_msg_redirect_hash },
	{ BPF_MAP_TYPE_SOCKHASH, BPF_FUNC_sk_select_reuseport },
	{ BPF_MAP_TYPE_SOCKHASH, BPF_FUNC_map_lookup_elem },
	{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, BPF_FUNC_sk_select_reuseport },
	{ BPF_MAP_TYPE_QUEUE, BPF_FUNC_map_peek_elem },
	{ BPF_MAP_TYPE_QUEUE, BPF_FUNC_map_pop_elem },
	{ BPF_MAP_TYPE_QUEUE, BPF_FUNC_map_push_elem },
	{ BPF_MAP_TYPE_STACK, BPF_FUNC_map_peek_elem },
	{ BPF_MAP_TYPE_STACK, BPF_FUNC_map_pop_elem },
	{ BPF_MAP_TYPE_STACK, BPF_FUNC_map_push_elem },
	{ BPF_MAP_TYPE_SK_STORAGE, BPF_FUNC_sk_storage_get },
	{ BPF_MAP_TYPE_SK_STORAGE, BPF_FUNC_sk_storage_delete },
	{ BPF_MAP_TYPE_SK_STORAGE, BPF_FUNC_kptr_xchg },
	{ BPF_MAP_TYPE_INODE_STORAGE, BPF_FUNC_inode_storage_get },
	{ BPF_MAP_TYPE_INODE_STORAGE, BPF_FUNC_inode_storage_delete },
	{ BPF_MAP_TYPE_INODE_STORAGE, BPF_FUNC_kptr_xchg },
	{ BPF_MAP_TYPE_TASK_STORAGE, BPF_FUNC_task_storage_get },
	{ BPF_MAP_TYPE_TASK_STORAGE, BPF_FUNC_task_storage_delete },
	{ BPF_MAP_TYPE_TASK_STORAGE, BPF_FUNC_kptr_xchg },
	{ SKEP_MAP_TYPE_CGRP_STORAGE, 210 /* cgrp_storage_get */ },
	{ SKEP_MAP_TYPE_CGRP_STORAGE, 211 /* cgrp_storage_delete */ },
	{ SKEP_MAP_TYPE_CGRP_STORAGE, BPF_FUNC_kptr_xchg },
	{ BPF_MAP_TYPE_BLOOM_FILTER, BPF_FUNC_map_peek_elem },
	{ BPF_MAP_TYPE_BLOOM_FILTER, BPF_FUNC_map_push_elem },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, BPF_FUNC_map_lookup_percpu_elem },
	{ BPF_MAP_TYPE_PERCPU_HASH, BPF_FUNC_map_lookup_percpu_elem },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_FUNC_map_lookup_percpu_elem },
};

/* Rows do not bind those that serve beyond them. */
static bool serves_all(uint32_t helper)
{
	return helper == BPF_FUNC_map_lookup_elem || helper == BPF_FUNC_kptr_xchg;
}

static bool takes_all(uint32_t map_type)
{
	return map_type == BPF_MAP_TYPE_PERCPU_ARRAY || map_type == BPF_MAP_TYPE_PERCPU_HASH ||
	       map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

/* Types of programs that no socket's lock is held around: they may change maps of sockets. */
static bool may_update_sockets(const struct verifier *v, uint32_t helper)
{
	switch (v->prog->type) {
	case BPF_PROG_TYPE_TRACING:
		return v->prog->expected_attach_type == BPF_TRACE_ITER;
	case BPF_PROG_TYPE_SOCK_OPS: /* which has helpers of its own for updates */
		return helper == BPF_FUNC_map_delete_elem;
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_XDP:
	case BPF_PROG_TYPE_SK_REUSEPORT:
	case BPF_PROG_TYPE_FLOW_DISSECTOR:
	case BPF_PROG_TYPE_SK_LOOKUP:
		return true;
	default:
		return false;
	}
}

bool map_holds_sockets(const struct skep_map *map)
{
	return map->type == BPF_MAP_TYPE_SOCKMAP || map->type == BPF_MAP_TYPE_SOCKHASH;
}

int map_fit(struct verifier *v, const struct skep_map *map, uint32_t id)
{
	bool map_bound = false, helper_bound = false;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (pairs[i].map_type == map->type && pairs[i].helper == id)
			return 0;
		map_bound |= pairs[i].map_type == map->type && !takes_all(map->type);
		helper_bound |= pairs[i].helper == id && !serves_all(id);
	}
	if (!map_bound && !helper_bound)
		return 0;
	if (map_holds_sockets(map) &&
	    (id == BPF_FUNC_map_update_elem || id == BPF_FUNC_map_delete_elem)) {
		if (may_update_sockets(v, id))
			return 0;
		verifier_log(v->log, "cannot update sockmap in this context\n");
	}
	return fail(v, -EINVAL, "cannot pass map_type %u into func bpf_%s#%u", map->type,
		    helper_name(id), id);
}
