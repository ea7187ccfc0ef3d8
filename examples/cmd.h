/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd.h - the CMD that an example looks at: it is started when the programs are attached, and the
 * example ends when it ends, with its exit status.
 */
#ifndef EXAMPLES_CMD_H
#define EXAMPLES_CMD_H

#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct cmd {
	pid_t pid;
	int pidfd;
};

/* Says how a tool is used: asked for, or because it was used in another way. */
static inline int usage(char *const argv[], const char *text)
{
	const bool asked = argv[1] && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));

	fprintf(asked ? stdout : stderr, "usage: %s\n", text);
	return asked ? 0 : 2;
}

/* Starts argv[0].  A ^C is for CMD: the tool has yet to say what it saw. */
static inline bool cmd_start(struct cmd *c, char *const argv[])
{
	fflush(NULL);
	c->pid = fork();
	if (c->pid == 0) {
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	c->pidfd = c->pid < 0 ? -1 : pidfd_open(c->pid, 0);
	signal(SIGINT, SIG_IGN);
	return c->pidfd >= 0;
}

/* Whether CMD ended within that many milliseconds; -1: however long it takes. */
static inline bool cmd_ended(const struct cmd *c, int ms)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* Its exit status, as a shell has it. */
static inline int cmd_status(const struct cmd *c)
{
	int status;

	if (waitpid(c->pid, &status, 0) != c->pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Attaches each program to what its section says. */
static inline bool attach_all(struct bpf_object *obj)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj)
	{
		if (!bpf_program__attach(prog))
			return false;
	}
	return true;
}

/* Takes what programs tell by a ring until CMD has ended; its exit status. */
static inline int cmd_watch(const struct cmd *c, struct ring_buffer *ring)
{
	while (!cmd_ended(c, 0))
		ring_buffer__poll(ring, 50);
	ring_buffer__consume(ring);
	return cmd_status(c);
}

/*
 * The whole of a tool that prints what its programs tell while CMD runs: NAME OBJECT CMD [ARGS].
 * Whoever is told of things late takes them until nothing has come for quiet_ms.
 */
static inline int snoop(int argc, char **argv, const char *use, const char *head,
			ring_buffer_sample_fn print, int quiet_ms)
{
	struct ring_buffer *ring;
	struct bpf_object *obj;
	struct cmd cmd;
	int status;

	if (argc < 3 || argv[2][0] == '-')
		return usage(argv, use);
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj) || !attach_all(obj))
		return 1;
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "events"), print, NULL, NULL);
	if (!ring)
		return 1;
	setlinebuf(stdout);
	puts(head);
	if (!cmd_start(&cmd, argv + 2))
		return 1;
	status = cmd_watch(&cmd, ring);
	while (quiet_ms && ring_buffer__poll(ring, quiet_ms) > 0)
		;
	return status;
}

#endif
