// SPDX-License-Identifier: BSD-2-Clause
/* opensnoop - files as they are opened, and attempts to. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "opensnoop.h"

struct sys_enter {
	__u64 common, nr;
	__u64 args[6];
};

struct sys_exit {
	__u64 common, nr;
	long ret;
};

/* Calls that are under way: where their paths are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32); /* the thread */
	__type(value, __u64);
	__uint(max_entries, 10240);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

static __always_inline int enter(__u64 path)
{
	const __u32 tid = (__u32)bpf_get_current_pid_tgid();

	bpf_map_update_elem(&calls, &tid, &path, BPF_ANY);
	return 0;
}

static __always_inline int leave(const struct sys_exit *ctx)
{
	const __u64 id = bpf_get_current_pid_tgid();
	const __u32 tid = (__u32)id;
	const __u64 *path = bpf_map_lookup_elem(&calls, &tid);
	struct open_event *e;

	if (!path)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (e) {
		e->pid = (int)(id >> 32);
		e->ret = (int)ctx->ret;
		bpf_get_current_comm(e->comm, sizeof(e->comm));
		if (bpf_probe_read_user_str(e->path, sizeof(e->path), (const void *)*path) < 0)
			e->path[0] = 0;
		bpf_ringbuf_submit(e, 0);
	}
	bpf_map_delete_elem(&calls, &tid);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_open")
int enter_open(const struct sys_enter *ctx)
{
	return enter(ctx->args[0]);
}

SEC("tracepoint/syscalls/sys_enter_openat")
int enter_openat(const struct sys_enter *ctx)
{
	return enter(ctx->args[1]);
}

SEC("tracepoint/syscalls/sys_exit_open")
int leave_open(const struct sys_exit *ctx)
{
	return leave(ctx);
}

SEC("tracepoint/syscalls/sys_exit_openat")
int leave_openat(const struct sys_exit *ctx)
{
	return leave(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
