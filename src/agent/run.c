/* SPDX-License-Identifier: BSD-2-Clause */
/* run.c - one run of a program in this process. */
#include "agent/agent_int.h"
#include "helper/trace.h"

int agent_run(const struct skep_prog *p, void *ctx, uint64_t *ret)
{
	struct vcpus *vcpus = &agent_process.vcpus;
	struct vcpu *c = vcpu_enter(vcpus, agent_who());
	uint64_t task[RUN_TASK_SIZE / 8];
	struct skep_run run;

	if (unlikely(!c)) {
		atomic_fetch_add_explicit(&p->stats->recursion_misses, 1, memory_order_relaxed);
		return -EBUSY;
	}
	run = (struct skep_run){ .vcpu = c,
				 .cpu = vcpu_id(vcpus, c),
				 .ctx = ctx,
				 .env = &agent_process.env,
				 .task = task };
	*ret = prog_run(p, ctx, &run);
	vcpu_put(c);
	return 0;
}

/* Where the ring is full lines are lost, as nobody may wait here. */
void agent_trace(void *arg, const struct skep_run *run, const char *text, size_t n)
{
	struct skep_map *ring = (struct skep_map *)(uintptr_t)agent_process.meta->trace;
	struct trace_line *l;

	n = MIN(n, (size_t)TRACE_TEXT_MAX);
	l = ring ? ringbuf_reserve(ring, sizeof(*l) + n, 0, run->cpu) : NULL;
	if (!l)
		return;
	trace_line_begin(l, (struct skep_run *)run, n);
	memcpy(l->text, text, n);
	ringbuf_commit(ring, l, 0, false);
}
