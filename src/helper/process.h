/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.h - what helpers know of the process that they run in.  Whoever brings them there
 * defines it: start.c in programs with libc, agent/ in members of a hive.
 */
#ifndef SKEP_HELPER_PROCESS_H
#define SKEP_HELPER_PROCESS_H

#include "base/base.h"

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

#define OWN_TASKS 64

/* What a process remembers of itself, all zero at first: in memory that a fork empties. */
struct helper_process {
	_Atomic uint32_t tgid; /* getpid() */
	struct {
		_Atomic uint64_t identity; /* storage_task() of a thread, at [tid % OWN_TASKS] */
		_Atomic uint64_t since;	   /* CLOCK_MONOTONIC_COARSE, ns, when that was asked */
	} task[OWN_TASKS];
};
extern struct helper_process *helper_process; /* NULL: nothing is remembered */

/** clock_gettime of the vDSO at base (AT_SYSINFO_EHDR); NULL: it has none, or base is 0.  Hot. */
clock_fn vdso_clock_gettime(uintptr_t base);

#endif
