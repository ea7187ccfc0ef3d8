// SPDX-License-Identifier: BSD-2-Clause
/* Mistake: buffers of a function and of the one that it calls do not fit together. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __attribute__((noinline)) int fill(struct __sk_buff *skb)
{
	char buf[320] = "";

	bpf_skb_load_bytes(skb, 0, buf, sizeof(buf));
	return buf[0];
}

SEC("socket")
int both(struct __sk_buff *skb)
{
	char buf[256] = "";

	bpf_skb_load_bytes(skb, 0, buf, sizeof(buf));
	return buf[0] + fill(skb);
}

char _license[] SEC("license") = "GPL";
