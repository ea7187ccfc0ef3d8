// SPDX-License-Identifier: BSD-2-Clause
/* mallocstacks - which ways through the program lead to malloc(), and how much they ask for. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "mallocstacks.h"

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, DEPTH * sizeof(__u64));
	__uint(max_entries, 65536); /* where two have one number, one is lost */
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct place);
	__type(value, struct sum);
	__uint(max_entries, 16384);
} sums SEC(".maps");

SEC("uprobe")
int enter(struct pt_regs *ctx)
{
	const struct sum none = {};
	struct place at = {
		.pid = (int)(bpf_get_current_pid_tgid() >> 32),
		.stack = (int)bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK),
	};
	struct sum *s = bpf_map_lookup_elem(&sums, &at);

	if (!s) {
		bpf_map_update_elem(&sums, &at, &none, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&sums, &at);
	}
	if (!s)
		return 0;
	__sync_fetch_and_add(&s->bytes, PT_REGS_PARM1(ctx));
	__sync_fetch_and_add(&s->calls, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
