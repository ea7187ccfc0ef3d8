/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * skb.c - helpers on packets with metadata, and LD_ABS (net/core/filter.c, net/core/skbuff.c).
 *
 * The packet is one piece in one buffer (prog/ctx_skb.h): what the kernel would pull or unshare
 * is here already, and what it would reallocate fails with -ENOMEM at the buffer's end.
 */
#include "base/hash.h"
#include "helper/helper_int.h"
#include "prog/ctx_skb.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>

#define SKB_MAX_LEN (4 * 4096 - 320) /* BPF_SKB_MAX_LEN: four pages but for skb_shared_info */
#define VLAN_HLEN   4
#define MAC_LEN	    (2 * ETH_ALEN)

/* Keeps len and data_end in step. */
static void set_end(struct skb_ctx *c, uint8_t *end)
{
	c->data_end = end;
	c->len = (uint32_t)(c->data_end - c->data);
}

static void set_start(struct skb_ctx *c, uint8_t *data)
{
	c->data = c->data_meta = data;
	c->len = (uint32_t)(c->data_end - c->data);
}

int skb_bytes(const struct skb_ctx *c, uint32_t off, uint32_t n, uint8_t **ret)
{
	if (off > INT32_MAX || off > c->len || n > c->len - off)
		return -EFAULT;
	*ret = c->data + off;
	return 0;
}

HELPER_FN(skb_load_bytes)
{
	uint32_t n = (uint32_t)r4;
	uint8_t *p;
	int err = skb_bytes(PTR(r1), (uint32_t)r2, n, &p);

	if (err)
		memset(PTR(r3), 0, n);
	else
		memcpy(PTR(r3), p, n);
	return RET(err);
}

HELPER_FN(skb_load_bytes_relative)
{
	struct skb_ctx *c = PTR(r1);
	uint32_t off = (uint32_t)r2, n = (uint32_t)r4;
	const uint8_t *start = (uint32_t)r5 == BPF_HDR_START_MAC   ? c->mac
			       : (uint32_t)r5 == BPF_HDR_START_NET ? c->network
								   : NULL;

	if (off > 0xffff || !start || (ptrdiff_t)off + n > c->data_end - start) {
		memset(PTR(r3), 0, n);
		return RET(-EFAULT);
	}
	memcpy(PTR(r3), start + off, n);
	return 0;
}

HELPER_FN(skb_store_bytes)
{
	struct skb_ctx *c = PTR(r1);
	uint32_t off = (uint32_t)r2, n = (uint32_t)r4;
	bool sum = r5 & BPF_F_RECOMPUTE_CSUM && c->ip_summed == SKB_CSUM_COMPLETE;
	uint8_t *p;

	if (r5 & ~(uint64_t)(BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH))
		return RET(-EINVAL);
	if (skb_bytes(c, off, n, &p))
		return RET(-EFAULT);
	if (sum)
		csum_take(&c->csum, p, n, off);
	memmove(p, PTR(r3), n);
	if (sum)
		csum_put(&c->csum, p, n, off);
	if (r5 & BPF_F_INVALIDATE_HASH) {
		c->hash = 0;
		c->hash_set = false;
	}
	return 0;
}

HELPER_FN(skb_pull_data)
{
	struct skb_ctx *c = PTR(r1);

	return (uint32_t)r2 > c->len ? RET(-ENOMEM) : 0;
}

HELPER_FN(skb_change_tail)
{
	struct skb_ctx *c = PTR(r1);
	uint32_t len = (uint32_t)r2;
	ptrdiff_t min = c->network - c->data;

	if (r3 || len > SKB_MAX_LEN || len < MAX(min, 0))
		return RET(-EINVAL);
	if (len > c->end - c->data)
		return RET(-ENOMEM);
	if (len > c->len)
		memset(c->data_end, 0, len - c->len);
	else if (c->ip_summed == SKB_CSUM_COMPLETE)
		csum_take(&c->csum, c->data + len, c->len - len, len);
	set_end(c, c->data + len);
	c->gso_size = c->gso_segs = 0;
	return 0;
}

