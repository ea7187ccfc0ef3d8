/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.c - the program types that run on packets: a row each.
 *
 * Each packet of a batch stands in a frame with room to grow on both sides:
 *
 *	| XDP_HEADROOM | packet, up to max_len | XDP_TAILROOM |
 */
#include "cli/packet.h"

#include <linux/pkt_cls.h>
#include <time.h>

#include "base/alloc.h"
#include "hive/vcpu.h"
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"

struct packet_runner {
	const struct packet_kind *kind; /* by the program's type */
	struct skep_prog *prog;		/* counted */
	struct vcpus *vcpus;		/* of the kernel */
	uint8_t *frames;		/* [PACKET_BATCH] of size bytes */
	size_t size;			/* bytes of a frame */
	uint32_t max_len;		/* longest packet */
	struct skep_run run;
	uint64_t task[RUN_TASK_SIZE / 8]; /* run.task */
	union {
		struct xdp_ctx xdp;
		struct skb_ctx skb;
	} ctx;
};

struct packet_kind {
	uint32_t type;		       /* BPF_PROG_TYPE_* */
	const struct verdict *verdict; /* ends with a row without name */
	/* Describes the packet of len bytes in a frame to the program; 0 or -EINVAL. */
	int (*begin)(struct packet_runner *r, uint8_t *frame, uint32_t len);
	/* Where the packet is after the run. */
	void (*end)(struct packet_runner *r, int32_t verdict, struct net_packet *ret);
};

/* --- XDP ------------------------------------------------------------------------------------- */

static int xdp_begin(struct packet_runner *r, uint8_t *frame, uint32_t len)
{
	if (len < SKB_ETH_HLEN)
		return -EINVAL;
	xdp_ctx_init(&r->ctx.xdp, frame, r->size, XDP_HEADROOM, len);
	return 0;
}

static void xdp_end(struct packet_runner *r, int32_t verdict, struct net_packet *ret)
{
	ret->data = r->ctx.xdp.data;
	ret->len = (uint32_t)(r->ctx.xdp.data_end - r->ctx.xdp.data);
}

static const struct verdict xdp_verdicts[] = {
	{ "XDP_ABORTED", XDP_ABORTED, false },	 { "XDP_DROP", XDP_DROP, false },
	{ "XDP_PASS", XDP_PASS, true },		 { "XDP_TX", XDP_TX, false },
	{ "XDP_REDIRECT", XDP_REDIRECT, false }, { 0 },
};

/* --- TC and socket filters -------------------------------------------------------------------- */

static int skb_begin(struct packet_runner *r, uint8_t *frame, uint32_t len)
{
	return skb_ctx_init(&r->ctx.skb, frame, r->size, XDP_HEADROOM, len, true);
}

static void skb_end(struct packet_runner *r, int32_t verdict, struct net_packet *ret)
{
	ret->data = r->ctx.skb.data;
	ret->len = (uint32_t)(r->ctx.skb.data_end - r->ctx.skb.data);
}

/* A socket filter returns how many bytes the socket gets. */
static void filter_end(struct packet_runner *r, int32_t verdict, struct net_packet *ret)
{
	skb_end(r, verdict, ret);
	ret->len = MIN(ret->len, (uint32_t)verdict);
}

static const struct verdict tc_verdicts[] = {
	{ "TC_ACT_UNSPEC", TC_ACT_UNSPEC, true },
	{ "TC_ACT_OK", TC_ACT_OK, true },
	{ "TC_ACT_RECLASSIFY", TC_ACT_RECLASSIFY, true },
	{ "TC_ACT_SHOT", TC_ACT_SHOT, false },
	{ "TC_ACT_PIPE", TC_ACT_PIPE, true },
	{ "TC_ACT_STOLEN", TC_ACT_STOLEN, false },
	{ "TC_ACT_QUEUED", TC_ACT_QUEUED, false },
	{ "TC_ACT_REPEAT", TC_ACT_REPEAT, false },
	{ "TC_ACT_REDIRECT", TC_ACT_REDIRECT, false },
	{ "TC_ACT_TRAP", TC_ACT_TRAP, false },
	{ 0 },
};

static const struct verdict filter_verdicts[] = {
	{ "drop", 0, false },
	{ "accept", 1, true }, /* any other value */
	{ 0 },
};

