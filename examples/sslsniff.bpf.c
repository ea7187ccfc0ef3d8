// SPDX-License-Identifier: BSD-2-Clause
/*
 * sslsniff - what goes through TLS, before it is encrypted and after it was decrypted.
 *
 *	int SSL_write(SSL *, const void *buf, int n), SSL_read(SSL *, void *buf, int n)
 *	int SSL_write_ex(SSL *, const void *buf, size_t n, size_t *done), SSL_read_ex(the same)
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "sslsniff.h"

struct call {
	__u64 buf;
	__u64 done; /* where the number of bytes will be; 0: it is what is returned */
};

/* SSL_read() and its like that are under way. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32); /* the thread */
	__type(value, struct call);
	__uint(max_entries, 10240);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} events SEC(".maps");

static __always_inline int tell(unsigned sent, __u64 buf, __u64 n)
{
	struct ssl_event *e;
	__u64 shown = n < DATA_MAX ? n : DATA_MAX;

	e = n ? bpf_ringbuf_reserve(&events, sizeof(*e), 0) : NULL;
	if (!e)
		return 0;
	e->pid = (int)(bpf_get_current_pid_tgid() >> 32);
	e->sent = sent;
	e->n = n;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	if (bpf_probe_read_user(e->data, (__u32)shown, (const void *)buf))
		bpf_ringbuf_discard(e, 0);
	else
		bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("uprobe")
int write_enter(struct pt_regs *ctx)
{
	const int n = (int)PT_REGS_PARM3(ctx);

	return n > 0 ? tell(1, PT_REGS_PARM2(ctx), (__u64)n) : 0;
}

SEC("uprobe")
int write_ex_enter(struct pt_regs *ctx)
{
	return tell(1, PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx));
}

static __always_inline int begin(__u64 buf, __u64 done)
{
	const struct call c = { buf, done };
	const __u32 tid = (__u32)bpf_get_current_pid_tgid();

	bpf_map_update_elem(&calls, &tid, &c, BPF_ANY);
	return 0;
}

SEC("uprobe")
int read_enter(struct pt_regs *ctx)
{
	return begin(PT_REGS_PARM2(ctx), 0);
}

SEC("uprobe")
int read_ex_enter(struct pt_regs *ctx)
{
	return begin(PT_REGS_PARM2(ctx), PT_REGS_PARM4(ctx));
}

SEC("uretprobe")
int read_leave(struct pt_regs *ctx)
{
	const __u32 tid = (__u32)bpf_get_current_pid_tgid();
	const int ret = (int)PT_REGS_RC(ctx);
	struct call *found = bpf_map_lookup_elem(&calls, &tid), c;
	__u64 n = (__u64)ret;

	if (!found)
		return 0;
	c = *found;
	bpf_map_delete_elem(&calls, &tid);
	if (ret <= 0 || (c.done && bpf_probe_read_user(&n, sizeof(n), (const void *)c.done)))
		return 0;
	return tell(0, c.buf, n);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
