/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * every.c - probes many functions of a file, entry and return, and runs a program:
 *
 *	every OBJECT FILE OFFSETS PROGRAM ARGUMENTS...
 *
 * OFFSETS has one number a line, in hexadecimal.  Ends as the program does.
 */
#include "sums.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bpf_object *obj;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int attach(const char *name, const char *path, unsigned long off, int ret)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = ret);
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);

	return bpf_program__attach_uprobe_opts(p, -1, path, off, &opts) != NULL;
}

int main(int argc, char **argv)
{
	int entries = 0, returns = 0, status = 0;
	char line[64];
	FILE *f;

	libbpf_set_print(quiet);
	obj = argc > 4 ? bpf_object__open_file(argv[1], NULL) : NULL;
	f = obj && !bpf_object__load(obj) ? fopen(argv[3], "r") : NULL;
	if (!f)
		return 125;
	while (fgets(line, sizeof(line), f)) {
		const unsigned long off = strtoul(line, NULL, 16);

		entries += attach("bump", argv[2], off, 0);
		returns += attach("leave", argv[2], off, 1);
	}
	fclose(f);
	if (fork() == 0) {
		execvp(argv[4], argv + 4);
		_exit(127);
	}
	wait(&status);
	fprintf(stderr, "probed %d %d saw %ld %ld\n", entries, returns, sum_of(obj, 0),
		sum_of(obj, 2));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
