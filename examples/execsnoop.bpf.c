// SPDX-License-Identifier: BSD-2-Clause
/*
 * execsnoop - programs as they are started, and attempts to.
 *
 * What the call was given is gone when it succeeds, so it is read as it begins and kept until it
 * is known what became of it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "execsnoop.h"

struct sys_enter {
	__u64 common, nr;
	__u64 args[6];
};

struct sys_exit {
	__u64 common, nr;
	long ret;
};

/* The part of it that is looked at. */
struct task_struct {
	int tgid;
	struct task_struct *real_parent;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32); /* the process: a thread that succeeds becomes its first one */
	__type(value, struct exec_event);
	__uint(max_entries, 1024);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

static const struct exec_event none;

/* One more string; false: there is no room for another. */
static __always_inline int add(struct exec_event *e, const void *from)
{
	const unsigned at = e->size;
	long n;

	if (at > sizeof(e->args) - ARG_SIZE)
		return 0;
	n = bpf_probe_read_user_str(&e->args[at], ARG_SIZE, from);
	if (n <= 0 || n > ARG_SIZE)
		return 0;
	e->size = at + (unsigned)n;
	e->n++;
	return 1;
}

SEC("tracepoint/syscalls/sys_enter_execve")
int enter(const struct sys_enter *ctx)
{
	const void *const *argv = (const void *const *)ctx->args[1];
	const __u32 pid = bpf_get_current_pid_tgid() >> 32;
	const void *arg = NULL;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct exec_event *e;

	bpf_map_update_elem(&calls, &pid, &none, BPF_ANY);
	e = bpf_map_lookup_elem(&calls, &pid);
	if (!e)
		return 0;
	e->pid = (int)pid;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	add(e, (const void *)ctx->args[0]);
#pragma unroll
	for (int i = 1; i < ARGS_MAX; i++) {
		if (bpf_probe_read_user(&arg, sizeof(arg), &argv[i]) || !arg || !add(e, arg))
			return 0;
	}
	if (!bpf_probe_read_user(&arg, sizeof(arg), &argv[ARGS_MAX]) && arg)
		e->more = 1;
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_execve")
int leave(const struct sys_exit *ctx)
{
	const __u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct exec_event *e = bpf_map_lookup_elem(&calls, &pid);

	if (!e)
		return 0;
	e->ret = (int)ctx->ret;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_output(&events, e, sizeof(*e), 0);
	bpf_map_delete_elem(&calls, &pid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
