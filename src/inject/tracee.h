/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracee.h - a process that stands still for a moment.
 *
 * tracee_still() stops every thread by ptrace(2), and lets go of them as they were found: system
 * calls that were under way go on, signals that came meanwhile are delivered.  ptrace(2) knows
 * threads, not processes: all of one struct tracee is for the thread that stopped it.  When that
 * thread ends, the kernel lets go of whatever is still held.
 *
 * In between the process can be read and written, and made to do something: a system call
 * (tracee_syscall), a call of a function that it has (tracee_call), or several of both at once
 * (tracee_run).  They borrow the first thread, with its signals blocked, and give it back.
 */
#ifndef SKEP_INJECT_TRACEE_H
#define SKEP_INJECT_TRACEE_H

#include "base/diag.h"
#include "base/vec.h"

#include <sys/types.h>
#include <sys/user.h>

struct tracee_thread {
	pid_t tid;		      /* it */
	bool stopped;		      /* it stands still, and regs is valid */
	bool waits;		      /* it did for something when it was told to stop */
	int held;		      /* a signal that came while it was borrowed, or 0 */
	struct user_regs_struct regs; /* as they are; tracee_set() writes them */
};

struct tracee {
	pid_t pid;		/* the process */
	int mem;		/* /proc/PID/mem */
	unsigned int ms;	/* what it may take to stop, and each call, in milliseconds */
	uint64_t syscall, trap; /* addresses of `syscall` and of int3 in its text; 0: not sought */
	uint64_t desk;	/* where TRACEE_DESK bytes are tracee_run()'s, made by the first; 0: nowhere
			 */
	uint64_t stack; /* top of a stack for tracee_call(); 0: the thread's own */
	bool catches;	/* who faults in a call has a handler for it in the process */
	/* ns, CLOCK_MONOTONIC: when the first thread was told to stop, the last was let go of */
	uint64_t began, went;
	struct memory *held;	   /* see tracee_hold(); NULL: nothing is */
	VEC(struct tracee_thread); /* all its threads; the first one is borrowed */
};

typedef int (*tracee_fn)(struct tracee *t, void *arg);

/**
 * Calls fn(t, arg), in a thread of its own, while all threads of pid stand still, for which they
 * have `ms` milliseconds.  They go on all at once.
 *
 * @return what fn does; or without a call -EPERM: ptrace is forbidden, or another tracer is there;
 *	-ESRCH: it is gone; -ETIMEDOUT: a thread does not stop, as one in vfork(2) does not;
 *	-EOPNOTSUPP: it is no 64-bit process; -ENOMEM, -EAGAIN: no thread is to be had
 */
int tracee_still(struct tracee *t, pid_t pid, unsigned int ms, tracee_fn fn, void *arg,
		 struct skep_diag *reterr_diag);

/**
 * The stop alone, by the calling thread, which has to let go, one thread after the other: 0 or the
 * errors of tracee_still().  On failure the process goes on; a thread that did not stop in time is
 * let go of when the calling thread ends.
 */
int tracee_stop(struct tracee *t, pid_t pid, unsigned int ms, struct skep_diag *reterr_diag);
/**
 * The same for a process that the calling thread has seized already, and whose only thread stands
 * at PTRACE_EVENT_EXEC: on success it stands before its first instruction.
 */
int tracee_adopt(struct tracee *t, pid_t pid, unsigned int ms, struct skep_diag *reterr_diag);
/** Lets all threads go on.  Once for each of these two that succeeded. */
void tracee_go(struct tracee *t);

/** The thread holds back none of the signals of the mask any more: 0 or -ESRCH. */
int tracee_unblock(const struct tracee_thread *th, uint64_t mask);

/** Writes th->regs; 0 or -ESRCH. */
int tracee_set(struct tracee *t, struct tracee_thread *th);

/** Memory, text too, whatever its protection; 0, or -EFAULT where not all of it is there. */
int tracee_read(const struct tracee *t, uint64_t at, void *to, size_t n);
int tracee_write(const struct tracee *t, uint64_t at, const void *from, size_t n);

/**
 * From now on what is read is read by whole pages, and once, and what is written is written at the
 * end: for who does much of both.  tracee_release() writes, as does whatever makes the process go
 * on; 0, or -EFAULT: not all of it could be.
 */
void tracee_hold(struct tracee *t);
int tracee_release(struct tracee *t);

/**
 * The process makes system call nr: what it returns in *ret, -errno as the kernel says it.
 *
 * @return 0; -ESRCH: it died; -EFAULT: a signal came instead (Syscall User Dispatch); -ETIMEDOUT:
 *	it did not return, and was taken out of it; -ENOENT: no `syscall` in its text
 */
int tracee_syscall(struct tracee *t, long nr, const uint64_t args[6], int64_t *ret,
		   struct skep_diag *reterr_diag);

/**
 * The process calls fn(a, b), on its own stack below the red zone unless t->stack says where: what
 * it returns in *ret.  All registers, vector ones too, are afterwards what they were.  A function
 * that sleeps spoils what a timed wait that was interrupted needs to go on; in a process that
 * ignores SIGTRAP the signal is afterwards as it is by default.
 *
 * @return the errors of tracee_syscall(); -EFAULT also where fn faults; -EOPNOTSUPP: it has shadow
 *	stacks
 */
int tracee_call(struct tracee *t, uint64_t fn, uint64_t a, uint64_t b, uint64_t *ret,
		struct skep_diag *reterr_diag);

/* One thing of several that a process does in a row. */
struct tracee_op {
	uint64_t what;	  /* number of a system call; or a function's address, for `calls` */
	uint64_t args[6]; /* a function has two */
	bool calls;
	uint8_t take[2]; /* 1 + the index of an earlier one whose result is args[0], args[4]; or 0
			  */
	int64_t ret;	 /* what it returned */
};
#define TRACEE_OPS 24

/**
 * The process does all of ops, whatever becomes of each, and goes on for one moment only where
 * tracee_syscall() and tracee_call() take one or more for each.
 *
 * @param data  bytes that it can read meanwhile, at t->desk + TRACEE_DATA
 * @return the errors of tracee_call(); -E2BIG
 */
int tracee_run(struct tracee *t, struct tracee_op *ops, size_t n, const void *data, size_t size,
	       struct skep_diag *reterr_diag);
#define TRACEE_DESK 8192u
#define TRACEE_DATA 4096u /* of it, to the end */

/** Does the CPU check where its functions return to?  Then nobody may push return addresses. */
bool tracee_has_shadow_stack(const struct tracee *t);

#endif
