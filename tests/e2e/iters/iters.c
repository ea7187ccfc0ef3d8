// SPDX-License-Identifier: BSD-2-Clause
/*
 * iters.c - attaches the iterators of iters.bpf.o by libbpf and prints what is read through them,
 * and what is refused.
 *
 * usage: iters OBJECT
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct bpf_object *obj;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct bpf_program *prog(const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, name);

	if (!p)
		die(name);
	return p;
}

static int map(const char *name)
{
	return bpf_object__find_map_fd_by_name(obj, name);
}

/* A link of the program, over the map's elements where map is a name; NULL, with errno. */
static struct bpf_link *attach(const char *name, const char *over)
{
	union bpf_iter_link_info info = { .map.map_fd = over ? (unsigned)map(over) : 0 };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);

	if (over) {
		opts.link_info = &info;
		opts.link_info_len = sizeof(info);
	}
	return bpf_program__attach_iter(prog(name), &opts);
}

/* Prints what is read, or how many bytes where that is much. */
static void show(const char *name, const char *over)
{
	struct bpf_link *link = attach(name, over);
	static char text[1 << 20];
	size_t n = 0;
	ssize_t r;
	int fd;

	printf("== %s%s%s\n", name, over ? " " : "", over ? over : "");
	if (!link) {
		printf("attach: %s\n", strerror(errno));
		return;
	}
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		printf("iter: %s\n", strerror(errno));
	} else {
		while ((r = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
			n += (size_t)r;
		text[n] = '\0';
		if (n < 2000)
			printf("%s", text);
		else
			printf("%zu bytes\n", n);
		if (write(fd, "x", 1) >= 0)
			printf("it can be written to\n");
		close(fd);
	}
	bpf_link__destroy(link);
}

static void show_link(void)
{
	struct bpf_link *link = attach("elems", "numbers");
	struct bpf_link_info info = { 0 };
	struct bpf_map_info m = { 0 };
	__u32 len = sizeof(info), map_len = sizeof(m);
	char name[32], small[4];

	if (!link || bpf_obj_get_info_by_fd(map("numbers"), &m, &map_len))
		die("link");
	info.iter.target_name = (__u64)(unsigned long)name;
	info.iter.target_name_len = sizeof(name);
	if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &len))
		die("info");
	printf("== link\ntype %d, %s, %u, map %d\n", info.type, name, info.iter.target_name_len,
	       info.iter.map.map_id == m.id);
	info.iter.target_name = (__u64)(unsigned long)small;
	info.iter.target_name_len = sizeof(small);
	if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &len))
		printf("%s: %s\n", small, strerror(errno));
	if (bpf_link__update_program(link, prog("maps")))
		printf("update: %s\n", strerror(errno));
	if (bpf_link__update_program(link, prog("long_keys")))
		printf("update: %s\n", strerror(errno));
	if (bpf_link__update_program(link, prog("much")))
		die("update");
	if (bpf_link__detach(link))
		printf("detach: %s\n", strerror(errno));
	bpf_link__destroy(link);
}

/* This process, whose own words about itself are what is expected; "no" and -EBADF. */
static void show_task(const char *how, union bpf_iter_link_info info)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(prog("tasks"), &opts);
	char text[4096] = "", want[128], comm[17] = "";
	const int pid = getpid();
	int fd;

	printf("== tasks %s\n", how);
	if (!link) {
		printf("attach: %s\n", strerror(errno));
		return;
	}
	prctl(PR_GET_NAME, comm);
	snprintf(want, sizeof(want), "%d %d %d %s\n", pid, pid, getppid(), comm);
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		die("tasks");
	printf("%s", strcmp(text, want) ? text : "it is me\n");
	close(fd);
	bpf_link__destroy(link);
}

