/* SPDX-License-Identifier: BSD-2-Clause */
/* execsnoop.h - what the programs of execsnoop tell the tool. */
#ifndef EXAMPLES_EXECSNOOP_H
#define EXAMPLES_EXECSNOOP_H

#define COMM	 16
#define ARGS_MAX 20  /* of a call that are shown */
#define ARG_SIZE 128 /* at most, of one */

struct exec_event {
	int pid, ppid, ret;
	unsigned n;	 /* strings in args: the file, then argv[1] and so on */
	unsigned size;	 /* their bytes, each with its 0 */
	unsigned more;	 /* there were others */
	char comm[COMM]; /* once the call was made */
	char args[ARGS_MAX * ARG_SIZE];
};

#endif
