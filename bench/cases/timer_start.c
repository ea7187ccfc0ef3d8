/* SPDX-License-Identifier: BSD-2-Clause */
/* A timer that is put off before it expires, as timeouts mostly are. */
#define CASE_NAME timer_start
#include "bench/case.h"

#define MONOTONIC 1 /* CLOCK_MONOTONIC */

struct value {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct value);
} timeouts SEC(".maps");

static int expired(void *map, u32 *key, struct value *v)
{
	return 0;
}

CASE
{
	u32 zero = 0;
	struct value *v = bpf_map_lookup_elem(&timeouts, &zero);
	u64 failed = 0;

	if (!v)
		return 1;
	bpf_timer_init(&v->timer, &timeouts, MONOTONIC);
	bpf_timer_set_callback(&v->timer, expired);
	for (u32 i = 0; i < 64; i++)
		failed |= bpf_timer_start(&v->timer, 3600000000000ull + i, 0);
	return failed;
}
