// SPDX-License-Identifier: BSD-2-Clause
/* Counts system calls, by process and number, from the moment a process has become its program. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>

#define EXECVE 59

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, __u64[2]);
	__uint(max_entries, 1 << 16);
} counts SEC(".maps");

struct state {
	__u32 tool, first; /* who prints, and whom it starts */
	__u64 begun, lost;
} state;

struct call {
	__u64 common;
	long nr;
	long ret;
};

static void count(long nr, int side)
{
	const __u32 pid = bpf_get_current_pid_tgid() >> 32;
	const __u64 key = (__u64)pid << 32 | (__u32)nr, none[2] = {};
	__u64 *v, word;

	/* What is not there can be read by nobody, at any time, and nothing comes of that. */
	if (!bpf_probe_read_user(&word, sizeof(word), (void *)16))
		__sync_fetch_and_add(&state.lost, 1);
	if (pid == state.tool || !state.begun)
		return;
	v = bpf_map_lookup_elem(&counts, &key);
	if (!v) {
		bpf_map_update_elem(&counts, &key, none, BPF_NOEXIST);
		v = bpf_map_lookup_elem(&counts, &key);
	}
	if (v)
		__sync_fetch_and_add(&v[side], 1);
	else
		__sync_fetch_and_add(&state.lost, 1);
}

SEC("tracepoint/raw_syscalls/sys_enter")
int enter(struct call *c)
{
	count(c->nr, 0);
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_exit")
int leave(struct call *c)
{
	if (!state.begun && c->nr == EXECVE && !c->ret &&
	    bpf_get_current_pid_tgid() >> 32 == state.first) {
		state.begun = 1;
		count(c->nr, 0);
	}
	count(c->nr, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
