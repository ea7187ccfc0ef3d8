/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper.c - the tables: helpers by number (helpers.def), names of all numbers that the kernel's
 * list has, and which program types may call what.
 */
#include "helper/helper_int.h"

#ifndef ___BPF_FUNC_MAPPER /* headers before 6.2: the list's last two are newer */
enum { BPF_FUNC_cgrp_storage_get = 210, BPF_FUNC_cgrp_storage_delete };
#endif

#define GPL	  1
#define READS_PKT 2
#define MOVES_PKT 4
#define SLEEPS	  8
#define ACQUIRES  16
#define RELEASES  32
#define CASTS	  64
#define MORE	  128

/* The program types of the .def files, a bit each. */
#define T(type)			(UINT64_C(1) << BPF_PROG_TYPE_##type)
#define SOCKET_FILTER		T(SOCKET_FILTER)
#define KPROBE			T(KPROBE)
#define SCHED_CLS		T(SCHED_CLS)
#define SCHED_ACT		T(SCHED_ACT)
#define TRACEPOINT		T(TRACEPOINT)
#define XDP			T(XDP)
#define PERF_EVENT		T(PERF_EVENT)
#define CGROUP_SKB		T(CGROUP_SKB)
#define CGROUP_SOCK		T(CGROUP_SOCK)
#define LWT_IN			T(LWT_IN)
#define LWT_OUT			T(LWT_OUT)
#define LWT_XMIT		T(LWT_XMIT)
#define SOCK_OPS		T(SOCK_OPS)
#define SK_SKB			T(SK_SKB)
#define CGROUP_DEVICE		T(CGROUP_DEVICE)
#define SK_MSG			T(SK_MSG)
#define RAW_TRACEPOINT		T(RAW_TRACEPOINT)
#define CGROUP_SOCK_ADDR	T(CGROUP_SOCK_ADDR)
#define LWT_SEG6LOCAL		T(LWT_SEG6LOCAL)
#define LIRC_MODE2		T(LIRC_MODE2)
#define SK_REUSEPORT		T(SK_REUSEPORT)
#define FLOW_DISSECTOR		T(FLOW_DISSECTOR)
#define CGROUP_SYSCTL		T(CGROUP_SYSCTL)
#define RAW_TRACEPOINT_WRITABLE T(RAW_TRACEPOINT_WRITABLE)
#define CGROUP_SOCKOPT		T(CGROUP_SOCKOPT)
#define TRACING			T(TRACING)
#define STRUCT_OPS		T(STRUCT_OPS)
#define LSM			T(LSM)
#define SK_LOOKUP		T(SK_LOOKUP)
#define SYSCALL			T(SYSCALL)
#define NETFILTER		T(NETFILTER)
#define BASE			(~(T(UNSPEC) | T(LIRC_MODE2)))
#define TC			(SCHED_CLS | SCHED_ACT)
#define LWT			(LWT_IN | LWT_OUT | LWT_XMIT | LWT_SEG6LOCAL)
#define CGROUPS			(CGROUP_SOCK | CGROUP_DEVICE | CGROUP_SOCK_ADDR | CGROUP_SYSCTL | CGROUP_SOCKOPT)
#define TRACERS                                                                                  \
	(KPROBE | TRACEPOINT | PERF_EVENT | RAW_TRACEPOINT | RAW_TRACEPOINT_WRITABLE | TRACING | \
	 LSM)
/* Who may look at a socket as what it really is. */
#define SKC_CASTERS                                                                        \
	(LWT | TC | XDP | SOCKET_FILTER | CGROUP_SKB | CGROUP_SOCK_ADDR | FLOW_DISSECTOR | \
	 SK_LOOKUP | SK_MSG | SK_SKB | SOCK_OPS | SYSCALL | TRACING | LSM)

#define PROTO(func, impl, result, who, flags, ...)                                                \
	{                                                                                         \
		.id = BPF_FUNC_##func, .name = #func, .fn = (impl), .ret = RET_##result,          \
		.arg = __VA_ARGS__, .types = (who), .gpl_only = (flags)&GPL,                      \
		.pkt_access = (flags)&READS_PKT, .changes_pkt = (flags)&MOVES_PKT,                \
		.might_sleep = (flags)&SLEEPS, .acquires = (flags)&ACQUIRES,                      \
		.releases = (flags)&RELEASES, .casts = (flags)&CASTS, .takes_more = (flags)&MORE, \
	}

