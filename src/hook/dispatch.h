/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dispatch.h - inside the room: system calls of code that members make at run time, by Syscall User
 * Dispatch (agent/dispatch.c).
 *
 * The kernel does it for one stretch of addresses, which must have no text of a file and no stub,
 * as calls from there are told of already.  So it is the widest one between two of these, of those
 * with other code the one with most of it.  Linux can since 6.17, for tracers since 6.4.
 */
#ifndef SKEP_HOOK_DISPATCH_H
#define SKEP_HOOK_DISPATCH_H

#include "hook/process.h"

/* Is it code that is no file's text?  For who calls; hive's memory and stubs are left out. */
typedef bool (*is_code_fn)(const struct image *i, pid_t pid);

/** All its threads have it, as its memory is now; or have it no more, where there is no such code.
 */
void dispatch_put(struct still *s, is_code_fn is_code);
void dispatch_take(struct still *s);
/** Has a thread Syscall User Dispatch that is not ours? */
bool dispatch_is_theirs(const struct still *s, struct space *space);
/** Would that image be in the stretch? */
bool dispatch_covers(struct still *s, const struct image *i, is_code_fn is_code);

#endif
