/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exitsnoop.c - each process that ends while CMD runs, and how: attaches exitsnoop.bpf.c by libbpf,
 * and knows nothing of Skep.
 *
 *	skep run -- exitsnoop OBJECT CMD [ARGS]
 */
#include "cmd.h"
#include "exitsnoop.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

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
	struct ring_buffer *ring;
	struct bpf_object *obj;
	struct cmd cmd;
	int status;

	if (argc < 3 || argv[2][0] == '-')
		return usage(argv, "exitsnoop OBJECT CMD [ARGS]");
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj) || !attach_all(obj))
		return 1;
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "events"), print, NULL, NULL);
	if (!ring)
		return 1;
	setlinebuf(stdout);
	printf("%-7s %-7s %-15s %8s %s\n", "PID", "PPID", "COMM", "AGE(s)", "EXIT");
	if (!cmd_start(&cmd, argv + 2))
		return 1;
	status = cmd_watch(&cmd, ring);
	while (ring_buffer__poll(ring, QUIET_MS) > 0)
		;
	return status;
}
