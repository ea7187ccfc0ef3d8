// SPDX-License-Identifier: BSD-2-Clause
/* Mistake: a loop that waits for something that no round of it brings nearer. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static volatile int ready;

SEC("xdp")
int wait_for(struct xdp_md *ctx)
{
	while (!ready)
		;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
