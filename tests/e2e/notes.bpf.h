/* SPDX-License-Identifier: BSD-2-Clause */
/* notes.bpf.h - the programs' side of notes.h: each leaves in out[] what it saw. */
#ifndef SKEP_TESTS_E2E_NOTES_BPF_H
#define SKEP_TESTS_E2E_NOTES_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define OUT 128

__u64 out[OUT]; /* what the last run saw */
__u32 nr_out;

static __always_inline void note(__u64 what)
{
	if (nr_out < OUT)
		out[nr_out++ & (OUT - 1)] = what;
}

#endif
