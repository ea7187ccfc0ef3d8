/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.c - call stacks (kernel/bpf/stackmap.c): of the thread whose run it is, as far as its frame
 * pointers lead.
 *
 *	fp -> | the caller's fp | return address |
 *
 * Nothing of it is believed: each pair is read as any memory of a user's is.  The kernel's own
 * stack is empty, as of a kernel that was built without a way to walk it.
 */
#include "helper/helper_int.h"
#include "map/map.h"

#include <sys/syscall.h>
#include <sys/uio.h>

#define STACK_MAX 127 /* sysctl kernel.perf_event_max_stack */

/* What stands at fp. */
struct pair {
	uint64_t fp, ip;
};

/* Of this process's memory, or that of the task whose run it is. */
static bool read_pair(struct skep_run *run, uint64_t fp, struct pair *ret)
{
	struct iovec to = { ret, sizeof(*ret) }, from = { PTR(fp), sizeof(*ret) };

	if (!run->as)
		return !probe_copy(run, ret, fp, sizeof(*ret));
	return sys_call6(SYS_process_vm_readv, run->as->tgid, (long)&to, 1, (long)&from, 1, 0) ==
	       sizeof(*ret);
}

/* Addresses of at most max frames, innermost first; how many. */
static uint32_t walk(struct skep_run *run, uint64_t flags, uint64_t *ips, uint32_t max)
{
	struct pair p = { 0 };
	uint32_t n = 0;

	if (!(flags & BPF_F_USER_STACK) || !run->user || !max)
		return 0;
	ips[n++] = run->user->ip;
	if (run->user->caller && n < max)
		ips[n++] = run->user->caller;
	p.fp = run->user->fp;
	while (n < max && read_pair(run, p.fp, &p))
		ips[n++] = p.ip;
	return n;
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
	return RET(stack_trace_put(PTR(r2), ips + skip, n - skip, r3, run->cpu));
}

/* An address as an entry of size bytes: itself, or what there is of one without a build id. */
static void put_entry(uint8_t *to, uint64_t ip, uint32_t size)
{
	const struct bpf_stack_build_id id = { .status = BPF_STACK_BUILD_ID_IP, .ip = ip };

	memcpy(to, size == sizeof(id) ? (const void *)&id : &ip, size);
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
		put_entry(to + (size_t)i * entry, ips[skip + i], entry);
	memset(to + (size_t)n * entry, 0, size - (size_t)n * entry);
	return (uint64_t)n * entry;
}
