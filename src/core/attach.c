/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach.c - which attach types go with which program types (kernel/bpf/syscall.c), and the
 * commands that attach without a link.
 */
#include "core/attach.h"

#define B(type) (UINT64_C(1) << (type))
#define UNIX_HOOKS \
	(B(SKEP_CGROUP_UNIX_CONNECT) | B(50) | B(51) | B(52) | B(SKEP_CGROUP_UNIX_GETSOCKNAME))
#define TC_HOOKS \
	(B(SKEP_TCX_INGRESS) | B(SKEP_TCX_EGRESS) | B(SKEP_NETKIT_PRIMARY) | B(SKEP_NETKIT_PEER))
#define PROBE_HOOKS                                                                     \
	(B(BPF_PERF_EVENT) | B(BPF_TRACE_KPROBE_MULTI) | B(SKEP_TRACE_KPROBE_SESSION) | \
	 B(SKEP_TRACE_UPROBE_MULTI))

/* What a type of programs attaches to. */
static const struct attach_row {
	uint64_t hooks; /* bit n: BPF_* attach type n is a place for it */
	uint64_t load;	/* PROG_LOAD's expected_attach_type must be one of these; 0: anything */
	bool expected;	/* it must be one of hooks, and the program attaches nowhere else */
} rows[] = {
	[BPF_PROG_TYPE_KPROBE] = { PROBE_HOOKS, 0, false },
	[BPF_PROG_TYPE_SCHED_CLS] = { TC_HOOKS, 0, false },
	[BPF_PROG_TYPE_TRACEPOINT] = { B(BPF_PERF_EVENT), 0, false },
	[BPF_PROG_TYPE_XDP] = { B(BPF_XDP), 0, false },
	[BPF_PROG_TYPE_PERF_EVENT] = { B(BPF_PERF_EVENT), 0, false },
	[BPF_PROG_TYPE_CGROUP_SKB] = { B(BPF_CGROUP_INET_INGRESS) | B(BPF_CGROUP_INET_EGRESS),
				       B(BPF_CGROUP_INET_INGRESS) | B(BPF_CGROUP_INET_EGRESS),
				       false },
	[BPF_PROG_TYPE_CGROUP_SOCK] = { B(BPF_CGROUP_INET_SOCK_CREATE) |
						B(BPF_CGROUP_INET_SOCK_RELEASE) |
						B(BPF_CGROUP_INET4_POST_BIND) |
						B(BPF_CGROUP_INET6_POST_BIND),
					0, true },
	[BPF_PROG_TYPE_SOCK_OPS] = { B(BPF_CGROUP_SOCK_OPS), 0, false },
	[BPF_PROG_TYPE_SK_SKB] = { B(BPF_SK_SKB_STREAM_PARSER) | B(BPF_SK_SKB_STREAM_VERDICT) |
					   B(BPF_SK_SKB_VERDICT),
				   0, false },
	[BPF_PROG_TYPE_CGROUP_DEVICE] = { B(BPF_CGROUP_DEVICE), 0, false },
	[BPF_PROG_TYPE_SK_MSG] = { B(BPF_SK_MSG_VERDICT), 0, false },
	[BPF_PROG_TYPE_CGROUP_SOCK_ADDR] = { UNIX_HOOKS | B(BPF_CGROUP_INET4_BIND) |
						     B(BPF_CGROUP_INET6_BIND) |
						     B(BPF_CGROUP_INET4_CONNECT) |
						     B(BPF_CGROUP_INET6_CONNECT) |
						     B(BPF_CGROUP_INET4_GETPEERNAME) |
						     B(BPF_CGROUP_INET6_GETPEERNAME) |
						     B(BPF_CGROUP_INET4_GETSOCKNAME) |
						     B(BPF_CGROUP_INET6_GETSOCKNAME) |
						     B(BPF_CGROUP_UDP4_SENDMSG) |
						     B(BPF_CGROUP_UDP6_SENDMSG) |
						     B(BPF_CGROUP_UDP4_RECVMSG) |
						     B(BPF_CGROUP_UDP6_RECVMSG),
					     0, true },
	[BPF_PROG_TYPE_LIRC_MODE2] = { B(BPF_LIRC_MODE2), 0, false },
	[BPF_PROG_TYPE_SK_REUSEPORT] = { 0,
					 B(BPF_SK_REUSEPORT_SELECT) |
						 B(BPF_SK_REUSEPORT_SELECT_OR_MIGRATE),
					 false },
	[BPF_PROG_TYPE_FLOW_DISSECTOR] = { B(BPF_FLOW_DISSECTOR), 0, false },
	[BPF_PROG_TYPE_CGROUP_SYSCTL] = { B(BPF_CGROUP_SYSCTL), 0, false },
	[BPF_PROG_TYPE_CGROUP_SOCKOPT] = { B(BPF_CGROUP_GETSOCKOPT) | B(BPF_CGROUP_SETSOCKOPT), 0,
					   true },
	[BPF_PROG_TYPE_TRACING] = { B(BPF_TRACE_ITER) | B(BPF_TRACE_RAW_TP) | B(BPF_TRACE_FENTRY) |
					    B(BPF_TRACE_FEXIT) | B(BPF_MODIFY_RETURN),
				    0, false },
	[BPF_PROG_TYPE_EXT] = { UINT64_MAX, B(0), false },
	[BPF_PROG_TYPE_LSM] = { B(BPF_LSM_MAC) | B(BPF_LSM_CGROUP), 0, false },
	[BPF_PROG_TYPE_SK_LOOKUP] = { B(BPF_SK_LOOKUP), 0, true },
	[BPF_PROG_TYPE_SYSCALL] = { 0, B(0), false },
	[BPF_PROG_TYPE_NETFILTER] = { B(SKEP_NETFILTER), B(SKEP_NETFILTER), false },
};

