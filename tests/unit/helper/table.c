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
		ASSERT(h->fn && h->sets && h->ret < _RET_MAX);
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

/*
 * Does the host know helper `id` for the type?  A call without arguments is refused in any case;
 * the log tells whether it was for the helper or for the arguments.
 */
static bool host_knows(uint32_t type, uint32_t flags, uint32_t id)
{
	static char log[1 << 16];
	const struct bpf_insn insns[] = { I_CALL((int32_t)id), I_MOV_IMM(0, 0), I_EXIT };
	union bpf_attr attr = {
		.prog_type = type,
		.prog_flags = flags,
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
	return !strstr(log, "unknown func") && !strstr(log, "invalid func") &&
	       !strstr(log, "cannot use helper");
}

TEST(helpers_are_allowed_where_the_host_allows_them)
{
	static const uint32_t types[] = {
		BPF_PROG_TYPE_SYSCALL,	  BPF_PROG_TYPE_SOCKET_FILTER,	BPF_PROG_TYPE_SCHED_CLS,
		BPF_PROG_TYPE_XDP,	  BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_PROG_TYPE_KPROBE,
		BPF_PROG_TYPE_TRACEPOINT, BPF_PROG_TYPE_PERF_EVENT,
	};

	host_required();
	for (uint32_t id = 1; id < helper_id_count(); id++) {
		const struct helper_proto *h = helper_by_id(id);

		for (size_t i = 0; h && i < ARRAY_SIZE(types); i++) {
			uint32_t t = types[i];
			bool host =
				host_knows(t, t == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0, id);

			/* The host's kernel is newer than ours: it has these everywhere. */
			if (id == BPF_FUNC_get_current_uid_gid || id == BPF_FUNC_get_current_comm ||
			    id == BPF_FUNC_ktime_get_coarse_ns)
				continue;
			/* There it takes a kernel object, not the context. */
			if (id == BPF_FUNC_xdp_get_buff_len && t == BPF_PROG_TYPE_SYSCALL)
				continue;
			ASSERT_MSG(host == helper_allowed(h, t), "%s for type %u: host %d", h->name,
				   t, host);
		}
	}
}

TEST(kfuncs_are_found_by_name)
{
	const struct kfunc *k = kfunc_by_name("bpf_iter_num_next");

	ASSERT(k && k->flags == ((1u << 9) | (1u << 2))); /* KF_ITER_NEXT | KF_RET_NULL */
	ASSERT(!kfunc_by_name("bpf_iter_num"));
	ASSERT(!kfunc_by_name("bpf_iter_num_nextx"));
	ASSERT(!kfunc_by_name(""));
	for (uint32_t i = 0; kfunc_at(i); i++)
		ASSERT(kfunc_by_name(kfunc_at(i)->name) == kfunc_at(i));
	ASSERT(!kfunc_at(UINT32_MAX));
}

static uint64_t kfunc(const char *name, uint64_t a, uint64_t b, uint64_t c)
{
	return kfunc_by_name(name)->fn(a, b, c, 0, 0, test_run());
}

static int count(int32_t start, int32_t end, int64_t *ret_sum)
{
	uint64_t it;
	int32_t *p;
	int n = 0;

	*ret_sum = 0;
	if (kfunc("bpf_iter_num_new", P(&it), (uint32_t)start, (uint32_t)end))
		return -1;
	while ((p = (void *)(uintptr_t)kfunc("bpf_iter_num_next", P(&it), 0, 0))) {
		*ret_sum += *p;
		n++;
	}
	ASSERT(!kfunc("bpf_iter_num_next", P(&it), 0, 0)); /* stays at the end */
	kfunc("bpf_iter_num_destroy", P(&it), 0, 0);
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
	ASSERT_EQ((int64_t)kfunc("bpf_iter_num_new", P(&it), 6, 5), -EINVAL);
	ASSERT(!kfunc("bpf_iter_num_next", P(&it), 0, 0));
	ASSERT_EQ((int64_t)kfunc("bpf_iter_num_new", P(&it), 0, (8 << 20) + 1), -E2BIG);
	ASSERT_EQ((int64_t)kfunc("bpf_iter_num_new", P(&it), 0, 8 << 20), 0);
	ASSERT_EQ((int64_t)kfunc("bpf_iter_num_new", P(&it), 0x80000000u, 0x7fffffff), -E2BIG);
}
