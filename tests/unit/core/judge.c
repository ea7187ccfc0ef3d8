/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel that judges for Linux: it takes what Skep does not run, and runs nothing. */
#include "tests/unit/core/core_test.h"

static struct skep_kernel_opts linux_opts = { .model = SKEP_MODEL_LINUX };

TEST(a_judging_kernel_takes_every_type)
{
	core_start(&linux_opts);
	ASSERT_GE(prog_return(BPF_PROG_TYPE_SOCK_OPS, 1), 0);
	ASSERT_EQ(prog_return(BPF_PROG_TYPE_UNSPEC, 1), -EINVAL);
	ASSERT_EQ(prog_return(77, 1), -EINVAL);
	ASSERT_GE(map_create(BPF_MAP_TYPE_SOCKMAP, 4, 8, 1, 0), 0);
	core_stop();
	core_start(NULL);
	ASSERT_EQ(prog_return(BPF_PROG_TYPE_SOCK_OPS, 1), -EINVAL);
	ASSERT_EQ(map_create(BPF_MAP_TYPE_SOCKMAP, 4, 8, 1, 0), -EINVAL);
	core_stop();
}

TEST(a_judging_kernel_runs_nothing)
{
	uint32_t ret = 0;
	long fd;

	core_start(&linux_opts);
	fd = prog_return(BPF_PROG_TYPE_XDP, 2);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(prog_run_once(fd, &ret), -EOPNOTSUPP);
	ASSERT(strstr(skep_last_error(), "judges"));
	core_stop();
}

TEST(models_are_numbers_that_are_known)
{
	struct skep_kernel_opts opts = { .sz = sizeof(opts), .model = 2 };
	struct skep_kernel *other = NULL;

	ASSERT_EQ(skep_kernel_new(&opts, &other), -EINVAL);
}
