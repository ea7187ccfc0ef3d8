/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opensnoop.c - each file that is opened while CMD runs, and each attempt to: attaches
 * opensnoop.bpf.c by libbpf, and knows nothing of Skep.
 *
 *	skep run -- opensnoop OBJECT CMD [ARGS]
 */
#include "cmd.h"
#include "opensnoop.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

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
	struct ring_buffer *ring;
	struct bpf_object *obj;
	struct cmd cmd;

	if (argc < 3 || argv[2][0] == '-')
		return usage(argv, "opensnoop OBJECT CMD [ARGS]");
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj) || !attach_all(obj))
		return 1;
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "events"), print, NULL, NULL);
	if (!ring)
		return 1;
	setlinebuf(stdout);
	printf("%-7s %-15s %4s %4s %s\n", "PID", "COMM", "FD", "ERR", "PATH");
	if (!cmd_start(&cmd, argv + 2))
		return 1;
	return cmd_watch(&cmd, ring);
}