/* The attach type is one that the table speaks of, and its bit is set. */
static bool has(uint64_t set, uint32_t attach_type)
{
	return attach_type < 64 && set >> attach_type & 1;
}

uint32_t attach_default(uint32_t prog_type, uint32_t attach_type)
{
	if (attach_type)
		return attach_type;
	switch (prog_type) {
	case BPF_PROG_TYPE_CGROUP_SOCK:
		return BPF_CGROUP_INET_SOCK_CREATE;
	case BPF_PROG_TYPE_SK_REUSEPORT:
		return BPF_SK_REUSEPORT_SELECT;
	default:
		return 0;
	}
}

bool attach_loadable(uint32_t prog_type, uint32_t attach_type)
{
	const struct attach_row *row = prog_type < ARRAY_SIZE(rows) ? &rows[prog_type] : &rows[0];
	uint64_t load = row->expected ? row->hooks : row->load;

	return !load || has(load, attach_type);
}

uint32_t attach_prog_type(uint32_t attach_type)
{
	/* What perf events and netfilter serve is asked for by link only. */
	if (attach_type == BPF_PERF_EVENT || attach_type == SKEP_NETFILTER ||
	    has(PROBE_HOOKS, attach_type))
		return BPF_PROG_TYPE_UNSPEC;
	for (uint32_t type = 0; type < ARRAY_SIZE(rows); type++)
		if (type != BPF_PROG_TYPE_EXT && has(rows[type].hooks, attach_type))
			return type;
	return BPF_PROG_TYPE_UNSPEC;
}

/* A probe that was loaded for one kind of multi link attaches by that alone. */
static bool probe_fits(const struct skep_prog *p, uint32_t attach_type)
{
	uint64_t multi = PROBE_HOOKS & ~B(BPF_PERF_EVENT);

	return p->type != BPF_PROG_TYPE_KPROBE || !has(multi, p->expected_attach_type) ||
	       p->expected_attach_type == attach_type;
}

int attach_check_link(const struct skep_prog *p, uint32_t attach_type, bool net_admin)
{
	if (p->type == BPF_PROG_TYPE_CGROUP_SKB && !net_admin)
		return -EPERM;
	if (p->type >= ARRAY_SIZE(rows) || !has(rows[p->type].hooks, attach_type))
		return -EINVAL;
	if (rows[p->type].expected && p->expected_attach_type != attach_type)
		return -EINVAL;
	return probe_fits(p, attach_type) ? 0 : -EINVAL;
}

/* --- PROG_ATTACH, PROG_DETACH, PROG_QUERY ---------------------------------------------------- */

#define FLAGS_BASE  (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI | BPF_F_REPLACE | 1u << 6)
#define FLAGS_MPROG (BPF_F_REPLACE | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 13)

long core_prog_attach(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(object_put) struct object_ref ref = { 0 };
	uint32_t type = attach_prog_type(a->attach_type);
	uint32_t flags = type == BPF_PROG_TYPE_SCHED_CLS ? FLAGS_MPROG : FLAGS_BASE;
	const struct skep_prog *p;
	int err;

	if (type == BPF_PROG_TYPE_UNSPEC || a->attach_flags & ~flags)
		return FAIL(c, -EINVAL, "attach type %u or its flags are not for PROG_ATTACH",
			    a->attach_type);
	err = object_get(c->k, (int)a->attach_bpf_fd, OBJ_PROG, &ref);
	if (err)
		return FAIL(c, err, "attach_bpf_fd %d is not a program", (int)a->attach_bpf_fd);
	p = ref.payload;
	if (p->type != type || attach_check_link(p, a->attach_type, core_may(c, RIGHT_NET)))
		return FAIL(c, -EINVAL, "programs of type %s do not attach as %u", p->kind->name,
			    a->attach_type);
	return FAIL(c, -EOPNOTSUPP, "Skep has no hook for programs of type %s yet", p->kind->name);
}

long core_prog_detach(struct call *c)
{
	return FAIL(c, -EINVAL, "nothing is attached as %u: Skep has no such hook yet",
		    c->attr.a.attach_type);
}

long core_prog_query(struct call *c)
{
	if (!core_may(c, RIGHT_NET))
		return FAIL(c, -EPERM, "PROG_QUERY needs CAP_NET_ADMIN");
	return FAIL(c, -EINVAL, "nothing can be attached as %u: Skep has no such hook yet",
		    c->attr.a.query.attach_type);
}

long core_token_create(struct call *c)
{
	if (c->attr.token_create.flags)
		return -EINVAL;
	return core_token(c, (int)c->attr.token_create.bpffs_fd);
}
