// SPDX-License-Identifier: BSD-2-Clause
/* Mistake: a length from outside is the size of a copy into a buffer. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp")
int copy(struct bpf_raw_tracepoint_args *ctx)
{
	const void *from = (void *)ctx->args[0];
	__u32 n = ctx->args[1];
	char buf[64] = "";

	bpf_probe_read_kernel(buf, n, from);
	return buf[0];
}

char _license[] SEC("license") = "GPL";
