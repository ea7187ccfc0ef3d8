/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exitsnoop.c - each process that ends while CMD runs, and how: attaches exitsnoop.bpf.c by libbpf,
 * and knows nothing of Skep.
 *
 *	skep run -- exitsnoop OBJECT CMD [ARGS]
 */
#include "cmd.h"
#include "exitsnoop.h"

#define QUIET_MS 300 /* of who was killed nobody tells at once */

static int print(void *ctx, void *data, size_t size)
{
	const struct exit_event *e = data;
	const int sig = e->code & 0x7f;

	(void)ctx;
	(void)size;
	printf("%-7d %-7d %-15s %8.2f ", e->pid, e->ppid, e->comm, (double)e->ns / 1e9);
	if (sig)
		printf("signal %d%s\n", sig, e->code & 0x80 ? ", core dumped" : "");
	else
		printf("%d\n", e->code >> 8);
	return 0;
}

int main(int argc, char **argv)
{
	return snoop(argc, argv, "exitsnoop OBJECT CMD [ARGS]",
		     "PID     PPID    COMM              AGE(s) EXIT", print, QUIET_MS);
}
