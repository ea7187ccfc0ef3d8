/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * follow.h - inside the room: members that become other programs are members from the first
 * instruction on, whatever they are linked with.
 *
 *	member: execve(2) ─▶ agent asks in the hive's data, rings, waits
 *	server: a thread seizes it, says so ──────────────────▶ the call is made
 *	        at PTRACE_EVENT_EXEC the agent comes in, and jumps are put; it goes on
 *
 * A program that would change its user is not followed: it would not, were it traced.
 */
#ifndef SKEP_HOOK_FOLLOW_H
#define SKEP_HOOK_FOLLOW_H

#include "agent/agent.h"
#include "hive/space.h"

#include <sys/types.h>

struct follow_ops {
	bool (*wants)(pid_t pid); /* is anything to be put into that process? */
	/* The calling thread has seized it; it stands at its exec, which is told of. */
	void (*arrived)(pid_t pid, const struct agent_exec *how);
	/* It is about to become a program with other rights, which nobody may follow. */
	void (*passed_by)(pid_t tid, const struct agent_exec *how);
};

/** Once, for each server; ops stay. */
void follow_start(struct space *space, const struct follow_ops *ops);
/** Somebody rang. */
void follow_look(void);

#endif