static const struct helper_proto protos[] = {
#define HELPER(func, impl, result, args, who, flags) \
	[BPF_FUNC_##func] = PROTO(func, helper_##impl, result, who, flags, args),
#define JUDGED(func, result, args, who, flags) \
	[BPF_FUNC_##func] = PROTO(func, NULL, result, who, flags, args),
#define VARIANT(func, result, args, who, flags)
#include "helper/helpers.def"
#include "helper/judged.def"
#undef HELPER
#undef JUDGED
#undef VARIANT
};

/* Helpers that are not the same to all. */
static const struct helper_proto variants[] = {
#define JUDGED(func, result, args, who, flags)
#define VARIANT(func, result, args, who, flags) PROTO(func, NULL, result, who, flags, args),
#include "helper/judged.def"
#undef JUDGED
#undef VARIANT
};

/* Helpers that not all attach types of a program type may call. */
#define A(type) (UINT64_C(1) << BPF_CGROUP_##type)
#define UNIX(n) (UINT64_C(1) << (SKEP_CGROUP_UNIX_CONNECT + (n)))
/* Who decides over an address, rather than look at it. */
#define DECIDES                                                                          \
	(A(INET4_BIND) | A(INET6_BIND) | A(INET4_CONNECT) | A(INET6_CONNECT) | UNIX(0) | \
	 A(UDP4_SENDMSG) | A(UDP6_SENDMSG) | UNIX(1))
#define TRAMPOLINES                                                         \
	(UINT64_C(1) << BPF_TRACE_FENTRY | UINT64_C(1) << BPF_TRACE_FEXIT | \
	 UINT64_C(1) << BPF_MODIFY_RETURN)
static const struct {
	uint32_t id;
	uint64_t types;	 /* for these program types... */
	uint64_t attach; /* ...only these attach types */
} hooks[] = {
	{ BPF_FUNC_bind, CGROUP_SOCK_ADDR, A(INET4_CONNECT) | A(INET6_CONNECT) },
	{ BPF_FUNC_setsockopt, CGROUP_SOCKOPT, A(SETSOCKOPT) },
	{ BPF_FUNC_getsockopt, CGROUP_SOCKOPT, A(SETSOCKOPT) },
	{ BPF_FUNC_setsockopt, TRACING, UINT64_C(1) << BPF_TRACE_ITER },
	{ BPF_FUNC_getsockopt, TRACING, UINT64_C(1) << BPF_TRACE_ITER },
	{ BPF_FUNC_get_retval, CGROUP_SOCK_ADDR, DECIDES },
	{ BPF_FUNC_set_retval, CGROUP_SOCK_ADDR, DECIDES },
	{ BPF_FUNC_seq_printf, TRACING, UINT64_C(1) << BPF_TRACE_ITER },
	{ BPF_FUNC_seq_write, TRACING, UINT64_C(1) << BPF_TRACE_ITER },
	{ BPF_FUNC_seq_printf_btf, TRACING, UINT64_C(1) << BPF_TRACE_ITER },
	{ BPF_FUNC_get_func_arg, TRACING, TRAMPOLINES },
	{ BPF_FUNC_get_func_ret, TRACING, TRAMPOLINES },
	{ BPF_FUNC_get_func_arg_cnt, TRACING, TRAMPOLINES },
};

/* Kernel structs behind ARG_BTF_ID* and RET_BTF_ID*. */
static const struct {
	uint32_t id;
	const char *arg, *ret;
} objects[] = {
	{ BPF_FUNC_get_current_task_btf, NULL, "task_struct" },
	{ BPF_FUNC_task_pt_regs, "task_struct", "pt_regs" },
	{ BPF_FUNC_get_task_stack, "task_struct", NULL },
	{ BPF_FUNC_copy_from_user_task, "task_struct", NULL },
	{ BPF_FUNC_find_vma, "task_struct", NULL },
	{ BPF_FUNC_task_storage_get, "task_struct", NULL },
	{ BPF_FUNC_task_storage_delete, "task_struct", NULL },
	{ BPF_FUNC_inode_storage_get, "inode", NULL },
	{ BPF_FUNC_inode_storage_delete, "inode", NULL },
	{ BPF_FUNC_cgrp_storage_get, "cgroup", NULL },
	{ BPF_FUNC_cgrp_storage_delete, "cgroup", NULL },
	{ BPF_FUNC_sk_storage_get, "sock_common", NULL },
	{ BPF_FUNC_sk_storage_delete, "sock_common", NULL },
	{ BPF_FUNC_seq_printf, "seq_file", NULL },
	{ BPF_FUNC_seq_write, "seq_file", NULL },
	{ BPF_FUNC_seq_printf_btf, "seq_file", NULL },
	{ BPF_FUNC_d_path, "path", NULL },
	{ BPF_FUNC_bprm_opts_set, "linux_binprm", NULL },
	{ BPF_FUNC_ima_inode_hash, "inode", NULL },
	{ BPF_FUNC_ima_file_hash, "file", NULL },
	{ BPF_FUNC_sock_from_file, "file", "socket" },
	{ BPF_FUNC_skb_output, "sk_buff", NULL },
	{ BPF_FUNC_xdp_output, "xdp_buff", NULL },
	{ BPF_FUNC_xdp_get_buff_len, "xdp_buff", NULL },
	{ BPF_FUNC_tcp_send_ack, "tcp_sock", NULL },
	{ BPF_FUNC_skc_to_tcp6_sock, NULL, "tcp6_sock" },
	{ BPF_FUNC_skc_to_tcp_sock, NULL, "tcp_sock" },
	{ BPF_FUNC_skc_to_tcp_timewait_sock, NULL, "tcp_timewait_sock" },
	{ BPF_FUNC_skc_to_tcp_request_sock, NULL, "tcp_request_sock" },
	{ BPF_FUNC_skc_to_udp6_sock, NULL, "udp6_sock" },
	{ BPF_FUNC_skc_to_unix_sock, NULL, "unix_sock" },
	{ BPF_FUNC_skc_to_mptcp_sock, NULL, "mptcp_sock" },
};

/* The numbers and names of the kernel's own list. */
#ifdef ___BPF_FUNC_MAPPER
#define NAME(x, id, ...) [id] = #x,
#define NAMES		 ___BPF_FUNC_MAPPER(NAME)
#else
#define NAME(x) [BPF_FUNC_##x] = #x
#define NAMES	__BPF_FUNC_MAPPER(NAME)[210] = "cgrp_storage_get", [211] = "cgrp_storage_delete"
#endif
static const char *const names[] = { NAMES };

const struct helper_proto *helper_by_id(uint32_t id)
{
	return id < ARRAY_SIZE(protos) && protos[id].fn ? &protos[id] : NULL;
}

static HELPER_FN(none)
{
	return RET(-EINVAL);
}

skep_call_fn helper_target(uint64_t id)
{
	const struct helper_proto *h = id <= UINT32_MAX ? helper_by_id((uint32_t)id) : NULL;

	return h ? h->fn : helper_none;
}

const struct helper_proto *helper_of_linux(uint32_t id, uint32_t prog_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		if (variants[i].id == id && prog_type < 64 && variants[i].types >> prog_type & 1)
			return &variants[i];
	return id < ARRAY_SIZE(protos) && protos[id].name ? &protos[id] : NULL;
}

bool helper_allowed(const struct helper_proto *h, uint32_t prog_type, uint32_t attach_type)
{
	if (prog_type >= 64 || !(h->types >> prog_type & 1))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (hooks[i].id == h->id && hooks[i].types >> prog_type & 1)
			return attach_type < 64 && hooks[i].attach >> attach_type & 1;
	return true;
}

const char *helper_arg_object(uint32_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		if (objects[i].id == id)
			return objects[i].arg;
	return NULL;
}

const char *helper_ret_object(uint32_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		if (objects[i].id == id)
			return objects[i].ret;
	return NULL;
}

uint32_t helper_id_count(void)
{
	return ARRAY_SIZE(names);
}

const char *helper_name(uint32_t id)
{
	return id < ARRAY_SIZE(names) ? names[id] : NULL;
}
