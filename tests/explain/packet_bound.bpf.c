// SPDX-License-Identifier: BSD-2-Clause
/* Mistake: more of the packet is read than was compared with its end. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int ports(struct xdp_md *ctx)
{
	void *data_end = (void *)(long)ctx->data_end;
	__u8 *data = (void *)(long)ctx->data;

	if ((void *)(data + 14) > data_end)
		return XDP_DROP;
	return data[23] == 17 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
