/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * execsnoop.c - each program that is started while CMD runs, and each attempt to: attaches
 * execsnoop.bpf.c by libbpf, and knows nothing of Skep.
 *
 *	skep run -- execsnoop OBJECT CMD [ARGS]
 */
#include "cmd.h"
#include "execsnoop.h"

static int print(void *ctx, void *data, size_t size)
{
	const struct exec_event *e = data;
	const char *arg = e->args;

	(void)ctx;
	(void)size;
	printf("%-7d %-7d %-15s %4d", e->pid, e->ppid, e->comm, e->ret);
	for (unsigned i = 0; i < e->n; i++, arg += strlen(arg) + 1)
		printf(" %s", arg);
	puts(e->more ? " ..." : "");
	return 0;
}

int main(int argc, char **argv)
{
	return snoop(argc, argv, "execsnoop OBJECT CMD [ARGS]",
		     "PID     PPID    COMM             RET ARGS", print, 0);
}
