/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reaper.h - what is done when a member dies: its runs are ended, and what they held comes back.
 */
#ifndef SKEP_SERVER_REAPER_H
#define SKEP_SERVER_REAPER_H

#include "hive/space.h"

#include <sys/types.h>

struct skep_kernel;

/** Starts the threads that watch the members of a hive's memory: 0 or -errno.  Once. */
int reaper_start(struct space *s, struct skep_kernel *k);
/** Does a process live that enrolled, also without ever speaking to the server? */
bool reaper_any_member(void);
/** The process begins anew (it called exec): what it was before is dead. */
void reaper_reborn(pid_t pid);

#endif
