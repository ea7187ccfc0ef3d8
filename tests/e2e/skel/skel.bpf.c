// SPDX-License-Identifier: BSD-2-Clause
/*
 * What skeletons use, all at once: a ring buffer, a perf buffer, all kinds of global data,
 * kconfig externs, CO-RE, a map of maps, a kfunc, a callback.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* The real one has other offsets: CO-RE moves the accesses. */
struct task_struct {
	char padding[100];
	int tgid;
	int no_such_field;
	char comm[16];
} __attribute__((preserve_access_index));

struct event {
	__u32 tgid;
	__u32 seen;
	char comm[16];
};

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { &inner_a, &inner_b } };

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} samples SEC(".maps");

const volatile __u32 constant = 1;
__u32 initialised = 100;
__u64 counter;

extern int LINUX_KERNEL_VERSION __kconfig;
extern int CONFIG_HZ __kconfig;
extern bool CONFIG_BPF_SYSCALL __kconfig;
extern bool CONFIG_NO_SUCH_OPTION __kconfig __weak;

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

__u32 kernel_version, hz, has_field, has_no_field;
bool bpf_syscall, no_such_option;

static long add(__u32 i, void *ctx)
{
	*(__u64 *)ctx += i;
	return 0;
}

SEC("raw_tp/sys_enter")
int on_event(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 which = initialised & 1, zero = 0;
	struct event *e;
	__u64 sum = 0, *v;
	void *map;

	bpf_rcu_read_lock();
	kernel_version = LINUX_KERNEL_VERSION;
	hz = CONFIG_HZ;
	bpf_syscall = CONFIG_BPF_SYSCALL;
	no_such_option = CONFIG_NO_SUCH_OPTION;
	has_field = bpf_core_field_exists(task->tgid);
	has_no_field = bpf_core_field_exists(task->no_such_field);
	bpf_loop(5, add, &sum, 0);
	counter += constant + sum;

	map = bpf_map_lookup_elem(&outer, &which);
	v = map ? bpf_map_lookup_elem(map, &zero) : NULL;
	if (v)
		*v += 1;
	bpf_rcu_read_unlock();

	bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU, &counter, sizeof(counter));
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 1;
	e->tgid = BPF_CORE_READ(task, tgid);
	e->seen = counter;
	BPF_CORE_READ_STR_INTO(&e->comm, task, comm);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
