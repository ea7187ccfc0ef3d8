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
 */
#include "own.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	printf(" nr %d leader %d parent %d file %lu %#x %s %u args %lu env %lu %s differ %u\n",
	       o->nr, o->leader_nr, o->parent_nr, o->ino, o->dev, o->name, o->name_len, o->args,
	       o->env, o->arg0, o->differ);
	fflush(stdout);
}

/* --- what a process knows of itself ---------------------------------------------------------- */

static char exe[4096]; /* as it was when it began */

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

static int be(const char *how)
{
	pthread_t t;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return 1;
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
	return strcmp(how, "unshare") ? 0 : unshared();
}

/* --- the tool -------------------------------------------------------------------------------- */

static int on_event(void *arg, void *data, size_t size)
{
	print("seen", data);
	return 0;
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
	return status != 0;
}
