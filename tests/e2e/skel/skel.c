/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ordinary skeleton program: it knows nothing of Skep.  Built twice, with a static libbpf and
 * the wrap, and with libbpf.so to be run under `skep run`; TAP either way.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "skel.skel.h"

static int nr;

static int check(int good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++nr, what);
	return good;
}

struct event {
	__u32 tgid;
	__u32 seen;
	char comm[16];
};

static struct event got;
static int got_nr;

static int on_event(void *ctx, void *data, size_t size)
{
	if (size < sizeof(got))
		return -1;
	memcpy(&got, data, sizeof(got));
	got_nr++;
	return 0;
}

static int run(int prog_fd)
{
	__u64 args[2] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));

	return bpf_prog_test_run_opts(prog_fd, &opts) || opts.retval;
}

static void check_globals(struct skel_bpf *skel)
{
	struct utsname u;
	int major = 0, minor = 0;

	/* 0 + 1 + 2 + 3 + 4, and the constant that was set before the load. */
	check(skel->bss->counter == 17, ".bss is shared with the program");
	check(skel->rodata->constant == 7, ".rodata holds what was set before the load");
	check(skel->bss->hz == 250, "CONFIG_HZ");
	check(skel->bss->bpf_syscall == 1, "CONFIG_BPF_SYSCALL is yes");
	check(skel->bss->no_such_option == 0, "a weak option that is missing is zero");
	check(skel->bss->has_field == 1, "CO-RE: a field that is there");
	check(skel->bss->has_no_field == 0, "CO-RE: a field that is not there");
	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	check((int)(skel->bss->kernel_version >> 8) == (major << 8 | minor),
	      "LINUX_KERNEL_VERSION agrees with uname");
}

static void check_inner(const struct bpf_map *map, __u64 expected, const char *what)
{
	__u32 zero = 0;
	__u64 v = 0;

	check(!bpf_map__lookup_elem(map, &zero, sizeof(zero), &v, sizeof(v), 0) && v == expected,
	      what);
}

static void check_ringbuf(struct skel_bpf *skel, int prog_fd)
{
	struct ring_buffer *rb =
		ring_buffer__new(bpf_map__fd(skel->maps.events), on_event, NULL, NULL);
	char comm[16] = "";
	FILE *f = fopen("/proc/self/comm", "re");

	if (f && fgets(comm, sizeof(comm), f))
		comm[strcspn(comm, "\n")] = '\0';
	if (f)
		fclose(f);
	if (!check(rb != NULL, "ring_buffer__new"))
		return;
	check(ring_buffer__poll(rb, 1000) == 1 && got_nr == 1, "a record wakes the reader");
	check((int)got.tgid == getpid(), "CO-RE: task->tgid");
	check(!strcmp(got.comm, comm), "CO-RE: task->comm");
	check(ring_buffer__poll(rb, 0) == 0, "then there is none");
	run(prog_fd);
	run(prog_fd);
	check(ring_buffer__poll(rb, 1000) == 2, "two more records");
	check(got.seen == 17 * 3, "in order");
	ring_buffer__free(rb);
}

int main(void)
{
	struct skel_bpf *skel = skel_bpf__open();
	int fd;

	if (!check(skel != NULL, "open"))
		return 1;
	skel->rodata->constant = 7;
	skel->data->initialised = 101;
	if (!check(!skel_bpf__load(skel), "load")) {
		printf("# %s\n", strerror(errno));
		return 1;
	}
	fd = bpf_program__fd(skel->progs.on_event);
	check(!run(fd), "run");
	check_globals(skel);
	check_inner(skel->maps.inner_a, 0, "the other inner map is untouched");
	check_inner(skel->maps.inner_b, 1, "the inner map that .data chose");
	check_ringbuf(skel, fd);
	check(skel->data->initialised == 101, ".data holds what was set before the load");
	skel_bpf__destroy(skel);
	printf("1..%d\n", nr);
	return 0;
}
