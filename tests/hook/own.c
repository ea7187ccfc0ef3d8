/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * own.c - prints what own.bpf.c reads of tasks, and what they know of themselves.
 *
 *	own OBJECT HOW	attaches to `seen` of this very program, and starts it as follows
 *	own HOW		says what stat(2) and /proc say, and calls `seen`; HOW:
 *		plain
 *		fork	...so does a child, after its parent
 *		thread	...so does a thread
 *		unshare	...once more in another namespace of names, after more than a second
 *		gone	...while it has no file any more
 *		cgroup	...once more in a cgroup of its own, after more than a second
 */
#include "own.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

void seen(void);

__attribute__((noinline)) void seen(void)
{
	__asm__ volatile("");
}

static void print(const char *who, const struct own *o)
{
	printf("%s %u/%u ns", who, o->tgid, o->tid);
	for (int i = 0; i < OWN_NS; i++)
		printf(" %u", o->ns[i]);
	printf(" nr %d leader %d parent %d file %lu %#x %s %u args %lu env %lu %s differ %u", o->nr,
	       o->leader_nr, o->parent_nr, o->ino, o->dev, o->name, o->name_len, o->args, o->env,
	       o->arg0, o->differ);
	printf(" cgroup %lu '%s' %d %s", o->cgroup, o->cgroup_name, o->level, o->shown);
	for (int i = 0; i < OWN_FDS; i++)
		printf(" fd '%s' %u %lu %#x", o->fd[i].name, o->fd[i].name_len, o->fd[i].ino,
		       o->fd[i].dev);
	printf("\n");
	fflush(stdout);
}

/* --- what a process knows of itself ---------------------------------------------------------- */

static char exe[4096]; /* as it was when it began */
static char gone_name[32];

static size_t length_of(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = 0;

	while (f && fgetc(f) != EOF)
		n++;
	if (f)
		fclose(f);
	return n;
}

/* Files of each kind, at the numbers where they are looked for. */
static void open_files(void)
{
	char path[] = "/tmp/own-gone-XXXXXX";
	int pipes[2], gone = mkstemp(path);

	unlink(path);
	if (pipe(pipes) || dup2(open("/etc/passwd", O_RDONLY), OWN_FD + OWN_FILE) < 0 ||
	    dup2(gone, OWN_FD + OWN_GONE) < 0 || dup2(pipes[1], OWN_FD + OWN_PIPE) < 0 ||
	    dup2(eventfd(0, 0), OWN_FD + OWN_EVENT) < 0 ||
	    dup2(socket(AF_INET, SOCK_DGRAM, 0), OWN_FD + OWN_SOCKET) < 0)
		abort();
	snprintf(gone_name, sizeof(gone_name), "%s", strrchr(path, '/') + 1);
}

/* By fstat(2), and by what Linux calls such a file's directory entry. */
static void say_files(struct own *o)
{
	const char *const names[OWN_FDS] = { "passwd", gone_name, "", "[eventfd]", "", "" };
	struct stat st;

	for (int i = 0; i < OWN_FDS; i++) {
		if (fstat(OWN_FD + i, &st))
			continue;
		o->fd[i].ino = st.st_ino;
		o->fd[i].dev = major(st.st_dev) << 20 | minor(st.st_dev);
		o->fd[i].name_len = (unsigned)strlen(names[i]);
		snprintf(o->fd[i].name, sizeof(o->fd[i].name), "%s", names[i]);
	}
}

/* The machine's unified hierarchy. */
static const char *cgroup_root(void)
{
	static const char both[] = "/sys/fs/cgroup/unified";

	return access(both, F_OK) ? "/sys/fs/cgroup" : both;
}

/* Where this process is there; "" where it is nowhere. */
static void cgroup_path(char path[8192])
{
	char line[4096];
	FILE *f = fopen("/proc/self/cgroup", "r");

	path[0] = '\0';
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "0::", 3))
			snprintf(path, 8192, "%s%.*s", cgroup_root(), (int)strcspn(line + 3, "\n"),
				 line + 3);
	if (f)
		fclose(f);
}

static void say_cgroup(struct own *o)
{
	const size_t root = strlen(cgroup_root());
	char path[8192];
	struct stat st;

	cgroup_path(path);
	if (!path[0] || stat(path, &st))
		return;
	o->cgroup = st.st_ino;
	for (char *c = path + root; *c; c++)
		o->level += *c == '/' && c[1];
	snprintf(o->cgroup_name, sizeof(o->cgroup_name), "%s", strrchr(path, '/') + 1);
}

