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
	SYSCALL = 1u << 3,
	TC = 1u << 4,
	XDP = 1u << 5,
	CGROUP = 1u << 6,
	OPS = 1u << 7,
};

#define GENERIC (TRACING | TC | XDP | OPS | SYSCALL | CGROUP)
#define MASKS	(TRACING | OPS | SYSCALL)

static const struct {
	uint32_t type, hooks;
} groups[] = {
	{ BPF_PROG_TYPE_TRACING, TRACING },
	{ BPF_PROG_TYPE_TRACEPOINT, TRACING },
	{ BPF_PROG_TYPE_PERF_EVENT, TRACING },
	{ BPF_PROG_TYPE_LSM, TRACING | LSM },
	{ BPF_PROG_TYPE_SYSCALL, SYSCALL },
	{ BPF_PROG_TYPE_SCHED_CLS, TC },
	{ BPF_PROG_TYPE_XDP, XDP },
	{ BPF_PROG_TYPE_STRUCT_OPS, OPS },
	{ BPF_PROG_TYPE_CGROUP_SKB, CGROUP },
	{ BPF_PROG_TYPE_CGROUP_SOCK, CGROUP },
	{ BPF_PROG_TYPE_CGROUP_DEVICE, CGROUP },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, CGROUP },
	{ BPF_PROG_TYPE_CGROUP_SOCKOPT, CGROUP },
	{ BPF_PROG_TYPE_CGROUP_SYSCTL, CGROUP },
	{ BPF_PROG_TYPE_SOCK_OPS, CGROUP },
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
	{ "bpf_lookup_user_key", KF_ACQUIRE | KF_RET_NULL | KF_SLEEPABLE, TRACING },
	{ "bpf_lookup_system_key", KF_ACQUIRE | KF_RET_NULL, TRACING },
	{ "bpf_key_put", KF_RELEASE, TRACING },
	{ "bpf_get_task_exe_file", KF_ACQUIRE | KF_TRUSTED_ARGS | KF_RET_NULL, LSM },
	{ "bpf_put_file", KF_RELEASE, LSM },
	{ "bpf_path_d_path", KF_TRUSTED_ARGS, LSM },

	/* objects of the program, its lists and trees, locks */
	{ "bpf_obj_new_impl", KF_ACQUIRE | KF_RET_NULL, GENERIC },
	{ "bpf_obj_drop_impl", KF_RELEASE, GENERIC },
	{ "bpf_percpu_obj_new_impl", KF_ACQUIRE | KF_RET_NULL, GENERIC },
	{ "bpf_percpu_obj_drop_impl", KF_RELEASE, GENERIC },
	{ "bpf_refcount_acquire_impl", KF_ACQUIRE | KF_RET_NULL | KF_RCU, GENERIC },
	{ "bpf_list_push_front_impl", 0, GENERIC },
	{ "bpf_list_push_back_impl", 0, GENERIC },
	{ "bpf_list_pop_front", KF_ACQUIRE | KF_RET_NULL, GENERIC },
	{ "bpf_list_pop_back", KF_ACQUIRE | KF_RET_NULL, GENERIC },
	{ "bpf_list_front", KF_RET_NULL, GENERIC },
	{ "bpf_list_back", KF_RET_NULL, GENERIC },
	{ "bpf_rbtree_add_impl", 0, GENERIC },
	{ "bpf_rbtree_remove", KF_ACQUIRE | KF_RET_NULL, GENERIC },
	{ "bpf_rbtree_first", KF_RET_NULL, GENERIC },
	{ "bpf_rbtree_root", KF_RET_NULL, GENERIC },
	{ "bpf_rbtree_left", KF_RET_NULL, GENERIC },
	{ "bpf_rbtree_right", KF_RET_NULL, GENERIC },
	{ "bpf_res_spin_lock", KF_RET_NULL, ALL },
	{ "bpf_res_spin_unlock", 0, ALL },
	{ "bpf_res_spin_lock_irqsave", KF_RET_NULL, ALL },
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

	/* regions, casts, memory */
	{ "bpf_rcu_read_lock", 0, ALL },
	{ "bpf_rcu_read_unlock", 0, ALL },
	{ "bpf_preempt_disable", 0, ALL },
	{ "bpf_preempt_enable", 0, ALL },
	{ "bpf_cast_to_kern_ctx", 0, ALL },
	{ "bpf_rdonly_cast", 0, ALL },
	{ "bpf_map_sum_elem_count", KF_TRUSTED_ARGS, ALL },
	{ "bpf_arena_alloc_pages", KF_TRUSTED_ARGS | KF_SLEEPABLE, ALL },
	{ "bpf_arena_free_pages", KF_TRUSTED_ARGS | KF_SLEEPABLE, ALL },
	{ "bpf_copy_from_user_str", KF_SLEEPABLE, ALL },
};

const struct kfunc_facts *kfunc_facts(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kfuncs); i++)
		if (!strcmp(kfuncs[i].name, name))
			return &kfuncs[i];
	return NULL;
}

bool kfunc_allowed(const struct kfunc_facts *f, uint32_t prog_type)
{
	uint32_t hooks = ALL;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (groups[i].type == prog_type)
			hooks |= groups[i].hooks;
	return f->hooks & hooks;
}
