// SPDX-License-Identifier: BSD-2-Clause
/*
 * What system calls were given, in an object that goes from one to the next through a map's value:
 * each takes it out, adds, and puts it back.  (Programs at uprobes may not allocate, in Linux
 * neither, and none that traces has lists.)
 */
#include "tests/e2e/objects/experimental.h"

struct sum {
	__u64 calls, given;
};
typedef struct sum sum_t;

struct place {
	sum_t KPTR *sum;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct place);
} places SEC(".maps");

/* Sums that found another one in their place, when they came back. */
struct {
	__u64 calls, given, failed;
} spilled;

static __always_inline struct place *the_place(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&places, &zero);
}

static __always_inline void spill(struct sum *s)
{
	__sync_fetch_and_add(&spilled.calls, s->calls);
	__sync_fetch_and_add(&spilled.given, s->given);
	obj_drop(s);
}

struct enter {
	__u64 common;
	__s64 nr;
	__u64 args[6];
};

SEC("tracepoint/syscalls/sys_enter_getpgid")
int keep(struct enter *ctx)
{
	struct place *p = the_place();
	struct sum *s;

	if (!p)
		return 0;
	s = bpf_kptr_xchg(&p->sum, NULL);
	if (!s)
		s = obj_new(struct sum);
	if (!s) {
		__sync_fetch_and_add(&spilled.failed, 1);
		return 0;
	}
	s->calls++;
	s->given += ctx->args[0];
	s = bpf_kptr_xchg(&p->sum, s);
	if (s)
		spill(s);
	return 0;
}

/* What is left there is spilled too.  Of the server. */
SEC("syscall")
int end(void *ctx)
{
	struct place *p = the_place();
	struct sum *s = p ? bpf_kptr_xchg(&p->sum, NULL) : NULL;

	if (s)
		spill(s);
	return !!s;
}

char LICENSE[] SEC("license") = "GPL";
