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

/** Somebody rang (map/bell.c): it may be a member that loaded libraries, and waits.  Quick. */
void hook_rang(void);

#endif
