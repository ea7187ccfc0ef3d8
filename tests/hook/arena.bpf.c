// SPDX-License-Identifier: BSD-2-Clause
/* What calls of a function were given, kept in memory that the tool maps: no map operation. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, 33); /* BPF_MAP_TYPE_ARENA: older headers lack it */
	__uint(max_entries, 2);
	__uint(map_flags, BPF_F_MMAPABLE);
} arena SEC(".maps");

struct kept {
	__u64 calls, sum;
};

volatile const __u64 place; /* of a struct kept, as the tool sees it */

/* addr_space_cast to what programs can reach, for compilers that do not know it. */
static struct kept *reach(__u64 user)
{
	struct kept *at;

	asm volatile("r1 = %[arena]\n\t"
		     "r1 = %[user]\n\t"
		     ".8byte 0x00000001000111bf\n\t"
		     "%[at] = r1"
		     : [at] "=r"(at)
		     : [arena] "r"(&arena), [user] "r"(user)
		     : "r1");
	return at;
}

SEC("uprobe")
int keep(struct pt_regs *ctx)
{
	struct kept *k = reach(place);

	__sync_fetch_and_add(&k->calls, 1);
	__sync_fetch_and_add(&k->sum, PT_REGS_PARM1(ctx));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
