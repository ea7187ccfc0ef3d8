/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl.c - helpers that steer: loops, tail calls, locks, verdicts, bpf(2) from a program */
#include "hive/lock.h"
#include "helper/helper_int.h"
#include "prog/ctx_skb.h"
#include "prog/ctx_xdp.h"

#include <linux/pkt_cls.h>

/*
 * Engines take the jump themselves and never come here; who calls it as a function (a helper id
 * in a register) learns that there is nothing to jump to.
 */
HELPER_FN(tail_call)
{
	return RET(-EINVAL);
}

HELPER_FN(loop)
{
	uint32_t n = (uint32_t)r1;

	if (r4)
		return RET(-EINVAL);
	if (n > SKEP_MAY_GOTO_MAX)
		return RET(-E2BIG);
	for (uint32_t i = 0; i < n; i++)
		if (run_callback(run, r2, i, r3, 0, 0, 0) || run->fault)
			return i + 1;
	return n;
}

HELPER_FN(spin_lock)
{
	lock_take(PTR(r1), run->env->vcpus, run->cpu);
	return 0;
}

HELPER_FN(spin_unlock)
{
	spin_unlock(PTR(r1));
	return 0;
}

/* Records where to; the caller of the program acts on the verdict. */
HELPER_FN(redirect)
{
	if (run->prog->type == BPF_PROG_TYPE_XDP) {
		struct xdp_ctx *c = run->ctx;

		if (r2)
			return XDP_ABORTED;
		c->redirect_ifindex = (uint32_t)r1;
		return XDP_REDIRECT;
	} else {
		struct skb_ctx *c = run->ctx;

		if (r2 & ~(uint64_t)BPF_F_INGRESS)
			return TC_ACT_SHOT;
		c->redirect_ifindex = (uint32_t)r1;
		c->redirect_flags = (uint32_t)r2;
		return TC_ACT_REDIRECT;
	}
}

HELPER_FN(sys_bpf)
{
	static const uint64_t commands =
		1u << BPF_MAP_CREATE | 1u << BPF_MAP_DELETE_ELEM | 1u << BPF_MAP_UPDATE_ELEM |
		1u << BPF_MAP_FREEZE | 1u << BPF_MAP_GET_FD_BY_ID | 1u << BPF_PROG_LOAD |
		1u << BPF_BTF_LOAD | 1u << BPF_LINK_CREATE | 1u << BPF_RAW_TRACEPOINT_OPEN;
	uint32_t cmd = (uint32_t)r1;

	if (cmd >= 64 || !(commands >> cmd & 1) || !run->env->sys_bpf)
		return RET(-EINVAL);
	return RET(run->env->sys_bpf(run->env->arg, cmd, PTR(r2), (uint32_t)r3));
}

HELPER_FN(sys_close)
{
	if (!run->env->sys_close)
		return RET(-EBADF);
	return RET(run->env->sys_close(run->env->arg, (uint32_t)r1));
}
