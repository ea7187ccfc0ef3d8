/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guard.h - inside the room: processes whose faults are the agent's first (agent/fault.c), so that
 * programs read memory that may not be there without a system call, and an int3 is a probe.
 */
#ifndef SKEP_HOOK_GUARD_H
#define SKEP_HOOK_GUARD_H

#include "hook/process.h"

/** From now on, unless it is so already; not where the agent would not see its signals. */
void still_guard(struct still *s);
/** No longer: what the program wants of these signals is the kernel's to do again. */
void still_unguard(struct still *s);
/** An int3 at that address leads to `to` from now on: 0 or -ENOSPC. */
int still_trap(struct still *s, uint64_t at, uint64_t to);
/** Where one leads that the process has from whom it was forked from; 0: it has none. */
uint64_t still_trapped(const struct still *s, uint64_t at);

#endif
