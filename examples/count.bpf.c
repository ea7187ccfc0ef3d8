// SPDX-License-Identifier: BSD-2-Clause
/*
 * count - the smallest useful program: it counts.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 packets, bytes;

SEC("xdp")
int count(struct xdp_md *ctx)
{
	packets++;
	bytes += ctx->data_end - ctx->data;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
