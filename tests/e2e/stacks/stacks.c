/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who runs a program sees itself on the stack that the program took, whatever kernel is below: the
 * first address is in whatever entered that kernel, those behind it are ours.
 *
 * usage: stacks OBJECT
 */
#include "tests/e2e/notes.h"

#include <sys/syscall.h>
#include <unistd.h>

static __u64 returns[2]; /* to whom inner() and outer() return */

/* They have a frame pointer, as they look at it. */
static __attribute__((noinline)) long inner(int prog)
{
	const volatile __u64 *fp = __builtin_frame_address(0);
	union bpf_attr a;
	long err;

	returns[0] = fp[1];
	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (__u32)prog;
	err = syscall(SYS_bpf, BPF_PROG_TEST_RUN, &a, sizeof(a));
	return fp[1] == returns[0] ? err : -1;
}

static __attribute__((noinline)) long outer(int prog)
{
	const volatile __u64 *fp = __builtin_frame_address(0);
	long err;

	returns[1] = fp[1];
	err = inner(prog);
	return fp[1] == returns[1] ? err : -1;
}

int main(int argc, char **argv)
{
	const __u64 *out;
	__u64 by_id[127];
	__u32 id;

	if (!load_notes(argc, argv))
		return 1;
	out = variable("out");
	printf("run: %ld", outer(bpf_program__fd(bpf_object__find_program_by_name(obj, "look"))));
	printf(", %lld bytes", (long long)*variable("len"));
	printf(", ours %d %d", out[1] == returns[0], out[2] == returns[1]);
	id = (__u32)*variable("id");
	printf(", kept %d", bpf_map_lookup_elem(map_fd("stacks"), &id, by_id));
	printf(" %d %d\n", by_id[0] == returns[0], by_id[1] == returns[1]);
	bpf_object__close(obj);
	return 0;
}
