/* SPDX-License-Identifier: BSD-2-Clause */
/* ringbuf.c - helpers on ring buffers; the protocol is in map/ringbuf.c */
#include "helper/dynptr.h"
#include "helper/helper_int.h"
#include "map/map.h"

HELPER_FN(ringbuf_output)
{
	return RET(ringbuf_output(PTR(r1), PTR(r2), r3, r4, run->cpu));
}

HELPER_FN(ringbuf_reserve)
{
	run->ring = PTR(r1);
	return (uintptr_t)ringbuf_reserve(run->ring, r2, r3, run->cpu);
}

HELPER_FN(ringbuf_submit)
{
	ringbuf_commit(run->ring, PTR(r1), r2, false);
	return 0;
}

HELPER_FN(ringbuf_discard)
{
	ringbuf_commit(run->ring, PTR(r1), r2, true);
	return 0;
}

HELPER_FN(ringbuf_query)
{
	return ringbuf_query(PTR(r1), r2);
}

#define SAMPLES_MAX (128 * 1024) /* BPF_MAX_USER_RINGBUF_SAMPLES */

/* Hands samples to the callback until it says stop; their number, or -errno; *ret_steps counts
 * those that were discarded too. */
static long drain(struct skep_map *m, uint64_t func, uint64_t ctx, struct skep_run *run,
		  long *ret_steps)
{
	struct dynptr_kern d;
	long samples = 0, steps;
	uint64_t stop = 0;

	run_region_add(run, &d, sizeof(d));
	for (steps = 0; steps < SAMPLES_MAX && !stop && !run->fault; steps++) {
		void *sample;
		long size = user_ringbuf_peek(m, &sample);

		if (size == -EAGAIN)
			continue;
		if (size < 0) {
			samples = size == -ENODATA ? samples : size;
			break;
		}
		dynptr_make(&d, DYNPTR_LOCAL, sample, (uint32_t)size);
		stop = run_callback(run, func, (uintptr_t)&d, ctx, 0, 0, 0);
		user_ringbuf_release(m, (uint32_t)size);
		samples++;
	}
	run_region_drop(run, &d);
	*ret_steps = steps;
	return samples;
}

HELPER_FN(user_ringbuf_drain)
{
	struct skep_map *m = PTR(r1);
	long ret, steps;

	if (r4 & ~(uint64_t)(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP))
		return RET(-EINVAL);
	if (!user_ringbuf_begin(m, run->cpu))
		return RET(-EBUSY);
	ret = drain(m, r2, r3, run, &steps);
	user_ringbuf_end(m, r4 & BPF_RB_FORCE_WAKEUP || (!(r4 & BPF_RB_NO_WAKEUP) && steps > 0));
	return RET(ret);
}
