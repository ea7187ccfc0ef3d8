/* SPDX-License-Identifier: BSD-2-Clause */
/* table.c - the tables of helpers and kfuncs, and the rows beside the host's verifier */
#include "tests/harness/host.h"
#include "tests/unit/helper/helper_test.h"

#include <unistd.h>

TEST(helpers_have_the_kernels_names)
{
	ASSERT_GE(helper_id_count(), 212);
	for (uint32_t id = 0; id < 212; id++)
		ASSERT(helper_name(id));
	ASSERT(!helper_name(helper_id_count()));
	ASSERT(!helper_name(UINT32_MAX));
	ASSERT_STREQ(helper_name(1), "map_lookup_elem");
	ASSERT_STREQ(helper_name(165), "snprintf");
	ASSERT_STREQ(helper_name(211), "cgrp_storage_delete");
}

TEST(helper_rows_agree_with_the_names)
{
	uint32_t n = 0;

	for (uint32_t id = 0; id < helper_id_count() + 2; id++) {
		const struct helper_proto *h = helper_by_id(id);

		if (!h)
			continue;
		n++;
		ASSERT_EQ(h->id, id);
		ASSERT_STREQ(h->name, helper_name(id));
		ASSERT(h->fn && h->types && h->ret < _RET_MAX);
		/* Arguments have no holes, and a memory argument its size behind it. */
		for (int i = 0; i < 5; i++) {
			ASSERT_LT(h->arg[i], _ARG_MAX);
			if (i && h->arg[i] != ARG_NONE)
				ASSERT_NE(h->arg[i - 1], ARG_NONE);
			if (h->arg[i] == ARG_MEM || h->arg[i] == ARG_MEM_UNINIT ||
			    h->arg[i] == ARG_MEM_OR_NULL)
				ASSERT(i < 4 && (h->arg[i + 1] == ARG_SIZE ||
						 h->arg[i + 1] == ARG_SIZE_OR_ZERO));
		}
	}
	ASSERT_GT(n, 60);
	ASSERT(!helper_by_id(0));
	ASSERT(!helper_by_id(UINT32_MAX));
}

TEST(helpers_of_linux_have_their_rows)
{
	for (uint32_t id = 1; id < 212; id++) {
		const struct helper_proto *h = helper_of_linux(id, BPF_PROG_TYPE_XDP);

		ASSERT_MSG(h && h->types, "helper %u", id);
		ASSERT_EQ(h->id, id);
		ASSERT_STREQ(h->name, helper_name(id));
	}
	ASSERT(!helper_of_linux(0, BPF_PROG_TYPE_XDP));
	ASSERT(!helper_of_linux(212, BPF_PROG_TYPE_XDP));
	/* What a helper takes may depend on who calls it. */
	ASSERT_EQ(helper_of_linux(BPF_FUNC_sk_assign, BPF_PROG_TYPE_SCHED_CLS)->arg[1],
		  ARG_BTF_SOCK);
	ASSERT_EQ(helper_of_linux(BPF_FUNC_sk_assign, BPF_PROG_TYPE_SK_LOOKUP)->arg[1],
		  ARG_SOCKET_OR_NULL);
	ASSERT(!helper_by_id(BPF_FUNC_sk_assign));
}

/* What the host loads a probe as. */
struct host_place {
	uint32_t type, attach, flags;
};

/*
 * Does the host know helper `id` for the type?  A call without arguments is refused in any case;
 * the log tells whether it was for the helper or for the arguments.
 */
static bool host_knows(const struct host_place *at, uint32_t id)
{
	static char log[1 << 16];
	const struct bpf_insn insns[] = { I_CALL((int32_t)id), I_MOV_IMM(0, 0), I_EXIT };
	union bpf_attr attr = {
		.prog_type = at->type,
		.expected_attach_type = at->attach,
		.prog_flags = at->flags,
		.insns = (uintptr_t)insns,
		.insn_cnt = 3,
		.license = (uintptr_t) "GPL",
		.log_level = 1,
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
	};
	long fd;

	log[0] = '\0';
	fd = host_bpf(BPF_PROG_LOAD, &attr);
	if (fd >= 0)
		close((int)fd);
	return log[0] && !strstr(log, "unknown func") && !strstr(log, "invalid func") &&
	       !strstr(log, "cannot use helper");
}

/* Helpers that a host has by its configuration or by a right that root may lack. */
static bool by_configuration(uint32_t id)
{
	return id == BPF_FUNC_probe_write_user || id == BPF_FUNC_override_return;
}

