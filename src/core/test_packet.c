/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_packet.c - PROG_TEST_RUN of programs that see packets (net/bpf/test_run.c,
 * bpf_prog_test_run_xdp and bpf_prog_test_run_skb).
 *
 * A packet lies in one frame, as a driver or the network stack would leave it.  What of an XDP
 * packet is longer than that travels along behind, out of the program's direct reach, as
 * fragments do; an skb may be as long as one with fragments, but is linear.
 */
#include "core/test_int.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/sysinfo.h>

#define FRAGS_MAX    17u /* MAX_SKB_FRAGS, of a page each */
#define SKB_TAILROOM 320u
#define SKB_DATA_MAX (4096 - SKB_HEADROOM - SKB_TAILROOM + FRAGS_MAX * 4096)

/* --- the caller's context ----------------------------------------------------------------------
 */

/* bpf_ctx_init: ctx_in into the UAPI struct at `to`, which is zero. */
static int ctx_in(struct test_run *t, void *to, size_t size)
{
	const union bpf_attr *a = &t->c->attr.a;
	int err;

	t->has_ctx = a->test.ctx_in || a->test.ctx_out;
	if (!a->test.ctx_in)
		return 0;
	err = user_tail_zero(a->test.ctx_in, size, a->test.ctx_size_in);
	return err ? err : user_read(to, a->test.ctx_in, MIN(a->test.ctx_size_in, size));
}

/* bpf_ctx_finish */
static int ctx_out(struct test_run *t, const void *from, size_t size)
{
	const union bpf_attr *a = &t->c->attr.a;
	uint32_t n = MIN(a->test.ctx_size_out, (uint32_t)size);

	if (!t->has_ctx || !a->test.ctx_out)
		return 0;
	if (user_write(a->test.ctx_out, from, n) ||
	    CALL_PUT(t->c, a.test.ctx_size_out, (uint32_t)size))
		return -EFAULT;
	return n < size ? FAIL(t->c, -ENOSPC, "ctx_out needs %zu bytes", size) : 0;
}

/* bpf_test_finish: data, then what lies in fragments; data_size_out says how much there was. */
static int data_out(struct test_run *t, const uint8_t *data, uint32_t len)
{
	const union bpf_attr *a = &t->c->attr.a;
	uint32_t size = len + t->frags_size;
	uint32_t n = a->test.data_size_out ? MIN(a->test.data_size_out, size) : size;
	uint32_t linear;

	if (a->test.data_out) {
		if (n < t->frags_size)
			return FAIL(t->c, -ENOSPC, "data_out needs %u bytes", size);
		/* The kernel takes what is missing from the linear part. */
		linear = n - t->frags_size;
		if (user_write(a->test.data_out, data, linear) ||
		    user_write(a->test.data_out + linear, t->frags, n - linear))
			return -EFAULT;
	}
	if (CALL_PUT(t->c, a.test.data_size_out, size) ||
	    CALL_PUT(t->c, a.test.retval, t->retval) ||
	    CALL_PUT(t->c, a.test.duration, t->duration))
		return -EFAULT;
	return n < size ? FAIL(t->c, -ENOSPC, "data_out needs %u bytes", size) : 0;
}

static bool device_exists(uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	return ifindex == 1 || if_indextoname(ifindex, name);
}

/* --- XDP ---------------------------------------------------------------------------------------
 */

/* xdp_convert_md_to_buff and the checks before it; *ret_meta, *ret_end from data_in's start. */
static int xdp_check_md(struct test_run *t, uint32_t *ret_meta, uint32_t *ret_end)
{
	const struct xdp_md *md = &t->md;

	if (!t->has_ctx)
		return 0;
	/* Nothing can stand before the metadata. */
	if (md->data_meta || md->data_end > t->c->attr.a.test.data_size_in ||
	    md->data > md->data_end)
		return FAIL(t->c, -EINVAL, "ctx_in: data_meta, data, data_end do not fit data_in");
	if (md->data % 4 || md->data > XDP_META_MAX || md->data > XDP_HEADROOM - XDP_FRAME_HDR)
		return FAIL(t->c, -EINVAL, "ctx_in: %u bytes of metadata", md->data);
	*ret_meta = md->data;
	*ret_end = md->data_end;
	return 0;
}

