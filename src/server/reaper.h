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
/** How many processes enrolled and live: also those that never spoke to the server. */
uint32_t reaper_members(void);
/** The process begins anew (it called exec): what it was before is dead. */
void reaper_reborn(pid_t pid);

#endif
