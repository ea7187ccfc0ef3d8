/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctx_xdp.h - what stands behind struct xdp_md: a packet in a linear frame.
 *
 *	hard_start        data_meta  data          data_end       hard_end
 *	|  frame header  |  headroom |  meta  |     packet       | tailroom |
 *	<- XDP_FRAME_HDR ->
 *
 * The pointers never leave [hard_start, hard_end]; the programs' struct xdp_md is rewritten onto
 * this struct by the table in ctx_xdp.c.
 */
#ifndef SKEP_PROG_CTX_XDP_H
#define SKEP_PROG_CTX_XDP_H

#include "base/base.h"
#include "base/uapi.h"

#define XDP_HEADROOM   256  /* XDP_PACKET_HEADROOM: what test runs and drivers leave before data */
#define XDP_FRAME_SIZE 4096 /* one page: the frame of PROG_TEST_RUN */
#define XDP_TAILROOM   320  /* of the frame, never the program's: struct skb_shared_info */
#define XDP_FRAME_HDR  40   /* bytes at hard_start that stay the kernel's: struct xdp_frame */
#define XDP_META_MAX   255  /* bytes of metadata at most (8 bits in struct skb_shared_info) */

struct xdp_ctx {
	uint8_t *data;	     /* first byte of the packet */
	uint8_t *data_end;   /* one past the last */
	uint8_t *data_meta;  /* metadata in front of data; beyond data: none is supported */
	uint8_t *hard_start; /* first byte of the frame */
	uint8_t *hard_end;   /* one past what the packet may grow to */
	uint32_t ingress_ifindex;
	uint32_t rx_queue_index;
	uint32_t egress_ifindex;   /* BPF_XDP_DEVMAP programs */
	uint32_t redirect_ifindex; /* bpf_redirect: where to, for the caller on XDP_REDIRECT */
};

/**
 * Describes a packet of len bytes that stands at buf + headroom in a frame of size bytes, all of
 * them usable; it came in on interface 1, queue 0.  headroom + len <= size.
 */
void xdp_ctx_init(struct xdp_ctx *c, uint8_t *buf, size_t size, size_t headroom, size_t len);

#endif
