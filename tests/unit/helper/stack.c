/* SPDX-License-Identifier: BSD-2-Clause */
/* stack.c - what of a stack goes into a map of stacks, which is a stand-in */
#include "tests/unit/helper/helper_test.h"

static uint64_t first, flags_seen;
static uint32_t nr;

long stack_trace_put(struct skep_map *m, const uint64_t *ips, uint32_t n, uint64_t flags,
		     uint32_t cpu)
{
	first = ips[0];
	nr = n;
	flags_seen = flags;
	return 5;
}

TEST(stack_ids_are_of_what_is_not_skipped)
{
	/* The second frame has returned from the third, which nobody called. */
	const uint64_t third[2] = { 0, 33 }, second[2] = { P(third), 22 };
	const struct run_frame at = { .ip = 11, .fp = P(second) };

	test_run()->user = &at;
	ASSERT_EQ(CALL(get_stackid, 0, 0, BPF_F_USER_STACK | BPF_F_REUSE_STACKID), 5);
	ASSERT(first == 11 && nr == 3 && flags_seen == (BPF_F_USER_STACK | BPF_F_REUSE_STACKID));
	ASSERT_EQ(CALL(get_stackid, 0, 0, BPF_F_USER_STACK | 2), 5);
	ASSERT(first == 33 && nr == 1);
	ASSERT_EQ(CALL(get_stackid, 0, 0, BPF_F_USER_STACK | 3), -EFAULT);
	ASSERT_EQ(CALL(get_stackid, 0, 0, BPF_F_USER_BUILD_ID), -EINVAL);
	ASSERT_EQ(CALL(get_stackid, 0, 0, 0), -EFAULT);
}

TEST(stacks_of_functions_that_have_no_frame_yet)
{
	const uint64_t frame[2] = { 0, 33 };
	const struct run_frame at = { .ip = 11, .caller = 22, .fp = P(frame) };
	uint64_t got[4] = { 9, 9, 9, 9 };

	test_run()->user = &at;
	ASSERT_EQ(CALL(get_stack, 0, P(got), sizeof(got), BPF_F_USER_STACK), 24);
	ASSERT(got[0] == 11 && got[1] == 22 && got[2] == 33 && got[3] == 0);
	ASSERT_EQ(CALL(get_stack, 0, P(got), 8, BPF_F_USER_STACK), 8);
	ASSERT(got[0] == 11 && got[1] == 22); /* the second is not its to write */
	ASSERT_EQ(CALL(get_stack, 0, P(got), 8, BPF_F_USER_STACK | 1), 8);
	ASSERT(got[0] == 22 && got[1] == 22);
}

TEST(stack_entries_with_build_ids)
{
	const uint64_t frame[2] = { 0, 22 };
	const struct run_frame at = { .ip = 11, .fp = P(frame) };
	struct bpf_stack_build_id got[3];

	memset(got, 0xff, sizeof(got));
	test_run()->user = &at;
	ASSERT_EQ(CALL(get_stack, 0, P(got), sizeof(got), BPF_F_USER_STACK | BPF_F_USER_BUILD_ID),
		  2 * sizeof(got[0]));
	ASSERT(got[0].status == BPF_STACK_BUILD_ID_IP && got[0].ip == 11 && got[1].ip == 22);
	ASSERT(got[2].status == 0 && got[2].ip == 0);
}
