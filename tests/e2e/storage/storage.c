/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs storage.bpf.c from several threads and processes, and does the same by descriptors: whatever
 * kernel is below, the text is to be the same.  An ordinary user of libbpf.
 *
 * usage: storage OBJECT
 */
#include "tests/e2e/notes.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIDFD_THREAD_ O_EXCL /* older headers lack it */

static int pidfd(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static void *in_thread(void *arg)
{
	run("count");
	run("count");
	run("drop");
	return arg;
}

/* What one owner has, by its descriptor: all that bpf(2) does. */
static void by_fd(const char *map, int fd)
{
	const int m = map_fd(map);
	__u64 v = 5, got = 0;

	printf("%s: delete %d", map, bpf_map_delete_elem(m, &fd));
	printf(", lookup %d", bpf_map_lookup_elem(m, &fd, &got));
	printf(", exist %d", bpf_map_update_elem(m, &fd, &v, BPF_EXIST));
	printf(", update %d", bpf_map_update_elem(m, &fd, &v, BPF_NOEXIST));
	v++;
	printf(", again %d", bpf_map_update_elem(m, &fd, &v, BPF_NOEXIST));
	printf(", any %d", bpf_map_update_elem(m, &fd, &v, BPF_ANY));
	printf(", flags %d", bpf_map_update_elem(m, &fd, &v, 8));
	printf(", lock %d", bpf_map_update_elem(m, &fd, &v, BPF_F_LOCK));
	printf(", lookup %d", bpf_map_lookup_elem(m, &fd, &got));
	printf(" = %llu", (unsigned long long)got);
	printf(", next %d", bpf_map_get_next_key(m, NULL, &fd));
	printf(", take %d", bpf_map_lookup_and_delete_elem(m, &fd, &got));
	printf(", delete %d", bpf_map_delete_elem(m, &fd));
	printf(", lookup %d\n", bpf_map_lookup_elem(m, &fd, &got));
}

static void wrong_fds(int null, int sock)
{
	static const char *const maps[] = { "words", "cgroups", "sockets", "inodes" };

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		by_fd(maps[i], -1);
		by_fd(maps[i], 9999);
		if (strcmp(maps[i], "inodes"))
			by_fd(maps[i], null);
		if (strcmp(maps[i], "inodes") && strcmp(maps[i], "sockets"))
			by_fd(maps[i], sock);
	}
}

/* A child's storage, as its parent sees it, and after it. */
static void child(void)
{
	int ready[2], go[2], fd, err;
	__u64 v = 0;
	char c;
	pid_t pid;

	if (pipe(ready) || pipe(go))
		abort();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		run("zero");
		run("zero");
		fflush(stdout);
		c = (char)write(ready[1], "", 1);
		c = (char)read(go[0], &c, 1);
		_exit(0);
	}
	if (read(ready[0], &c, 1) != 1)
		abort();
	fd = pidfd(pid, 0);
	err = bpf_map_lookup_elem(map_fd("words"), &fd, &v);
	printf("child: %d %llu\n", err, (unsigned long long)v);
	v = 1000;
	printf("given: %d\n", bpf_map_update_elem(map_fd("words"), &fd, &v, BPF_EXIST));
	if (write(go[1], "", 1) != 1 || waitpid(pid, NULL, 0) != pid)
		abort();
	printf("gone: %d", bpf_map_lookup_elem(map_fd("words"), &fd, &v));
	printf(" %d", bpf_map_update_elem(map_fd("words"), &fd, &v, 0));
	printf(" %d\n", bpf_map_delete_elem(map_fd("words"), &fd));
}

static void cgroups(void)
{
	int fd = open("/sys/fs/cgroup/unified", O_RDONLY | O_DIRECTORY), file;

	if (fd < 0)
		fd = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
	file = openat(fd, "cgroup.procs", O_RDONLY);
	by_fd("cgroups", fd);
	by_fd("cgroups", file);
}

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDWR), sock = socket(AF_INET, SOCK_DGRAM, 0), self;
	pthread_t t;

	if (!load_notes(argc, argv))
		return 1;
	run("count");
	run("count");
	if (pthread_create(&t, NULL, in_thread, NULL) || pthread_join(t, NULL))
		abort();
	run("count");
	run("zero");
	run("zero");
	run("drop");
	run("zero");
	self = pidfd(getpid(), 0);
	by_fd("words", self);
	by_fd("words", pidfd(getpid(), PIDFD_THREAD_));
	run("zero");
	by_fd("sockets", sock);
	by_fd("sockets", dup(sock));
	by_fd("inodes", null);
	cgroups();
	wrong_fds(null, sock);
	child();
	bpf_object__close(obj);
	return 0;
}
