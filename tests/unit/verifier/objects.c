/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.c - objects of the kernel in a program's stack: of every rule, programs that keep it and
 * programs that break it.
 */
#include "tests/unit/verifier/rules.h"

#define TC     BPF_PROG_TYPE_SCHED_CLS
#define XDP    BPF_PROG_TYPE_XDP
#define SKB_IN BPF_PROG_TYPE_CGROUP_SKB
#define RAW    BPF_PROG_TYPE_RAW_TRACEPOINT

/* fp-16 becomes a dynptr... */
#define RESERVE "r1 = RING ll\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall ringbuf_reserve_dynptr\n"
#define LOCAL	"r1 = VALUE ll\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem\n"
/* ...is given back, looked into: r0 is a slice of 8 bytes or NULL... */
#define SUBMIT "r1 = r10\nr1 += -16\nr2 = 0\ncall ringbuf_submit_dynptr\n"
#define DATA   "r1 = r10\nr1 += -16\nr2 = 0\nr3 = 8\ncall dynptr_data\n"
/* ...is read from, and written to, at fp-32 */
#define READ "r1 = r10\nr1 += -32\nr2 = 8\nr3 = r10\nr3 += -16\nr4 = 0\nr5 = 0\ncall dynptr_read\n"
#define WRITE                                                                                  \
	"*(u64 *)(r10 -32) = 0\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -32\nr4 = 8\nr5 " \
	"= 0\ncall dynptr_write\n"
/* fp-16 becomes a dynptr of the packet; a slice of 8 bytes, with a buffer at fp-32 */
#define SKB "r2 = 0\nr3 = r10\nr3 += -16\ncall bpf_dynptr_from_skb\n"
#define SLICE(kfunc)                                                                     \
	"*(u64 *)(r10 -32) = 0\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -32\nr4 = " \
	"8\ncall " kfunc "\n"
/* fp-32 becomes a clone of fp-16; the callback begins behind */
#define CLONE "r1 = r10\nr1 += -16\nr2 = r10\nr2 += -32\ncall bpf_dynptr_clone\n"
#define DRAIN \
	"r1 = USER ll\nr2 = subprog[+6]\nr3 = 0\nr4 = 0\ncall user_ringbuf_drain\nr0 = 0\nexit\n"
#define OUT "r0 = 0\nexit"

