/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kept.c - a tool whose tracepoint's program keeps what it counts in an object, in several
 * processes at once, each of which makes so many calls: kept OBJECT CALLS PROCESSES
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	struct bpf_object *obj = argc > 3 ? bpf_object__open_file(argv[1], NULL) : NULL;
	unsigned long bss[3] = { 0 };
	int status, bad = 0;
	unsigned zero = 0;

	if (!obj || bpf_object__load(obj) ||
	    !bpf_program__attach(bpf_object__find_program_by_name(obj, "keep"))) {
		fprintf(stderr, "kept: %s\n", strerror(errno));
		return 1;
	}
	for (int i = 0; i < atoi(argv[3]); i++)
		if (fork() == 0) {
			for (int call = 0; call < atoi(argv[2]); call++)
				getpgid(call);
			_exit(0);
		}
	while (wait(&status) > 0)
		bad |= status;
	if (bpf_prog_test_run_opts(bpf_program__fd(bpf_object__find_program_by_name(obj, "end")),
				   &run) ||
	    bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(obj, ".bss"), &zero, bss))
		return 1;
	printf("calls %lu given %lu failed %lu left %u status %d\n", bss[0], bss[1], bss[2],
	       run.retval, bad);
	return 0;
}
