/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls_ctx.c - attaches all of calls_ctx.bpf.c, makes one system call by its wrapper and one by
 * syscall(3), and prints what each program saw; then what must not be attached.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const names[] = { "record", "record_exit", "all",  "all_exit",
				     "raw",    "raw_exit",    "call", "call_exit" };
#define ROWS (sizeof(names) / sizeof(names[0]))

static void print(struct bpf_object *obj, const char *when)
{
	const int fd = bpf_object__find_map_fd_by_name(obj, "rows");

	for (unsigned i = 0; i < ROWS; i++) {
		unsigned long v[9] = { 0 };

		bpf_map_lookup_elem(fd, &i, v);
		printf("%s %s times %lu nr %lu args %lu %lu %lu %lu ret %ld stack %lu\n", when,
		       names[i], v[0], v[1], v[2], v[3], v[4], v[5], (long)v[7], v[8]);
	}
}

static struct bpf_object *load(const char *path, int wide)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *p;

	if (!obj)
		return NULL;
	bpf_object__for_each_program(p, obj) bpf_program__set_autoload(
		p, (strcmp(bpf_program__name(p), "too_wide") == 0) == wide);
	return bpf_object__load(obj) ? NULL : obj;
}

static void try_what_is_not(const char *path)
{
	struct bpf_object *obj = load(path, 1);
	struct bpf_program *p = obj ? bpf_object__find_program_by_name(obj, "too_wide") : NULL;

	if (!p)
		return;
	printf("wide %s\n", bpf_program__attach(p) ? "attached" : strerror(errno));
	errno = 0;
	printf("other %s\n", bpf_program__attach_tracepoint(p, "sched", "sched_switch")
				     ? "attached"
				     : strerror(errno));
}

int main(int argc, char **argv)
{
	struct bpf_object *obj = argc > 1 ? load(argv[1], 0) : NULL;
	struct bpf_link *links[ROWS];
	struct bpf_program *p;
	unsigned n = 0;

	if (!obj)
		return 1;
	bpf_object__for_each_program(p, obj)
	{
		if (!strcmp(bpf_program__name(p), "too_wide"))
			continue;
		links[n] = bpf_program__attach(p);
		if (!links[n++]) {
			fprintf(stderr, "%s: %s\n", bpf_program__name(p), strerror(errno));
			return 1;
		}
	}
	posix_fadvise(1111, 222, 333, 4);
	print(obj, "wrapper");
	syscall(SYS_fadvise64, 5555, 666, 777, 5);
	print(obj, "syscall");
	while (n)
		bpf_link__destroy(links[--n]);
	posix_fadvise(1, 2, 3, 4);
	print(obj, "detached");
	try_what_is_not(argv[1]);
	return 0;
}
