/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * permit.h - may a process be stopped and changed by us, and if not, what is in the way, and the
 * way round it.
 *
 * What can be known before is asked first, as stopping a process that cannot be taken in disturbs
 * it for nothing, and a seccomp filter of its own may end it.  What only the kernel knows,
 * ptrace(2) says, and permit_refused() finds out why.
 */
#ifndef SKEP_INJECT_PERMIT_H
#define SKEP_INJECT_PERMIT_H

#include "base/diag.h"

#include <sys/types.h>

/* What is to be known of a process, and of the one that asks. */
struct permit_facts {
	pid_t pid;
	pid_t leader;		  /* whose thread it is: pid, where it is a process */
	pid_t parent;		  /* 0: none */
	pid_t tracer;		  /* 0: none */
	uint32_t uid[3];	  /* real, effective, saved */
	uint64_t caps;		  /* permitted ones */
	uint32_t seccomp;	  /* 0; 1: strict; 2: filters... */
	uint32_t filters;	  /* ...that many, 0 where the kernel does not tell */
	uint64_t pid_ns, user_ns; /* inodes, 0: not shown */
	bool dead;		  /* it ended, and waits for its parent */
	bool kernel;		  /* a thread of the kernel's */
	bool narrow;		  /* it runs a 32-bit program */
	bool hidden;		  /* not dumpable: its files in /proc are root's */
};

/* The machine's rule for who may trace whom (kernel.yama.ptrace_scope). */
enum permit_yama { YAMA_NONE = -1, YAMA_ALL, YAMA_PARENTS, YAMA_CAPABLE, YAMA_NOBODY };

/** Reads them: 0 or -ESRCH. */
int permit_facts(pid_t pid, struct permit_facts *ret);
int permit_yama(void);

#define PERMIT_FILTERED 1u /* also who has seccomp filters that we do not have */

/**
 * What the facts say of `them` for `us`.
 *
 * @return 0; -ESRCH: it ended; -EINVAL: a thread, or us; -EPERM: another user's, or namespace's;
 *	-EBUSY: it is traced; -EOPNOTSUPP: no 64-bit process; -EACCES: its seccomp filters
 */
int permit_judge(const struct permit_facts *them, const struct permit_facts *us, unsigned flags,
		 struct skep_diag *reterr_diag);
/** Why ptrace(2) said `err` nevertheless, with that rule of Yama's; err. */
int permit_refusal(const struct permit_facts *them, const struct permit_facts *us, int yama,
		   bool traces_children, int err, struct skep_diag *reterr_diag);

/** permit_judge() of a process for this one. */
int permit_look(pid_t pid, unsigned flags, struct skep_diag *reterr_diag);
/** Does the kernel let us read the filters of others?  It asks for CAP_SYS_ADMIN, and no filter. */
bool permit_reads_filters(void);
/**
 * The same of its seccomp filters alone, which may end it for a system call of ours: -EACCES.
 *
 * @param known  so many of them are known to let ours pass
 */
int permit_calls(pid_t pid, uint32_t known, struct skep_diag *reterr_diag);
/** permit_refusal() of it: -EPERM is explained, other errors are only said. */
int permit_refused(pid_t pid, int err, struct skep_diag *reterr_diag);

/** Traces a child that it makes for that: 0, or what ptrace(2) says. */
int permit_trace_child(void);

#endif
