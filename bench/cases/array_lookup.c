/* SPDX-License-Identifier: BSD-2-Clause */
/* Array map lookups, the value incremented. */
#define CASE_NAME array_lookup
#include "bench/case.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

CASE
{
	u32 sum = 0;

	for (u32 i = 0; i < 1024; i++) {
		u32 key = (u32)data.w[i] & 1023;
		u64 *v = bpf_map_lookup_elem(&counters, &key);

		if (v)
			sum += key + (u32)(++*v & 0);
	}
	return sum;
}
