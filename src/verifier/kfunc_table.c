/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kfunc_table.c - the kfuncs of Linux: what their flags promise and who may call them
 * (BTF_KFUNCS tables of kernel/bpf/helpers.c, cpumask.c, arena.c, kernel/trace/bpf_trace.c,
 * fs/bpf_fs_kfuncs.c, ...).  What arguments they take is told by BTF.
 */
#include "verifier/kfunc_int.h"

/* Groups of program types that kfuncs are registered for (enum btf_kfunc_hook). */
enum {
	ALL = 1u << 0,
	TRACING = 1u << 1, /* tracing, tracepoints, perf events, LSM */
	LSM = 1u << 2,	   /* LSM alone */
	ITER = 1u << 3,	   /* iterators alone */
	SESSION = 1u << 4, /* kprobes that see entry and return */
	SYSCALL = 1u << 5,
	TC = 1u << 6,
	ACT = 1u << 7,
	XDP = 1u << 8,
	CGROUP = 1u << 9,
	OPS = 1u << 10,
	NETFILTER = 1u << 11,
	FILTER = 1u << 12,
	LWT = 1u << 13,
	SK_SKB = 1u << 14,
};

#define GENERIC (TRACING | TC | XDP | OPS | SYSCALL | CGROUP)
#define MASKS	(TRACING | OPS | SYSCALL)

static const struct {
	uint32_t type, attach; /* attach 0: any */
	uint32_t hooks;
} groups[] = {
	{ BPF_PROG_TYPE_TRACING, 0, TRACING },
	{ BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, ITER },
	{ BPF_PROG_TYPE_TRACEPOINT, 0, TRACING },
	{ BPF_PROG_TYPE_PERF_EVENT, 0, TRACING },
	{ BPF_PROG_TYPE_LSM, 0, TRACING | LSM },
	{ BPF_PROG_TYPE_KPROBE, SKEP_TRACE_KPROBE_SESSION, SESSION },
	{ BPF_PROG_TYPE_KPROBE, SKEP_TRACE_UPROBE_SESSION, SESSION },
	{ BPF_PROG_TYPE_SYSCALL, 0, SYSCALL },
	{ BPF_PROG_TYPE_SCHED_CLS, 0, TC },
	{ BPF_PROG_TYPE_SCHED_ACT, 0, ACT },
	{ BPF_PROG_TYPE_XDP, 0, XDP },
	{ BPF_PROG_TYPE_STRUCT_OPS, 0, OPS },
	{ BPF_PROG_TYPE_NETFILTER, 0, NETFILTER },
	{ BPF_PROG_TYPE_SOCKET_FILTER, 0, FILTER },
	{ BPF_PROG_TYPE_SK_SKB, 0, SK_SKB },
	{ BPF_PROG_TYPE_LWT_IN, 0, LWT },
	{ BPF_PROG_TYPE_LWT_OUT, 0, LWT },
	{ BPF_PROG_TYPE_LWT_XMIT, 0, LWT },
	{ BPF_PROG_TYPE_LWT_SEG6LOCAL, 0, LWT },
	{ BPF_PROG_TYPE_CGROUP_SKB, 0, CGROUP },
	{ BPF_PROG_TYPE_CGROUP_SOCK, 0, CGROUP },
	{ BPF_PROG_TYPE_CGROUP_DEVICE, 0, CGROUP },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 0, CGROUP },
	{ BPF_PROG_TYPE_CGROUP_SOCKOPT, 0, CGROUP },
	{ BPF_PROG_TYPE_CGROUP_SYSCTL, 0, CGROUP },
	{ BPF_PROG_TYPE_SOCK_OPS, 0, CGROUP },
};

