/* SPDX-License-Identifier: BSD-2-Clause */
/* ctx_skb.c - struct __sk_buff onto struct skb_ctx; the fields stand in ctx_skb.def */
#include "prog/ctx_skb.h"
#include "base/bytes.h"
#include "prog/ctx_int.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sys/socket.h>

#define GSO_LEGACY_MAX_SIZE 65536u /* the kernel's limits on what ctx_in may claim */
#define GSO_MAX_SEGS	    65535u

/* The protocol that eth_type_trans() finds, in network order. */
static uint16_t frame_protocol(const struct ether_header *eth, const uint8_t *payload, size_t n)
{
	uint16_t first = 0;

	if (ntohs(eth->ether_type) >= ETH_P_802_3_MIN)
		return eth->ether_type;
	/* A length: raw 802.3 (Novell) where the payload begins with ones, else 802.2. */
	memcpy(&first, payload, MIN(n, sizeof(first)));
	return htons(n >= 2 && first == 0xffff ? ETH_P_802_3 : ETH_P_802_2);
}

/* To lo, whose address and broadcast address are both zero: ff:ff:ff:ff:ff:ff is a group to it. */
static uint32_t frame_pkt_type(const uint8_t dst[ETH_ALEN])
{
	if (bytes_zero(dst, ETH_ALEN))
		return PACKET_HOST;
	return dst[0] & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

/* The socket's addresses, as those of who receives the packet's answer. */
static int frame_addresses(struct skb_ctx *c, size_t n)
{
	if (c->protocol == htons(ETHERTYPE_IP)) {
		struct iphdr ip;

		if (n < sizeof(ip))
			return -EINVAL;
		memcpy(&ip, c->network, sizeof(ip));
		c->family = AF_INET;
		c->local_ip4 = ip.saddr;
		c->remote_ip4 = ip.daddr;
	} else if (c->protocol == htons(ETHERTYPE_IPV6)) {
		struct ip6_hdr ip6;

		if (n < sizeof(ip6))
			return -EINVAL;
		memcpy(&ip6, c->network, sizeof(ip6));
		c->family = AF_INET6;
		memcpy(c->local_ip6, &ip6.ip6_src, sizeof(c->local_ip6));
		memcpy(c->remote_ip6, &ip6.ip6_dst, sizeof(c->remote_ip6));
	}
	return 0;
}

int skb_ctx_init(struct skb_ctx *c, uint8_t *buf, size_t size, size_t headroom, size_t len, bool l2)
{
	uint8_t *frame = buf + headroom;
	struct ether_header eth;

	if (len < SKB_ETH_HLEN)
		return -EINVAL;
	memcpy(&eth, frame, sizeof(eth));

	*c = (struct skb_ctx){
		.data_end = frame + len,
		.head = buf,
		.end = buf + size,
		.mac = frame,
		.network = frame + SKB_ETH_HLEN,
		.ifindex = 1,
	};
	c->data = c->data_meta = l2 ? c->mac : c->network;
	c->len = (uint32_t)(c->data_end - c->data);
	c->wire_len = c->len;
	c->pkt_type = frame_pkt_type(eth.ether_dhost);
	c->protocol = frame_protocol(&eth, c->network, len - SKB_ETH_HLEN);
	return frame_addresses(c, len - SKB_ETH_HLEN);
}

int skb_ctx_import(struct skb_ctx *c, const struct __sk_buff *from)
{
	struct __sk_buff rest = *from;

	/* All that is not taken over below must be zero. */
	rest.mark = rest.priority = rest.ingress_ifindex = rest.ifindex = 0;
	rest.tstamp = rest.hwtstamp = 0;
	rest.wire_len = rest.gso_segs = rest.gso_size = 0;
	memset(rest.cb, 0, sizeof(rest.cb));
	if (!bytes_zero(&rest, sizeof(rest)) || from->gso_segs > GSO_MAX_SEGS)
		return -EINVAL;
	if (from->wire_len && (from->wire_len < c->len || from->wire_len > GSO_LEGACY_MAX_SIZE))
		return -EINVAL;

	c->mark = from->mark;
	c->priority = from->priority;
	c->ingress_ifindex = from->ingress_ifindex;
	if (from->ifindex)
		c->ifindex = from->ifindex;
	c->tstamp = from->tstamp;
	c->hwtstamp = from->hwtstamp;
	memcpy(c->cb, from->cb, sizeof(from->cb));
	c->wire_len = from->wire_len ? from->wire_len : c->len;
	c->gso_segs = from->gso_segs;
	c->gso_size = (uint16_t)from->gso_size;
	return 0;
}

void skb_ctx_export(const struct skb_ctx *c, struct __sk_buff *to)
{
	to->mark = c->mark;
	to->priority = c->priority;
	to->ingress_ifindex = c->ingress_ifindex;
	to->ifindex = c->ifindex;
	to->tstamp = c->tstamp;
	to->hwtstamp = c->hwtstamp;
	memcpy(to->cb, c->cb, sizeof(to->cb));
	to->wire_len = c->wire_len;
	to->gso_segs = c->gso_segs;
}

/* The views of one list: a row that is hidden from a type stays, as CTX_NONE. */
#define HIDDEN_KIND(k)	CTX_NONE
#define READ_KIND(k)	CTX_##k
#define WRITE_KIND(k)	CTX_##k
#define HIDDEN_WRITABLE false
#define READ_WRITABLE	false
#define WRITE_WRITABLE	true

#define SKB_ROW(f, k, bytes, right)                        \
	{                                                  \
		.name = #f,                                \
		.off = offsetof(struct __sk_buff, f),      \
		.size = sizeof_field(struct __sk_buff, f), \
		.real_off = offsetof(struct skb_ctx, f),   \
		.real_size = (bytes),                      \
		.kind = right##_KIND(k),                   \
		.writable = right##_WRITABLE,              \
	},

const struct ctx_field socket_fields[SKB_FIELDS] = {
#define SKB_FIELD(f, k, bytes, socket, tc, cgroup, lwt, stream) SKB_ROW(f, k, bytes, socket)
#include "prog/ctx_skb.def"
#undef SKB_FIELD
};

const struct ctx_field tc_fields[SKB_FIELDS] = {
#define SKB_FIELD(f, k, bytes, socket, tc, cgroup, lwt, stream) SKB_ROW(f, k, bytes, tc)
#include "prog/ctx_skb.def"
#undef SKB_FIELD
};

const struct ctx_field cgroup_fields[SKB_FIELDS] = {
#define SKB_FIELD(f, k, bytes, socket, tc, cgroup, lwt, stream) SKB_ROW(f, k, bytes, cgroup)
#include "prog/ctx_skb.def"
#undef SKB_FIELD
};

const struct ctx_field lwt_fields[SKB_FIELDS] = {
#define SKB_FIELD(f, k, bytes, socket, tc, cgroup, lwt, stream) SKB_ROW(f, k, bytes, lwt)
#include "prog/ctx_skb.def"
#undef SKB_FIELD
};

const struct ctx_field stream_fields[SKB_FIELDS] = {
#define SKB_FIELD(f, k, bytes, socket, tc, cgroup, lwt, stream) SKB_ROW(f, k, bytes, stream)
#include "prog/ctx_skb.def"
#undef SKB_FIELD
};
