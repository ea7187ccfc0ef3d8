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
	ASSERT_GE(map_create(BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 0, 0), 0);
	core_stop();
	core_start(NULL);
	ASSERT_EQ(prog_return(BPF_PROG_TYPE_SOCK_OPS, 1), -EINVAL);
	ASSERT_EQ(map_create(BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 0, 0), -EINVAL);
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
	static const struct skep_kernel_opts wrong[] = {
		{ .model = 2 },
		{ .release = 0x060c }, /* Skep's own kernel is of no release */
		{ .model = SKEP_MODEL_LINUX, .release = 0x0403 },
		{ .model = SKEP_MODEL_LINUX, .release = 0x10000 },
		{ .model = SKEP_MODEL_LINUX, .btf = "no BTF", .btf_size = 7 },
		{ .btf = "no BTF", .btf_size = 7 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct skep_kernel_opts opts = wrong[i];
		struct skep_kernel *other = NULL;

		opts.sz = sizeof(opts);
		ASSERT_EQ(skep_kernel_new(&opts, &other), -EINVAL);
	}
}

/* --- releases ------------------------------------------------------------------------------- */

/* A program that calls one helper without arguments that matter. */
static long call_helper(int id)
{
	const struct bpf_insn insns[] = { CALL(id), MOV(BPF_REG_0, 0), EXIT };

	return prog_load(BPF_PROG_TYPE_XDP, insns, 3);
}

static long loop_of_two(void)
{
	const struct bpf_insn insns[] = {
		MOV(BPF_REG_0, 0),
		ADD(BPF_REG_0, 1),
		{ .code = BPF_JMP | BPF_JLT | BPF_K, .dst_reg = BPF_REG_0, .off = -2, .imm = 2 },
		EXIT,
	};

	return prog_load(BPF_PROG_TYPE_XDP, insns, 4);
}

/* w0 = 0: a jump that compares 32 bits came with 5.1. */
static long jump32(void)
{
	const struct bpf_insn insns[] = {
		MOV(BPF_REG_0, 0),
		{ .code = BPF_JMP32 | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 0, .imm = 1 },
		EXIT,
	};

	return prog_load(BPF_PROG_TYPE_XDP, insns, 3);
}

static void at_release(unsigned release)
{
	struct skep_kernel_opts opts = { .model = SKEP_MODEL_LINUX, .release = release };

	core_start(&opts);
}

TEST(a_release_has_what_it_has)
{
	union core_attr attr = attr_zero;

	at_release(0x0504); /* 5.4 */
	ASSERT_EQ(map_create(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0), -EINVAL);
	ASSERT(strstr(skep_last_error(), "map type ringbuf came with Linux 5.8"));
	ASSERT_GE(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0), 0);
	ASSERT_EQ(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_MMAPABLE), -EINVAL);
	ASSERT(strstr(skep_last_error(), "5.5"));
	ASSERT_EQ(prog_return(BPF_PROG_TYPE_LSM, 0), -EINVAL);
	ASSERT(strstr(skep_last_error(), "program type lsm came with Linux 5.7"));
	ASSERT_EQ(bpf_call(BPF_LINK_CREATE, &attr), -EINVAL);
	ASSERT(strstr(skep_last_error(), "LINK_CREATE came with Linux 5.7"));
	ASSERT_EQ(call_helper(BPF_FUNC_ktime_get_boot_ns), -EINVAL);
	ASSERT_GE(call_helper(BPF_FUNC_ktime_get_ns), 0);
	ASSERT_GE(loop_of_two(), 0);
	ASSERT_GE(jump32(), 0);
	core_stop();
}

TEST(older_releases_have_less)
{
	at_release(0x0500); /* 5.0 */
	ASSERT_EQ(loop_of_two(), -EINVAL);
	ASSERT_EQ(jump32(), -EINVAL);
	core_stop();
	at_release(0x0508); /* 5.8 */
	ASSERT_GE(map_create(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0), 0);
	ASSERT_GE(call_helper(BPF_FUNC_ktime_get_boot_ns), 0);
	core_stop();
}
