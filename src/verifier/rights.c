/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rights.c - helpers that need a right besides the program's type (the second and third list of
 * bpf_base_func_proto() of the kernel).
 */
#include "verifier/verifier_int.h"

enum need { NEED_NOTHING, NEED_BPF, NEED_PERFMON };

static const uint8_t needs[] = {
	[BPF_FUNC_spin_lock] = NEED_BPF,
	[BPF_FUNC_spin_unlock] = NEED_BPF,
	[BPF_FUNC_jiffies64] = NEED_BPF,
	[BPF_FUNC_per_cpu_ptr] = NEED_BPF,
	[BPF_FUNC_this_cpu_ptr] = NEED_BPF,
	[BPF_FUNC_timer_init] = NEED_BPF,
	[BPF_FUNC_timer_set_callback] = NEED_BPF,
	[BPF_FUNC_timer_start] = NEED_BPF,
	[BPF_FUNC_timer_cancel] = NEED_BPF,
	[BPF_FUNC_kptr_xchg] = NEED_BPF,
	[BPF_FUNC_for_each_map_elem] = NEED_BPF,
	[BPF_FUNC_loop] = NEED_BPF,
	[BPF_FUNC_user_ringbuf_drain] = NEED_BPF,
	[BPF_FUNC_ringbuf_reserve_dynptr] = NEED_BPF,
	[BPF_FUNC_ringbuf_submit_dynptr] = NEED_BPF,
	[BPF_FUNC_ringbuf_discard_dynptr] = NEED_BPF,
	[BPF_FUNC_dynptr_from_mem] = NEED_BPF,
	[BPF_FUNC_dynptr_read] = NEED_BPF,
	[BPF_FUNC_dynptr_write] = NEED_BPF,
	[BPF_FUNC_dynptr_data] = NEED_BPF,
	[210] = NEED_BPF, /* cgrp_storage_get: not in the oldest headers */
	[211] = NEED_BPF, /* cgrp_storage_delete */
	[BPF_FUNC_get_current_cgroup_id] = NEED_BPF,
	[BPF_FUNC_get_current_ancestor_cgroup_id] = NEED_BPF,
	[BPF_FUNC_trace_printk] = NEED_PERFMON,
	[BPF_FUNC_get_current_task] = NEED_PERFMON,
	[BPF_FUNC_get_current_task_btf] = NEED_PERFMON,
	[BPF_FUNC_probe_read_user] = NEED_PERFMON,
	[BPF_FUNC_probe_read_kernel] = NEED_PERFMON,
	[BPF_FUNC_probe_read_user_str] = NEED_PERFMON,
	[BPF_FUNC_probe_read_kernel_str] = NEED_PERFMON,
	[BPF_FUNC_snprintf_btf] = NEED_PERFMON,
	[BPF_FUNC_snprintf] = NEED_PERFMON,
	[BPF_FUNC_task_pt_regs] = NEED_PERFMON,
	[BPF_FUNC_trace_vprintk] = NEED_PERFMON,
};

bool rights_allow_helper(const struct verifier *v, uint32_t id)
{
	const struct verifier_rights *r = &v->opts->rights;

	switch (id < ARRAY_SIZE(needs) ? (enum need)needs[id] : NEED_NOTHING) {
	case NEED_BPF:
		return r->bpf_capable;
	case NEED_PERFMON: /* which is what allows to learn addresses */
		return r->bpf_capable && r->allow_ptr_leaks;
	default:
		return true;
	}
}
