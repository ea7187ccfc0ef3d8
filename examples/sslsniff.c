/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sslsniff.c - what CMD, and all others, send and receive by OpenSSL, in plain text: attaches
 * sslsniff.bpf.c to its library by libbpf, and knows nothing of Skep.
 *
 *	skep run -- sslsniff OBJECT LIBSSL CMD [ARGS]
 */
#include "cmd.h"
#include "sslsniff.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>

static const struct {
	const char *prog, *function;
	bool ret;
} probes[] = {
	{ "write_enter", "SSL_write", false },	   { "write_ex_enter", "SSL_write_ex", false },
	{ "read_enter", "SSL_read", false },	   { "read_leave", "SSL_read", true },
	{ "read_ex_enter", "SSL_read_ex", false }, { "read_leave", "SSL_read_ex", true },
};

static bool attach(struct bpf_object *obj, const char *library)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = probes[i].ret,
			    .func_name = probes[i].function);

		if (!bpf_program__attach_uprobe_opts(
			    bpf_object__find_program_by_name(obj, probes[i].prog), -1, library, 0,
			    &opts)) {
			fprintf(stderr, "sslsniff: %s of %s: %s\n", probes[i].function, library,
				strerror(errno));
			return false;
		}
	}
	return true;
}

static int print(void *ctx, void *data, size_t size)
{
	const struct ssl_event *e = data;
	const unsigned long shown = e->n < DATA_MAX ? e->n : DATA_MAX;

	(void)ctx;
	(void)size;
	printf("--- %d %s %s %lu bytes\n", e->pid, e->comm, e->sent ? "sends" : "receives", e->n);
	for (unsigned long i = 0; i < shown; i++) {
		const unsigned char c = (unsigned char)e->data[i];

		if (c != '\r')
			putchar(isprint(c) || isspace(c) ? c : '.');
	}
	if (shown < e->n)
		printf("\n... and %lu more", e->n - shown);
	putchar('\n');
	return 0;
}

int main(int argc, char **argv)
{
	struct ring_buffer *ring;
	struct bpf_object *obj;
	struct cmd cmd;

	if (argc < 4 || argv[3][0] == '-')
		return usage(argv, "sslsniff OBJECT LIBSSL CMD [ARGS]");
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj) || !attach(obj, argv[2]))
		return 1;
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "events"), print, NULL, NULL);
	if (!ring)
		return 1;
	setlinebuf(stdout);
	if (!cmd_start(&cmd, argv + 3))
		return 1;
	return cmd_watch(&cmd, ring);
}