static const struct rule rules[] = {
	{ "a record is reserved and submitted", RAW, 0, NULL, RESERVE SUBMIT OUT },
	{ "a record is kept", RAW, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak", RESERVE OUT },
	{ "a record is submitted twice", RAW, -EINVAL, "arg 1 is an unacquired reference",
	  RESERVE SUBMIT SUBMIT OUT },
	{ "what is no record is submitted", RAW, -EINVAL, "arg 1 is an unacquired reference",
	  LOCAL SUBMIT OUT },
	{ "memory of a map", RAW, 0, NULL, LOCAL READ OUT },
	{ "memory of the stack", RAW, -EACCES,
	  "Unsupported reg type fp for bpf_dynptr_from_mem data",
	  "r1 = r10\nr1 += -32\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem\n" OUT },
	{ "none was made", RAW, -EINVAL, "Expected an initialized dynptr as arg #2",
	  "*(u64 *)(r10 -8) = 0\n*(u64 *)(r10 -16) = 0\n" READ OUT },
	{ "its second half", RAW, -EINVAL, "cannot pass in dynptr at an offset=-8",
	  LOCAL "r1 = r10\nr1 += -8\nr2 = 0\nr3 = 8\ncall dynptr_data\n" OUT },
	{ "the middle of a slot", RAW, -EINVAL, "cannot pass in dynptr at an offset=-12",
	  LOCAL "r1 = r10\nr1 += -12\nr2 = 0\nr3 = 8\ncall dynptr_data\n" OUT },
	{ "somewhere on the stack", RAW, -EINVAL, "dynptr has to be at a constant offset",
	  LOCAL "r0 &= 8\nr1 = r10\nr1 += -16\nr1 += r0\nr2 = 0\nr3 = 8\ncall dynptr_data\n" OUT },
	{ "an address in a map", RAW, -EACCES, "R1 type=map_value expected=fp, dynptr_ptr",
	  "r1 = VALUE ll\nr2 = 0\nr3 = 8\ncall dynptr_data\n" OUT },

	/* what is written over it */
	{ "a store destroys it", RAW, -EINVAL, "Expected an initialized dynptr as arg #2",
	  LOCAL "*(u8 *)(r10 -9) = 0\n" READ OUT },
	{ "a store into the other half, too", RAW, -EINVAL,
	  "Expected an initialized dynptr as arg #2", LOCAL "*(u64 *)(r10 -8) = r10\n" READ OUT },
	{ "a store somewhere, too", RAW, -EINVAL, "Expected an initialized dynptr as arg #2",
	  "*(u64 *)(r10 -24) = 0\n" LOCAL
	  "r0 &= 8\nr1 = r10\nr1 += -24\nr1 += r0\n*(u8 *)(r1 +0) = 0\n" READ OUT },
	{ "a record is not overwritten", RAW, -EINVAL, "cannot overwrite referenced dynptr",
	  RESERVE "*(u8 *)(r10 -9) = 0\n" SUBMIT OUT },
	{ "it is not read as numbers", RAW, -EACCES, "invalid read from stack off -16+0 size 8",
	  LOCAL "r0 = *(u64 *)(r10 -16)\n" OUT },
	{ "a helper does not read it either", RAW, -EACCES,
	  "invalid read from stack R2 off -16+0 size 4",
	  LOCAL "r1 = MAP ll\nr2 = r10\nr2 += -16\ncall map_lookup_elem\n" OUT },
	{ "nor fill it", RAW, -EACCES, "potential write to dynptr at off=-16 disallowed",
	  LOCAL "r1 = r10\nr1 += -16\nr2 = 16\nr3 = r10\nr3 += -16\nr4 = 0\nr5 = 0\n"
		"call dynptr_read\n" OUT },
	{ "another is made in its place", RAW, 0, NULL, LOCAL LOCAL READ OUT },
	{ "a record in the place of another", RAW, -EINVAL, "cannot overwrite referenced dynptr",
	  RESERVE LOCAL OUT },
	{ "one half and one half of two", RAW, -EINVAL, "Expected an initialized dynptr as arg #0",
	  LOCAL
	  "r1 = VALUE ll\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -24\ncall dynptr_from_mem\n" DATA OUT },

	/* slices */
	{ "a slice", RAW, 0, NULL, LOCAL DATA "if r0 == 0 goto +1\n*(u64 *)(r0 +0) = 1\n" OUT },
	{ "a slice that may be none", RAW, -EACCES, "R0 invalid mem access 'mem_or_null'",
	  LOCAL DATA "*(u64 *)(r0 +0) = 1\n" OUT },
	{ "beyond a slice", RAW, -EACCES, "invalid access to memory, mem_size=8 off=1 size=8",
	  LOCAL DATA "if r0 == 0 goto +1\n*(u64 *)(r0 +1) = 1\n" OUT },
	{ "a slice of unknown size", RAW, -EACCES, "R3 is not a known constant'",
	  LOCAL "r3 = r0\nr3 &= 7\nr1 = r10\nr1 += -16\nr2 = 0\ncall dynptr_data\n" OUT },
	{ "a slice of a record that is gone", RAW, -EACCES, "R6 invalid mem access 'scalar'",
	  RESERVE DATA "r6 = r0\nif r6 != 0 goto +6\n" SUBMIT OUT "\n" SUBMIT
		       "*(u64 *)(r6 +0) = 1\n" OUT },
	{ "a slice of a record, in time", RAW, 0, NULL,
	  RESERVE DATA "r6 = r0\nif r6 == 0 goto +1\n*(u64 *)(r6 +0) = 1\n" SUBMIT OUT },
	{ "a slice of what is overwritten", RAW, -EACCES, "R6 invalid mem access 'scalar'",
	  LOCAL DATA
	  "r6 = r0\nif r6 == 0 goto +2\n*(u64 *)(r10 -8) = 0\n*(u64 *)(r6 +0) = 1\n" OUT },
	{ "a slice is not submitted", RAW, -EACCES, "R1 type=mem expected=ringbuf_mem",
	  RESERVE DATA "r6 = r0\nif r6 != 0 goto +6\n" SUBMIT OUT
		       "\nr1 = r6\nr2 = 0\ncall ringbuf_submit\n" OUT },

	/* paths that meet */
	{ "one path makes it, both use it", RAW, -EINVAL,
	  "Expected an initialized dynptr as arg #2",
	  "r6 = r1\ncall get_prandom_u32\nif r0 == 0 goto +7\n" LOCAL READ OUT },
	{ "one path submits it", RAW, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak",
	  RESERVE "call get_prandom_u32\nif r0 == 0 goto +4\n" SUBMIT OUT },
	{ "both paths submit it", RAW, 0, NULL,
	  RESERVE "call get_prandom_u32\nif r0 == 0 goto +6\n" SUBMIT OUT "\n" SUBMIT OUT },
	{ "a loop around one", RAW, 0, NULL,
	  "r6 = 4\n" RESERVE SUBMIT "r6 += -1\nif r6 != 0 goto -13\n" OUT },

	/* frames */
	{ "a callee uses the caller's", RAW, 0, NULL,
	  LOCAL "r1 = r10\nr1 += -16\ncall +2\nr0 = 0\nexit\nr2 = 0\nr3 = 8\ncall dynptr_data\nr0 "
		"= 0\nexit" },
	{ "a callee submits the caller's", RAW, 0, NULL,
	  RESERVE "r1 = r10\nr1 += -16\ncall +2\nr0 = 0\nexit\nr2 = 0\ncall "
		  "ringbuf_submit_dynptr\nr0 = 0\nexit" },
	{ "a callee keeps its own", RAW, -EINVAL,
	  "BPF_EXIT instruction in main prog would lead to reference leak",
	  "call +2\nr0 = 0\nexit\n" RESERVE OUT },

	/* packets: what a write may move */
	{ "a packet pointer after a write to memory", TC, 0, NULL,
	  "r6 = *(u32 *)(r1 +76)\nr7 = *(u32 *)(r1 +80)\n" LOCAL WRITE
	  "r0 = r6\nr0 += 1\nif r0 > r7 goto +1\nr0 = *(u8 *)(r6 +0)\n" OUT },
	{ "a packet pointer after a write to the packet", TC, -EACCES,
	  "R6 invalid mem access 'scalar'",
	  "r6 = *(u32 *)(r1 +76)\nr7 = *(u32 *)(r1 +80)\nr8 = r6\nr8 += 1\nif r8 > r7 goto "
	  "+15\n" SKB WRITE "r0 = *(u8 *)(r6 +0)\n" OUT },
	{ "a slice of a packet", TC, 0, NULL,
	  SKB SLICE("bpf_dynptr_slice") "if r0 == 0 goto +1\nr0 = *(u64 *)(r0 +0)\n" OUT },
	{ "a slice without a buffer", TC, 0, NULL,
	  SKB "r1 = r10\nr1 += -16\nr2 = 0\nr3 = 0\nr4 = 8\ncall bpf_dynptr_slice\n"
	      "if r0 == 0 goto +1\nr0 = *(u64 *)(r0 +0)\n" OUT },
	{ "a slice to read is written", TC, -EACCES, "R0 cannot write into rdonly_mem",
	  SKB SLICE("bpf_dynptr_slice") "if r0 == 0 goto +1\n*(u64 *)(r0 +0) = 1\n" OUT },
	{ "a slice to write is written", TC, 0, NULL,
	  SKB SLICE("bpf_dynptr_slice_rdwr") "if r0 == 0 goto +1\n*(u64 *)(r0 +0) = 1\n" OUT },
	{ "a slice to write, of those who may not", SKB_IN, -EINVAL,
	  "the prog does not allow writes to packet data", SKB SLICE("bpf_dynptr_slice_rdwr") OUT },
	{ "a buffer smaller than the slice", TC, -EINVAL,
	  "arg#2 arg#3 memory, len pair leads to invalid memory access",
	  SKB
	  "r1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -4\nr4 = 8\ncall bpf_dynptr_slice\n" OUT },
	{ "a slice of unknown size", TC, -EINVAL, "R4 must be a known constant",
	  SKB "r4 = r0\nr4 &= 7\nr1 = r10\nr1 += -16\nr2 = 0\n*(u64 *)(r10 -32) = 0\nr3 = r10\n"
	      "r3 += -32\ncall bpf_dynptr_slice\n" OUT },
	{ "a slice of a packet that moved", TC, -EACCES, "R6 invalid mem access 'scalar'",
	  "r7 = r1\n" SKB SLICE(
		  "bpf_dynptr_slice") "r6 = r0\nif r6 == 0 goto +4\nr1 = r7\nr2 = 0\n"
				      "call skb_pull_data\nr0 = *(u64 *)(r6 +0)\n" OUT },
	{ "a dynptr of a packet that moved", TC, 0, NULL,
	  "r7 = r1\n" SKB "r1 = r7\nr2 = 0\ncall skb_pull_data\n" SLICE("bpf_dynptr_slice") OUT },
	{ "a slice of an XDP packet", XDP, 0, NULL,
	  "r2 = 0\nr3 = r10\nr3 += -16\ncall bpf_dynptr_from_xdp\n" SLICE(
		  "bpf_dynptr_slice_rdwr") "if r0 == 0 goto +1\n*(u64 *)(r0 +0) = 1\n" OUT },
	{ "an skb is no XDP packet", TC, -EACCES,
	  "calling kernel function bpf_dynptr_from_xdp is not allowed",
	  "r2 = 0\nr3 = r10\nr3 += -16\ncall bpf_dynptr_from_xdp\n" OUT },
	{ "a slice of memory keeps its offset", RAW, -EACCES,
	  "dereference of modified rdonly_mem ptr R1 off=4 disallowed",
	  LOCAL "*(u64 *)(r10 -32) = 0\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -32\nr4 = 8\n"
		"call bpf_dynptr_slice\nif r0 == 0 goto +4\nr1 = r0\nr1 += 4\nr2 = 4\n"
		"call trace_printk\n" OUT },

	/* clones */
	{ "a clone is adjusted", RAW, 0, NULL,
	  LOCAL CLONE "r1 = r10\nr1 += -32\nr2 = 0\nr3 = 4\ncall bpf_dynptr_adjust\n" OUT },
	{ "a clone of nothing", RAW, -EINVAL, "Expected an initialized dynptr as arg #0",
	  "*(u64 *)(r10 -8) = 0\n*(u64 *)(r10 -16) = 0\n" CLONE OUT },
	{ "a record is submitted by its clone", RAW, 0, NULL,
	  RESERVE CLONE "r1 = r10\nr1 += -32\nr2 = 0\ncall ringbuf_submit_dynptr\n" OUT },
	{ "a record is gone with its clone", RAW, -EINVAL,
	  "Expected an initialized dynptr as arg #0",
	  RESERVE CLONE "r1 = r10\nr1 += -32\nr2 = 0\ncall ringbuf_submit_dynptr\n" DATA OUT },

	/* callbacks */
	{ "a user's record", RAW, 0, NULL, DRAIN "r2 = 0\nr3 = 8\ncall dynptr_data\n" OUT },
	{ "a user's record is not submitted", RAW, -EINVAL,
	  "cannot release unowned const bpf_dynptr",
	  DRAIN "r2 = 0\ncall ringbuf_submit_dynptr\n" OUT },
	{ "a user's record is no memory", RAW, -EACCES, "R1 invalid mem access 'dynptr_ptr'",
	  DRAIN "r0 = *(u64 *)(r1 +0)\n" OUT },
	{ "a user's record and then some", RAW, -EACCES,
	  "dereference of modified dynptr_ptr ptr R1 off=8 disallowed",
	  DRAIN "r1 += 8\nr2 = 0\nr3 = 8\ncall dynptr_data\n" OUT },
};

TEST(object_rules)
{
	rules_ours(rules, ARRAY_SIZE(rules));
}

TEST(object_rules_are_the_hosts)
{
	rules_host(rules, ARRAY_SIZE(rules));
}
