// SPDX-License-Identifier: BSD-2-Clause
/*
 * frames.bpf.c - what stacks begin with: as a function begins, itself and who called it; as it
 * returns, who called it.  sums: entries, those that are right, returns, those that are right.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 4);
} sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 12);
} events SEC(".maps");

/* Where each thread's last call came from, and went. */
struct call {
	__u64 from, to;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct call);
	__uint(max_entries, 64);
} callers SEC(".maps");

static void add(__u32 index, __u64 n)
{
	__u64 *v = bpf_map_lookup_elem(&sums, &index);

	if (v)
		*v += n;
}

SEC("uprobe")
int enter(struct pt_regs *ctx)
{
	const __u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct call c = { .to = bpf_get_func_ip(ctx) };
	__u64 ips[2] = { 0, 0 };

	add(0, 1);
	bpf_get_stack(ctx, ips, sizeof(ips), BPF_F_USER_STACK);
	bpf_probe_read_user(&c.from, sizeof(c.from), (const void *)PT_REGS_SP(ctx));
	add(1, ips[0] == PT_REGS_IP(ctx) && ips[1] && ips[1] == c.from && c.to == ips[0]);
	bpf_map_update_elem(&callers, &tid, &c, BPF_ANY);
	return 0;
}

SEC("uretprobe")
int leave(struct pt_regs *ctx)
{
	const __u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct call *c = bpf_map_lookup_elem(&callers, &tid);
	__u64 ips[1] = { 0 };

	add(2, 1);
	bpf_get_stack(ctx, ips, sizeof(ips), BPF_F_USER_STACK);
	add(3, c && c->from == ips[0] && c->to == bpf_get_func_ip(ctx));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
