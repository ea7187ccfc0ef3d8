/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.c - call stacks (kernel/bpf/stackmap.c): of the thread whose run it is, step by step
 * (unwind.h); of a task that is gone, or that is another process's, as far as its frame pointers
 * lead.
 *
 * The kernel's own stack is empty, as of a kernel that was built without a way to walk it.
 */
#include "helper/unwind.h"
#include "map/map.h"

#include <sys/syscall.h>
#include <sys/uio.h>

#define STACK_MAX 127 /* sysctl kernel.perf_event_max_stack */

/* Of the task on whose behalf the run is: its frame pointers, in its memory. */
static bool step_as(struct skep_run *run, struct unwind_frame *f)
{
	struct {
		uint64_t fp, ip;
	} pair = { 0 };
	const struct iovec to = { &pair, sizeof(pair) }, from = { PTR(f->fp), sizeof(pair) };

	if (sys_call6(SYS_process_vm_readv, run->as->tgid, (long)&to, 1, (long)&from, 1, 0) !=
	    sizeof(pair))
		return false;
	f->ip = pair.ip;
	f->fp = pair.fp;
	return true;
}

/* Addresses of at most max frames, innermost first; how many. */
static uint32_t walk(struct skep_run *run, uint64_t flags, uint64_t *ips, uint32_t max)
{
	bool (*step)(struct skep_run * run, struct unwind_frame * f) =
		run->as ? step_as : unwind_step;
	struct unwind_frame f;
	uint32_t n = 0;

	if (!(flags & BPF_F_USER_STACK) || !run->user || !max)
		return 0;
	ips[n++] = run->user->ip;
	f = (struct unwind_frame){ run->user->ip, run->user->sp, run->user->fp, false };
	if (run->user->caller && n < max) {
		f.ip = ips[n++] = run->user->caller;
		f.sp += f.sp ? sizeof(uint64_t) : 0;
		f.returns = true;
	}
	while (n < max && step(run, &f))
		ips[n++] = f.ip;
	return n;
}

static void name(void *run, uint64_t ip, struct bpf_stack_build_id *ret)
{
	unwind_name(run, ip, ret);
}

HELPER_FN(get_stackid)
{
	const uint32_t skip = r3 & BPF_F_SKIP_FIELD_MASK;
	uint64_t ips[STACK_MAX];
	uint32_t n;

	if (r3 & ~(uint64_t)(BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP |
			     BPF_F_REUSE_STACKID))
		return RET(-EINVAL);
	n = walk(run, r3, ips, STACK_MAX);
	if (n <= skip)
		return RET(-EFAULT);
	return RET(stack_trace_put(PTR(r2), &(struct stack_ips){ ips + skip, n - skip, name, run },
				   r3, run->cpu));
}

/* An address as an entry of size bytes: itself, or what it is in a file. */
static void put_entry(struct skep_run *run, uint8_t *to, uint64_t ip, uint32_t size)
{
	struct bpf_stack_build_id id;

	if (size != sizeof(id)) {
		memcpy(to, &ip, size);
		return;
	}
	unwind_name(run, ip, &id);
	memcpy(to, &id, size);
}

HELPER_FN(get_stack)
{
	const uint32_t skip = r4 & BPF_F_SKIP_FIELD_MASK, size = (uint32_t)r3;
	const bool ids = r4 & BPF_F_USER_BUILD_ID;
	const uint32_t entry = ids ? sizeof(struct bpf_stack_build_id) : sizeof(uint64_t);
	uint64_t ips[STACK_MAX];
	uint8_t *to = PTR(r2);
	uint32_t n;

	if (r4 & ~(uint64_t)(BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_USER_BUILD_ID) ||
	    (ids && !(r4 & BPF_F_USER_STACK)) || size % entry) {
		memset(to, 0, size);
		return RET(-EINVAL);
	}
	n = walk(run, r4, ips, (uint32_t)MIN((uint64_t)size / entry + skip, STACK_MAX));
	if (n < skip) {
		memset(to, 0, size);
		return RET(-EFAULT);
	}
	n -= skip;
	for (uint32_t i = 0; i < n; i++)
		put_entry(run, to + (size_t)i * entry, ips[skip + i], entry);
	memset(to + (size_t)n * entry, 0, size - (size_t)n * entry);
	return (uint64_t)n * entry;
}
