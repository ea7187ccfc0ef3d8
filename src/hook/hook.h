/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hook.h - the door to hooks: what a hive's server does to members so that programs run in them.
 */
#ifndef SKEP_HOOK_HOOK_H
#define SKEP_HOOK_HOOK_H

#include "core/core.h"

/**
 * The hooks of a hive, whose text has the agent; its folder is borrowed.  Once, before anybody uses
 * the kernel.  reborn(pid) is called when the process has become another program, before it is
 * a member again.
 */
void hook_start(struct space *s, struct skep_kernel *k, const char *dir, void (*reborn)(pid_t pid));
/**
 * The process is a member, and waits for us: what is attached to all members is attached to it.
 * From the thread that answers it.
 */
void hook_member(pid_t pid);
/** Do we know that program already, as we came along when its process became it? */
bool hook_knows(pid_t pid);

/**
 * May one of its threads go on with a run that is under way there?  Not, only where all of them
 * were looked at.
 */
bool hook_may_run(pid_t pid);

/** Somebody rang (map/bell.c): it may be a member that loaded libraries, and waits.  Quick. */
void hook_rang(void);

/* What it was to take a process in. */
struct hook_taken {
	uint64_t stop_ns; /* how long it stood still at most */
	uint32_t threads; /* that it has */
	bool known;	  /* it was in the hive already */
};

/**
 * Takes a process in that runs: what is attached to all members is attached to it, and to the
 * children that it makes from now on.
 *
 * @param force  also one whose seccomp filters may end it
 * @return 0; the errors of permit_judge(); -EPERM: ptrace(2) is forbidden; -EEXIST: it is in
 * another hive; -ETIMEDOUT: it does not stand still
 */
int hook_take(pid_t pid, bool force, struct hook_taken *ret, struct skep_diag *reterr_diag);
/** Looks what became of those that were taken in; now and then. */
void hook_look(void);
/**
 * The hive ends: the text of all members is what it was, and in those that were taken in nothing is
 * left.
 */
void hook_stop(void);

#endif
