// SPDX-License-Identifier: BSD-2-Clause
/*
 * storage.bpf.c - what belongs to tasks, cgroups and sockets: programs leave in out[] what they
 * saw. The same on every kernel.
 */
#include "../notes.bpf.h"
#include <bpf/bpf_core_read.h>

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

__u64 ids[3]; /* of the root, and of the two that the test makes below it */

/* Which of these it is. */
static __always_inline __u64 known(__u64 id)
{
	return !id ? 0 : id == ids[0] ? 1 : id == ids[1] ? 2 : id == ids[2] ? 3 : -1;
}

/* The root, the outer one; nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} places SEC(".maps");

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct kernfs_node {
	__u64 id;
	const char *name;
};

struct cgroup {
	struct kernfs_node *kn;
	int level;
	struct cgroup *ancestors[];
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	struct css_set *cgroups;
	struct task_struct *group_leader;
};
#pragma clang attribute pop

static void *(*cgrp_storage_get)(void *map, struct cgroup *c, void *value,
				 __u64 flags) = (void *)210;
static long (*cgrp_storage_delete)(void *map, struct cgroup *c) = (void *)211;

struct cgroup *bpf_cgroup_acquire(struct cgroup *c) __ksym;
void bpf_cgroup_release(struct cgroup *c) __ksym;
struct cgroup *bpf_cgroup_ancestor(struct cgroup *c, int level) __ksym;
struct cgroup *bpf_cgroup_from_id(__u64 id) __ksym;
long bpf_task_under_cgroup(struct task_struct *t, struct cgroup *c) __ksym;

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

/* --- cgroups ---------------------------------------------------------------------------------- */

SEC("tc") int cgroup_is(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct cgroup *c = t->cgroups->dfl_cgrp, *up;
	char name[32] = "";
	const __u64 id = bpf_get_current_cgroup_id();

	note(c->level);
	note(c->kn->id == id);
	note(known(id));
	bpf_probe_read_kernel_str(name, sizeof(name), c->kn->name);
	note(*(__u64 *)name);
	for (int i = -1; i < 4; i++)
		note(known(bpf_get_current_ancestor_cgroup_id(i)));
	up = BPF_CORE_READ(c, ancestors[0]);
	note(BPF_CORE_READ(up, level));
	note(known(BPF_CORE_READ(up, kn, id)));
	return 0;
}

SEC("tc") int cgroup_under(void *ctx)
{
	for (__u32 i = 0; i < 4; i++)
		note(bpf_current_task_under_cgroup(&places, i));
	return 0;
}

SEC("tc") int cgroup_above(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct cgroup *c = bpf_cgroup_acquire(t->cgroups->dfl_cgrp), *up;

	if (!c)
		return 1;
	note(bpf_task_under_cgroup(t, c));
	for (int i = 0; i < 3; i++) {
		up = bpf_cgroup_ancestor(c, i);
		note(!up);
		if (!up)
			continue;
		note(up->level);
		note(bpf_task_under_cgroup(t, up));
		bpf_cgroup_release(up);
	}
	up = bpf_cgroup_from_id(bpf_get_current_cgroup_id());
	note(!up);
	if (up) {
		note(up->kn->id == c->kn->id);
		bpf_cgroup_release(up);
	}
	bpf_cgroup_release(c);
	up = bpf_cgroup_from_id(~0ull);
	note(!up);
	if (up)
		bpf_cgroup_release(up);
	return 0;
}

SEC("tc") int cgroup_count(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u64 first = 10, *v = cgrp_storage_get(&cgroups, t->cgroups->dfl_cgrp, 0, 0);

	note(!v);
	v = cgrp_storage_get(&cgroups, t->cgroups->dfl_cgrp, &first,
			     BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (v)
		note((*v)++);
	note(!cgrp_storage_get(&cgroups, t->cgroups->dfl_cgrp, 0, 2));
	note(!cgrp_storage_get(&cgroups, 0, 0, BPF_LOCAL_STORAGE_GET_F_CREATE));
	return 0;
}

SEC("tc") int cgroup_drop(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();

	note(cgrp_storage_delete(&cgroups, t->cgroups->dfl_cgrp));
	note(cgrp_storage_delete(&cgroups, t->cgroups->dfl_cgrp));
	note(cgrp_storage_delete(&cgroups, 0));
	return 0;
}

/* --- sockets ---------------------------------------------------------------------------------- */

static __always_inline void socket_count(struct bpf_sock *sk)
{
	__u64 first = 30, *v = bpf_sk_storage_get(&sockets, sk, 0, 0);

	note(!v);
	note(bpf_sk_storage_delete(&sockets, sk));
	v = bpf_sk_storage_get(&sockets, sk, &first, BPF_SK_STORAGE_GET_F_CREATE);
	if (v)
		note((*v)++);
	v = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (v)
		note(*v);
	note(!bpf_sk_storage_get(&sockets, sk, 0, 2));
}

SEC("tc") int socket_is(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	note(!sk);
	if (!sk)
		return 0;
	note(sk->family);
	note(sk->state);
	note(sk->bound_dev_if);
	note(sk->rx_queue_mapping);
	note(sk->src_ip4 | sk->dst_ip4 | sk->src_port | sk->dst_port);
	note(!bpf_tcp_sock(sk));
	sk = bpf_sk_fullsock(sk);
	note(!sk);
	if (!sk)
		return 0;
	note(sk->type);
	note(sk->protocol);
	note(sk->mark);
	note(sk->priority);
	return 0;
}

SEC("tc") int socket_tc(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (sk)
		socket_count(sk);
	return 0;
}

SEC("cgroup_skb/egress") int socket_cgroup(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : 0;
	if (sk)
		socket_count(sk);
	return 1;
}

/* In one of several runs that share a socket. */
SEC("tc") int socket_again(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	__u64 *v = sk ? bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : 0;

	if (v)
		note((*v)++);
	return 0;
}
