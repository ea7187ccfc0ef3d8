/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ordinary skeleton program: it knows nothing of Skep.  Built twice, with a static libbpf and
 * the wrap, and with libbpf.so to be run under `skep run`; TAP either way.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
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

/* --- perf buffer ------------------------------------------------------------------------------ */

static unsigned long long sample_nr, sample_last, lost_nr;

static void on_sample(void *ctx, int cpu, void *data, __u32 size)
{
	__u64 counter;

	if (size < sizeof(counter))
		return;
	memcpy(&counter, data, sizeof(counter));
	sample_last = counter;
	sample_nr++;
}

static void on_lost(void *ctx, int cpu, unsigned long long n)
{
	lost_nr += n;
}

static void check_perf(struct skel_bpf *skel, int prog_fd)
{
	struct perf_buffer *pb = perf_buffer__new(bpf_map__fd(skel->maps.samples), 1, on_sample,
						  on_lost, NULL, NULL);
	const int many = 1000;
	cpu_set_t one;

	if (!check(pb != NULL, "perf_buffer__new"))
		return;
	/* One ring, so that what is lost is told with the next sample. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	run(prog_fd);
	check(perf_buffer__poll(pb, 1000) == 1 && sample_nr == 1, "a sample wakes the reader");
	check(sample_last == skel->bss->counter, "with the program's data");
	check(perf_buffer__poll(pb, 0) == 0, "then there is none");
	for (int i = 0; i < many; i++)
		run(prog_fd);
	perf_buffer__poll(pb, 1000);
	check(sample_nr > 1 && sample_nr < many && !lost_nr, "a page of samples");
	run(prog_fd);
	perf_buffer__poll(pb, 1000);
	check(sample_last == skel->bss->counter, "then there is room again");
	check(sample_nr + lost_nr == many + 2, "and the lost ones are told");
	perf_buffer__free(pb);
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
	check_perf(skel, fd);
	check(skel->data->initialised == 101, ".data holds what was set before the load");
	skel_bpf__destroy(skel);
	printf("1..%d\n", nr);
	return 0;
}
