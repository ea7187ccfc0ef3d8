/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task.h - the task that runs a program, as programs see it: struct task_struct and struct cred
 * of the model.
 *
 * The model's BTF describes these very layouts (model/kernel.bpf.c); CO-RE brings programs to
 * them.  What bpf_get_current_task returns lives in the vCPU's slot and is valid until the end
 * of the run; what a pointer in it leads to is memory of the same slot.
 */
#ifndef SKEP_HELPER_TASK_H
#define SKEP_HELPER_TASK_H

#include "base/base.h"
#include "prog/run.h"

struct skep_cred {
	uint32_t uid, gid;
	uint32_t suid, sgid;
	uint32_t euid, egid;
	uint32_t fsuid, fsgid;
};

struct skep_task {
	int32_t pid;	/* thread id */
	int32_t tgid;	/* process id */
	uint32_t flags; /* PF_*: 0, a user's task */
	int32_t exit_code;
	struct skep_task *real_parent, *parent; /* a task that has pid and tgid; NULL beyond it */
	struct skep_task *group_leader;		/* itself where pid == tgid */
	const struct skep_cred *real_cred, *cred;
	char comm[16]; /* TASK_COMM_LEN */
};

/* What a run's task memory holds. */
struct task_slot {
	struct skep_task self, leader, parent;
	struct skep_cred cred;
};
static_assert(sizeof(struct task_slot) <= RUN_TASK_SIZE, "the room is too small for the task");

#endif
