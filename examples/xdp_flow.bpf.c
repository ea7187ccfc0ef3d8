// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdp_flow - counts packets and bytes of every flow, and drops what goes to one port.
 *
 *	skep prog run xdp_flow.bpf.o --pcap capture.pcap --set drop_port=9999
 *
 * Ethernet, up to two VLAN tags, IPv4 and IPv6 (without extension headers), TCP and UDP ports.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum protocol { ICMP = 1, TCP = 6, UDP = 17, ICMPv6 = 58 };

struct flow {
	struct in6_addr src, dst; /* IPv4 as ::ffff:a.b.c.d */
	__be16 sport, dport;	  /* 0 without ports */
	enum protocol protocol;
};

struct count {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, struct count);
} flows SEC(".maps");

/* TCP and UDP to this port is dropped; 0: none is. */
const volatile __u16 drop_port = 0;

/* Packets of protocols that are not parsed, and flows that found no room. */
__u64 other, overflow;

struct vlan_tag {
	__be16 tci, protocol;
};

struct ports {
	__be16 src, dst;
};

/* The n bytes at the cursor, which moves past them; NULL where the packet ends before. */
static __always_inline void *take(void **cursor, void *end, __u64 n)
{
	void *p = *cursor;

	if (p + n > end)
		return NULL;
	*cursor = p + n;
	return p;
}

static __always_inline void map_ipv4(struct in6_addr *to, __be32 from)
{
	to->s6_addr32[2] = bpf_htonl(0xffff);
	to->s6_addr32[3] = from;
}

static __always_inline int parse_ipv4(void **cursor, void *end, struct flow *f)
{
	struct iphdr *ip = take(cursor, end, sizeof(*ip));

	if (!ip || ip->ihl < 5 || !take(cursor, end, (ip->ihl - 5) * 4))
		return -1;
	map_ipv4(&f->src, ip->saddr);
	map_ipv4(&f->dst, ip->daddr);
	f->protocol = ip->protocol;
	return 0;
}

static __always_inline int parse_ipv6(void **cursor, void *end, struct flow *f)
{
	struct ipv6hdr *ip = take(cursor, end, sizeof(*ip));

	if (!ip)
		return -1;
	f->src = ip->saddr;
	f->dst = ip->daddr;
	f->protocol = ip->nexthdr;
	return 0;
}

/* Ethernet type behind up to two VLAN tags; 0 where the packet ends before. */
static __always_inline __be16 parse_ethernet(void **cursor, void *end)
{
	struct ethhdr *eth = take(cursor, end, sizeof(*eth));
	struct vlan_tag *tag;
	__be16 type;

	if (!eth)
		return 0;
	type = eth->h_proto;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		tag = take(cursor, end, sizeof(*tag));
		if (!tag)
			return 0;
		type = tag->protocol;
	}
	return type;
}

static __always_inline void count(const struct flow *f, __u64 bytes)
{
	struct count *c = bpf_map_lookup_elem(&flows, f);
	struct count first = { 1, bytes };

	if (c) {
		__sync_fetch_and_add(&c->packets, 1);
		__sync_fetch_and_add(&c->bytes, bytes);
	} else if (bpf_map_update_elem(&flows, f, &first, BPF_NOEXIST)) {
		__sync_fetch_and_add(&overflow, 1);
	}
}

SEC("xdp")
int xdp_flow(struct xdp_md *ctx)
{
	void *cursor = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 bytes = end - cursor;
	struct flow f = {};
	struct ports *ports;
	int err = -1;

	switch (parse_ethernet(&cursor, end)) {
	case bpf_htons(ETH_P_IP):
		err = parse_ipv4(&cursor, end, &f);
		break;
	case bpf_htons(ETH_P_IPV6):
		err = parse_ipv6(&cursor, end, &f);
		break;
	}
	if (err) {
		__sync_fetch_and_add(&other, 1);
		return XDP_PASS;
	}
	if (f.protocol == TCP || f.protocol == UDP) {
		ports = take(&cursor, end, sizeof(*ports));
		if (!ports)
			return XDP_ABORTED;
		f.sport = ports->src;
		f.dport = ports->dst;
	}
	count(&f, bytes);
	return drop_port && f.dport == bpf_htons(drop_port) ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
