/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * events.c - prints the events of processes of a program and of those that it starts, by
 * events.bpf.c, and ends as the program does.
 *
 *	events OBJECT FILE KINDS CMD...	into FILE, a line for each; KINDS: programs to attach whose
 *					names contain one of these words, with commas between
 *
 * Waits until nothing was told for QUIET_MS: of who was killed the hive tells in its own time.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events.h"

#define QUIET_MS 1000

struct state {
	unsigned tool, pad;
	unsigned long long lost;
};

static FILE *out;

static int fail(const char *what)
{
	fprintf(stderr, "events: %s: %s\n", what, strerror(errno));
	return 99;
}

static int print(void *arg, void *data, size_t size)
{
	static const char *const kinds[] = {
		"fork", "exec", "exit", "newtask", "rename", "signal"
	};
	const struct told *t = data;

	fprintf(out,
		"%s raw=%u by=%u/%u task=%u/%u uid=%u ppid=%u age=%d code=%d cookie=%llu comm=%.16s"
		" n=%ld,%ld,%ld,%ld,%ld,%ld a=%.16s b=%.16s path=%s\n",
		kinds[t->kind], t->raw, t->tgid, t->tid, t->task_tgid, t->task_tid, t->uid, t->ppid,
		(int)t->age_ms, t->exit_code, t->cookie, t->comm, t->n[0], t->n[1], t->n[2],
		t->n[3], t->n[4], t->n[5], t->a, t->b, t->path);
	return 0;
}

static int is_wanted(const char *name, const char *words)
{
	char copy[256], *save, *word;

	snprintf(copy, sizeof(copy), "%s", words);
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (strstr(name, word))
			return 1;
	return 0;
}

static int attach(struct bpf_object *obj, const char *words)
{
	LIBBPF_OPTS(bpf_tracepoint_opts, opts, .bpf_cookie = 77);
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj)
	{
		char section[128], *group, *name;
		struct bpf_link *link;

		if (!is_wanted(bpf_program__name(p), words))
			continue;
		snprintf(section, sizeof(section), "%s", bpf_program__section_name(p));
		group = strchr(section, '/') + 1;
		name = strchr(group, '/');
		if (name)
			*name++ = '\0';
		link = name ? bpf_program__attach_tracepoint_opts(p, group, name, &opts)
			    : bpf_program__attach(p);
		if (!link)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *obj = argc > 4 ? bpf_object__open(argv[1]) : NULL;
	struct state state = { .tool = (unsigned)getpid() };
	struct ring_buffer *ring;
	__u32 zero = 0;
	pid_t pid;
	int st, vars;

	if (!obj || bpf_object__load(obj))
		return fail("load");
	vars = bpf_object__find_map_fd_by_name(obj, ".bss");
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "told"), print, NULL, NULL);
	if (!ring || bpf_map_update_elem(vars, &zero, &state, 0) || attach(obj, argv[3]))
		return fail("attach");
	out = fopen(argv[2], "w");
	pid = fork();
	if (!pid) {
		execvp(argv[4], argv + 4);
		_exit(127);
	}
	if (!out || waitpid(pid, &st, 0) != pid)
		return fail(argv[4]);
	while (ring_buffer__poll(ring, QUIET_MS) > 0)
		;
	bpf_map_lookup_elem(vars, &zero, &state);
	fprintf(out, "first %d lost %llu\n", pid, state.lost);
	fclose(out);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}
