// SPDX-License-Identifier: BSD-2-Clause
/* stacks.bpf.c - the stack of who runs the program, into out[]. */
#include "../notes.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16);
	__uint(key_size, 4);
	__uint(value_size, 127 * 8);
} stacks SEC(".maps");

__s64 len, id;

SEC("raw_tp") int look(void *ctx)
{
	len = bpf_get_stack(ctx, out, 24, BPF_F_USER_STACK);
	id = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK | 1);
	return 0;
}
