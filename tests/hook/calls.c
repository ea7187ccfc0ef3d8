/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c - counts all system calls of a program and of those it starts, by calls.bpf.c, and ends
 * as the program does.
 *
 *	calls OBJECT FILE CMD...	into FILE: "PID NR ENTERED LEFT" for each process and
 * number, "lost N", "missed N"
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What calls.bpf.c has beside its map. */
struct state {
	__u32 tool, first;
	__u64 begun, lost;
};

static int fail(const char *what)
{
	fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
	return 99;
}

/* The program begins when a byte comes: its number is known by then. */
static pid_t start(char **argv, int *ret_fd)
{
	int pipes[2];
	char c;
	pid_t pid;

	if (pipe(pipes))
		return -1;
	pid = fork();
	if (!pid) {
		close(pipes[1]);
		if (read(pipes[0], &c, 1) == 1) {
			close(pipes[0]);
			execvp(argv[0], argv);
		}
		_exit(127);
	}
	close(pipes[0]);
	*ret_fd = pipes[1];
	return pid;
}

static unsigned long long missed(struct bpf_object *obj)
{
	unsigned long long n = 0;
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj)
	{
		struct bpf_prog_info info = { 0 };
		__u32 size = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &size))
			n += info.recursion_misses;
	}
	return n;
}

static void print(FILE *f, struct bpf_object *obj, const struct state *state)
{
	const int fd = bpf_object__find_map_fd_by_name(obj, "counts");
	__u64 key, next, v[2];
	const __u64 *at = NULL;

	while (!bpf_map_get_next_key(fd, at, &next)) {
		if (!bpf_map_lookup_elem(fd, &next, v))
			fprintf(f, "%llu %d %llu %llu\n", next >> 32, (int)next, v[0], v[1]);
		key = next;
		at = &key;
	}
	fprintf(f, "lost %llu\nmissed %llu\n", state->lost, missed(obj));
}

int main(int argc, char **argv)
{
	struct bpf_object *obj = argc > 3 ? bpf_object__open(argv[1]) : NULL;
	struct bpf_program *p;
	struct state state = { .tool = (__u32)getpid() };
	int fd = -1, st, vars;
	__u32 zero = 0;
	FILE *f;

	if (!obj || bpf_object__load(obj))
		return fail("load");
	bpf_object__for_each_program(p, obj) if (!bpf_program__attach(p)) return fail("attach");
	vars = bpf_object__find_map_fd_by_name(obj, ".bss");
	state.first = (__u32)start(argv + 3, &fd);
	if (bpf_map_update_elem(vars, &zero, &state, 0) || write(fd, "", 1) != 1 ||
	    waitpid((pid_t)state.first, &st, 0) < 0 || bpf_map_lookup_elem(vars, &zero, &state))
		return fail(argv[3]);
	f = fopen(argv[2], "w");
	if (!f)
		return fail(argv[2]);
	print(f, obj, &state);
	fclose(f);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}
