/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hook_int.h - inside the room: what hooks and those who come to them share.
 */
#ifndef SKEP_HOOK_HOOK_INT_H
#define SKEP_HOOK_HOOK_INT_H

#include "hook/hook.h"
#include "hook/landmark.h"
#include "hook/members.h"

#include <pthread.h>

struct hooks {
	pthread_mutex_t lock; /* of all of it */
	struct space *space;
	struct skep_kernel *k;
	struct spots spots;
	struct landmarks landmarks;
	struct members members;
	void (*reborn)(pid_t pid);
	bool over; /* nothing is attached any more */
};
extern struct hooks h;

/* All of these with the lock. */

/** Is anything attached? */
bool hooks_any(void);
/** The jumps of all attachments, into a process that stands still. */
void hooks_put_in(struct still *s);
/** Once it goes on: trace_pipe says how many of them are not there, if they are more by now. */
void hooks_tell_left(const struct still *s);
/** The same of one that runs; what cannot be probed there goes on unprobed. */
int hooks_put(struct process *p, struct skep_diag *diag);
/** Takes them all out again, of one that stands still. */
void hooks_take_out(struct still *s);
/** Whoever was taken in is left. */
void hooks_leave(void);

/** Once: from then on members that load libraries or become other programs are seen. */
void hooks_look_start(void);

#endif
