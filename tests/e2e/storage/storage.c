/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs storage.bpf.c from several threads and processes, and does the same by descriptors: whatever
 * kernel is below, the text is to be the same.  An ordinary user of libbpf.
 *
 * usage: storage OBJECT
 */
#include "tests/e2e/notes.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

/* --- cgroups ---------------------------------------------------------------------------------- */

/* The machine's unified hierarchy. */
static const char *cgroup_root(void)
{
	static const char both[] = "/sys/fs/cgroup/unified";

	return access(both, F_OK) ? "/sys/fs/cgroup" : both;
}

static void know(int i, int fd)
{
	struct stat st = { 0 };

	fstat(fd, &st);
	variable("ids")[i] = st.st_ino;
	if (i < 2)
		bpf_map_update_elem(map_fd("places"), &i, &fd, 0);
}

static void run_in_cgroup(void)
{
	run("cgroup_is");
	run("cgroup_under");
	run("cgroup_above");
	run("cgroup_count");
	run("cgroup_count");
}

static bool enter(int cgroup)
{
	const int fd = openat(cgroup, "cgroup.procs", O_WRONLY);
	const bool done = fd >= 0 && write(fd, "0", 1) == 1;

	close(fd);
	return done;
}

/* As a child, whom two cgroups are made for, where that is permitted: outer/inner. */
static void below(int root)
{
	char outer[64], inner[80];
	int in = -1;
	__u64 v = 0;

	snprintf(outer, sizeof(outer), "skep-storage-%d", getpid());
	snprintf(inner, sizeof(inner), "%s/skep-inner", outer);
	fflush(stdout);
	if (mkdirat(root, outer, 0755))
		return;
	if (!mkdirat(root, inner, 0755) && !fork()) {
		in = openat(root, inner, O_RDONLY | O_DIRECTORY);
		know(1, openat(root, outer, O_RDONLY | O_DIRECTORY));
		know(2, in);
		if (!enter(in))
			_exit(0);
		run_in_cgroup();
		printf("ours: %d", bpf_map_lookup_elem(map_fd("cgroups"), &in, &v));
		printf(" %llu\n", (unsigned long long)v);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	in = openat(root, inner, O_RDONLY | O_DIRECTORY);
	unlinkat(root, inner, AT_REMOVEDIR);
	unlinkat(root, outer, AT_REMOVEDIR);
	printf("gone: %d", bpf_map_lookup_elem(map_fd("cgroups"), &in, &v));
	printf(" %d", bpf_map_update_elem(map_fd("cgroups"), &in, &v, 0));
	printf(" %d\n", bpf_map_delete_elem(map_fd("cgroups"), &in));
}

static void cgroups(void)
{
	const int fd = open(cgroup_root(), O_RDONLY | O_DIRECTORY);

	by_fd("cgroups", fd);
	by_fd("cgroups", openat(fd, "cgroup.procs", O_RDONLY));
	know(0, fd);
	run_in_cgroup();
	run("cgroup_drop");
	below(fd);
}

/* --- sockets ---------------------------------------------------------------------------------- */

/* A socket is that of one call, however often the program runs in it. */
static void run_repeated(const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);
	char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = 3);
	const __u64 *out = variable("out");

	*(__u32 *)variable("nr_out") = 0;
	printf("%s: %d,", name, bpf_prog_test_run_opts(bpf_program__fd(p), &opts));
	printf(" %llu %llu %llu\n", (unsigned long long)out[0], (unsigned long long)out[1],
	       (unsigned long long)out[2]);
}

static void sockets(void)
{
	run("socket_is");
	run("socket_tc");
	run("socket_tc");
	run("socket_cgroup");
	run_repeated("socket_again");
	run_repeated("socket_again");
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
	sockets();
	wrong_fds(null, sock);
	child();
	bpf_object__close(obj);
	return 0;
}