static const struct verdict cgroup_verdicts[] = {
	{ "deny", 0, false },
	{ "allow", 1, true },
	{ 0 },
};

static const struct packet_kind packet_kinds[] = {
	{ BPF_PROG_TYPE_XDP, xdp_verdicts, xdp_begin, xdp_end },
	{ BPF_PROG_TYPE_SCHED_CLS, tc_verdicts, skb_begin, skb_end },
	{ BPF_PROG_TYPE_SCHED_ACT, tc_verdicts, skb_begin, skb_end },
	{ BPF_PROG_TYPE_SOCKET_FILTER, filter_verdicts, skb_begin, filter_end },
	{ BPF_PROG_TYPE_CGROUP_SKB, cgroup_verdicts, skb_begin, skb_end },
};

const struct verdict *packet_verdict(const struct packet_runner *r, int32_t value)
{
	if (r->kind->type == BPF_PROG_TYPE_SOCKET_FILTER)
		value = value != 0;
	for (const struct verdict *v = r->kind->verdict; v->name; v++)
		if (v->value == value)
			return v;
	return NULL;
}

/* --- the runner ------------------------------------------------------------------------------- */

int packet_runner_new(struct skep_kernel *k, struct skep_prog *prog, uint32_t max_len,
		      struct packet_runner **ret)
{
	_cleanup_(packet_runner_free_p) struct packet_runner *r = NULL;
	const struct packet_kind *kind = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(packet_kinds); i++)
		if (packet_kinds[i].type == prog->type)
			kind = &packet_kinds[i];
	if (!kind)
		return -EOPNOTSUPP;
	r = skep_alloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->kind = kind;
	r->max_len = max_len;
	r->size = XDP_HEADROOM + (size_t)max_len + XDP_TAILROOM;
	r->frames = skep_alloc_array(PACKET_BATCH, r->size);
	if (!r->frames)
		return -ENOMEM;
	r->vcpus = core_vcpus(k);
	r->run.vcpu = vcpu_get(r->vcpus);
	r->run.cpu = vcpu_id(r->vcpus, r->run.vcpu);
	r->run.env = core_run_env(k);
	r->run.ctx = &r->ctx;
	r->run.task = r->task;
	r->run.region[0] = (struct run_region){ (uintptr_t)&r->ctx, sizeof(r->ctx) };
	r->prog = prog_get(prog);
	*ret = TAKE_PTR(r);
	return 0;
}

void packet_runner_free(struct packet_runner *r)
{
	if (!r)
		return;
	if (r->run.vcpu)
		vcpu_put(r->run.vcpu);
	prog_put(r->prog);
	skep_free(r->frames);
	skep_free(r);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void run_one(struct packet_runner *r, uint8_t *frame, const struct net_packet *p,
		    struct packet_result *ret)
{
	ret->err = r->kind->begin(r, frame, p->len);
	if (ret->err)
		return;
	r->run.region[1] = (struct run_region){ (uintptr_t)frame, r->size };
	ret->verdict = (int32_t)prog_run(r->prog, &r->ctx, &r->run);
	ret->out = *p;
	r->kind->end(r, ret->verdict, &ret->out);
	ret->out.wire_len = MAX(p->wire_len, ret->out.len);
}

int packet_run(struct packet_runner *r, const struct net_packet *p, uint32_t n,
	       struct packet_result *ret, uint64_t *ret_ns, struct skep_diag *reterr_diag)
{
	uint64_t begin;

	assert(n <= PACKET_BATCH);
	for (uint32_t i = 0; i < n; i++)
		memcpy(r->frames + i * r->size + XDP_HEADROOM, p[i].data,
		       MIN(p[i].len, r->max_len));
	r->run.fault = 0;
	begin = now_ns();
	for (uint32_t i = 0; i < n && !r->run.fault; i++)
		run_one(r, r->frames + i * r->size, &p[i], &ret[i]);
	*ret_ns += now_ns() - begin;
	vcpu_quiesce(r->run.vcpu);
	if (r->run.fault)
		return diag_set(reterr_diag, r->run.fault, SKEP_AT_INSN, r->run.fault_insn,
				"access to memory at 0x%llx that is not the program's",
				(unsigned long long)r->run.fault_addr);
	return 0;
}
