// SPDX-License-Identifier: BSD-2-Clause
/*
 * sockfilter - a packet socket's filter: hands the socket what is UDP, cut to the headers, and
 * counts all packets by IP protocol.
 *
 *	skep prog run sockfilter.bpf.o --pcap capture.pcap --pcap-out udp.pcap
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SNAP 64 /* bytes that the socket gets of a packet */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} protocols SEC(".maps");

SEC("socket")
int sockfilter(struct __sk_buff *skb)
{
	__u8 protocol;
	__u32 index;
	__u64 *n;

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return 0;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, protocol), &protocol,
			       sizeof(protocol)))
		return 0;
	index = protocol;
	n = bpf_map_lookup_elem(&protocols, &index);
	if (n)
		__sync_fetch_and_add(n, 1);
	return protocol == IPPROTO_UDP ? SNAP : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
