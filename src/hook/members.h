/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * members.h - inside the room: the processes that hooks know, those that never knocked included, as
 * children of fork() do not.
 */
#ifndef SKEP_HOOK_MEMBERS_H
#define SKEP_HOOK_MEMBERS_H

#include "hook/process.h"

struct members {
	const char *hive; /* its folder, borrowed */
	struct space *space;
	struct process *first;
	long last; /* process id that the system had given last, when we looked */
};

/** The process of that id; NULL: it is not known. */
struct process *members_find(const struct members *m, pid_t pid);
/** The same, known from now on; NULL where there is none, or memory is out. */
struct process *members_of(struct members *m, pid_t pid);
/** The same, known from now on if members_look() would find it. */
struct process *members_know(struct members *m, pid_t pid);
/** Forgets it, and frees it. */
void members_drop(struct members *m, struct process *p);
/**
 * Forgets those that have ended, and finds each process of this user that has the hive's folder in
 * its environment (SKEP_HIVE) or the hive's memory, or whose parent is known; in the order of
 * /proc, so parents mostly come first.  Looks through /proc only where a process was made since the
 * last time.
 */
void members_look(struct members *m);

#endif
