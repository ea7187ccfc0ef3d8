/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind.h - inside the room: what members need to walk stacks (hive/unwind.h), as long as a
 * program is attached that asks for some.  All with the lock of hooks.
 */
#ifndef SKEP_HOOK_UNWIND_H
#define SKEP_HOOK_UNWIND_H

#include "hook/process.h"

struct skep_prog;

/** Once. */
void unwind_start(struct space *space, struct vcpus *vcpus);
/** A program is attached, or is no longer: with the last one that walks stacks all tables go. */
void unwind_attached(const struct skep_prog *prog);
void unwind_detached(const struct skep_prog *prog);
/** Makes the tables of what the process has mapped by now, while it goes on. */
void unwind_prepare(const struct process *p);
/** Tells it where they are. */
void unwind_put(struct still *s);

#endif
