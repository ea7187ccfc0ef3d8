// SPDX-License-Identifier: BSD-2-Clause
/*
 * tc_mark - a traffic classifier: marks packets by their length and drops those beyond a limit.
 *
 *	skep prog run tc_mark.bpf.o --pcap capture.pcap --set max_len=1514
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* Packets longer than this are dropped; 0: none is. */
const volatile __u32 max_len = 0;

struct class
{
	__u64 packets, bytes;
};

/* By class: small, medium, large. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, struct class);
} classes SEC(".maps");

SEC("tc")
int tc_mark(struct __sk_buff *skb)
{
	__u32 class = skb->len <= 128 ? 0 : skb->len <= 1514 ? 1 : 2;
	struct class *c = bpf_map_lookup_elem(&classes, &class);

	if (c) {
		c->packets++;
		c->bytes += skb->len;
	}
	skb->mark = class + 1;
	skb->cb[0] = class;
	return max_len && skb->len > max_len ? TC_ACT_SHOT : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
