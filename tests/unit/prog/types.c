/* SPDX-License-Identifier: BSD-2-Clause */
#include "prog/prog.h"
#include "tests/harness/test.h"

TEST(prog_types_have_names_and_rights)
{
	ASSERT_EQ(prog_type_count(), 33);
	for (uint32_t i = 0; i < prog_type_count(); i++)
		ASSERT(prog_type(i)->name);
	ASSERT(!prog_type(33));
	ASSERT(!prog_type(UINT32_MAX));

	ASSERT_STREQ(prog_type(BPF_PROG_TYPE_XDP)->name, "xdp");
	ASSERT_STREQ(prog_type(BPF_PROG_TYPE_SYSCALL)->name, "syscall");
	ASSERT_STREQ(prog_type(BPF_PROG_TYPE_NETFILTER)->name, "netfilter");
	ASSERT(prog_type(BPF_PROG_TYPE_XDP)->loadable && prog_type(BPF_PROG_TYPE_XDP)->needs_net);
	ASSERT(prog_type(BPF_PROG_TYPE_SCHED_CLS)->ld_abs);
	ASSERT(!prog_type(BPF_PROG_TYPE_XDP)->ld_abs);
	ASSERT(prog_type(BPF_PROG_TYPE_RAW_TRACEPOINT)->needs_perfmon);
	ASSERT(!prog_type(BPF_PROG_TYPE_KPROBE)->test_run);
	ASSERT(!prog_type(BPF_PROG_TYPE_UNSPEC)->loadable);
}

TEST(ctx_fields_are_found_by_offset)
{
	const struct prog_type *xdp = prog_type(BPF_PROG_TYPE_XDP);
	const struct prog_type *tc = prog_type(BPF_PROG_TYPE_SCHED_CLS);
	const struct ctx_field *f = prog_ctx_field(xdp, 4, 4);

	ASSERT_STREQ(f->name, "data_end");
	ASSERT_EQ(f->kind, CTX_PKT_END);
	ASSERT_EQ(f->real_size, 8);
	ASSERT(!prog_ctx_field(xdp, 4, 8)); /* runs into data_meta */
	ASSERT(!prog_ctx_field(xdp, 24, 4));
	ASSERT(!prog_ctx_field(xdp, UINT32_MAX, 4));
	ASSERT(!prog_ctx_field(xdp, 4, UINT32_MAX));
	ASSERT_STREQ(prog_ctx_field(tc, offsetof(struct __sk_buff, cb[3]), 4)->name, "cb");
	ASSERT_STREQ(prog_ctx_field(tc, offsetof(struct __sk_buff, mark) + 3, 1)->name, "mark");
}
