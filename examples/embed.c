/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * embed - an application that runs eBPF inside itself, in two ways.
 *
 *	embed			a program from instructions, on a kernel of its own
 *	embed count.bpf.o	a program that clang compiled, loaded by libbpf
 *
 * Built with -Wl,--wrap=syscall and the like (pkg-config --libs skep), so that the libbpf in it
 * speaks to libskep; no privilege is needed and the host's kernel is not asked.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skep/skep.h>

static int failed(const char *what, long err)
{
	const char *why = skep_last_error();

	fprintf(stderr, "embed: %s: %s%s%s\n", what, strerror(err < 0 ? (int)-err : (int)err),
		*why ? ": " : "", why);
	return 1;
}

/* r0 = the length of the packet: xdp_md->data_end - xdp_md->data. */
static const struct bpf_insn length[] = {
	{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 0, .src_reg = 1, .off = 4 },
	{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1, .off = 0 },
	{ .code = BPF_ALU64 | BPF_SUB | BPF_X, .dst_reg = 0, .src_reg = 2 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int run_instructions(void)
{
	struct skep_kernel_opts opts = { .sz = sizeof(opts) };
	static const char packet[100];
	struct skep_kernel *k;
	union bpf_attr attr;
	long fd, r;

	r = skep_kernel_new(&opts, &k);
	if (r)
		return failed("kernel", r);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (unsigned long)length;
	attr.insn_cnt = sizeof(length) / sizeof(length[0]);
	attr.license = (unsigned long)"Dual BSD/GPL";
	fd = skep_kernel_bpf(k, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		return failed("load", fd);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (unsigned)fd;
	attr.test.data_in = (unsigned long)packet;
	attr.test.data_size_in = sizeof(packet);
	r = skep_kernel_bpf(k, BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	if (r)
		return failed("run", r);
	printf("a packet of %zu bytes: the program says %u\n", sizeof(packet), attr.test.retval);
	close((int)fd);
	skep_kernel_free(k);
	return attr.test.retval != sizeof(packet);
}

/* The variables of count.bpf.c, as they stand in its .bss. */
struct counters {
	unsigned long long packets, bytes;
};

static int run_object(const char *path)
{
	static const char packet[64];
	struct counters n = { 0 };
	struct bpf_program *prog;
	struct bpf_map *bss;
	__u32 zero = 0;
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	int r;

	if (!obj)
		return failed(path, errno);
	r = bpf_object__load(obj);
	if (r)
		return failed(path, r);
	prog = bpf_object__next_program(obj, NULL);
	if (!prog)
		return failed(path, ENOENT);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = 1000);
	r = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (r)
		return failed("run", r);
	bss = bpf_object__find_map_by_name(obj, ".bss");
	r = bss ? bpf_map__lookup_elem(bss, &zero, sizeof(zero), &n, sizeof(n), 0) : -ENOENT;
	if (r)
		return failed(".bss", r);
	printf("%s: returned %u, counted %llu packets and %llu bytes\n", bpf_program__name(prog),
	       opts.retval, n.packets, n.bytes);
	bpf_object__close(obj);
	return n.packets != 1000;
}

int main(int argc, char **argv)
{
	return argc > 1 ? run_object(argv[1]) : run_instructions();
}
