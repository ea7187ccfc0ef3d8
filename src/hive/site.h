/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * site.h - probed instructions as the agent sees them: in meta, one for each place in a file,
 * whichever processes have that file mapped.
 *
 * Jumps to a site are in the text of processes, and are copied by fork(): so a site stays as long
 * as the hive, and what may go is who runs there.
 */
#ifndef SKEP_HIVE_SITE_H
#define SKEP_HIVE_SITE_H

#include "base/base.h"

#include <stdatomic.h>

struct skep_prog;

#define HIVE_ALL    UINT32_C(0) /* of hive_probe.pid: every process */
#define HIVE_NOBODY UINT32_MAX	/* ... none any more */

/* What a program is handed. */
enum hive_ctx {
	HIVE_REGS,   /* struct pt_regs of the probed instruction, or of the system call */
	HIVE_RAW,    /* a raw tracepoint's arguments: those registers; the number, or the result */
	HIVE_RECORD, /* a tracepoint's record (model/event.h) */
	HIVE_CALL,   /* registers of Linux's function __x64_sys_NAME(struct pt_regs *) */
	HIVE_FUNC,   /* ...its arguments, and behind them what it returned: fentry, fexit */
	HIVE_MODIFY, /* the same; what the program returns, if not 0, the function does: fmod_ret */
	_HIVE_CTX,
};

/* Where the function is, so where a walk over the stack finds who called it. */
enum hive_frame {
	HIVE_INSIDE, /* anywhere: by its frame pointer */
	HIVE_BEGINS, /* at its first instruction: the return address is at the stack pointer */
	HIVE_LEAVES, /* at a return: there too, and for programs it has returned */
};

struct hive_probe {
	const struct skep_prog *prog;
	uint64_t cookie;      /* bpf_get_attach_cookie() */
	uint64_t func;	      /* bpf_get_func_ip(), as an offset in the site's file; else 0 */
	_Atomic uint32_t pid; /* only in that process */
	uint16_t ctx;	      /* enum hive_ctx */
	uint16_t frame;	      /* enum hive_frame */
};

/* Who runs then, in the order in which they came; replaced as a whole. */
struct hive_probes {
	uint32_t n;
	uint32_t ctxs; /* bit i: one of them is handed HIVE_... i; at system calls */
	struct hive_probe probe[];
};

/* When programs run. */
enum hive_when {
	HIVE_HERE,    /* as the instruction is reached */
	HIVE_RETURNS, /* it begins a function: as that returns, by the return address */
	_HIVE_WHEN,
};

/* What a process does that comes there, whoever runs programs. */
#define HIVE_LOADS   1u /* it has mapped libraries: the server looks before it goes on */
#define HIVE_UNWINDS 2u /* it reads the return addresses of its frames */

struct hive_site {
	_Atomic(const struct hive_probes *) probes[_HIVE_WHEN]; /* NULL: nobody */
	uint64_t at;		/* its offset in the file; of an event 0 */
	_Atomic uint32_t means; /* HIVE_*, for the agent itself */
};

/* Events of processes (model/processes.def, helper/event.h). */
enum hive_event {
	HIVE_FORK,
	HIVE_EXEC,
	HIVE_EXIT_TASK,
	HIVE_NEWTASK,
	HIVE_RENAME,
	HIVE_SIGNAL,
	_HIVE_EVENTS,
};

struct hive_events {
	_Atomic uint32_t on; /* bit i: somebody runs at event i */
	uint32_t pad;
	struct hive_site site[_HIVE_EVENTS]; /* programs are at HIVE_HERE */
};
/* Somebody wants to know which tasks there are. */
#define HIVE_TASKS_ON (1u << HIVE_FORK | 1u << HIVE_NEWTASK | 1u << HIVE_EXIT_TASK)

/* Of struct hive_task's state: bits. */
#define HIVE_TASK_MET	1u  /* its parent knows that it is here, or it was there before */
#define HIVE_TASK_GONE	2u  /* its end was told; it is forgotten once it is met */
#define HIVE_TASK_KNOWN 4u  /* the server has looked at it */
#define HIVE_TASK_TOLD	8u  /* programs have run at its birth: its parent, and it, wait for that */
#define HIVE_TASK_NEW	16u /* those at task_newtask have */
#define HIVE_TASK_CODE	32u /* its process ends by exit_group(2): how is known */

/*
 * A task of a member, from before anything of it is seen until its end is: the value of
 * hive_meta.tasks, by thread id.
 */
struct hive_task {
	_Atomic uint32_t state; /* HIVE_TASK_*, a futex */
	uint32_t tgid, ppid;
	uint32_t uid, gid;
	uint32_t since_ms; /* the server has found it gone; 0: not yet */
	int32_t code;	   /* with HIVE_TASK_CODE, as wait(2) has it */
	uint32_t by;	   /* the thread that made it; 0: it was there before */
	uint64_t flags;	   /* CLONE_*, as task_newtask has them */
	uint64_t identity; /* to local storage; 0: not known */
	char comm[16];
};

#define HIVE_SYSCALLS 512	 /* rows; numbers from there on are the last one's */
#define HIVE_ANY      UINT64_MAX /* cookie of a stub whose system call is what %rax says */

/* When programs run at system calls. */
enum hive_side { HIVE_ENTER, HIVE_EXIT, _HIVE_SIDES };

/* Who runs at system calls, by number; lists may be several rows'. */
struct hive_syscalls {
	_Atomic(const struct hive_probes *) probes[_HIVE_SIDES][HIVE_SYSCALLS + 1];
};

#endif