HELPER_FN(skb_change_head)
{
	struct skb_ctx *c = PTR(r1);
	uint32_t room = (uint32_t)r2;

	if (r3 || room > SKB_MAX_LEN || (!c->gso_size && c->len + room > SKB_MAX_LEN))
		return RET(-EINVAL);
	if (room > c->data - c->head)
		return RET(-ENOMEM);
	set_start(c, c->data - room);
	memset(c->data, 0, room);
	c->mac = c->data;
	return 0;
}

HELPER_FN(skb_change_type)
{
	struct skb_ctx *c = PTR(r1);
	uint32_t type = (uint32_t)r2;

	if (c->pkt_type > PACKET_OTHERHOST || type > PACKET_OTHERHOST)
		return RET(-EINVAL);
	c->pkt_type = type;
	return 0;
}

static bool is_vlan(uint32_t protocol)
{
	return protocol == htons(ETH_P_8021Q) || protocol == htons(ETH_P_8021AD);
}

static void put_tag(struct skb_ctx *c, uint32_t proto, uint32_t tci)
{
	c->vlan_present = 1;
	c->vlan_proto = proto;
	c->vlan_tci = tci;
}

/* Writes the tag that so far is metadata between addresses and type of the frame. */
static int insert_tag(struct skb_ctx *c)
{
	uint16_t tag[2] = { (uint16_t)c->vlan_proto, htons((uint16_t)c->vlan_tci) };

	if (c->data != c->mac)
		return -EINVAL;
	if (c->data - c->head < VLAN_HLEN)
		return -ENOMEM;
	set_start(c, c->data - VLAN_HLEN);
	c->mac = c->data;
	memmove(c->data, c->data + VLAN_HLEN, MAC_LEN);
	memcpy(c->data + MAC_LEN, tag, sizeof(tag));
	if (c->ip_summed == SKB_CSUM_COMPLETE)
		csum_put(&c->csum, tag, sizeof(tag), 0);
	c->protocol = c->vlan_proto;
	return 0;
}

/* Takes the frame's outer tag off; -ENOMEM where the frame is too short to have one. */
static int remove_tag(struct skb_ctx *c, uint32_t *ret_tci)
{
	uint16_t tag[3]; /* protocol, tci, and the protocol behind them */

	if (c->data != c->mac)
		return -EINVAL;
	if (c->len < ETH_HLEN + VLAN_HLEN)
		return -ENOMEM;
	memcpy(tag, c->data + MAC_LEN, sizeof(tag));
	if (c->ip_summed == SKB_CSUM_COMPLETE)
		csum_take(&c->csum, tag, VLAN_HLEN, 0);
	memmove(c->data + VLAN_HLEN, c->data, MAC_LEN);
	set_start(c, c->data + VLAN_HLEN);
	c->mac = c->data;
	if (c->network < c->data + ETH_HLEN)
		c->network = c->data + ETH_HLEN;
	c->protocol = ntohs(tag[2]) >= ETH_P_802_3_MIN ? tag[2] : htons(ETH_P_802_2);
	*ret_tci = ntohs(tag[1]);
	return 0;
}

HELPER_FN(skb_vlan_push)
{
	struct skb_ctx *c = PTR(r1);
	uint16_t proto = (uint16_t)r2;
	int err = c->vlan_present ? insert_tag(c) : 0;

	if (err)
		return RET(err);
	put_tag(c, is_vlan(proto) ? proto : htons(ETH_P_8021Q), (uint16_t)r3);
	return 0;
}

HELPER_FN(skb_vlan_pop)
{
	struct skb_ctx *c = PTR(r1);
	uint32_t tci, proto;
	int err = 0;

	if (c->vlan_present)
		c->vlan_present = c->vlan_tci = c->vlan_proto = 0;
	else if (is_vlan(c->protocol))
		err = remove_tag(c, &tci);
	if (err || !is_vlan(c->protocol))
		return RET(err);

	/* The next tag becomes the metadata. */
	proto = c->protocol;
	err = remove_tag(c, &tci);
	if (!err)
		put_tag(c, proto, tci);
	return RET(err);
}