static void show_tasks(void)
{
	const int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	union bpf_iter_link_info info;

	memset(&info, 0, sizeof(info));
	info.task.tid = (__u32)getpid();
	show_task("tid", info);
	info.task.pid = (__u32)getpid();
	show_task("tid and pid", info);
	info.task.tid = 0;
	show_task("pid", info);
	info.task.pid = 0;
	info.task.pid_fd = (__u32)pidfd;
	show_task("pidfd", info);
	info.task.pid_fd = 0;
	info.task.pid_fd = (__u32)map("numbers");
	show_task("map", info);
	close(pidfd);
}

/* All text of a program over this process's parts, and how many there are. */
static char *parts(const char *name, unsigned *lines)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info;
	static char text[1 << 18];
	struct bpf_link *link;
	size_t n = 0;
	ssize_t got;
	int fd;

	memset(&info, 0, sizeof(info));
	info.task.pid = (__u32)getpid();
	opts.link_info = &info;
	opts.link_info_len = sizeof(info);
	link = bpf_program__attach_iter(prog(name), &opts);
	fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	if (fd < 0)
		die(name);
	while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	*lines = 0;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		++*lines;
	close(fd);
	bpf_link__destroy(link);
	return text;
}

/* Is that line there, once? */
static void has(const char *what, const char *text, const char *line)
{
	const char *at = strstr(text, line);

	printf("%s: %s\n", what,
	       !at			      ? "no"
	       : strstr(at + 1, line)	      ? "twice"
	       : at == text || at[-1] == '\n' ? "yes"
					      : "within another");
}

/* What this process has open, and mapped: as it says itself. */
static void show_parts(void)
{
	const int fd = open("/proc/self/exe", O_RDONLY);
	char *at = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4096);
	char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char line[128], *text;
	unsigned lines, dev;
	struct stat st;

	if (fd < 0 || at == MAP_FAILED || own == MAP_FAILED || fstat(fd, &st))
		die("parts");
	dev = major(st.st_dev) << 20 | minor(st.st_dev);
	printf("== parts\n");
	text = parts("files", &lines);
	snprintf(line, sizeof(line), "%d %d %x:%lu\n", getpid(), fd, dev, st.st_ino);
	has("file", text, line);
	snprintf(line, sizeof(line), "%d 999 ", getpid());
	has("none", text, line);
	text = parts("mappings", &lines);
	snprintf(line, sizeof(line), "%d %lx-%lx 5 1 %x:%lu\n", getpid(), (unsigned long)at,
		 (unsigned long)at + 8192, dev, st.st_ino);
	has("mapping", text, line);
	snprintf(line, sizeof(line), "%d %lx-%lx b", getpid(), (unsigned long)own,
		 (unsigned long)own + 4096);
	has("shared", text, line);
	printf("many: %s\n", lines > 10 ? "yes" : "no");
}

int main(int argc, char **argv)
{
	unsigned cpus = (unsigned)libbpf_num_possible_cpus();
	__u64 *values = calloc(cpus, sizeof(*values));

	setvbuf(stdout, NULL, _IOLBF, 0);
	obj = argc > 1 ? bpf_object__open(argv[1]) : NULL;
	if (!obj || bpf_object__load(obj) || !values)
		die("load");
	for (__u32 k = 0; k < 20; k++) {
		__u64 v = k + 1;

		if (bpf_map_update_elem(map("numbers"), &k, &v, 0))
			die("update");
	}
	for (__u32 k = 0; k < 2; k++) {
		for (unsigned c = 0; c < cpus; c++)
			values[c] = k ? 100 : 0;
		if (bpf_map_update_elem(map("slots"), &k, values, 0))
			die("update");
	}
	show("elems", "numbers"); /* 210 */
	show("elems", "numbers"); /* and twice that */
	show("elems", "slots");	  /* and what the first CPU has */
	show("elems", "queue");
	show("elems", NULL);
	show("long_keys", "numbers");
	show("maps", NULL);
	show("progs", NULL);
	show("links", NULL);
	show("walks", NULL);
	show("shown", "slots");
	show("twice", NULL);
	show("for_ever", NULL);
	show("much", "numbers");
	show("too_much", "numbers");
	show_link();
	show_tasks();
	show_parts();
	free(values);
	bpf_object__close(obj);
	return 0;
}
