// SPDX-License-Identifier: BSD-2-Clause
/* Programs of type tracing: at raw tracepoints by BTF, and around bodies of system calls. */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "tracing.h"

/* As vmlinux.h of a Linux has them, as far as they are read. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs {
	unsigned long di, si, ax, orig_ax;
};

struct task_struct {
	int exit_code;
	int pid, tgid;
	struct task_struct *real_parent;
	char comm[16];
};

struct linux_binprm {
	const char *filename;
};

struct kernel_siginfo {
	int si_code;
};
#pragma clang attribute pop

#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

int target; /* the process that is looked at */

static bool is_for(const struct pt_regs *regs)
{
	return bpf_get_current_pid_tgid() >> 32 == target && regs->di == WHICH;
}

static struct told *begin(enum what what, int pid)
{
	struct told *t = bpf_ringbuf_reserve(&events, sizeof(*t), 0);

	if (!t)
		return NULL;
	__builtin_memset(t, 0, sizeof(*t));
	t->what = what;
	t->pid = pid;
	return t;
}

static int tell(enum what what, int pid, long a, long b, long c)
{
	struct told *t = begin(what, pid);

	if (!t)
		return 0;
	t->a = a;
	t->b = b;
	t->c = c;
	bpf_ringbuf_submit(t, 0);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(at_enter, struct pt_regs *regs, long id)
{
	return is_for(regs) ? tell(TP_ENTER, target, id, regs->si, regs->orig_ax) : 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(at_exit, struct pt_regs *regs, long ret)
{
	return is_for(regs) ? tell(TP_EXIT, target, ret, regs->si, regs->orig_ax) : 0;
}

SEC("fentry/__x64_sys_getpriority")
int BPF_PROG(before, const struct pt_regs *regs)
{
	__u64 arg = 0, none = 0;

	if (!is_for(regs))
		return 0;
	return tell(FENTRY, target, regs->si,
		    bpf_get_func_arg_cnt(ctx) == 1 && !bpf_get_func_arg(ctx, 0, &arg) &&
			    arg == (unsigned long)regs &&
			    bpf_get_func_arg(ctx, 1, &none) == -EINVAL,
		    bpf_get_attach_cookie(ctx));
}

SEC("fexit/__x64_sys_getpriority")
int BPF_PROG(behind, const struct pt_regs *regs, long ret)
{
	__u64 same = 0;

	if (!is_for(regs))
		return 0;
	return tell(FEXIT, target, regs->si, ret, !bpf_get_func_ret(ctx, &same) && same == ret);
}

SEC("fmod_ret/__x64_sys_getpriority")
int BPF_PROG(instead, const struct pt_regs *regs, long ret)
{
	if (!is_for(regs) || regs->si != REPLACED)
		return 0;
	tell(FMOD_RET, target, regs->si, ret, 0);
	return ANSWER;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(at_fork, struct task_struct *parent, struct task_struct *child)
{
	return parent->tgid == target ? tell(TP_FORK, parent->pid, child->pid, child->tgid, 0) : 0;
}

/* Are they those of `target`?  However far up one looks, there is somebody, or 0. */
static bool is_child(const struct task_struct *p)
{
	const struct task_struct *up = p->real_parent->real_parent->real_parent->real_parent;

	return p->real_parent->tgid == target && up->pid >= 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(at_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	struct told *t;

	if (!is_child(p) || !(t = begin(TP_EXEC, p->pid)))
		return 0;
	t->a = old_pid;
	bpf_probe_read_kernel_str(t->text, sizeof(t->text), bprm->filename);
	bpf_ringbuf_submit(t, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(at_task_exit, struct task_struct *p)
{
	return is_child(p) ? tell(TP_TASK_EXIT, p->pid, p->exit_code, 0, 0) : 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(at_rename, struct task_struct *task, const char *comm)
{
	struct told *t;

	if (task->tgid != target || !(t = begin(TP_RENAME, task->pid)))
		return 0;
	bpf_probe_read_kernel_str(t->text, sizeof(t->text), comm);
	bpf_ringbuf_submit(t, 0);
	return 0;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(at_signal, int sig, struct kernel_siginfo *info, struct task_struct *task, int group)
{
	if (bpf_get_current_pid_tgid() >> 32 != target)
		return 0;
	return tell(TP_SIGNAL, task->pid, sig, info->si_code, group);
}

char LICENSE[] SEC("license") = "GPL";