/* --- the flow's hash -------------------------------------------------------------------------- */

/* Both directions of a flow have one hash: addresses and ports in order of their value. */
struct flow {
	uint8_t addr[2][16];
	uint16_t port[2];
	uint16_t protocol; /* ETH_P_* */
	uint8_t transport; /* IPPROTO_*, 0 where unknown */
	uint8_t pad;	   /* 0 */
};

static bool has_ports(uint8_t transport)
{
	return transport == IPPROTO_TCP || transport == IPPROTO_UDP ||
	       transport == IPPROTO_UDPLITE || transport == IPPROTO_SCTP ||
	       transport == IPPROTO_DCCP;
}

static void dissect(const struct skb_ctx *c, struct flow *f)
{
	const uint8_t *p = c->network;
	ptrdiff_t n = c->data_end - p, header = 0;

	memset(f, 0, sizeof(*f));
	f->protocol = (uint16_t)c->protocol;
	if (c->protocol == htons(ETH_P_IP) && n >= 20) {
		memcpy(f->addr[0], p + 12, 4);
		memcpy(f->addr[1], p + 16, 4);
		f->transport = p[9];
		/* A later fragment has no ports. */
		header = (p[6] & 0x1f) | p[7] ? 0 : (p[0] & 0xf) * 4;
	} else if (c->protocol == htons(ETH_P_IPV6) && n >= 40) {
		memcpy(f->addr[0], p + 8, 16);
		memcpy(f->addr[1], p + 24, 16);
		f->transport = p[6];
		header = 40;
	}
	if (header && has_ports(f->transport) && n >= header + 4)
		memcpy(f->port, p + header, sizeof(f->port));
}

HELPER_FN(get_hash_recalc)
{
	struct skb_ctx *c = PTR(r1);
	struct flow f;
	int order;

	if (c->hash_set || c->hash)
		return c->hash;
	dissect(c, &f);
	order = memcmp(f.addr[0], f.addr[1], sizeof(f.addr[0]));
	if (order > 0 || (order == 0 && f.port[0] > f.port[1])) {
		struct flow swapped = f;

		memcpy(swapped.addr[0], f.addr[1], sizeof(f.addr[0]));
		memcpy(swapped.addr[1], f.addr[0], sizeof(f.addr[0]));
		swapped.port[0] = f.port[1];
		swapped.port[1] = f.port[0];
		f = swapped;
	}
	c->hash = hash_bytes(&f, sizeof(f), 0);
	c->hash += !c->hash; /* 0 means none */
	c->hash_set = true;
	return c->hash;
}

HELPER_FN(set_hash_invalid)
{
	struct skb_ctx *c = PTR(r1);

	c->hash = 0;
	c->hash_set = false;
	return 0;
}

HELPER_FN(set_hash)
{
	struct skb_ctx *c = PTR(r1);

	c->hash = (uint32_t)r2;
	c->hash_set = true;
	return 0;
}

/* --- LD_ABS ----------------------------------------------------------------------------------- */

bool helper_ld_abs(struct skep_run *run, void *ctx, int32_t off, uint32_t size, uint64_t *ret)
{
	const struct skb_ctx *c = ctx;
	const uint8_t *p;
	int64_t at = off;
	uint64_t v = 0;

	/* Negative offsets count from the headers: SKF_NET_OFF is above SKF_LL_OFF. */
	if (off < 0 && off >= SKF_NET_OFF)
		at = (int64_t)off - SKF_NET_OFF + (c->network - c->data);
	else if (off < 0 && off >= SKF_LL_OFF)
		at = (int64_t)off - SKF_LL_OFF + (c->mac - c->data);
	else if (off < 0)
		return false;
	if (at < c->head - c->data || at + size > c->len)
		return false;

	p = c->data + at;
	for (uint32_t i = 0; i < size; i++)
		v = v << 8 | p[i];
	*ret = v;
	return true;
}
