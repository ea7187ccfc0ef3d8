/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.h - inside the room: seccomp filters that members put before their own system calls, and
 * so before those that we have them make (agent/filter.c judges them).
 */
#ifndef SKEP_HOOK_FILTER_H
#define SKEP_HOOK_FILTER_H

#include "hook/process.h"

/** What its agent knows of them, zeroes where it has none; p->filters says how many let us. */
void filters_look(struct process *p, struct space *space, struct agent_filters *ret);
/** May we have it make system calls, as far as is known?  0, -EACCES, -ESRCH. */
int filters_permit(const struct process *p, struct skep_diag *reterr_diag);

/**
 * The same of one that runs without us: its filters are read, where the kernel lets us (who has
 * CAP_SYS_ADMIN, and no filter itself).  True: all that it has let us; *ret_known is how many these
 * are.
 */
bool filters_read(pid_t pid, uint32_t *ret_known);

#define FILTER_TEXT 128
/** Why it is not seen from here on, and its name. */
void filters_text(pid_t pid, const struct agent_filters *why, char text[FILTER_TEXT],
		  char comm[16]);

#endif
