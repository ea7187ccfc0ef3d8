/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * funclatency.c - how long calls of a function take: attaches funclatency.bpf.c to it by libbpf,
 * and knows nothing of Skep.
 *
 *	skep run -- funclatency OBJECT FILE FUNCTION CMD [ARGS]	 while CMD runs
 *	skep run -- funclatency OBJECT FILE FUNCTION -p PID SECONDS
 */
#include "cmd.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define SLOTS	 64
#define CPUS_MAX 1024
#define WIDTH	 40 /* of the longest bar */

static struct bpf_link *attach(struct bpf_object *obj, const char *prog, bool ret, int pid,
			       char *const argv[])
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = ret, .func_name = argv[3]);
	struct bpf_link *l = bpf_program__attach_uprobe_opts(
		bpf_object__find_program_by_name(obj, prog), pid, argv[2], 0, &opts);

	if (!l)
		fprintf(stderr, "funclatency: %s of %s: %s\n", argv[3], argv[2], strerror(errno));
	return l;
}

/* Starts CMD and waits for it, or for the time to be over; its exit status. */
static int wait_for(char *const argv[], bool running)
{
	struct cmd cmd;

	if (running) {
		sleep((unsigned)atoi(argv[6]));
		return 0;
	}
	return cmd_start(&cmd, &argv[4]) ? cmd_status(&cmd) : 1;
}

static unsigned long slot(int fd, unsigned i)
{
	unsigned long v[CPUS_MAX], sum = 0;

	if (bpf_map_lookup_elem(fd, &i, v))
		return 0;
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += v[cpu];
	return sum;
}

static void print(int fd)
{
	unsigned long n[SLOTS], most = 0, all = 0;
	unsigned first = SLOTS, last = 0;

	for (unsigned i = 0; i < SLOTS; i++) {
		n[i] = slot(fd, i);
		all += n[i];
		most = n[i] > most ? n[i] : most;
		first = n[i] && first == SLOTS ? i : first;
		last = n[i] ? i : last;
	}
	printf("%23s : %-10s\n", "nanoseconds", "calls");
	for (unsigned i = first; i <= last && all; i++)
		printf("%10llu -> %-10llu: %-10lu|%-*.*s|\n", i ? 1ull << i : 0, (2ull << i) - 1,
		       n[i], WIDTH, (int)(n[i] * WIDTH / most),
		       "****************************************");
	printf("calls: %lu\n", all);
}

int main(int argc, char **argv)
{
	const bool running = argc == 7 && !strcmp(argv[4], "-p");
	struct bpf_object *obj;
	int pid = running ? atoi(argv[5]) : -1, status;

	if (argc < 5 || (!running && argv[4][0] == '-'))
		return usage(argv, "funclatency OBJECT FILE FUNCTION CMD... | -p PID SECONDS");
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj) || !attach(obj, "enter", false, pid, argv) ||
	    !attach(obj, "leave", true, pid, argv))
		return 1;
	status = wait_for(argv, running);
	print(bpf_object__find_map_fd_by_name(obj, "slots"));
	return status;
}
