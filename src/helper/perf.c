/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * perf.c - samples for user space's perf rings (kernel/trace/bpf_trace.c, net/core/filter.c); the
 * ring is map/perf_output.c's.
 */
#include "map/perf_event.h"
#include "helper/helper_int.h"
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"

/* The packet that a run is about, *ret_len bytes of it; NULL: it is about none. */
static const uint8_t *packet_of(const struct skep_run *run, uint32_t *ret_len)
{
	const struct xdp_ctx *xdp = run->ctx;
	const struct skb_ctx *skb = run->ctx;

	switch (run->prog->type) {
	case BPF_PROG_TYPE_XDP:
		*ret_len = (uint32_t)(xdp->data_end - xdp->data);
		return xdp->data;
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_CGROUP_SKB:
		*ret_len = skb->len;
		return skb->data;
	default:
		return NULL;
	}
}

HELPER_FN(perf_event_output)
{
	struct skep_map *m = PTR(r2);
	struct perf_sample s = { .data = PTR(r4), .size = (uint32_t)r5 };
	uint32_t index = (uint32_t)r3, len = 0;
	struct perf_event *e;
	uint64_t task;

	s.more = packet_of(run, &len);
	if (r3 & ~(uint64_t)((s.more ? BPF_F_CTXLEN_MASK : 0) | BPF_F_INDEX_MASK))
		return RET(-EINVAL);
	s.more_size = (uint32_t)(r3 >> 32);
	if (s.more_size > len)
		return RET(-EFAULT);
	if (index == (uint32_t)BPF_F_CURRENT_CPU)
		index = run->cpu;
	if (index >= m->max_entries)
		return RET(-E2BIG);
	e = perf_event_at(m, index);
	if (!e)
		return RET(-ENOENT);
	if (e->opts.sample_type & PERF_SAMPLE_TID) {
		task = helper_get_current_pid_tgid(0, 0, 0, 0, 0, run);
		s.pid = (uint32_t)(task >> 32);
		s.tid = (uint32_t)task;
	}
	if (e->opts.sample_type & PERF_SAMPLE_TIME)
		s.time = helper_ktime_get_ns(0, 0, 0, 0, 0, run);
	return RET(perf_event_output(e, run->cpu, &s));
}
