// SPDX-License-Identifier: BSD-2-Clause
/* A helper that the kernel of the long term does not have yet. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int total;

static int add(__u32 i, void *ctx)
{
	total += i;
	return 0;
}

SEC("xdp")
int sum(struct xdp_md *ctx)
{
	bpf_loop(10, add, NULL, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
