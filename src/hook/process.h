/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.h - inside the room: a member as hooks see it, with the agent in it.
 */
#ifndef SKEP_HOOK_PROCESS_H
#define SKEP_HOOK_PROCESS_H

#include "base/vec.h"
#include "hive/site.h"
#include "hive/space.h"
#include "inject/image.h"
#include "inject/patch.h"

/* A patched place of a process. */
struct place {
	uint64_t at;		/* address of the probed instruction */
	struct patch *patch;	/* NULL until it was patched */
	struct hive_site *site; /* in meta */
	struct {
		VEC(struct hive_probe);
	} probes; /* who runs there */
};

struct process {
	struct process *next;
	pid_t pid;
	bool joined; /* the agent is in it */
	struct patches patches;
	struct {
		VEC(struct place *);
	} places;
};

/** Stops the process and brings the agent in, if it has none yet: 0, or -errno and it goes on. */
int process_stop(struct process *p, struct space *s, struct tracee *t,
		 struct skep_diag *reterr_diag);
/** Forgets what was done to it: it is gone, or another program by now. */
void process_forget(struct process *p, struct space *s);

#endif
