/* SPDX-License-Identifier: BSD-2-Clause */
/* exitsnoop.h - what the program of exitsnoop tells the tool. */
#ifndef EXAMPLES_EXITSNOOP_H
#define EXAMPLES_EXITSNOOP_H

#define COMM 16

struct exit_event {
	int pid, ppid;
	int code;	       /* as wait(2) has it */
	unsigned long long ns; /* that it lived; 0: not known */
	char comm[COMM];
};

#endif
