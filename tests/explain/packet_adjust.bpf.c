// SPDX-License-Identifier: BSD-2-Clause
/* Mistake: pointers into the packet outlive the call that moves the packet. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int strip(struct xdp_md *ctx)
{
	void *data_end = (void *)(long)ctx->data_end;
	__u8 *data = (void *)(long)ctx->data;

	if ((void *)(data + 64) > data_end)
		return XDP_DROP;
	if (bpf_xdp_adjust_head(ctx, 14))
		return XDP_DROP;
	return data[20] == 6 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
