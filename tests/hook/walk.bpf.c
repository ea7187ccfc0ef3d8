// SPDX-License-Identifier: BSD-2-Clause
/* walk.bpf.c - the stacks of who comes by, as addresses and by build ids. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "walk.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, WALK_IDS * sizeof(struct bpf_stack_build_id));
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_STACK_BUILD_ID);
} by_id SEC(".maps");

static __always_inline int walk(void *ctx, __u64 tag)
{
	struct walk *w = bpf_ringbuf_reserve(&events, sizeof(*w), 0);

	if (!w)
		return 0;
	w->pid = bpf_get_current_pid_tgid() >> 32;
	w->tag = tag;
	w->stack = -1;
	w->nr_ids = 0;
	w->nr = bpf_get_stack(ctx, w->ip, sizeof(w->ip), BPF_F_USER_STACK);
	if (tag == WALK_BY_ID) {
		w->nr_ids = bpf_get_stack(ctx, w->id, sizeof(w->id),
					  BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
		w->stack = bpf_get_stackid(ctx, &by_id, BPF_F_USER_STACK);
	}
	bpf_ringbuf_submit(w, 0);
	return 0;
}

/* What it is given says which stack it is; or the attachment does. */
SEC("uprobe")
int given(struct pt_regs *ctx)
{
	return walk(ctx, PT_REGS_PARM1(ctx));
}

SEC("uprobe")
int told(struct pt_regs *ctx)
{
	return walk(ctx, bpf_get_attach_cookie(ctx));
}

SEC("uretprobe")
int back(struct pt_regs *ctx)
{
	return walk(ctx, bpf_get_attach_cookie(ctx));
}

SEC("tracepoint")
int call(void *ctx)
{
	return walk(ctx, WALK_CALL);
}

char LICENSE[] SEC("license") = "GPL";
