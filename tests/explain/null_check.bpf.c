// SPDX-License-Identifier: BSD-2-Clause
/* Mistake: what bpf_map_lookup_elem() returns is used without a look at whether it is NULL. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 key = ctx->rx_queue_index;
	__u64 *n = bpf_map_lookup_elem(&counts, &key);

	*n += 1;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
