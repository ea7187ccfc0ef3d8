/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task.h - the task that runs a program, as programs see it: struct task_struct of the model and
 * what it leads to.
 *
 * The model's BTF describes these very layouts (model/kernel.bpf.c); CO-RE brings programs to
 * them.  What bpf_get_current_task returns lives in the vCPU's slot and is valid until the end
 * of the run; what a pointer in it leads to is memory of the same slot, but mm, which a process
 * keeps (process.h).
 */
#ifndef SKEP_HELPER_TASK_H
#define SKEP_HELPER_TASK_H

#include "base/base.h"
#include "helper/cgroup.h"
#include "helper/file.h"
#include "prog/run.h"

struct skep_cred {
	uint32_t uid, gid;
	uint32_t suid, sgid;
	uint32_t euid, egid;
	uint32_t fsuid, fsgid;
};

/* A namespace, of whatever kind. */
struct skep_ns {
	uint32_t inum;	/* the inode of its file in /proc/PID/ns */
	uint32_t level; /* of process ids: how far below the task's own */
};

/* Those of a task, where /proc/PID/ns has them. */
enum task_ns {
	NS_UTS,
	NS_IPC,
	NS_MNT,
	NS_PID, /* its own; children may get another */
	NS_PID_FOR_CHILDREN,
	NS_NET,
	NS_TIME,
	NS_TIME_FOR_CHILDREN,
	NS_CGROUP,
	TASK_NS,
};

/* NULL: the machine has none such, or does not say. */
struct skep_nsproxy {
	struct skep_ns *uts_ns, *ipc_ns, *mnt_ns;
	struct skep_ns *pid_ns_for_children;
	struct skep_ns *net_ns;
	struct skep_ns *time_ns, *time_ns_for_children;
	struct skep_ns *cgroup_ns;
};

/* A task's number: the one that it has itself, in its own namespace, which is at level 0. */
struct skep_upid {
	int32_t nr;
	struct skep_ns *ns; /* NULL: not known */
};

struct skep_pid {
	uint32_t level;
	struct skep_upid numbers[1];
};

/* A process's memory, as execve(2) laid it out. */
struct skep_mm {
	uint64_t arg_start, arg_end; /* argv's strings */
	uint64_t env_start, env_end; /* envp's */
	struct model_file *exe_file; /* NULL: not known */
};

struct skep_task {
	int32_t pid;				/* thread id */
	int32_t tgid;				/* process id */
	uint32_t flags;				/* PF_*: 0, a user's task */
	int32_t exit_code;			/* of one that ends: wait(2)'s status */
	struct skep_task *real_parent, *parent; /* a task that has pid and tgid; NULL beyond it */
	struct skep_task *group_leader;		/* itself where pid == tgid */
	const struct skep_cred *real_cred, *cred;
	struct skep_pid *thread_pid;
	struct skep_nsproxy *nsproxy;  /* NULL: not known */
	struct skep_mm *mm;	       /* NULL: not known */
	struct model_files *files;     /* NULL: not known; made as they are read (files.h) */
	struct model_css_set *cgroups; /* NULL: not known; the same (cgroup.h) */
	char comm[16];		       /* TASK_COMM_LEN */
	uint64_t start_time;	       /* CLOCK_MONOTONIC ns when it began; 0: not known */
	uint64_t start_boottime;       /* the same of CLOCK_BOOTTIME, to a hundredth of a second */
};

/* What a run's task memory holds. */
struct task_slot {
	struct skep_task self, leader, parent;
	struct skep_cred cred;
	/* From here on nothing is there but what some pointer leads to. */
	struct skep_pid self_pid, leader_pid, parent_pid, other_pid;
	struct skep_task other; /* of an event: whom it is about besides */
	struct skep_nsproxy nsproxy;
	struct skep_ns ns[TASK_NS];
};
static_assert(sizeof(struct task_slot) <= RUN_TASK_SIZE, "the room is too small for the task");

/** The task whose run it is, filled once in a run.  Hot. */
struct skep_task *task_current(struct skep_run *run);
/** Another task, of which no more is known; until the next call.  Hot. */
struct skep_task *task_other(struct skep_run *run, const struct run_task *t);
/** Its thread id; its name, padded with zeroes.  Hot. */
uint32_t task_tid(struct skep_run *run);
void task_comm(const struct skep_run *run, char comm[16]);
/** Who it is to local storage (map/storage.h), so since when it is; 0: not known.  Hot. */
uint64_t task_identity(struct skep_run *run);

#endif
