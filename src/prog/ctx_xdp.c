/* SPDX-License-Identifier: BSD-2-Clause */
/* ctx_xdp.c - struct xdp_md onto struct xdp_ctx (net/core/filter.c, xdp_is_valid_access) */
#include "prog/ctx_xdp.h"
#include "prog/ctx_int.h"

void xdp_ctx_init(struct xdp_ctx *c, uint8_t *buf, size_t size, size_t headroom, size_t len)
{
	*c = (struct xdp_ctx){
		.data = buf + headroom,
		.data_end = buf + headroom + len,
		.data_meta = buf + headroom,
		.hard_start = buf,
		.hard_end = buf + size,
		.ingress_ifindex = 1,
	};
}

#define XDP_FIELD(f, k, who)                                                                     \
	{                                                                                        \
		.name = #f, .off = offsetof(struct xdp_md, f),                                   \
		.size = sizeof_field(struct xdp_md, f), .real_off = offsetof(struct xdp_ctx, f), \
		.real_size = sizeof_field(struct xdp_ctx, f), .kind = (k), .read_by = (who),     \
	}

const struct ctx_field xdp_fields[XDP_FIELDS] = {
	XDP_FIELD(data, CTX_PKT, 0),
	XDP_FIELD(data_end, CTX_PKT_END, 0),
	XDP_FIELD(data_meta, CTX_PKT_META, 0),
	XDP_FIELD(ingress_ifindex, CTX_EXACT, 0),
	XDP_FIELD(rx_queue_index, CTX_EXACT, 0),
	/* Only a program behind a device map knows where its packet leaves. */
	XDP_FIELD(egress_ifindex, CTX_EXACT, UINT64_C(1) << BPF_XDP_DEVMAP),
};
