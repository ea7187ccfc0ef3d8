// SPDX-License-Identifier: BSD-2-Clause
/* Mistake: a helper for socket buffers in an XDP program. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int first_byte(struct xdp_md *ctx)
{
	__u8 b = 0;

	bpf_skb_load_bytes(ctx, 0, &b, 1);
	return b ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
