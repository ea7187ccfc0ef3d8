/* SPDX-License-Identifier: BSD-2-Clause */
/* trace.c - `skep trace-pipe`: lines of bpf_trace_printk(), as they come. */
#include <stdlib.h>
#include <unistd.h>

#include "bpf/entry.h"
#include "cli/commands.h"
#include "hive/place.h"
#include "hive/proto.h"

static const char path[] = "/sys/kernel/tracing/trace_pipe";

/* The hive's, a descriptor to read from; -errno. */
static int open_pipe(const char *dir)
{
	_cleanup_(close_fd_p) int sock = hive_connect(dir);
	struct hive_packet *p = sock < 0 ? NULL : malloc(sizeof(*p));
	int fd = -1, r;

	if (!p)
		return sock < 0 ? sock : -ENOMEM;
	hive_begin(p, HIVE_ENTER);
	p->msg.nr = ENTRY_FILE;
	p->msg.fd = -1;
	p->msg.pos = -EBADF;
	p->msg.len = sizeof(path) - 1;
	memcpy(p->data, path, sizeof(path) - 1);
	r = hive_send(sock, p, -1);
	r = r ? r : hive_recv(sock, p, &fd);
	if (!r && p->msg.op != HIVE_DONE)
		r = -EPROTO;
	if (!r && fd < 0)
		r = (int)p->msg.arg[0];
	free(p);
	if (r)
		close_fd_p(&fd);
	return r ? r : fd;
}

static int copy(struct cli *c, int from)
{
	char line[4096];
	ssize_t n;

	while ((n = read(from, line, sizeof(line))) > 0)
		if (fwrite(line, 1, (size_t)n, stdout) != (size_t)n || fflush(stdout))
			return cli_fail(c, "cannot write: %s", strerror(errno));
	return n < 0 ? cli_fail(c, "cannot read: %s", strerror(errno)) : CLI_OK;
}

static int trace_pipe(struct cli *c, const void *conf, struct words *w)
{
	const char *name = w->n ? words_take(c, w, "") : NULL, *dir = getenv("SKEP_HIVE");
	_cleanup_(close_fd_p) int fd = -1;
	char found[PATH_MAX];
	int r = words_end(c, w);

	if (r)
		return r;
	if (name)
		dir = hive_find(name, found) ? NULL : found;
	else if (!dir || !*dir)
		return cli_usage(c,
				 "which hive? skep trace-pipe NAME (skep hive list), or without a "
				 "name in one");
	fd = dir ? open_pipe(dir) : -ENOENT;
	return fd < 0 ? cli_fail(c, "hive %s: %s (skep hive list)", name ? name : dir,
				 strerror(-fd))
		      : copy(c, fd);
}

const struct cmd trace_pipe_cmd = {
	.name = "trace-pipe",
	.args = "[NAME]",
	.help = "lines that programs of a hive write by bpf_printk, as they come, until it ends",
	.run = trace_pipe,
};