static int xdp_check_device(struct test_run *t)
{
	const struct xdp_md *md = &t->md;

	if (md->egress_ifindex || (!md->ingress_ifindex && md->rx_queue_index))
		return FAIL(t->c, -EINVAL, "ctx_in: interfaces do not fit");
	if (md->ingress_ifindex && !device_exists(md->ingress_ifindex))
		return FAIL(t->c, -ENODEV, "ctx_in: no interface %u", md->ingress_ifindex);
	return md->ingress_ifindex && md->rx_queue_index ? -EINVAL : 0;
}

/* Packet memory: meta and linear part in the frame, the rest in frags. */
static int xdp_fill(struct test_run *t, uint32_t meta, uint32_t linear)
{
	const union bpf_attr *a = &t->c->attr.a;
	uint32_t headroom = XDP_HEADROOM - meta;

	t->mem = skep_alloc(XDP_FRAME_SIZE);
	if (!t->mem)
		return -ENOMEM;
	if (user_read(t->mem + headroom, a->test.data_in, linear))
		return FAIL(t->c, -EFAULT, "data_in at a bad address");
	xdp_ctx_init(&t->xdp, t->mem, XDP_FRAME_SIZE - XDP_TAILROOM, headroom, linear);
	t->xdp.data += meta;
	t->frags_size = a->test.data_size_in - linear;
	if (!t->frags_size)
		return 0;
	if (t->frags_size > FRAGS_MAX * 4096)
		return FAIL(t->c, -ENOMEM, "a packet of %u bytes has too many fragments",
			    a->test.data_size_in);
	t->frags = skep_alloc(t->frags_size);
	if (!t->frags)
		return -ENOMEM;
	return user_read(t->frags, a->test.data_in + linear, t->frags_size);
}

int test_xdp_setup(struct test_run *t)
{
	const union bpf_attr *a = &t->c->attr.a;
	uint32_t meta = 0, linear = a->test.data_size_in;
	int err;

	if (t->p->expected_attach_type == BPF_XDP_DEVMAP ||
	    t->p->expected_attach_type == BPF_XDP_CPUMAP)
		return FAIL(t->c, -EINVAL, "programs behind devmaps and cpumaps are not run alone");
	if (a->test.flags & ~(uint32_t)BPF_F_TEST_XDP_LIVE_FRAMES ||
	    (a->test.batch_size && !(a->test.flags & BPF_F_TEST_XDP_LIVE_FRAMES)))
		return FAIL(t->c, -EINVAL, "flags or batch_size do not fit XDP");
	if (a->test.flags)
		return FAIL(t->c, -EOPNOTSUPP, "live frames: Skep has no devices yet");
	err = ctx_in(t, &t->md, sizeof(t->md));
	if (!err)
		err = xdp_check_md(t, &meta, &linear);
	if (err)
		return err;
	linear = MIN(linear, XDP_FRAME_SIZE - XDP_TAILROOM - (XDP_HEADROOM - meta));
	if (a->test.data_size_in - meta < SKB_ETH_HLEN)
		return FAIL(t->c, -EINVAL, "a packet of less than an Ethernet header");
	err = xdp_fill(t, meta, linear);
	if (!err && t->has_ctx)
		err = xdp_check_device(t);
	if (err)
		return err;
	if (t->md.ingress_ifindex)
		t->xdp.ingress_ifindex = t->md.ingress_ifindex;
	t->ctx = &t->xdp;
	t->ctx_region = (struct run_region){ (uintptr_t)&t->xdp, sizeof(t->xdp) };
	t->data = (struct run_region){ (uintptr_t)t->mem + XDP_FRAME_HDR,
				       XDP_FRAME_SIZE - XDP_TAILROOM - XDP_FRAME_HDR };
	return 0;
}

int test_xdp_finish(struct test_run *t)
{
	const uint8_t *start = MIN(t->xdp.data_meta, t->xdp.data);
	int err;

	t->md.data = (uint32_t)(t->xdp.data - start);
	t->md.data_end = (uint32_t)(t->xdp.data_end - start);
	err = data_out(t, start, (uint32_t)(t->xdp.data_end - start));
	return err ? err : ctx_out(t, &t->md, sizeof(t->md));
}

/* --- skb ---------------------------------------------------------------------------------------
 */

/* Programs of TC see the Ethernet header, socket filters and cgroups do not. */
static bool is_l2(const struct skep_prog *p)
{
	return p->type == BPF_PROG_TYPE_SCHED_CLS || p->type == BPF_PROG_TYPE_SCHED_ACT;
}

