/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctx_skb.h - what stands behind struct __sk_buff: a linear packet with its metadata.
 *
 *	head        mac      network          data_end      end
 *	| headroom | Ethernet | IP ...                | tailroom |
 *	             ^ data: at mac for TC; at network for a socket filter in a test run
 *
 * Invariant: head <= data_meta <= data <= data_end <= end and len == data_end - data.  Fields
 * have the width that programs see, so each access is one load or store (ctx_skb.def); where the
 * kernel keeps 16 bits of 32, only the low half is ever written.
 */
#ifndef SKEP_PROG_CTX_SKB_H
#define SKEP_PROG_CTX_SKB_H

#include "base/base.h"
#include "base/uapi.h"

#define SKB_ETH_HLEN 14 /* ETH_HLEN */
#define SKB_HEADROOM 64 /* what a test run leaves before the packet (NET_SKB_PAD) */

/* CHECKSUM_*; PARTIAL does not occur: packets come from a wire. */
enum skb_csum { SKB_CSUM_NONE, SKB_CSUM_UNNECESSARY, SKB_CSUM_COMPLETE };

/* The socket of a packet of a test run. */
struct skb_sock {
	struct bpf_sock sock; /* what programs read */
	uint64_t cookie;      /* who it is to local storage (map/storage.h): of no socket else... */
	bool stored;	      /* ...and it may have some */
};

struct skb_ctx {
	uint8_t *data, *data_end; /* the packet as the program sees it */
	uint8_t *data_meta;	  /* metadata in front of data */
	uint8_t *head, *end;	  /* the buffer: the packet may grow to here */
	uint8_t *mac, *network;	  /* where the headers begin: LD_ABS, skb_load_bytes_relative */
	struct skb_sock *sk;	  /* NULL: none */
	uint64_t tstamp, hwtstamp;
	uint64_t cb[3]; /* 20 bytes for programs, 8-byte aligned */
	uint32_t len;
	uint32_t pkt_type; /* PACKET_HOST, ... */
	uint32_t mark;
	uint32_t queue_mapping; /* 16 bits */
	uint32_t protocol;	/* ETH_P_*, network byte order */
	uint32_t vlan_present, vlan_tci, vlan_proto;
	uint32_t priority;
	uint32_t ingress_ifindex, ifindex;
	uint32_t tc_index;   /* 16 bits */
	uint32_t hash;	     /* flow hash; 0 while not computed */
	uint32_t tc_classid; /* 16 bits */
	uint32_t napi_id;
	uint32_t family, remote_ip4, local_ip4; /* of the socket; addresses in network order */
	uint32_t remote_ip6[4], local_ip6[4];
	uint32_t remote_port, local_port;
	uint32_t wire_len, gso_segs, gso_size;
	uint8_t tstamp_type;
	uint8_t ip_summed;	   /* enum skb_csum: what is known of the packet's checksum */
	uint8_t csum_level;	   /* SKB_CSUM_UNNECESSARY: checksums beyond the first, 0..3 */
	bool hash_set;		   /* hash is valid: computed or set */
	uint32_t csum;		   /* SKB_CSUM_COMPLETE: 32-bit sum of the bytes from network on */
	uint32_t redirect_ifindex; /* bpf_redirect: where to, for the caller on TC_ACT_REDIRECT */
	uint32_t redirect_flags;   /* BPF_F_INGRESS */
};

/**
 * Describes an Ethernet frame of len bytes that stands at buf + headroom in a buffer of size
 * bytes, as lo would receive it: protocol and packet type from the Ethernet header, addresses of
 * the socket from the IP header, interface 1.
 *
 * @param l2  data begins at the Ethernet header (TC, AF_PACKET), else behind it (what
 *	      PROG_TEST_RUN shows to socket filters and cgroup programs)
 * @return 0, or -EINVAL where the frame is shorter than its Ethernet or IP header
 */
int skb_ctx_init(struct skb_ctx *c, uint8_t *buf, size_t size, size_t headroom, size_t len,
		 bool l2);

/** Takes over what ctx_in of PROG_TEST_RUN may set; -EINVAL for anything else that is not 0. */
int skb_ctx_import(struct skb_ctx *c, const struct __sk_buff *from);
/** Writes what ctx_out of PROG_TEST_RUN shows; other fields keep what they hold. */
void skb_ctx_export(const struct skb_ctx *c, struct __sk_buff *to);

#endif
