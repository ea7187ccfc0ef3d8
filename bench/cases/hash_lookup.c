/* SPDX-License-Identifier: BSD-2-Clause */
/* Hash map lookups of 8-byte keys among 1024. */
#define CASE_NAME hash_lookup
#include "bench/case.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, u64);
	__type(value, u64);
} table SEC(".maps");

CASE
{
	u32 sum = 0;

	for (u32 i = 0; i < 256; i++) {
		u64 key = data.w[i] & 1023;
		u64 *v = bpf_map_lookup_elem(&table, &key);

		if (v)
			sum += (u32)*v;
	}
	return sum;
}
