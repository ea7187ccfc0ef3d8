/* SPDX-License-Identifier: BSD-2-Clause */
/* opensnoop.h - what the programs of opensnoop tell the tool. */
#ifndef EXAMPLES_OPENSNOOP_H
#define EXAMPLES_OPENSNOOP_H

struct open_event {
	int pid;
	int ret; /* the descriptor, or -errno */
	char comm[16];
	char path[256]; /* as it was given; what is longer is cut */
};

#endif
