/* SPDX-License-Identifier: BSD-2-Clause */
/* What bpf(2) says to sizes, tails and commands, before any handler; the options of a kernel. */
#include "tests/unit/core/core_test.h"

/* Where the attributes of each command end: the rows of commands.def. */
static const struct {
	const char *name;
	uint32_t end;
} commands[] = {
#define COMMAND(nr, name, handler, end, flags) [nr] = { #name, end },
#include "core/commands.def"
#undef COMMAND
};

TEST(attr_tails_must_be_zero)
{
	union {
		union core_attr attr;
		uint8_t bytes[4200];
	} a;

	core_start(NULL);
	for (uint32_t cmd = 0; cmd < SKEP_CMD_COUNT; cmd++) {
		/* The first byte behind the used ones, and the last of the union. */
		for (uint32_t at = commands[cmd].end; at < ATTR_SIZE;
		     at += ATTR_SIZE - 1 - at ? ATTR_SIZE - 1 - at : 1) {
			memset(&a, 0, sizeof(a));
			a.bytes[at] = 1;
			ASSERT_MSG(bpf_call((int)cmd, &a.attr) == -EINVAL, "%s: byte %u",
				   commands[cmd].name, at);
			ASSERT_STRHAS(skep_last_error(), "must be zero");
		}
		/* Beyond the union: longer attributes are fine while they are zero. */
		memset(&a, 0, sizeof(a));
		a.bytes[ATTR_SIZE] = 1;
		ASSERT_EQ(skep_kernel_bpf(k, (int)cmd, &a.attr.a, ATTR_SIZE + 8), -E2BIG);
		ASSERT_EQ(skep_kernel_bpf(k, (int)cmd, &a.attr.a, 4097), -E2BIG);
		a.bytes[ATTR_SIZE] = 0;
		if (cmd != BPF_PROG_LOAD) /* no instructions: -E2BIG of its own */
			ASSERT_NE(skep_kernel_bpf(k, (int)cmd, &a.attr.a, 4096), -E2BIG);
		ASSERT_EQ(skep_kernel_bpf(k, (int)cmd, NULL, 8), -EFAULT);
	}
	core_stop();
}

TEST(attr_short_ones_are_zero_behind)
{
	union core_attr a = attr_zero;

	a.a.map_type = BPF_MAP_TYPE_ARRAY;
	a.a.key_size = 4;
	a.a.value_size = 8;
	a.a.max_entries = 1;
	a.a.map_flags = 0xffffffff;
	core_start(NULL);
	ASSERT_GE(skep_kernel_bpf(k, BPF_MAP_CREATE, &a.a, 16), 0);
	ASSERT_EQ(skep_kernel_bpf(k, BPF_MAP_CREATE, &a.a, 20), -EINVAL);
	ASSERT_EQ(skep_kernel_bpf(k, BPF_MAP_CREATE, &a.a, 0), -EINVAL);
	core_stop();
}

TEST(commands_that_do_not_exist)
{
	union core_attr a = attr_zero;

	core_start(NULL);
	ASSERT_EQ(bpf_call(SKEP_CMD_COUNT, &a), -EINVAL);
	ASSERT_EQ(bpf_call(-1, &a), -EINVAL);
	ASSERT_EQ(bpf_call(INT32_MAX, &a), -EINVAL);
	ASSERT_STRHAS(skep_last_error(), "no command");
	ASSERT_GE(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), 0);
	ASSERT_STREQ(skep_last_error(), "");
	core_stop();
}

TEST(options_of_a_kernel)
{
	struct {
		struct skep_kernel_opts o;
		uint64_t more;
	} big = { .o = { .sz = sizeof(big) } };
	struct skep_kernel_opts small = { .sz = offsetof(struct skep_kernel_opts, pin_root) };

	ASSERT_EQ(skep_kernel_new(&big.o, &k), 0);
	core_stop();
	big.more = 1;
	ASSERT_EQ(skep_kernel_new(&big.o, &k), -EINVAL);
	ASSERT_EQ(skep_kernel_new(&small, &k), 0);
	core_stop();
	small.sz = 4;
	ASSERT_EQ(skep_kernel_new(&small, &k), -EINVAL);
	small = (struct skep_kernel_opts){ .sz = sizeof(small), .engine = 9 };
	ASSERT_EQ(skep_kernel_new(&small, &k), -EINVAL);
	skep_kernel_free(NULL);
}

TEST(kernel_of_the_process)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	ASSERT(skep_kernel_self());
	ASSERT_EQ(skep_kernel_self(), skep_kernel_self());
	ASSERT_GE(skep_bpf(BPF_MAP_CREATE, &a, sizeof(a)), 0);
	ASSERT_STREQ(skep_version(), SKEP_VERSION);
}

TEST(stats_need_a_descriptor)
{
	union core_attr a = attr_zero;
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), ret;
	long fd, prog;

	a.a.enable_stats.type = BPF_STATS_RUN_TIME;
	core_start(NULL);
	prog = prog_return(BPF_PROG_TYPE_XDP, 0);
	ASSERT_EQ(prog_run_once(prog, &ret), 0);
	fd = bpf_call(BPF_ENABLE_STATS, &a);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(prog_run_once(prog, &ret), 0);
	close((int)fd);
	ASSERT_EQ(prog_run_once(prog, &ret), 0);
	ASSERT_EQ(obj_info(prog, &info, &len), 0);
	ASSERT_EQ(info.run_cnt, 1);
	ASSERT_GT(info.run_time_ns, 0);
	a.a.enable_stats.type = 1;
	ASSERT_EQ(bpf_call(BPF_ENABLE_STATS, &a), -EINVAL);
	core_stop();
}

TEST(task_fd_query_and_tokens)
{
	union core_attr a = attr_zero;

	core_start(NULL);
	a.a.task_fd_query.pid = (uint32_t)getpid();
	ASSERT_EQ(bpf_call(BPF_TASK_FD_QUERY, &a), -ENOTSUPP);
	a.a.task_fd_query.fd = 999;
	ASSERT_EQ(bpf_call(BPF_TASK_FD_QUERY, &a), -EBADF);
	a.a.task_fd_query.pid = 0x7ffffff0;
	ASSERT_EQ(bpf_call(BPF_TASK_FD_QUERY, &a), -ENOENT);
	a = attr_zero;
	a.token_create.bpffs_fd = 999;
	ASSERT_EQ(bpf_call(SKEP_TOKEN_CREATE, &a), -EBADF);
	a.token_create.bpffs_fd = 0;
	ASSERT_EQ(bpf_call(SKEP_TOKEN_CREATE, &a), -EINVAL);
	core_stop();
}
