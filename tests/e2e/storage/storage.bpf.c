// SPDX-License-Identifier: BSD-2-Clause
/*
 * storage.bpf.c - what belongs to tasks: programs leave in out[] what they saw.  The same on every
 * kernel.
 */
#include "../notes.bpf.h"

#define BPF_MAP_TYPE_CGRP_STORAGE_ 32 /* older headers lack it */

struct count {
	struct bpf_spin_lock lock;
	__u32 n;
	__u64 sum;
};

#define STORAGE(name, kind, of)                       \
	struct {                                      \
		__uint(type, kind);                   \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__type(key, int);                     \
		__type(value, of);                    \
	} name SEC(".maps")

STORAGE(counts, BPF_MAP_TYPE_TASK_STORAGE, struct count);
STORAGE(words, BPF_MAP_TYPE_TASK_STORAGE, __u64);
STORAGE(cgroups, BPF_MAP_TYPE_CGRP_STORAGE_, __u64);
STORAGE(inodes, BPF_MAP_TYPE_INODE_STORAGE, __u64);
STORAGE(sockets, BPF_MAP_TYPE_SK_STORAGE, __u64);

struct task_struct;

SEC("tc") int count(void *ctx)
{
	struct count first = { .n = 100, .sum = 1000 }, *c;
	struct task_struct *t = bpf_get_current_task_btf();

	c = bpf_task_storage_get(&counts, t, 0, 0);
	note(!c);
	c = bpf_task_storage_get(&counts, t, &first, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!c)
		return 1;
	bpf_spin_lock(&c->lock);
	c->n++;
	c->sum += c->n;
	bpf_spin_unlock(&c->lock);
	note(c->n);
	note(c->sum);
	return 0;
}

SEC("tc") int zero(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u64 *v = bpf_task_storage_get(&words, t, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	note(v ? *v : ~0ull);
	if (v)
		*v += 7;
	v = bpf_task_storage_get(&words, t, 0, 2);
	note(!v);
	v = bpf_task_storage_get(&words, 0, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	note(!v);
	return 0;
}

SEC("tc") int drop(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();

	note(bpf_task_storage_delete(&words, t));
	note(bpf_task_storage_delete(&words, t));
	note(!bpf_task_storage_get(&words, t, 0, 0));
	return 0;
}
