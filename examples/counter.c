/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counter.c - how many system calls each user made since it began, told every two seconds and at
 * the end: attaches counter.bpf.c by libbpf, and knows nothing of Skep.
 *
 *	skep run -- counter OBJECT [-i SECONDS] CMD [ARGS]
 */
#include "cmd.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pwd.h>

/* Each user's, and the sum of them. */
static unsigned long print(int fd)
{
	unsigned int uid, *before = NULL;
	unsigned long n, sum = 0;

	printf("%10s  %-16s %12s\n", "UID", "USER", "SYSCALLS");
	while (!bpf_map_get_next_key(fd, before, &uid)) {
		const struct passwd *user = getpwuid(uid);

		before = &uid;
		if (bpf_map_lookup_elem(fd, &uid, &n))
			continue;
		printf("%10u  %-16s %12lu\n", uid, user ? user->pw_name : "-", n);
		sum += n;
	}
	fflush(stdout);
	return sum;
}

int main(int argc, char **argv)
{
	const bool timed = argc > 3 && !strcmp(argv[2], "-i");
	const double seconds = timed ? atof(argv[3]) : 2;
	const int first = timed ? 4 : 2;
	struct bpf_object *obj;
	struct cmd cmd;
	int fd;

	if (argc <= first || argv[first][0] == '-' || seconds < 0.001 || seconds > 1e6)
		return usage(argv, "counter OBJECT [-i SECONDS] CMD [ARGS]");
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj) ||
	    !bpf_program__attach(bpf_object__find_program_by_name(obj, "count")))
		return 1;
	fd = bpf_object__find_map_fd_by_name(obj, "calls");
	if (!cmd_start(&cmd, argv + first))
		return 1;
	while (!cmd_ended(&cmd, (int)(seconds * 1000)))
		print(fd);
	printf("total %lu\n", print(fd));
	return cmd_status(&cmd);
}
