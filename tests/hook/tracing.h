/* SPDX-License-Identifier: BSD-2-Clause */
/* tracing.h - what tracing.bpf.c tells of what the process did. */
#ifndef SKEP_TESTS_TRACING_H
#define SKEP_TESTS_TRACING_H

/* What the process does that is to be seen: getpriority(WHICH, who). */
#define WHICH	 77	/* of no meaning to Linux: -EINVAL */
#define REPLACED 424242 /* `who` whose call fmod_ret answers... */
#define ANSWER	 17	/* ...with that */
#define COOKIE	 0x5eed

enum what {
	TP_ENTER,
	TP_EXIT,
	FENTRY,
	FEXIT,
	FMOD_RET,
	TP_FORK,
	TP_EXEC,
	TP_TASK_EXIT,
	TP_RENAME,
	TP_SIGNAL,
	_WHATS,
};

struct told {
	enum what what;
	int pid; /* of whom */
	long a, b, c;
	char text[64];
};

#endif
