/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * execsnoop.c - each program that is started while CMD runs, and each attempt to: attaches
 * execsnoop.bpf.c by libbpf, and knows nothing of Skep.
 *
 *	skep run -- execsnoop OBJECT CMD [ARGS]
 */
#include "cmd.h"
#include "execsnoop.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

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
	struct ring_buffer *ring;
	struct bpf_object *obj;
	struct cmd cmd;

	if (argc < 3 || argv[2][0] == '-')
		return usage(argv, "execsnoop OBJECT CMD [ARGS]");
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj) || !attach_all(obj))
		return 1;
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "events"), print, NULL, NULL);
	if (!ring)
		return 1;
	setlinebuf(stdout);
	printf("%-7s %-7s %-15s %4s %s\n", "PID", "PPID", "COMM", "RET", "ARGS");
	if (!cmd_start(&cmd, argv + 2))
		return 1;
	return cmd_watch(&cmd, ring);
}
