/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opensnoop.c - each file that is opened while CMD runs, and each attempt to: attaches
 * opensnoop.bpf.c by libbpf, and knows nothing of Skep.
 *
 *	skep run -- opensnoop OBJECT CMD [ARGS]
 */
#include "cmd.h"
#include "opensnoop.h"

static int print(void *ctx, void *data, size_t size)
{
	const struct open_event *e = data;
	const int fd = e->ret < 0 ? -1 : e->ret, err = e->ret < 0 ? -e->ret : 0;

	(void)ctx;
	(void)size;
	printf("%-7d %-15s %4d %4d %s\n", e->pid, e->comm, fd, err, e->path);
	return 0;
}

int main(int argc, char **argv)
{
	return snoop(argc, argv, "opensnoop OBJECT CMD [ARGS]",
		     "PID     COMM              FD  ERR PATH", print, 0);
}
