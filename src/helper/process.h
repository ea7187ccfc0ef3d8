/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.h - what helpers know of the process that they run in.  Whoever brings them there
 * defines it: start.c in programs with libc, agent/ in members of a hive.
 */
#ifndef SKEP_HELPER_PROCESS_H
#define SKEP_HELPER_PROCESS_H

#include "helper/files.h"
#include "helper/task.h"

#include <time.h>

typedef long (*clock_fn)(clockid_t clock, struct timespec *ts);

/** clock_gettime of the vDSO, or the system call; never NULL. */
extern clock_fn helper_clock_gettime;

struct skep_run;
/*
 * Copies n bytes, of which neither place need be there: 0, -EFAULT; -EAGAIN: somebody else has to,
 * this time.
 */
typedef long (*copy_fn)(struct skep_run *run, void *to, const void *from, size_t n);
/** Where the process has somebody who catches faults; else NULL. */
extern _Atomic(copy_fn) helper_copy;

#define OWN_TASKS	64
#define OWN_TASKS_FRESH 1000000000u /* ns: a thread id has not gone round in less */
#define OWN_TASKS_BUSY	UINT32_MAX  /* no thread's id */

#define OWN_WORDS	MAX(TASK_NS, 5)

/* What was asked of a thread. */
struct own_row {
	_Atomic uint32_t tid;		  /* whose; 0: nobody's; or OWN_TASKS_BUSY */
	_Atomic uint32_t word[OWN_WORDS]; /* the answer */
	_Atomic uint64_t since;		  /* CLOCK_MONOTONIC_COARSE, ns, when that was */
};

enum mm_is {
	MM_UNKNOWN,
	MM_WRITTEN, /* right now */
	MM_KNOWN,
};

/* The process's memory as programs see it, and all that it leads to. */
struct process_mm {
	struct skep_mm mm;
	struct open_file exe;
};

/* What a process remembers of itself, all zero at first: in memory that a fork empties. */
struct helper_process {
	_Atomic uint32_t tgid; /* getpid() */
	struct {
		_Atomic uint64_t identity; /* storage_task() of a thread, at [tid % OWN_TASKS] */
		_Atomic uint64_t since;	   /* CLOCK_MONOTONIC_COARSE, ns, when that was asked */
	} task[OWN_TASKS];
	struct own_row namespaces[OWN_TASKS]; /* what process_namespaces() says, */
	struct own_row cgroups[OWN_TASKS];    /* and what cgroup_own(): at [tid % OWN_TASKS] */
	_Atomic uint32_t mm_is;		      /* enum mm_is: */
	struct process_mm mm;		      /* written once */
};
extern struct helper_process *helper_process; /* NULL: nothing is remembered */

/** The n words of the row, which is `tid`'s; false: it is not, or they are too old.  Hot. */
bool own_recall(struct own_row *row, uint32_t tid, uint64_t now, uint32_t *word, int n);
/** From `now` on that is the answer.  Hot. */
void own_keep(struct own_row *row, uint32_t tid, uint64_t now, const uint32_t *word, int n);

/** The inodes of the namespaces of this thread, a second old at most; 0: not known.  Hot. */
void process_namespaces(uint32_t tid, uint32_t inum[TASK_NS]);
/** The process's memory, which the run may read; NULL: not known.  Hot. */
struct skep_mm *process_mm(struct skep_run *run);

/** clock_gettime of the vDSO at base (AT_SYSINFO_EHDR); NULL: it has none, or base is 0.  Hot. */
clock_fn vdso_clock_gettime(uintptr_t base);

#endif
