/* SPDX-License-Identifier: BSD-2-Clause */
/* xdp.c - helpers on packets in a frame (net/core/filter.c); layout in prog/ctx_xdp.h */
#include "map/map.h"
#include "helper/helper_int.h"
#include "prog/ctx_xdp.h"

#define ETH_HLEN 14 /* a packet never gets shorter than this */

/* Metadata in front of the packet, 0 where the frame has none. */
static size_t meta_len(const struct xdp_ctx *c)
{
	return c->data_meta > c->data ? 0 : (size_t)(c->data - c->data_meta);
}

HELPER_FN(xdp_adjust_head)
{
	struct xdp_ctx *c = PTR(r1);
	int32_t by = (int32_t)r2;
	size_t meta = meta_len(c);
	ptrdiff_t at = c->data - c->hard_start + by;

	if (at < (ptrdiff_t)(XDP_FRAME_HDR + meta) || at > c->data_end - c->hard_start - ETH_HLEN)
		return RET(-EINVAL);
	if (meta)
		memmove(c->data_meta + by, c->data_meta, meta);
	c->data_meta += by;
	c->data += by;
	return 0;
}

HELPER_FN(xdp_adjust_tail)
{
	struct xdp_ctx *c = PTR(r1);
	int32_t by = (int32_t)r2;

	if (by > c->hard_end - c->data_end || c->data_end - c->data + by < ETH_HLEN)
		return RET(-EINVAL);
	if (by > 0)
		memset(c->data_end, 0, (size_t)by);
	c->data_end += by;
	return 0;
}

HELPER_FN(xdp_adjust_meta)
{
	struct xdp_ctx *c = PTR(r1);
	ptrdiff_t at = c->data_meta - c->hard_start + (int32_t)r2;
	ptrdiff_t len = c->data - c->hard_start - at;

	if (c->data_meta > c->data)
		return RET(-ENOTSUPP_KERNEL);
	if (at < XDP_FRAME_HDR || len < 0)
		return RET(-EINVAL);
	if (len % 4 || len > XDP_META_MAX)
		return RET(-EACCES);
	c->data_meta = c->hard_start + at;
	return 0;
}

int xdp_bytes(const struct xdp_ctx *c, uint32_t off, uint32_t n, uint8_t **ret)
{
	if (off > 0xffff || n > 0xffff)
		return -EFAULT;
	if (off + n > (size_t)(c->data_end - c->data))
		return -EINVAL;
	*ret = c->data + off;
	return 0;
}

HELPER_FN(xdp_load_bytes)
{
	uint8_t *p;
	int err = xdp_bytes(PTR(r1), (uint32_t)r2, (uint32_t)r4, &p);

	if (!err)
		memcpy(PTR(r3), p, (uint32_t)r4);
	return RET(err);
}

HELPER_FN(xdp_store_bytes)
{
	uint8_t *p;
	int err = xdp_bytes(PTR(r1), (uint32_t)r2, (uint32_t)r4, &p);

	if (!err)
		memmove(p, PTR(r3), (uint32_t)r4);
	return RET(err);
}

HELPER_FN(xdp_get_buff_len)
{
	const struct xdp_ctx *c = PTR(r1);

	return (uint64_t)(c->data_end - c->data);
}

/* What to do where the map has no target: in the flags' lower bits. */
#define NO_TARGET ((uint64_t)(XDP_ABORTED | XDP_DROP | XDP_PASS | XDP_TX))

/* Records where to, as redirect does. */
HELPER_FN(redirect_map)
{
	struct skep_map *m = PTR(r1);
	struct xdp_ctx *c = run->ctx;
	uint32_t ifindex = 0;

	if (!m->ops->redirect || r3 & ~(NO_TARGET | m->ops->redirect_flags))
		return XDP_ABORTED;
	if (!m->ops->redirect(m, (uint32_t)r2, &ifindex) && !(r3 & BPF_F_BROADCAST))
		return r3 & NO_TARGET;
	c->redirect_ifindex = ifindex;
	return XDP_REDIRECT;
}
