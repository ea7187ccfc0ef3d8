// SPDX-License-Identifier: BSD-2-Clause
/* hello - a line for every program that is started, in trace_pipe. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sys_enter {
	__u64 common, nr;
	__u64 args[6];
};

SEC("tracepoint/syscalls/sys_enter_execve")
int hello(const struct sys_enter *ctx)
{
	char path[64] = "";

	bpf_probe_read_user_str(path, sizeof(path), (const void *)ctx->args[0]);
	bpf_printk("hello, %s", path);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
