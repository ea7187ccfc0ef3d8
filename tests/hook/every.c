/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * every.c - probes many functions of a file, entry and return, and runs a program:
 *
 *	every OBJECT FILE OFFSETS PROGRAM ARGUMENTS...
 *	every --multi ...	by two links of BPF_TRACE_UPROBE_MULTI, whose cookies are line
 * numbers
 *
 * OFFSETS has one number a line, in hexadecimal.  Ends as the program does.
 */
#include "sums.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
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

	const int attached = bpf_program__attach_uprobe_opts(p, -1, path, off, &opts) != NULL;

	if (!attached)
		fprintf(stderr, "refused %lx\n", off);
	return attached;
}

#define MANY_MAX 4096

static uint64_t offsets[MANY_MAX], cookies[MANY_MAX];
static unsigned nr;

static int read_offsets(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[64];

	while (f && nr < MANY_MAX && fgets(line, sizeof(line), f)) {
		cookies[nr] = nr + 1;
		offsets[nr++] = strtoul(line, NULL, 16);
	}
	return f ? fclose(f) : 1;
}

/* LINK_CREATE as headers of Linux 6.6 and later have it. */
struct link_multi {
	uint32_t prog_fd, target_fd, attach_type, link_flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, flags, pid, pad;
};
#define UPROBE_MULTI 48

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int attach_multi(const char *name, const char *path, int ret)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);
	struct link_multi a = { .prog_fd = (uint32_t)bpf_program__fd(p),
				.attach_type = UPROBE_MULTI,
				.path = (uintptr_t)path,
				.offsets = (uintptr_t)offsets,
				.cookies = (uintptr_t)cookies,
				.cnt = nr,
				.flags = (uint32_t)ret };
	const long begin = now_us();
	const long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &a, sizeof(a));

	fprintf(stderr, "%s: %u in %ld us\n", name, nr, now_us() - begin);
	if (fd < 0)
		perror(name);
	return fd < 0 ? 0 : (int)nr;
}

int main(int argc, char **argv)
{
	const int multi = argc > 1 && !strcmp(argv[1], "--multi");
	int entries = 0, returns = 0, status = 0;
	struct bpf_program *p;

	argv += multi;
	argc -= multi;
	libbpf_set_print(quiet);
	obj = argc > 4 ? bpf_object__open_file(argv[1], NULL) : NULL;
	if (!obj || read_offsets(argv[3]))
		return 125;
	bpf_object__for_each_program(p, obj) if (multi)
		bpf_program__set_expected_attach_type(p, UPROBE_MULTI);
	if (bpf_object__load(obj))
		return 125;
	if (multi) {
		entries = attach_multi("bump", argv[2], 0);
		returns = attach_multi("leave", argv[2], 1);
	}
	for (unsigned i = 0; i < nr && !multi; i++) {
		entries += attach("bump", argv[2], offsets[i], 0);
		returns += attach("leave", argv[2], offsets[i], 1);
	}
	if (fork() == 0) {
		execvp(argv[4], argv + 4);
		_exit(127);
	}
	wait(&status);
	fprintf(stderr, "probed %d %d saw %ld %ld\n", entries, returns, sum_of(obj, 0),
		sum_of(obj, 2));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
