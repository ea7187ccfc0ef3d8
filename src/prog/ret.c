/* SPDX-License-Identifier: BSD-2-Clause */
/* ret.c - what programs may return (check_return_code() of kernel/bpf/verifier.c) */
#include "prog/prog.h"

#define ATTACH(type) (UINT64_C(1) << (type))
#define CGROUP(type) ATTACH(BPF_CGROUP_##type)
#define ALL	     UINT64_MAX

/* Who only looks at an address may not refuse it. */
#define LOOKS                                                                                \
	(CGROUP(UDP4_RECVMSG) | CGROUP(UDP6_RECVMSG) | CGROUP(INET4_GETPEERNAME) |           \
	 CGROUP(INET6_GETPEERNAME) | CGROUP(INET4_GETSOCKNAME) | CGROUP(INET6_GETSOCKNAME) | \
	 ATTACH(51) | ATTACH(52) | ATTACH(53)) /* UNIX_RECVMSG, _GETPEERNAME, _GETSOCKNAME */

/* By type; the first row whose attach types hold the program's decides. */
static const struct {
	uint32_t type;
	uint64_t attach; /* bit n: expected_attach_type n */
	struct prog_ret ret;
} rows[] = {
	{ BPF_PROG_TYPE_CGROUP_SKB, CGROUP(INET_EGRESS), { 0, 3 } },
	{ BPF_PROG_TYPE_CGROUP_SKB, ALL, { 0, 1 } },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, LOOKS, { 1, 1 } },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, CGROUP(INET4_BIND) | CGROUP(INET6_BIND), { 0, 3 } },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, ALL, { 0, 1 } },
	{ BPF_PROG_TYPE_CGROUP_SOCK, ALL, { 0, 1 } },
	{ BPF_PROG_TYPE_CGROUP_DEVICE, ALL, { 0, 1 } },
	{ BPF_PROG_TYPE_CGROUP_SYSCTL, ALL, { 0, 1 } },
	{ BPF_PROG_TYPE_CGROUP_SOCKOPT, ALL, { 0, 1 } },
	{ BPF_PROG_TYPE_SOCK_OPS, ALL, { 0, 1 } },
	{ BPF_PROG_TYPE_SK_LOOKUP, ALL, { SK_DROP, SK_PASS } },
	{ BPF_PROG_TYPE_NETFILTER, ALL, { 0, 1 } }, /* NF_DROP, NF_ACCEPT */
	{ BPF_PROG_TYPE_TRACING, ATTACH(BPF_TRACE_FENTRY) | ATTACH(BPF_TRACE_FEXIT), { 0, 0 } },
	{ BPF_PROG_TYPE_TRACING, ATTACH(BPF_TRACE_ITER), { 0, 1 } },
	{ BPF_PROG_TYPE_KPROBE, ATTACH(56) | ATTACH(57), { 0, 1 } }, /* *PROBE_SESSION */
};

const struct prog_ret *prog_ret(const struct skep_prog *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].type == p->type &&
		    (rows[i].attach == ALL || (p->expected_attach_type < 64 &&
					       rows[i].attach >> p->expected_attach_type & 1)))
			return &rows[i].ret;
	return NULL;
}
