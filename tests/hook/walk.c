/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walk.c - prints the stacks of a program that it starts: walk OBJECT PROBES CMD [ARGS]
 *
 * PROBES, with commas between: FUNCTION, which is given the number of a stack; NUMBER:FUNCTION and
 * NUMBER:FUNCTION+BYTES; ret:NUMBER:FUNCTION; call:NAME, a system call.  Functions are CMD's.
 *
 *	stack NUMBER PID ADDRESS...
 *	named NUMBER PID BUILD_ID:OFFSET...	by bpf_get_stack(), and by the map of stacks
 */
#include "walk.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bpf_object *obj;

static int attach_function(const char *path, char *what)
{
	const int ret = !strncmp(what, "ret:", 4);
	char *number = what + ret * 4, *name = strchr(number, ':'), *plus;
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = ret);
	const char *prog = ret ? "back" : name ? "told" : "given";

	opts.func_name = name ? name + 1 : number;
	opts.bpf_cookie = name ? strtoul(number, NULL, 10) : 0;
	plus = strchr(opts.func_name, '+');
	if (plus)
		*plus = '\0';
	return !bpf_program__attach_uprobe_opts(bpf_object__find_program_by_name(obj, prog), -1,
						path, plus ? strtoul(plus + 1, NULL, 10) : 0,
						&opts);
}

static int attach(const char *path, char *what)
{
	char event[128];

	if (strncmp(what, "call:", 5) != 0)
		return attach_function(path, what);
	snprintf(event, sizeof(event), "sys_enter_%s", what + 5);
	return !bpf_program__attach_tracepoint(bpf_object__find_program_by_name(obj, "call"),
					       "syscalls", event);
}

static void print_ids(const struct walk *w, const struct bpf_stack_build_id *id, int n)
{
	printf("named %u %u", w->tag, w->pid);
	for (int i = 0; i < n && id[i].status; i++) {
		if (id[i].status != BPF_STACK_BUILD_ID_VALID) {
			printf(" ip:%llx", id[i].ip);
			continue;
		}
		putchar(' ');
		for (unsigned b = 0; b < sizeof(id[i].build_id); b++)
			printf("%02x", id[i].build_id[b]);
		printf(":%llx", id[i].offset);
	}
	putchar('\n');
}

static int print(void *arg, void *data, size_t size)
{
	const struct walk *w = data;
	struct bpf_stack_build_id ids[WALK_IDS] = { 0 };
	const __u32 key = (__u32)w->stack;

	printf("stack %u %u", w->tag, w->pid);
	for (int i = 0; i < w->nr / (int)sizeof(w->ip[0]); i++)
		printf(" %llx", w->ip[i]);
	putchar('\n');
	if (w->tag != WALK_BY_ID)
		return 0;
	print_ids(w, w->id, w->nr_ids / (int)sizeof(w->id[0]));
	if (w->stack >= 0 && !bpf_map_lookup_elem(*(int *)arg, &key, ids))
		print_ids(w, ids, WALK_IDS);
	return 0;
}

int main(int argc, char **argv)
{
	struct ring_buffer *ring;
	int stacks, status = 0, ended;
	char *rest, *what;
	pid_t pid;

	if (argc < 4)
		return 2;
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj))
		return 1;
	stacks = bpf_object__find_map_fd_by_name(obj, "by_id");
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "events"), print, &stacks,
				NULL);
	for (rest = argv[2]; ring && (what = strsep(&rest, ","));)
		if (attach(argv[3], what)) {
			fprintf(stderr, "%s: %s\n", what, strerror(errno));
			return 1;
		}
	fflush(stdout);
	pid = ring ? fork() : -1;
	if (!pid) {
		execv(argv[3], argv + 3);
		_exit(127);
	}
	if (pid < 0)
		return 1;
	do {
		ended = waitpid(pid, &status, WNOHANG) == pid;
		ring_buffer__poll(ring, 20);
	} while (!ended);
	ring_buffer__consume(ring);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