/* The ones' complement sum of n bytes, folded to 16 bits. */
static uint16_t csum_of(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;
	uint16_t word;

	for (; n >= 2; n -= 2, p += 2) {
		memcpy(&word, p, 2);
		sum += word;
	}
	if (n) {
		word = 0;
		memcpy(&word, p, 1);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t csum_fold(uint32_t csum)
{
	csum = (csum & 0xffff) + (csum >> 16);
	return (uint16_t)((csum & 0xffff) + (csum >> 16));
}

/* A socket of no family that is not connected, as sk_alloc() leaves it. */
static void skb_socket(struct test_run *t)
{
	static _Atomic uint64_t made;

	t->sock = (struct skb_sock){
		.sock = { .state = BPF_TCP_CLOSE, .rx_queue_mapping = -1 },
		/* The machine counts its sockets from 1 on, so this one is none of them. */
		.cookie = UINT64_C(1) << 63 | atomic_fetch_add(&made, 1),
	};
	t->skb.sk = &t->sock;
	t->more = (struct run_region){ (uintptr_t)&t->sock.sock, sizeof(t->sock.sock) };
}

static int skb_fill(struct test_run *t)
{
	const union bpf_attr *a = &t->c->attr.a;
	uint32_t size = a->test.data_size_in;
	size_t room = ALIGN_UP(SKB_HEADROOM + (size_t)size + SKB_TAILROOM, 64u);

	t->mem = skep_alloc(MAX(room, 4096u));
	if (!t->mem)
		return -ENOMEM;
	if (user_read(t->mem + SKB_HEADROOM, a->test.data_in, size))
		return FAIL(t->c, -EFAULT, "data_in at a bad address");
	t->data = (struct run_region){ (uintptr_t)t->mem, MAX(room, 4096u) - SKB_TAILROOM };
	return 0;
}

int test_skb_setup(struct test_run *t)
{
	const union bpf_attr *a = &t->c->attr.a;
	int err;

	if (a->test.flags & ~SKEP_TEST_SKB_CSUM_COMPLETE || a->test.cpu || a->test.batch_size)
		return FAIL(t->c, -EINVAL, "flags, cpu or batch_size do not fit this type");
	if (a->test.data_size_in < SKB_ETH_HLEN || a->test.data_size_in > SKB_DATA_MAX)
		return FAIL(t->c, -EINVAL, "a packet of %u bytes", a->test.data_size_in);
	err = skb_fill(t);
	if (!err)
		err = ctx_in(t, &t->uskb, sizeof(t->uskb));
	if (err)
		return err;
	if (t->uskb.ifindex > 1 && !device_exists(t->uskb.ifindex))
		return FAIL(t->c, -ENODEV, "ctx_in: no interface %u", t->uskb.ifindex);
	err = skb_ctx_init(&t->skb, t->mem, t->data.size, SKB_HEADROOM, a->test.data_size_in,
			   is_l2(t->p));
	if (err)
		return FAIL(t->c, err, "the packet ends within its IP header");
	skb_socket(t);
	if (t->has_ctx)
		err = skb_ctx_import(&t->skb, &t->uskb);
	if (err)
		return FAIL(t->c, err, "ctx_in sets what cannot be set");
	if (a->test.flags) {
		t->skb.ip_summed = SKB_CSUM_COMPLETE;
		t->skb.csum = csum_of(t->skb.network, (size_t)(t->skb.data_end - t->skb.network));
	}
	t->ctx = &t->skb;
	t->ctx_region = (struct run_region){ (uintptr_t)&t->skb, sizeof(t->skb) };
	return 0;
}

int test_skb_finish(struct test_run *t)
{
	uint8_t *data = t->skb.data;
	int err;

	if (t->c->attr.a.test.flags &&
	    csum_fold(t->skb.csum) !=
		    csum_of(t->skb.network, (size_t)(t->skb.data_end - t->skb.network)))
		return FAIL(t->c, -EBADMSG, "the packet's checksum is not what skb->csum says");
	/* The Ethernet header that a socket filter did not see is there again, but empty. */
	if (!is_l2(t->p)) {
		data -= SKB_ETH_HLEN;
		memset(data, 0, SKB_ETH_HLEN);
	}
	skb_ctx_export(&t->skb, &t->uskb);
	err = data_out(t, data, (uint32_t)(t->skb.data_end - data));
	return err ? err : ctx_out(t, &t->uskb, sizeof(t->uskb));
}
