// SPDX-License-Identifier: BSD-2-Clause
/* Mistake: a key of which a part was never written.  Judged for an unprivileged caller. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct key {
	__u32 queue;
	__u64 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct key);
	__type(value, __u64);
} seen SEC(".maps");

SEC("socket")
int mark(struct __sk_buff *skb)
{
	__u64 one = 1;
	struct key k;

	k.queue = skb->queue_mapping;
	bpf_map_update_elem(&seen, &k, &one, BPF_ANY);
	return 0;
}

char _license[] SEC("license") = "GPL";
