/* SPDX-License-Identifier: BSD-2-Clause */
/* loader.h - inside the room: members that wait as they have loaded libraries (HIVE_LOADS). */
#ifndef SKEP_HOOK_LOADER_H
#define SKEP_HOOK_LOADER_H

#include "hive/space.h"

#include <sys/types.h>

/**
 * Starts a thread that calls look(pid) when a process waits (struct hive_data's `loads`), and lets
 * it go on then: once, for each server.  Without that thread processes wait for nothing, a second.
 */
void loader_start(struct space *space, void (*look)(pid_t pid));

#endif
