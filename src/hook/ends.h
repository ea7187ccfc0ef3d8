/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ends.h - inside the room: the table of tasks (hive/site.h) from the server's side.  Whose end no
 * member told, neither itself nor who waited for it, is told of here, by programs that run in the
 * server on its behalf.
 *
 *	members: births, ends ──▶ table ◀── server: who was there before, who is gone (pidfds)
 */
#ifndef SKEP_HOOK_ENDS_H
#define SKEP_HOOK_ENDS_H

#include "core/core.h"
#include "hive/layout.h"

/** Once, before all others. */
void ends_start(struct space *space, struct skep_kernel *k);
/** Some event of tasks is looked at from now on: 0 or -errno.  May be called again. */
int ends_begin(void);
/** None is any more: the table is emptied. */
void ends_stop(void);
/** All threads of a process that stands still are in the table from now on. */
void ends_scan(pid_t pid);
/** The process has become another program, by a thread that had that number: others ended. */
void ends_exec(pid_t pid, pid_t tid);
/** Somebody rang: processes may have been born.  Quick. */
void ends_look(void);

#endif
