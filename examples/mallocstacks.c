/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mallocstacks.c - the call stacks that ask malloc() for most: attaches mallocstacks.bpf.c to it
 * by libbpf, and knows nothing of Skep.
 *
 *	skep run -- mallocstacks OBJECT LIBC CMD [ARGS]		while CMD runs, of CMD itself
 *	skep run -- mallocstacks OBJECT LIBC -p PID SECONDS
 */
#include "cmd.h"
#include "mallocstacks.h"
#include "symbols.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define TOP 10 /* stacks that are shown */

struct row {
	int stack;
	struct sum sum;
};

static bool attach(struct bpf_object *obj, int pid, const char *libc)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = "malloc");

	if (bpf_program__attach_uprobe_opts(bpf_object__find_program_by_name(obj, "enter"), pid,
					    libc, 0, &opts))
		return true;
	fprintf(stderr, "mallocstacks: malloc of %s: %s\n", libc, strerror(errno));
	return false;
}

static int by_bytes(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->sum.bytes != y->sum.bytes ? (x->sum.bytes < y->sum.bytes ? 1 : -1) : 0;
}

static void print_stack(int fd, const struct row *row, const struct maps *maps)
{
	unsigned long ips[DEPTH] = { 0 };

	printf("%lu bytes in %lu calls\n", row->sum.bytes, row->sum.calls);
	if (row->stack < 0 || bpf_map_lookup_elem(fd, &row->stack, ips))
		printf("    no stack: %s\n", strerror(row->stack < 0 ? -row->stack : errno));
	for (unsigned i = 0; i < DEPTH && ips[i]; i++) {
		printf("    ");
		/* A return address may be the next function's. */
		symbol_print(maps, i ? ips[i] - 1 : ips[i]);
	}
}

static void print(struct bpf_object *obj, int pid, const struct maps *maps)
{
	static struct row rows[16384];
	const int sums = bpf_object__find_map_fd_by_name(obj, "sums"),
		  stacks = bpf_object__find_map_fd_by_name(obj, "stacks");
	struct place at, *before = NULL;
	unsigned long bytes = 0, calls = 0;
	size_t n = 0;

	for (; n < 16384 && !bpf_map_get_next_key(sums, before, &at); before = &at) {
		if (at.pid != pid || bpf_map_lookup_elem(sums, &at, &rows[n].sum))
			continue;
		bytes += rows[n].sum.bytes;
		calls += rows[n].sum.calls;
		rows[n++].stack = at.stack;
	}
	qsort(rows, n, sizeof(rows[0]), by_bytes);
	for (size_t i = 0; i < n && i < TOP; i++)
		print_stack(stacks, &rows[i], maps);
	printf("total: %lu bytes in %lu calls by %zu stacks\n", bytes, calls, n);
}

int main(int argc, char **argv)
{
	const bool running = argc == 6 && !strcmp(argv[3], "-p");
	static struct maps maps;
	struct bpf_object *obj;
	struct cmd cmd = { .pid = running ? atoi(argv[4]) : -1 };

	if (argc < 4 || (!running && argv[3][0] == '-'))
		return usage(argv, "mallocstacks OBJECT LIBC CMD... | -p PID SECONDS");
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj) || !attach(obj, cmd.pid, argv[2]))
		return 1;
	if (running) {
		maps_read(&maps, cmd.pid);
		sleep((unsigned)atoi(argv[5]));
		maps_read(&maps, cmd.pid);
		print(obj, cmd.pid, &maps);
		return 0;
	}
	if (!cmd_start(&cmd, argv + 3))
		return 1;
	do
		maps_read(&maps, cmd.pid);
	while (!cmd_ended(&cmd, 10));
	print(obj, cmd.pid, &maps);
	return cmd_status(&cmd);
}