static const struct kfunc_facts kfuncs[] = {
	/* references to objects of the kernel */
	{ "bpf_task_acquire", KF_ACQUIRE | KF_RCU | KF_RET_NULL, GENERIC },
	{ "bpf_task_release", KF_RELEASE, GENERIC },
	{ "bpf_task_from_pid", KF_ACQUIRE | KF_RET_NULL, GENERIC },
	{ "bpf_task_from_vpid", KF_ACQUIRE | KF_RET_NULL, GENERIC },
	{ "bpf_task_under_cgroup", KF_RCU, GENERIC },
	{ "bpf_task_get_cgroup1", KF_ACQUIRE | KF_RCU | KF_RET_NULL, GENERIC },
	{ "bpf_cgroup_acquire", KF_ACQUIRE | KF_RCU | KF_RET_NULL, GENERIC },
	{ "bpf_cgroup_release", KF_RELEASE, GENERIC },
	{ "bpf_cgroup_ancestor", KF_ACQUIRE | KF_RCU | KF_RET_NULL, GENERIC },
	{ "bpf_cgroup_from_id", KF_ACQUIRE | KF_RET_NULL, GENERIC },
	{ "bpf_lookup_user_key", KF_ACQUIRE | KF_RET_NULL | KF_SLEEPABLE, GENERIC },
	{ "bpf_lookup_system_key", KF_ACQUIRE | KF_RET_NULL, GENERIC },
	{ "bpf_key_put", KF_RELEASE, GENERIC },
	{ "bpf_send_signal_task", KF_TRUSTED_ARGS, GENERIC },
	{ "bpf_cgroup_read_xattr", KF_RCU, ALL },
	{ "bpf_get_kmem_cache", 0, ALL, .result = kfunc_result_cache },
	{ "bpf_get_task_exe_file", KF_ACQUIRE | KF_TRUSTED_ARGS | KF_RET_NULL, LSM },
	{ "bpf_put_file", KF_RELEASE, LSM },
	{ "bpf_path_d_path", KF_TRUSTED_ARGS, LSM },
	{ "bpf_get_dentry_xattr", KF_SLEEPABLE | KF_TRUSTED_ARGS, LSM },
	{ "bpf_get_file_xattr", KF_SLEEPABLE | KF_TRUSTED_ARGS, LSM },
	{ "bpf_set_dentry_xattr", KF_SLEEPABLE | KF_TRUSTED_ARGS, LSM },
	{ "bpf_remove_dentry_xattr", KF_SLEEPABLE | KF_TRUSTED_ARGS, LSM },
	{ "css_rstat_updated", 0, TRACING },
	{ "css_rstat_flush", KF_SLEEPABLE, TRACING },

	/* objects of the program, its lists and trees, locks */
	{ "bpf_obj_new_impl", KF_ACQUIRE | KF_RET_NULL, GENERIC, .result = alloc_new_result },
	{ "bpf_obj_drop_impl", KF_RELEASE, GENERIC },
	{ "bpf_percpu_obj_new_impl", KF_ACQUIRE | KF_RET_NULL, GENERIC,
	  .result = alloc_new_result },
	{ "bpf_percpu_obj_drop_impl", KF_RELEASE, GENERIC },
	{ "bpf_refcount_acquire_impl", KF_ACQUIRE | KF_RET_NULL | KF_RCU, GENERIC,
	  .result = alloc_refcount_result },
	{ "bpf_list_push_front_impl", 0, GENERIC, .after_args = graph_give },
	{ "bpf_list_push_back_impl", 0, GENERIC, .after_args = graph_give },
	{ "bpf_list_pop_front", KF_ACQUIRE | KF_RET_NULL, GENERIC, .result = graph_result },
	{ "bpf_list_pop_back", KF_ACQUIRE | KF_RET_NULL, GENERIC, .result = graph_result },
	{ "bpf_list_front", KF_RET_NULL, GENERIC, .result = graph_result },
	{ "bpf_list_back", KF_RET_NULL, GENERIC, .result = graph_result },
	{ "bpf_rbtree_add_impl", 0, GENERIC, .after_args = graph_add },
	{ "bpf_rbtree_remove", KF_ACQUIRE | KF_RET_NULL, GENERIC, .result = graph_result },
	{ "bpf_rbtree_first", KF_RET_NULL, GENERIC, .result = graph_result },
	{ "bpf_rbtree_root", KF_RET_NULL, GENERIC, .result = graph_result },
	{ "bpf_rbtree_left", KF_RET_NULL, GENERIC, .result = graph_result },
	{ "bpf_rbtree_right", KF_RET_NULL, GENERIC, .result = graph_result },
	{ "bpf_res_spin_lock", KF_RET_NULL, ALL, .before_args = lock_fork, .result = lock_result },
	{ "bpf_res_spin_unlock", 0, ALL },
	{ "bpf_res_spin_lock_irqsave", KF_RET_NULL, ALL, .before_args = lock_fork,
	  .result = lock_result },
	{ "bpf_res_spin_unlock_irqrestore", 0, ALL },

	/* masks of CPUs */
	{ "bpf_cpumask_create", KF_ACQUIRE | KF_RET_NULL, MASKS },
	{ "bpf_cpumask_release", KF_RELEASE, MASKS },
	{ "bpf_cpumask_acquire", KF_ACQUIRE | KF_TRUSTED_ARGS, MASKS },
	{ "bpf_cpumask_first", KF_RCU, MASKS },
	{ "bpf_cpumask_first_zero", KF_RCU, MASKS },
	{ "bpf_cpumask_first_and", KF_RCU, MASKS },
	{ "bpf_cpumask_set_cpu", KF_RCU, MASKS },
	{ "bpf_cpumask_clear_cpu", KF_RCU, MASKS },
	{ "bpf_cpumask_test_cpu", KF_RCU, MASKS },
	{ "bpf_cpumask_test_and_set_cpu", KF_RCU, MASKS },
	{ "bpf_cpumask_test_and_clear_cpu", KF_RCU, MASKS },
	{ "bpf_cpumask_setall", KF_RCU, MASKS },
	{ "bpf_cpumask_clear", KF_RCU, MASKS },
	{ "bpf_cpumask_and", KF_RCU, MASKS },
	{ "bpf_cpumask_or", KF_RCU, MASKS },
	{ "bpf_cpumask_xor", KF_RCU, MASKS },
	{ "bpf_cpumask_equal", KF_RCU, MASKS },
	{ "bpf_cpumask_intersects", KF_RCU, MASKS },
	{ "bpf_cpumask_subset", KF_RCU, MASKS },
	{ "bpf_cpumask_empty", KF_RCU, MASKS },
	{ "bpf_cpumask_full", KF_RCU, MASKS },
	{ "bpf_cpumask_copy", KF_RCU, MASKS },
	{ "bpf_cpumask_any_distribute", KF_RCU, MASKS },
	{ "bpf_cpumask_any_and_distribute", KF_RCU, MASKS },
	{ "bpf_cpumask_weight", KF_RCU, MASKS },
	{ "bpf_cpumask_populate", KF_RCU, MASKS },

	/* iterators */
	{ "bpf_iter_num_new", KF_ITER_NEW, ALL },
	{ "bpf_iter_num_next", KF_ITER_NEXT | KF_RET_NULL, ALL },
	{ "bpf_iter_num_destroy", KF_ITER_DESTROY, ALL },
	{ "bpf_iter_bits_new", KF_ITER_NEW, ALL },
	{ "bpf_iter_bits_next", KF_ITER_NEXT | KF_RET_NULL, ALL },
	{ "bpf_iter_bits_destroy", KF_ITER_DESTROY, ALL },
	{ "bpf_iter_task_new", KF_ITER_NEW | KF_TRUSTED_ARGS | KF_RCU_PROTECTED, ALL },
	{ "bpf_iter_task_next", KF_ITER_NEXT | KF_RET_NULL, ALL },
	{ "bpf_iter_task_destroy", KF_ITER_DESTROY, ALL },
	{ "bpf_iter_task_vma_new", KF_ITER_NEW | KF_RCU, ALL },
	{ "bpf_iter_task_vma_next", KF_ITER_NEXT | KF_RET_NULL, ALL },
	{ "bpf_iter_task_vma_destroy", KF_ITER_DESTROY, ALL },
	{ "bpf_iter_css_new", KF_ITER_NEW | KF_TRUSTED_ARGS | KF_RCU_PROTECTED, ALL },
	{ "bpf_iter_css_next", KF_ITER_NEXT | KF_RET_NULL, ALL },
	{ "bpf_iter_css_destroy", KF_ITER_DESTROY, ALL },
	{ "bpf_iter_css_task_new", KF_ITER_NEW | KF_TRUSTED_ARGS, ALL },
	{ "bpf_iter_css_task_next", KF_ITER_NEXT | KF_RET_NULL, ALL },
	{ "bpf_iter_css_task_destroy", KF_ITER_DESTROY, ALL },
	{ "bpf_iter_kmem_cache_new", KF_ITER_NEW | KF_SLEEPABLE, ALL },
	{ "bpf_iter_kmem_cache_next", KF_ITER_NEXT | KF_RET_NULL | KF_SLEEPABLE, ALL },
	{ "bpf_iter_kmem_cache_destroy", KF_ITER_DESTROY | KF_SLEEPABLE, ALL },
	{ "bpf_iter_dmabuf_new", KF_ITER_NEW | KF_SLEEPABLE, ALL },
	{ "bpf_iter_dmabuf_next", KF_ITER_NEXT | KF_RET_NULL | KF_SLEEPABLE, ALL },
	{ "bpf_iter_dmabuf_destroy", KF_ITER_DESTROY | KF_SLEEPABLE, ALL },

	/* dynptrs */
	{ "bpf_dynptr_from_skb", KF_TRUSTED_ARGS,
	  TC | ACT | FILTER | CGROUP | LWT | SK_SKB | TRACING | NETFILTER },
	{ "bpf_dynptr_from_skb_meta", KF_TRUSTED_ARGS, TC | ACT },
	{ "bpf_dynptr_from_xdp", 0, XDP },
	{ "bpf_dynptr_slice", KF_RET_NULL, ALL, .result = kfunc_slice },
	{ "bpf_dynptr_slice_rdwr", KF_RET_NULL, ALL, .result = kfunc_slice_rdwr },
	{ "bpf_dynptr_adjust", 0, ALL },
	{ "bpf_dynptr_is_null", 0, ALL },
	{ "bpf_dynptr_is_rdonly", 0, ALL },
	{ "bpf_dynptr_size", 0, ALL },
	{ "bpf_dynptr_clone", 0, ALL },
	{ "bpf_dynptr_copy", 0, ALL },
	{ "bpf_dynptr_memset", 0, ALL },
	{ "bpf_probe_read_user_dynptr", 0, ALL },
	{ "bpf_probe_read_kernel_dynptr", 0, ALL },
	{ "bpf_probe_read_user_str_dynptr", 0, ALL },
	{ "bpf_probe_read_kernel_str_dynptr", 0, ALL },
	{ "bpf_copy_from_user_dynptr", KF_SLEEPABLE, ALL },
	{ "bpf_copy_from_user_str_dynptr", KF_SLEEPABLE, ALL },
	{ "bpf_copy_from_user_task_dynptr", KF_SLEEPABLE | KF_TRUSTED_ARGS, ALL },
	{ "bpf_copy_from_user_task_str_dynptr", KF_SLEEPABLE | KF_TRUSTED_ARGS, ALL },
	{ "bpf_crypto_ctx_create", KF_ACQUIRE | KF_RET_NULL | KF_SLEEPABLE, SYSCALL },
	{ "bpf_crypto_ctx_release", KF_RELEASE, SYSCALL },
	{ "bpf_crypto_ctx_acquire", KF_ACQUIRE | KF_RCU | KF_RET_NULL, SYSCALL },
	{ "bpf_crypto_decrypt", KF_RCU, TC | ACT | XDP },
	{ "bpf_crypto_encrypt", KF_RCU, TC | ACT | XDP },

	/* regions, callbacks, casts */
	{ "bpf_rcu_read_lock", 0, ALL, .after_args = region_rcu_lock },
	{ "bpf_rcu_read_unlock", 0, ALL, .after_args = region_rcu_unlock },
	{ "bpf_preempt_disable", 0, ALL, .after_args = region_preempt_disable },
	{ "bpf_preempt_enable", 0, ALL, .after_args = region_preempt_enable },
	{ "bpf_throw", KF_THROWS, GENERIC, .after_args = exception_throw },
	{ "bpf_wq_init", 0, ALL },
	{ "bpf_wq_set_callback_impl", 0, ALL, .after_args = kfunc_wq_callback },
	{ "bpf_wq_start", 0, ALL },
	{ "bpf_task_work_schedule_signal_impl", KF_TRUSTED_ARGS, ALL,
	  .after_args = kfunc_task_work_callback },
	{ "bpf_task_work_schedule_resume_impl", KF_TRUSTED_ARGS, ALL,
	  .after_args = kfunc_task_work_callback },
	{ "bpf_local_irq_save", 0, ALL },
	{ "bpf_local_irq_restore", 0, ALL },
	{ "bpf_cast_to_kern_ctx", KF_FASTCALL, ALL, .result = kfunc_result_ctx },
	{ "bpf_rdonly_cast", KF_FASTCALL, ALL, .result = kfunc_result_cast },
	{ "bpf_session_is_return", 0, SESSION },
	{ "bpf_session_cookie", 0, SESSION, .after_args = kfunc_session_cookie },
	{ "bpf_modify_return_test_tp", 0, ALL },
	{ "__bpf_trap", 0, ALL, .after_args = kfunc_trap },
	{ "bpf_kfunc_call_test_release", KF_RELEASE, TC | TRACING | SYSCALL },
	{ "bpf_kfunc_call_memb_release", KF_RELEASE, TC | TRACING | SYSCALL },

	/* memory and text */
	{ "bpf_map_sum_elem_count", KF_TRUSTED_ARGS, ALL },
	{ "bpf_arena_alloc_pages", KF_TRUSTED_ARGS | KF_SLEEPABLE, ALL },
	{ "bpf_arena_free_pages", KF_TRUSTED_ARGS | KF_SLEEPABLE, ALL },
	{ "bpf_arena_reserve_pages", KF_TRUSTED_ARGS | KF_SLEEPABLE, ALL },
	{ "bpf_copy_from_user_str", KF_SLEEPABLE, ALL },
	{ "bpf_copy_from_user_task_str", KF_SLEEPABLE, ALL },
	{ "bpf_strcmp", 0, ALL },
	{ "bpf_strcasecmp", 0, ALL },
	{ "bpf_strchr", 0, ALL },
	{ "bpf_strchrnul", 0, ALL },
	{ "bpf_strnchr", 0, ALL },
	{ "bpf_strrchr", 0, ALL },
	{ "bpf_strlen", 0, ALL },
	{ "bpf_strnlen", 0, ALL },
	{ "bpf_strspn", 0, ALL },
	{ "bpf_strcspn", 0, ALL },
	{ "bpf_strstr", 0, ALL },
	{ "bpf_strnstr", 0, ALL },
	{ "bpf_stream_vprintk_impl", KF_TRUSTED_ARGS, ALL },

	/* packets and sockets */
	{ "bpf_skb_ct_alloc", KF_ACQUIRE | KF_RET_NULL, TC | XDP },
	{ "bpf_skb_ct_lookup", KF_ACQUIRE | KF_RET_NULL, TC | XDP },
	{ "bpf_xdp_ct_alloc", KF_ACQUIRE | KF_RET_NULL, TC | XDP },
	{ "bpf_xdp_ct_lookup", KF_ACQUIRE | KF_RET_NULL, TC | XDP },
	{ "bpf_ct_insert_entry", KF_ACQUIRE | KF_RET_NULL | KF_RELEASE, TC | XDP },
	{ "bpf_ct_release", KF_RELEASE, TC | XDP },
	{ "bpf_ct_set_timeout", KF_TRUSTED_ARGS, TC | XDP },
	{ "bpf_ct_change_timeout", KF_TRUSTED_ARGS, TC | XDP },
	{ "bpf_ct_set_status", KF_TRUSTED_ARGS, TC | XDP },
	{ "bpf_ct_change_status", KF_TRUSTED_ARGS, TC | XDP },
	{ "bpf_ct_set_nat_info", KF_TRUSTED_ARGS, TC | XDP },
	{ "bpf_xdp_pull_data", KF_MOVES_PKT, XDP },
	{ "bpf_xdp_get_xfrm_state", KF_ACQUIRE | KF_RET_NULL, XDP },
	{ "bpf_xdp_xfrm_state_release", KF_RELEASE, XDP },
	{ "bpf_xdp_metadata_rx_timestamp", KF_TRUSTED_ARGS | KF_DEVICE, ALL },
	{ "bpf_xdp_metadata_rx_hash", KF_TRUSTED_ARGS | KF_DEVICE, ALL },
	{ "bpf_xdp_metadata_rx_vlan_tag", KF_TRUSTED_ARGS | KF_DEVICE, ALL },
	{ "bpf_sk_assign_tcp_reqsk", KF_TRUSTED_ARGS, TC },
	{ "bpf_sock_addr_set_sun_path", 0, CGROUP },
	{ "bpf_sock_ops_enable_tx_tstamp", KF_TRUSTED_ARGS, CGROUP },
	{ "bpf_sock_destroy", KF_TRUSTED_ARGS, ITER },

	/* congestion control */
	{ "tcp_reno_ssthresh", 0, OPS },
	{ "tcp_reno_cong_avoid", 0, OPS },
	{ "tcp_reno_undo_cwnd", 0, OPS },
	{ "tcp_slow_start", 0, OPS },
	{ "tcp_cong_avoid_ai", 0, OPS },
	{ "cubictcp_init", 0, OPS },
	{ "cubictcp_recalc_ssthresh", 0, OPS },
	{ "cubictcp_cong_avoid", 0, OPS },
	{ "cubictcp_state", 0, OPS },
	{ "cubictcp_cwnd_event", 0, OPS },
	{ "cubictcp_acked", 0, OPS },
	{ "bbr_init", 0, OPS },
	{ "bbr_main", 0, OPS },
	{ "bbr_sndbuf_expand", 0, OPS },
	{ "bbr_undo_cwnd", 0, OPS },
	{ "bbr_cwnd_event", 0, OPS },
	{ "bbr_ssthresh", 0, OPS },
	{ "bbr_min_tso_segs", 0, OPS },
	{ "bbr_set_state", 0, OPS },
	{ "dctcp_init", 0, OPS },
	{ "dctcp_update_alpha", 0, OPS },
	{ "dctcp_cwnd_event", 0, OPS },
	{ "dctcp_ssthresh", 0, OPS },
	{ "dctcp_cwnd_undo", 0, OPS },
	{ "dctcp_state", 0, OPS },
};

const struct kfunc_facts *kfunc_facts(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kfuncs); i++)
		if (!strcmp(kfuncs[i].name, name))
			return &kfuncs[i];
	return NULL;
}

bool kfunc_allowed(const struct kfunc_facts *f, const struct skep_prog *p)
{
	uint32_t hooks = ALL;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (groups[i].type == p->type &&
		    (!groups[i].attach || groups[i].attach == p->expected_attach_type))
			hooks |= groups[i].hooks;
	return f->hooks & hooks;
}
