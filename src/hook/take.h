/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * take.h - inside the room: processes that run without us come into the hive, and leave it with
 * nothing left behind.
 */
#ifndef SKEP_HOOK_TAKE_H
#define SKEP_HOOK_TAKE_H

#include "hook/process.h"

/** Has the process whose memory that descriptor is the hive's? */
bool memory_is_ours(int mem, struct space *space);
/** The same of a process. */
bool process_is_ours(const struct process *p, struct space *space);

/**
 * May the process be taken in, as far as that can be told?  The errors of permit_judge(), and
 * -EEXIST: it is in another hive, that lives.
 */
int take_look(pid_t pid, struct space *space, const char *dir, unsigned flags,
	      struct skep_diag *reterr_diag);

/** Is one of its threads in the agent or a run, or in the handler of a signal that came there? */
bool still_is_inside(const struct still *s, struct space *space);

/**
 * Takes the hive's memory and the stubs away again, when no jump leads there any more: 0; -EAGAIN:
 * a thread is in a handler, and has to go on first; or the errors of tracee_syscall().
 */
int still_leave(struct still *s, struct space *space);

#endif
