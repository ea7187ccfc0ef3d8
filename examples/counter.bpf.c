// SPDX-License-Identifier: BSD-2-Clause
/* counter - how many system calls each user makes. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32); /* uid */
	__type(value, __u64);
	__uint(max_entries, 1024);
} calls SEC(".maps");

SEC("tracepoint/raw_syscalls/sys_enter")
int count(void *ctx)
{
	__u32 uid = (__u32)bpf_get_current_uid_gid();
	__u64 *n = bpf_map_lookup_elem(&calls, &uid);
	const __u64 none = 0;

	if (!n) {
		bpf_map_update_elem(&calls, &uid, &none, BPF_NOEXIST);
		n = bpf_map_lookup_elem(&calls, &uid);
	}
	if (n)
		__sync_fetch_and_add(n, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
