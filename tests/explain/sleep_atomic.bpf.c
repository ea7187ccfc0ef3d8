// SPDX-License-Identifier: BSD-2-Clause
/* Memory of the user may have to be fetched, and nobody may wait while RCU protects. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

void bpf_rcu_read_lock(void) __ksym;
void bpf_rcu_read_unlock(void) __ksym;

const void *from;

SEC("uprobe.s")
int arg(void *ctx)
{
	long value = 0;

	bpf_rcu_read_lock();
	bpf_copy_from_user(&value, sizeof(value), from);
	bpf_rcu_read_unlock();
	return value & 1;
}

char _license[] SEC("license") = "GPL";
