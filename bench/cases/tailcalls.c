/* SPDX-License-Identifier: BSD-2-Clause */
/* Thirty-two tail calls: all that Linux allows a run, but one, so it is the one short body. */
#define CASE_NAME tailcalls
#include "bench/case.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} chain SEC(".maps");

/* The harness puts this program itself into the array. */
CASE
{
	u32 n = skb->cb[0];

	if (n < 32) {
		skb->cb[0] = n + 1;
		bpf_tail_call(skb, &chain, 0);
	}
	skb->cb[0] = 0;
	return n;
}
