// SPDX-License-Identifier: BSD-2-Clause
/*
 * funclatency - how long calls of a function take, as a histogram of powers of two.
 *
 * A call is known by its thread and how deep it is in calls of the same function.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>

#define SLOTS 64
#define DEPTH 32

struct calls {
	__u32 depth; /* of calls under way; beyond DEPTH they are not timed */
	__u64 start[DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct calls);
	__uint(max_entries, 4096);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, SLOTS);
} slots SEC(".maps");

static const struct calls none;

static __u32 log2_of(__u64 n)
{
	__u32 r = 0;

#pragma unroll
	for (int bit = 32; bit; bit /= 2)
		if (n >> bit) {
			n >>= bit;
			r += bit;
		}
	return r;
}

SEC("uprobe")
int enter(struct pt_regs *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid(), depth;
	struct calls *c = bpf_map_lookup_elem(&threads, &tid);

	if (!c) {
		bpf_map_update_elem(&threads, &tid, &none, BPF_NOEXIST);
		c = bpf_map_lookup_elem(&threads, &tid);
	}
	if (!c)
		return 0;
	depth = c->depth;
	if (depth < DEPTH)
		c->start[depth] = bpf_ktime_get_ns();
	c->depth = depth + 1;
	return 0;
}

SEC("uretprobe")
int leave(struct pt_regs *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid(), depth, slot;
	struct calls *c = bpf_map_lookup_elem(&threads, &tid);
	__u64 now = bpf_ktime_get_ns(), *v;

	if (!c || !c->depth)
		return 0;
	depth = c->depth - 1;
	c->depth = depth;
	if (depth >= DEPTH)
		return 0;
	slot = log2_of(now - c->start[depth]);
	v = bpf_map_lookup_elem(&slots, &slot);
	if (v)
		*v += 1;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
