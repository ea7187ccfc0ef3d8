/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps whose values are descriptors of the machine's: the caller's, wherever the kernel is, and no
 * longer than they are open.  Whatever kernel is below, the text is to be the same.
 *
 * usage: sockets
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the map says of a descriptor, before and after it is closed. */
static void tell(const char *what, enum bpf_map_type type, __u32 value_size, int fd)
{
	const int map = bpf_map_create(type, NULL, 4, value_size, 4, NULL);
	const __u64 value = (__u32)fd, none = 9999;
	const __u32 key = 1;
	__u64 cookie = 0, got = 0;
	socklen_t len = sizeof(cookie);

	if (map < 0) {
		fprintf(stderr, "%s: no such maps: %d\n", what, map);
		exit(1);
	}
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	printf("%s: %d", what, bpf_map_update_elem(map, &key, &value, BPF_ANY));
	printf(", none %d", bpf_map_update_elem(map, &key, &none, BPF_ANY));
	printf(", there %d", bpf_map_lookup_elem(map, &key, &got));
	printf(" %d", value_size == 8 && got == cookie);
	close(fd);
	printf(", closed %d", bpf_map_lookup_elem(map, &key, &got));
	printf(", deleted %d\n", bpf_map_delete_elem(map, &key));
	close(map);
}

static int pair(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		abort();
	return fd[0];
}

static int cgroup(void)
{
	int fd = open("/sys/fs/cgroup/unified", O_RDONLY | O_DIRECTORY);

	return fd < 0 ? open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY) : fd;
}

int main(void)
{
	tell("sockmap", BPF_MAP_TYPE_SOCKMAP, 8, pair());
	tell("sockmap of numbers", BPF_MAP_TYPE_SOCKMAP, 4, pair());
	tell("sockhash", BPF_MAP_TYPE_SOCKHASH, 8, pair());
	tell("no socket", BPF_MAP_TYPE_SOCKHASH, 8, open("/dev/null", O_RDONLY));
	tell("cgroup", BPF_MAP_TYPE_CGROUP_ARRAY, 4, cgroup());
	tell("no cgroup", BPF_MAP_TYPE_CGROUP_ARRAY, 4, pair());
	return 0;
}
