/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * members.h - inside the room: processes of the hive that never knocked, as children of fork() and
 * static programs do not.
 */
#ifndef SKEP_HOOK_MEMBERS_H
#define SKEP_HOOK_MEMBERS_H

#include "base/base.h"

#include <sys/types.h>

/**
 * Calls found(pid) for each process of this user that has the hive's folder in its environment
 * (SKEP_HIVE), or whose parent is known; in the order of /proc, so parents mostly come first.
 * Nothing where no process was made since the last look (/proc/loadavg's last number).
 */
void members_look(const char *hive, bool (*known)(pid_t pid), void (*found)(pid_t pid));

#endif