static void say(void)
{
	static const char *const names[OWN_NS] = {
		"uts",
		"ipc",
		"mnt",
		"pid",
		"pid_for_children",
		"net",
		"time",
		"time_for_children",
		"cgroup",
	};
	struct own o = { .tgid = (unsigned)getpid(),
			 .tid = (unsigned)gettid(),
			 .nr = gettid(),
			 .leader_nr = getpid(),
			 .parent_nr = getppid(),
			 .args = length_of("/proc/self/cmdline"),
			 .env = length_of("/proc/self/environ") };
	char path[64];
	struct stat st;

	for (int i = 0; i < OWN_NS; i++) {
		snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", names[i]);
		o.ns[i] = stat(path, &st) ? 0 : (unsigned)st.st_ino;
	}
	if (!stat("/proc/self/exe", &st)) {
		o.ino = st.st_ino;
		o.dev = major(st.st_dev) << 20 | minor(st.st_dev);
	}
	snprintf(o.name, sizeof(o.name), "%s", strrchr(exe, '/') + 1);
	snprintf(o.arg0, sizeof(o.arg0), "%s", program_invocation_name);
	o.name_len = (unsigned)strlen(o.name);
	say_files(&o);
	say_cgroup(&o);
	snprintf(o.shown, sizeof(o.shown), "(kuid_t){.val = (uid_t)%u,}", getuid());
	print("own", &o);
	seen();
}

static void *say_in_thread(void *arg)
{
	say();
	return arg;
}

static int unshared(void)
{
	if (unshare(CLONE_NEWUTS) && unshare(CLONE_NEWUSER | CLONE_NEWUTS)) {
		printf("skip unshare(CLONE_NEWUTS): %s\n", strerror(errno));
		return 0;
	}
	usleep(1100000);
	say();
	return 0;
}

static bool write_pid(const char *cgroup)
{
	char path[8300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	f = fopen(path, "w");
	return f && fprintf(f, "%d", getpid()) > 0 && !fclose(f);
}

static int in_cgroup(void)
{
	char was[8192], path[8250];

	cgroup_path(was);
	snprintf(path, sizeof(path), "%s/skep-own-%d", was, getpid());
	if (!was[0] || mkdir(path, 0755) || !write_pid(path)) {
		printf("skip a cgroup of one's own: %s\n", strerror(errno));
		rmdir(path);
		return 0;
	}
	usleep(1100000);
	say();
	return !write_pid(was) || rmdir(path);
}

static int be(const char *how)
{
	pthread_t t;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return 1;
	open_files();
	if (!strcmp(how, "gone") && unlink(exe))
		return 1;
	say();
	if (!strcmp(how, "fork") && !fork()) {
		say();
		_exit(0);
	}
	wait(NULL);
	if (!strcmp(how, "thread"))
		return pthread_create(&t, NULL, say_in_thread, NULL) || pthread_join(t, NULL);
	if (!strcmp(how, "cgroup"))
		return in_cgroup();
	return strcmp(how, "unshare") ? 0 : unshared();
}

/* --- the tool -------------------------------------------------------------------------------- */

static int on_event(void *arg, void *data, size_t size)
{
	print("seen", data);
	return 0;
}

/* How often `seen` was called in this cgroup. */
static void print_calls(const struct bpf_object *obj)
{
	char path[8192];
	__u64 n = 0;
	int fd;

	cgroup_path(path);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(obj, "calls"), &fd, &n);
	printf("calls %llu\n", (unsigned long long)n);
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = "seen");
	struct bpf_object *obj;
	struct ring_buffer *rb;
	int status = 1;
	char self[4096] = "";

	if (argc == 2)
		return be(argv[1]);
	if (argc != 3 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 2;
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj || bpf_object__load(obj) ||
	    !bpf_program__attach_uprobe_opts(bpf_object__find_program_by_name(obj, "look"), -1,
					     self, 0, &opts))
		return 1;
	rb = ring_buffer__new(bpf_map__fd(bpf_object__find_map_by_name(obj, "events")), on_event,
			      NULL, NULL);
	if (!fork()) {
		execl(self, self, argv[2], NULL);
		_exit(127);
	}
	wait(&status);
	ring_buffer__consume(rb);
	print_calls(obj);
	return status != 0;
}
