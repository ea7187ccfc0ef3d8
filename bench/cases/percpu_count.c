/* SPDX-License-Identifier: BSD-2-Clause */
/* A per-CPU array counter, incremented: what most probes do. */
#define CASE_NAME percpu_count
#include "bench/case.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

CASE
{
	u32 sum = 0;

	for (u32 i = 0; i < 1024; i++) {
		u32 key = (u32)data.w[i] & 63;
		u64 *v = bpf_map_lookup_elem(&counters, &key);

		if (v) {
			*v += 1;
			sum += key;
		}
	}
	return sum;
}