TEST(helpers_are_allowed_where_the_host_allows_them)
{
	static const struct host_place places[] = {
		{ BPF_PROG_TYPE_SYSCALL, 0, BPF_F_SLEEPABLE },
		{ BPF_PROG_TYPE_SOCKET_FILTER, 0, 0 },
		{ BPF_PROG_TYPE_SCHED_CLS, 0, 0 },
		{ BPF_PROG_TYPE_SCHED_ACT, 0, 0 },
		{ BPF_PROG_TYPE_XDP, 0, 0 },
		{ BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0 },
		{ BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0, 0 },
		{ BPF_PROG_TYPE_KPROBE, 0, 0 },
		{ BPF_PROG_TYPE_TRACEPOINT, 0, 0 },
		{ BPF_PROG_TYPE_PERF_EVENT, 0, 0 },
		{ BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, 0 },
		{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, 0 },
		{ BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, 0 },
		{ BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL, 0 },
		{ BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT, 0 },
		{ BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_SETSOCKOPT, 0 },
		{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND, 0 },
		{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT, 0 },
		{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_RECVMSG, 0 },
		{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_GETPEERNAME, 0 },
		{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, SKEP_CGROUP_UNIX_CONNECT, 0 },
		{ BPF_PROG_TYPE_LWT_IN, 0, 0 },
		{ BPF_PROG_TYPE_LWT_OUT, 0, 0 },
		{ BPF_PROG_TYPE_LWT_XMIT, 0, 0 },
		{ BPF_PROG_TYPE_LWT_SEG6LOCAL, 0, 0 },
		{ BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, 0 },
		{ BPF_PROG_TYPE_SK_SKB, 0, 0 },
		{ BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT, 0 },
		{ BPF_PROG_TYPE_SK_REUSEPORT, BPF_SK_REUSEPORT_SELECT, 0 },
		{ BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, 0 },
		{ BPF_PROG_TYPE_FLOW_DISSECTOR, BPF_FLOW_DISSECTOR, 0 },
		{ BPF_PROG_TYPE_NETFILTER, SKEP_NETFILTER, 0 },
	};

	host_required();
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct host_place *at = &places[i];

		/* Not every kernel is built with every type. */
		if (!host_knows(at, BPF_FUNC_map_lookup_elem))
			continue;
		for (uint32_t id = 1; id < helper_id_count(); id++) {
			const struct helper_proto *h = helper_of_linux(id, at->type);
			const bool ours = h && helper_allowed(h, at->type, at->attach);

			if (!by_configuration(id))
				ASSERT_MSG(host_knows(at, id) == ours,
					   "%s for type %u, attach type %u: ours %d",
					   helper_name(id), at->type, at->attach, ours);
		}
	}
}

TEST(kfuncs_are_found_by_name)
{
	const struct kfunc *k = kfunc_by_name("bpf_iter_num_next");

	ASSERT(k && k->arg[0] == ARG_LONG_PTR && k->arg[1] == ARG_NONE);
	ASSERT(!kfunc_by_name("bpf_iter_num"));
	ASSERT(!kfunc_by_name("bpf_iter_num_nextx"));
	ASSERT(!kfunc_by_name(""));
	for (uint32_t i = 0; kfunc_at(i); i++)
		ASSERT(kfunc_by_name(kfunc_at(i)->name) == kfunc_at(i));
	ASSERT(!kfunc_at(UINT32_MAX));
}

static int count(int32_t start, int32_t end, int64_t *ret_sum)
{
	uint64_t it;
	int32_t *p;
	int n = 0;

	*ret_sum = 0;
	if (KCALL(bpf_iter_num_new, P(&it), (uint32_t)start, (uint32_t)end))
		return -1;
	while ((p = (void *)(uintptr_t)KCALL(bpf_iter_num_next, P(&it)))) {
		*ret_sum += *p;
		n++;
	}
	ASSERT(!KCALL(bpf_iter_num_next, P(&it))); /* stays at the end */
	KCALL(bpf_iter_num_destroy, P(&it));
	return n;
}

TEST(iter_num_counts_as_the_kernels)
{
	int64_t sum;
	uint64_t it;

	ASSERT_EQ(count(0, 10, &sum), 10);
	ASSERT_EQ(sum, 45);
	ASSERT_EQ(count(-3, 3, &sum), 6);
	ASSERT_EQ(sum, -3);
	ASSERT_EQ(count(5, 5, &sum), 0);
	ASSERT_EQ(count(INT32_MAX - 2, INT32_MAX, &sum), 2);
	ASSERT_EQ(sum, 2ll * INT32_MAX - 3);
	ASSERT_EQ((int64_t)KCALL(bpf_iter_num_new, P(&it), 6, 5), -EINVAL);
	ASSERT(!KCALL(bpf_iter_num_next, P(&it)));
	ASSERT_EQ((int64_t)KCALL(bpf_iter_num_new, P(&it), 0, (8 << 20) + 1), -E2BIG);
	ASSERT_EQ((int64_t)KCALL(bpf_iter_num_new, P(&it), 0, 8 << 20), 0);
	ASSERT_EQ((int64_t)KCALL(bpf_iter_num_new, P(&it), 0x80000000u, 0x7fffffff), -E2BIG);
}
