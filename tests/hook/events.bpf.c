// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tells of each event of processes, as its record has it (at the places that Linux's format names)
 * and as its raw tracepoint does.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "events.h"

typedef int pid_t;

/* Of the kernel's, by CO-RE. */
struct task_struct {
	pid_t pid, tgid;
	int exit_code;
	__u64 start_time;
	struct task_struct *real_parent, *group_leader;
	char comm[16];
} __attribute__((preserve_access_index));

struct linux_binprm {
	const char *filename;
} __attribute__((preserve_access_index));

struct kernel_siginfo {
	int si_signo, si_errno, si_code;
} __attribute__((preserve_access_index));

/* Records of Linux 6.12. */
struct fork_record {
	__u64 common;
	char parent_comm[16];
	pid_t parent_pid;
	char child_comm[16];
	pid_t child_pid;
};

struct exec_record {
	__u64 common;
	__u32 filename;
	pid_t pid, old_pid;
};

struct exit_record {
	__u64 common;
	char comm[16];
	pid_t pid;
	int prio;
};

struct newtask_record {
	__u64 common;
	pid_t pid;
	char comm[16];
	unsigned long clone_flags;
	short oom_score_adj;
};

struct rename_record {
	__u64 common;
	pid_t pid;
	char oldcomm[16], newcomm[16];
	short oom_score_adj;
};

struct signal_record {
	__u64 common;
	int sig, error, code;
	char comm[16];
	pid_t pid;
	int group, result;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} told SEC(".maps");

unsigned tool; /* whose own events are not told */
unsigned long long lost;

static struct told *begin(unsigned kind, unsigned raw)
{
	const __u64 id = bpf_get_current_pid_tgid();
	struct task_struct *task = (void *)bpf_get_current_task();
	const __u64 start = BPF_CORE_READ(task, start_time);
	struct told *t;

	if (!tool || id >> 32 == tool)
		return 0;
	t = bpf_ringbuf_reserve(&told, sizeof(*t), 0);
	if (!t) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	__builtin_memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->raw = raw;
	t->tgid = id >> 32;
	t->tid = id;
	t->uid = bpf_get_current_uid_gid();
	t->task_tgid = BPF_CORE_READ(task, tgid);
	t->task_tid = BPF_CORE_READ(task, pid);
	t->ppid = BPF_CORE_READ(task, real_parent, tgid);
	t->exit_code = BPF_CORE_READ(task, exit_code);
	t->age_ms = start ? (bpf_ktime_get_ns() - start) / 1000000 : -1;
	bpf_get_current_comm(t->comm, sizeof(t->comm));
	return t;
}

#define EVENT(section, name, type, kind, ...)         \
	SEC("tracepoint/" section)                    \
	int name(struct type *r)                      \
	{                                             \
		struct told *t = begin(kind, 0);      \
                                                      \
		if (!t)                               \
			return 0;                     \
		t->cookie = bpf_get_attach_cookie(r); \
		__VA_ARGS__;                          \
		bpf_ringbuf_submit(t, 0);             \
		return 0;                             \
	}

#define RAW(name, kind, ...)                              \
	SEC("raw_tracepoint/" #name)                      \
	int raw_##name(struct bpf_raw_tracepoint_args *c) \
	{                                                 \
		struct told *t = begin(kind, 1);          \
                                                          \
		if (!t)                                   \
			return 0;                         \
		__VA_ARGS__;                              \
		bpf_ringbuf_submit(t, 0);                 \
		return 0;                                 \
	}

#define TASK(i) ((struct task_struct *)c->args[i])

EVENT("sched/sched_process_fork", on_fork, fork_record, FORK, t->n[0] = r->parent_pid,
      t->n[1] = r->child_pid, __builtin_memcpy(t->a, r->parent_comm, 16),
      __builtin_memcpy(t->b, r->child_comm, 16))
RAW(sched_process_fork, FORK, t->n[0] = BPF_CORE_READ(TASK(0), pid),
    t->n[1] = BPF_CORE_READ(TASK(1), pid), t->n[2] = BPF_CORE_READ(TASK(1), tgid),
    t->n[3] = BPF_CORE_READ(TASK(1), real_parent, tgid),
    bpf_probe_read_kernel(t->a, 16, &TASK(0)->comm),
    bpf_probe_read_kernel(t->b, 16, &TASK(1)->comm))

EVENT("sched/sched_process_exec", on_exec, exec_record, EXEC, t->n[0] = r->pid,
      t->n[1] = r->old_pid, t->n[2] = r->filename >> 16,
      bpf_probe_read_kernel_str(t->path, sizeof(t->path), (void *)r + (r->filename & 0xffff)))
RAW(sched_process_exec, EXEC, t->n[0] = BPF_CORE_READ(TASK(0), pid), t->n[1] = (pid_t)c->args[1],
    bpf_probe_read_kernel_str(t->path, sizeof(t->path),
			      BPF_CORE_READ((struct linux_binprm *)c->args[2], filename)))

EVENT("sched/sched_process_exit", on_exit, exit_record, EXIT, t->n[0] = r->pid, t->n[1] = r->prio,
      __builtin_memcpy(t->a, r->comm, 16))
RAW(sched_process_exit, EXIT, t->n[0] = BPF_CORE_READ(TASK(0), pid),
    t->n[1] = BPF_CORE_READ(TASK(0), exit_code), bpf_probe_read_kernel(t->a, 16, &TASK(0)->comm))

EVENT("task/task_newtask", on_newtask, newtask_record, NEWTASK, t->n[0] = r->pid,
      t->n[1] = r->clone_flags, t->n[2] = r->oom_score_adj, __builtin_memcpy(t->a, r->comm, 16))
RAW(task_newtask, NEWTASK, t->n[0] = BPF_CORE_READ(TASK(0), pid), t->n[1] = c->args[1],
    bpf_probe_read_kernel(t->a, 16, &TASK(0)->comm))

EVENT("task/task_rename", on_rename, rename_record, RENAME, t->n[0] = r->pid,
      t->n[1] = r->oom_score_adj, __builtin_memcpy(t->a, r->oldcomm, 16),
      __builtin_memcpy(t->b, r->newcomm, 16))
RAW(task_rename, RENAME, t->n[0] = BPF_CORE_READ(TASK(0), pid),
    bpf_probe_read_kernel(t->a, 16, &TASK(0)->comm),
    bpf_probe_read_kernel_str(t->b, 16, (void *)c->args[1]))

EVENT("signal/signal_generate", on_signal, signal_record, SIGNAL, t->n[0] = r->sig,
      t->n[1] = r->error, t->n[2] = r->code, t->n[3] = r->pid, t->n[4] = r->group,
      t->n[5] = r->result, __builtin_memcpy(t->a, r->comm, 16))
RAW(signal_generate, SIGNAL, t->n[0] = (int)c->args[0],
    t->n[1] = BPF_CORE_READ((struct kernel_siginfo *)c->args[1], si_errno),
    t->n[2] = BPF_CORE_READ((struct kernel_siginfo *)c->args[1], si_code),
    t->n[3] = BPF_CORE_READ(TASK(2), pid), t->n[4] = (int)c->args[3], t->n[5] = (int)c->args[4],
    bpf_probe_read_kernel(t->a, 16, &TASK(2)->comm))

char LICENSE[] SEC("license") = "GPL";
