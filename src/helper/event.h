/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.h - events of processes: what programs at them are handed, and how they are run.
 *
 * Records are Linux 6.12's (include/trace/events/{sched,task,signal}.h); model/event.c says so to
 * tools, tests/unit/model holds the two together.  Programs may not look at their first 8 bytes,
 * which are zero.
 *
 * A run is of the task that the event is of, or on its behalf (run->as).
 */
#ifndef SKEP_HELPER_EVENT_H
#define SKEP_HELPER_EVENT_H

#include "helper/task.h"
#include "hive/site.h"

struct event_fork {
	uint64_t common;
	char parent_comm[16];
	int32_t parent_pid;
	char child_comm[16];
	int32_t child_pid;
};

struct event_exec {
	uint64_t common;
	uint32_t filename; /* __data_loc: its length << 16 | where it begins in the record */
	int32_t pid, old_pid;
	char data[];
};

struct event_exit {
	uint64_t common;
	char comm[16];
	int32_t pid;
	int32_t prio;
};

struct event_newtask {
	uint64_t common;
	int32_t pid;
	char comm[16];
	uint64_t clone_flags;
	int16_t oom_score_adj;
};

struct event_rename {
	uint64_t common;
	int32_t pid;
	char oldcomm[16];
	char newcomm[16];
	int16_t oom_score_adj;
};

struct event_signal {
	uint64_t common;
	int32_t sig;
	int32_t error; /* errno */
	int32_t code;  /* SI_* */
	char comm[16]; /* whom it is for, as is pid */
	int32_t pid;
	int32_t group;	/* 1: for the process; 0: for the thread */
	int32_t result; /* enum event_result */
};

/* What became of a signal: TRACE_SIGNAL_*. */
enum event_result { SIGNAL_DELIVERED, SIGNAL_IGNORED, SIGNAL_ALREADY_PENDING };

/* What raw tracepoints have pointers to, beside tasks: of the model's BTF. */
struct event_binprm {
	const char *filename;
};
struct event_siginfo {
	int32_t si_signo, si_errno, si_code;
};

#define EVENT_PATH_MAX 4096 /* bytes of exec's file name, with the 0 */

/* Each runs the programs of its site.  All hot. */
void event_fork(struct skep_run *run, const struct hive_site *at, const struct run_task *child);
void event_newtask(struct skep_run *run, const struct hive_site *at, const struct run_task *child,
		   uint64_t clone_flags);
void event_exec(struct skep_run *run, const struct hive_site *at, uint32_t old_pid,
		const char *filename);
void event_exit(struct skep_run *run, const struct hive_site *at, int32_t prio);
/**
 * Births that nobody has told of, by the row; then it has.  Somebody was killed who was about to,
 * or is slow.
 */
void event_late_birth(struct skep_run *run, const struct hive_events *e, struct hive_task *row,
		      uint32_t tid);
/** On behalf of a task that was killed, from a copy of its row; exit_code is what wait(2) says. */
void event_killed(struct skep_run *run, const struct hive_events *e, struct hive_task *row,
		  uint32_t tid, int32_t exit_code, int32_t prio);
void event_rename(struct skep_run *run, const struct hive_site *at, const char newcomm[16]);
/** What the record says of the signal and its target; tgid is the target's. */
void event_signal(struct skep_run *run, const struct hive_site *at, struct event_signal *record,
		  uint32_t tgid);

#endif
