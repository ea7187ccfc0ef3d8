/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.c - a tracing tool as libbpf's users write them: attaches probe.bpf.c's programs to the
 * function `work` of a program that it then starts, or that runs already, and prints what it saw.
 *
 *	tool OBJECT TARGET CALLS HOW	starts it
 *	tool OBJECT TARGET -p PID	attaches, says so, and waits for a byte on stdin; -1: to all
 *	tool OBJECT TARGET churn SECONDS
 *					attaches to all, detaches 50 ms later, and again
 *
 * A fifth argument lists the programs to attach instead, with "ret:" before one at returns, and
 * "drop" where the first of them is detached again, "@FUNCTION" behind one that is for another
 * function, or "@FUNCTION+BYTES", "@FUNCTION=FILE" where that is in another file,
 * "call:PROGRAM@EVENT" for one of raw_syscalls, "body:PROGRAM@NAME" for a system call's function,
 * and "usdt" for `hit` at the static probe skep:hit.
 */
#include "rounds.h"
#include "sums.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct event {
	unsigned long cookie, ip, sp;
	unsigned pid;
	char comm[16];
};

static struct bpf_object *obj;
static struct bpf_link *first;
static unsigned told;

static int attach(const char *name, int ret, int pid, const char *path, unsigned long cookie)
{
	char prog[256] = "", *function = NULL, *file = NULL, *bytes = NULL;
	struct bpf_program *p;
	struct bpf_link *l;

	snprintf(prog, sizeof(prog), "%s", name);
	function = strchr(prog, '@');
	file = function ? strchr(function, '=') : NULL;
	if (file)
		*file++ = '\0';
	if (function)
		*function++ = '\0';
	bytes = function ? strchr(function, '+') : NULL;
	if (bytes)
		*bytes++ = '\0';
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = ret,
		    .func_name = function ? function : "work", .bpf_cookie = cookie);
	p = bpf_object__find_program_by_name(obj, prog);
	l = bpf_program__attach_uprobe_opts(p, pid, file ? file : path,
					    bytes ? strtoul(bytes, NULL, 0) : 0, &opts);

	first = first ? first : l;
	if (!l)
		fprintf(stderr, "%s: %s\n", name, strerror(errno));
	return l ? 0 : 1;
}

static int attach_usdt(int pid, const char *path)
{
	LIBBPF_OPTS(bpf_usdt_opts, opts, .usdt_cookie = 5);
	struct bpf_program *p = bpf_object__find_program_by_name(obj, "hit");

	return !bpf_program__attach_usdt(p, pid, path, "skep", "hit", &opts);
}

/* call:PROGRAM@NAME, of raw_syscalls. */
static int attach_call(char *name)
{
	char *event = strchr(name, '@');
	struct bpf_program *p;

	if (!event)
		return 1;
	*event++ = '\0';
	p = bpf_object__find_program_by_name(obj, name);
	return !bpf_program__attach_tracepoint(p, "raw_syscalls", event);
}

/* body:PROGRAM@NAME, of a system call's function. */
static int attach_body(char *name)
{
	char *call = strchr(name, '@');
	struct bpf_program *p;

	if (!call)
		return 1;
	*call++ = '\0';
	p = bpf_object__find_program_by_name(obj, name);
	return !bpf_program__attach_ksyscall(p, call, NULL);
}

static int attach_one(char *name, int pid, const char *path)
{
	const int ret = !strncmp(name, "ret:", 4);

	if (!strncmp(name, "body:", 5))
		return attach_body(name + 5);

	if (!strncmp(name, "call:", 5))
		return attach_call(name + 5);

	if (!strcmp(name, "drop"))
		return bpf_link__destroy(first);
	if (!strcmp(name, "usdt"))
		return attach_usdt(pid, path);
	return attach(name + ret * 4, ret, pid, path, 0);
}

static int attach_all(int pid, const char *path, const char *only)
{
	char list[512] = "", *rest = list, *name;
	int err = 0;

	if (only) {
		snprintf(list, sizeof(list), "%s", only);
		while (!err && (name = strsep(&rest, ",")))
			err = attach_one(name, pid, path);
		return err;
	}
	return attach("enter", 0, pid, path, 0) || attach("leave", 1, pid, path, 0) ||
	       attach("tell", 0, pid, path, 77);
}

#define BUSY_CALLS   1000 /* of a round of `target busy`, as it is started... */
#define BUSY_THREADS 4	  /* ...by so many, each of which may be in the middle of one */

/*
 * Of what was called between two moments, are all counted that have to be, and no others?  Rounds
 * that began before the first moment may have been seen in part.
 */
static int is_complete(long seen, long surely, long at_most)
{
	if (seen >= (surely - BUSY_THREADS) * BUSY_CALLS &&
	    seen <= (at_most + 2 * BUSY_THREADS) * BUSY_CALLS)
		return 1;
	printf("lost: saw %ld calls where there were %ld to %ld rounds\n", seen, surely, at_most);
	return 0;
}

/* The entry first, and it goes last. */
static int churn(const char *path, int seconds)
{
	const time_t end = time(NULL) + seconds;
	_Atomic long *done = rounds_of(), none = 0;
	long before, attached, detaching, seen, checked = 0;
	struct bpf_link *entry;
	int rounds = 0;

	done = done ? done : &none;

	for (; time(NULL) < end; rounds++) {
		first = NULL;
		before = *done;
		seen = sum_of(obj, 0);
		if (attach("enter", 0, -1, path, 0))
			return 1;
		attached = *done;
		entry = first;
		first = NULL;
		if (attach("leave", 1, -1, path, 0))
			return 1;
		usleep(50000);
		if (bpf_link__destroy(first))
			return 1;
		detaching = *done;
		if (bpf_link__destroy(entry))
			return 1;
		seen = sum_of(obj, 0) - seen;
		if (done != &none && !is_complete(seen, detaching - attached, *done - before))
			return 1;
		checked += detaching - attached;
	}
	printf("checked %ld\n", checked);
	printf("rounds %d calls %ld returns %ld\n", rounds, sum_of(obj, 0), sum_of(obj, 2));
	return 0;
}

static int on_event(void *arg, void *data, size_t size)
{
	const struct event *e = data;

	told += size == sizeof(*e) && e->cookie == 77 && !strcmp(e->comm, "target") && e->ip &&
		e->sp && e->pid;
	return 0;
}

int main(int argc, char **argv)
{
	const int running = argc > 4 && !strcmp(argv[3], "-p");
	const int pid = running ? atoi(argv[4]) : -1;
	struct ring_buffer *rb;
	int status = 0;
	char c;

	obj = argc > 4 ? bpf_object__open_file(argv[1], NULL) : NULL;
	if (!obj || bpf_object__load(obj))
		return 1;
	if (!strcmp(argv[3], "churn"))
		return churn(argv[2], atoi(argv[4]));
	if (attach_all(pid, argv[2], argv[5]))
		return 1;
	rb = ring_buffer__new(bpf_map__fd(bpf_object__find_map_by_name(obj, "events")), on_event,
			      NULL, NULL);
	if (running) {
		printf("attached\n");
		fflush(stdout);
		if (read(0, &c, 1) != 1)
			return 1;
	} else if (fork() == 0) {
		execl(argv[2], "target", argv[3], argv[4], NULL);
		_exit(127);
	} else {
		wait(&status);
	}
	ring_buffer__consume(rb);
	printf("calls %ld sum %ld returns %ld sum %ld told %s status %d\n", sum_of(obj, 0),
	       sum_of(obj, 1), sum_of(obj, 2), sum_of(obj, 3), told ? "yes" : "no", status);
	return 0;
}
