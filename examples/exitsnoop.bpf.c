// SPDX-License-Identifier: BSD-2-Clause
/* exitsnoop - processes as they end: how, and after how long. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "exitsnoop.h"

/* The part of it that is looked at. */
struct task_struct {
	int tgid, exit_code;
	__u64 start_time;
	struct task_struct *real_parent;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

SEC("tracepoint/sched/sched_process_exit")
int leave(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	const __u64 id = bpf_get_current_pid_tgid();
	const __u64 start = BPF_CORE_READ(task, start_time);
	struct exit_event *e;

	/* Threads end too: only the first is the process. */
	if (id >> 32 != (__u32)id)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	e->pid = (int)(id >> 32);
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->code = BPF_CORE_READ(task, exit_code);
	e->ns = start ? bpf_ktime_get_ns() - start : 0;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
