/* SPDX-License-Identifier: BSD-2-Clause */
/* events.h - what events.bpf.c tells events.c of an event of processes. */
#ifndef TESTS_HOOK_EVENTS_H
#define TESTS_HOOK_EVENTS_H

enum { FORK, EXEC, EXIT, NEWTASK, RENAME, SIGNAL, KINDS };

struct told {
	unsigned kind, raw; /* raw: by the raw tracepoint */
	/* Who runs: by helpers, and by bpf_get_current_task(). */
	unsigned tgid, tid, uid, task_tgid, task_tid, ppid, age_ms;
	int exit_code;
	unsigned long long cookie;
	char comm[16];
	/* What the event says, in the order of its record; raw: of its arguments. */
	long n[6];
	char a[16], b[16];
	char path[128];
};

#endif
