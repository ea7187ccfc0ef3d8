/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relocate.bpf.c - a program of somebody who knows another kernel's types: each of its numbers is
 * a CO-RE relocation, to be resolved against the model.  tests/unit/model/model.c reads them back.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define RELOCATED __attribute__((preserve_access_index))

struct signal_struct {
	int users;
} RELOCATED;

struct cred {
	long filler;
	struct {
		unsigned val;
	} euid;
} RELOCATED;

struct task_struct___theirs {
	struct signal_struct *signal;
	char padding[100];
	char comm[16];
	const struct cred *cred;
	int tgid;
} RELOCATED;

/* Kept apart by their order: the test knows it. */
SEC("socket")
int relocate(void *ctx)
{
	struct task_struct___theirs *t = 0;
	struct cred *c = 0;
	volatile long out;

	out = bpf_core_field_offset(t->comm);
	out = bpf_core_field_offset(t->cred);
	out = bpf_core_field_offset(t->tgid);
	out = bpf_core_field_size(t->comm);
	out = bpf_core_field_offset(c->euid);
	out = bpf_core_field_exists(t->tgid);
	out = bpf_core_field_exists(t->signal);
	out = bpf_core_type_exists(struct task_struct___theirs);
	out = bpf_core_type_exists(struct signal_struct);
	out = bpf_core_type_size(struct task_struct___theirs);
	(void)out;
	return 0;
}

char _license[] SEC("license") = "GPL";
