// SPDX-License-Identifier: BSD-2-Clause
/* Mistake: a field of the context that socket filters may not read. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket")
int size(struct __sk_buff *skb)
{
	return skb->data_end - skb->data;
}

char _license[] SEC("license") = "GPL";
