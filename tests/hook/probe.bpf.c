// SPDX-License-Identifier: BSD-2-Clause
/* Counts calls of a function, and adds up what it is given and what it returns. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 4);
} sums SEC(".maps");

struct event {
	__u64 cookie, ip, sp;
	__u32 pid;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

static void add(__u32 index, __u64 n)
{
	__u64 *v = bpf_map_lookup_elem(&sums, &index);

	if (v)
		*v += n;
}

SEC("uprobe")
int enter(struct pt_regs *ctx)
{
	add(0, 1);
	add(1, PT_REGS_PARM1(ctx));
	return 0;
}

SEC("uretprobe")
int leave(struct pt_regs *ctx)
{
	add(2, 1);
	add(3, PT_REGS_RC(ctx));
	return 0;
}

/* The least: what a cost is taken of. */
SEC("uprobe")
int bump(struct pt_regs *ctx)
{
	add(0, 1);
	return 0;
}

/* Ten frames. */
SEC("uprobe")
int walk(struct pt_regs *ctx)
{
	__u64 ips[10];

	add(0, bpf_get_stack(ctx, ips, sizeof(ips), BPF_F_USER_STACK) == sizeof(ips));
	return 0;
}

SEC("tracepoint")
int bump_call(void *ctx)
{
	add(0, 1);
	return 0;
}

#define FETCHES 10

/* 64 bytes of the caller's stack, and what is nowhere, some times: how often not, and how often. */
SEC("uprobe")
int fetch(struct pt_regs *ctx)
{
	long wrong = 0;
	char buf[64];

	for (int i = 0; i < FETCHES; i++)
		wrong += bpf_probe_read_user(buf, sizeof(buf), (void *)PT_REGS_SP(ctx)) != 0;
	add(0, 1);
	add(1, wrong);
	return 0;
}

SEC("uprobe")
int fetch_bad(struct pt_regs *ctx)
{
	long wrong = 0;
	char buf[64];

	for (int i = 0; i < FETCHES; i++)
		wrong += bpf_probe_read_user(buf, sizeof(buf), (void *)64) == 0;
	add(0, 1);
	add(1, wrong);
	return 0;
}

/* --- what programs do to who comes there --- */

SEC("uprobe")
int refuse(struct pt_regs *ctx)
{
	const unsigned long a = PT_REGS_PARM1(ctx);

	add(0, 1);
	if (a % 7 == 3)
		add(1, bpf_override_return(ctx, 1000) == 0);
	return 0;
}

/* Of a system call: another answer, and nothing is asked. */
SEC("kprobe")
int deny(struct pt_regs *ctx)
{
	add(0, 1);
	add(1, bpf_override_return(ctx, 4711) == 0);
	return 0;
}

SEC("uprobe")
int stop(struct pt_regs *ctx)
{
	add(0, 1);
	if (PT_REGS_PARM1(ctx) == 100)
		add(1, bpf_send_signal(10) == 0);
	return 0;
}

SEC("uprobe")
int stop_thread(struct pt_regs *ctx)
{
	add(0, 1);
	if (PT_REGS_PARM1(ctx) == 100)
		add(1, bpf_send_signal_thread(12) == 0);
	return 0;
}

/* Far below its stack pointer, where nothing is; into its text, which nobody may write; nowhere. */
SEC("uprobe")
int poke(struct pt_regs *ctx)
{
	void *there = (void *)(PT_REGS_SP(ctx) - 3000);
	long wrote = PT_REGS_PARM1(ctx) + 1, is = 0;

	add(0, 1);
	bpf_probe_write_user(there, &wrote, sizeof(wrote));
	bpf_probe_read_user(&is, sizeof(is), there);
	add(1, is == wrote);
	add(2, bpf_probe_write_user((void *)PT_REGS_IP(ctx), &wrote, sizeof(wrote)) == -14);
	add(3, bpf_probe_write_user((void *)16, &wrote, sizeof(wrote)) == -14);
	return 0;
}

/* Where it is. */
SEC("uprobe")
int where(struct pt_regs *ctx)
{
	add(0, 1);
	add(1, bpf_get_func_ip(ctx) == PT_REGS_IP(ctx));
	return 0;
}

SEC("uprobe")
int nothing(struct pt_regs *ctx)
{
	return 0;
}

/* Of a static probe: its two arguments, and the cookie. */
SEC("usdt")
int hit(struct pt_regs *ctx)
{
	long up = 0, down = 0;

	add(0, 1);
	if (!bpf_usdt_arg(ctx, 0, &up))
		add(1, up);
	if (!bpf_usdt_arg(ctx, 1, &down))
		add(2, -down);
	add(3, bpf_usdt_cookie(ctx));
	return 0;
}

/* Says so where programs do. */
SEC("uprobe")
int say(struct pt_regs *ctx)
{
	bpf_printk("work %d of %s", PT_REGS_PARM1(ctx), "target");
	return 0;
}

SEC("uprobe")
int tell(struct pt_regs *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->cookie = bpf_get_attach_cookie(ctx);
	e->ip = PT_REGS_IP(ctx);
	e->sp = PT_REGS_SP(ctx);
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
