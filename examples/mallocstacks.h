/* SPDX-License-Identifier: BSD-2-Clause */
/* mallocstacks.h - what the program of mallocstacks keeps for the tool. */
#ifndef EXAMPLES_MALLOCSTACKS_H
#define EXAMPLES_MALLOCSTACKS_H

#define DEPTH 127 /* of a stack, at most */

struct place {
	int pid;
	int stack; /* its number in the map of stacks; below 0: why there is none */
};

struct sum {
	unsigned long bytes, calls;
};

#endif
