// SPDX-License-Identifier: BSD-2-Clause
/* What each kind of program sees of one system call: its arguments, and what it returned. */
#include <linux/bpf.h>
#include <stdbool.h>

/* As the kernel's own BTF names them, and tools with a vmlinux.h. */
#define __VMLINUX_H__
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
} __attribute__((preserve_access_index));

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define NR 221 /* fadvise64 */

enum { RECORD, RECORD_EXIT, ALL, ALL_EXIT, RAW, RAW_EXIT, CALL, CALL_EXIT, ROWS };

struct row {
	__u64 times, nr, args[4], orig, ret, stack;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct row);
	__uint(max_entries, ROWS);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(key_size, 4);
	__uint(value_size, 8 * 127);
	__uint(max_entries, 64);
} stacks SEC(".maps");

struct enter {
	__u64 common;
	long nr;
	unsigned long args[6];
};

struct leave {
	__u64 common;
	long nr, ret;
};

static struct row *row(__u32 i)
{
	struct row *r = bpf_map_lookup_elem(&rows, &i);

	if (r)
		r->times++;
	return r;
}

static void entered(__u32 i, long nr, void *ctx, unsigned long a, unsigned long b, unsigned long c,
		    unsigned long d)
{
	struct row *r = row(i);

	if (!r)
		return;
	r->nr = nr;
	r->args[0] = a;
	r->args[1] = b;
	r->args[2] = c;
	r->args[3] = d;
	r->stack = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK) >= 0;
}

static void left(__u32 i, long nr, long ret)
{
	struct row *r = row(i);

	if (!r)
		return;
	r->nr = nr;
	r->ret = ret;
}

SEC("tp/syscalls/sys_enter_fadvise64")
int record(struct enter *c)
{
	entered(RECORD, (int)c->nr, c, c->args[0], c->args[1], c->args[2], c->args[3]);
	return 0;
}

SEC("tp/syscalls/sys_exit_fadvise64")
int record_exit(struct leave *c)
{
	left(RECORD_EXIT, (int)c->nr, c->ret);
	return 0;
}

SEC("tp/raw_syscalls/sys_enter")
int all(struct enter *c)
{
	if (c->nr == NR)
		entered(ALL, c->nr, c, c->args[0], c->args[1], c->args[2], c->args[3]);
	return 0;
}

SEC("tp/raw_syscalls/sys_exit")
int all_exit(struct leave *c)
{
	if (c->nr == NR)
		left(ALL_EXIT, c->nr, c->ret);
	return 0;
}

SEC("raw_tp/sys_enter")
int raw(struct bpf_raw_tracepoint_args *c)
{
	const struct pt_regs *regs = (void *)c->args[0];

	if (c->args[1] == NR)
		entered(RAW, BPF_CORE_READ(regs, orig_ax), c, BPF_CORE_READ(regs, di),
			BPF_CORE_READ(regs, si), BPF_CORE_READ(regs, dx), BPF_CORE_READ(regs, r10));
	return 0;
}

SEC("raw_tp/sys_exit")
int raw_exit(struct bpf_raw_tracepoint_args *c)
{
	const struct pt_regs *regs = (void *)c->args[0];

	if (BPF_CORE_READ(regs, orig_ax) == NR && BPF_CORE_READ(regs, ax) == c->args[1])
		left(RAW_EXIT, NR, c->args[1]);
	return 0;
}

SEC("ksyscall/fadvise64")
int BPF_KSYSCALL(call, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	entered(CALL, NR, ctx, a, b, c, d);
	return 0;
}

SEC("kretsyscall/fadvise64")
int call_exit(struct pt_regs *c)
{
	left(CALL_EXIT, NR, PT_REGS_RC(c));
	return 0;
}

/* Reads more than the record has: nobody attaches it. */
SEC("?tp/syscalls/sys_enter_close")
int too_wide(struct enter *c)
{
	return c->args[5] == 1;
}

char LICENSE[] SEC("license") = "GPL";
