// SPDX-License-Identifier: BSD-2-Clause
/*
 * maps.bpf.c - programs on maps without keys, tries and user ring buffers; each leaves in out[]
 * what it saw.  The same on every kernel.
 */
#include "../notes.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 3);
	__uint(value_size, 8);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 3);
	__uint(value_size, 8);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1 << 20);
	__uint(value_size, 12);
	__uint(map_extra, 7);
} bloom SEC(".maps");

struct prefix {
	__u32 len;
	__u8 data[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4);
	__type(key, struct prefix);
	__type(value, __u64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} samples SEC(".maps");

/* --- without keys ----------------------------------------------------------------------------- */

/* Fills, overfills, empties. */
#define KEYLESS(map)                                                        \
	SEC("socket") int use_##map(void *ctx)                              \
	{                                                                   \
		__u64 v = 7;                                                \
                                                                            \
		note(bpf_map_pop_elem(&map, &v));                           \
		note(v);                                                    \
		for (__u64 i = 1; i <= 5; i++) {                            \
			v = i * 100;                                        \
			note(bpf_map_push_elem(&map, &v, 0));               \
		}                                                           \
		note(bpf_map_push_elem(&map, &v, BPF_NOEXIST));             \
		note(bpf_map_push_elem(&map, &v, BPF_EXIST));               \
		note(bpf_map_push_elem(&map, &v, BPF_EXIST | BPF_NOEXIST)); \
		for (int i = 0; i < 4; i++) {                               \
			note(bpf_map_peek_elem(&map, &v));                  \
			note(v);                                            \
			note(bpf_map_pop_elem(&map, &v));                   \
			note(v);                                            \
		}                                                           \
		return 0;                                                   \
	}

KEYLESS(queue)
KEYLESS(stack)

SEC("socket") int use_bloom(void *ctx)
{
	__u32 v[3] = { 1, 2, 3 };

	note(bpf_map_peek_elem(&bloom, v));
	note(bpf_map_push_elem(&bloom, v, BPF_ANY));
	note(bpf_map_push_elem(&bloom, v, BPF_EXIST));
	note(bpf_map_peek_elem(&bloom, v));
	v[2]++;
	note(bpf_map_peek_elem(&bloom, v));
	return 0;
}

/* --- tries ------------------------------------------------------------------------------------ */

static __always_inline void put(__u8 a, __u8 b, __u32 len, __u64 v, __u64 flags)
{
	struct prefix p = { len, { a, b } };

	note(bpf_map_update_elem(&trie, &p, &v, flags));
}

static __always_inline void look(__u8 a, __u8 b, __u32 len)
{
	struct prefix p = { len, { a, b } };
	__u64 *v = bpf_map_lookup_elem(&trie, &p);

	note(v ? *v : 0);
}

SEC("socket") int use_trie(void *ctx)
{
	struct prefix p = { 9, { 10, 128 } };

	look(10, 1, 32);
	put(10, 0, 8, 8, BPF_ANY);
	put(10, 128, 9, 9, BPF_NOEXIST);
	put(10, 128, 9, 99, BPF_NOEXIST);
	put(10, 128, 9, 10, BPF_EXIST);
	put(11, 0, 8, 11, BPF_EXIST);
	put(11, 0, 33, 11, BPF_ANY);
	look(10, 128, 32);
	look(10, 127, 32);
	look(10, 128, 8);
	look(10, 128, 33);
	put(0, 0, 0, 1, BPF_ANY);
	put(12, 0, 8, 12, BPF_ANY);
	put(13, 0, 8, 13, BPF_ANY);
	look(99, 0, 32);
	note(bpf_map_delete_elem(&trie, &p));
	note(bpf_map_delete_elem(&trie, &p));
	look(10, 128, 32);
	return 0;
}

/* --- where XDP sends packets ------------------------------------------------------------------ */

#define TARGETS(name, kind, size)                     \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_##kind);    \
		__uint(max_entries, 4);               \
		__uint(key_size, 4);                  \
		__uint(value_size, size);             \
	} name SEC(".maps");                          \
                                                      \
	SEC("xdp") int use_##name(struct xdp_md *ctx) \
	{                                             \
		note(bpf_redirect_map(&name, 1, 0));  \
		note(bpf_redirect_map(&name, 2, 0));  \
		note(bpf_redirect_map(&name, 2, 2));  \
		note(bpf_redirect_map(&name, 9, 3));  \
		note(bpf_redirect_map(&name, 1, 4));  \
		note(bpf_redirect_map(&name, 2, 8));  \
		note(bpf_redirect_map(&name, 1, 16)); \
		note(bpf_redirect_map(&name, 1, 32)); \
		return bpf_redirect_map(&name, 1, 1); \
	}

TARGETS(devices, DEVMAP, 8)
TARGETS(devices_hash, DEVMAP_HASH, 4)
TARGETS(cpus, CPUMAP, 8)
TARGETS(sockets, XSKMAP, 4)

SEC("xdp") int see_devices(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct bpf_devmap_val *v = bpf_map_lookup_elem(&devices, &key);
	__u32 *ifindex = bpf_map_lookup_elem(&devices_hash, &key);

	note(v ? v->ifindex : 0);
	note(v ? v->bpf_prog.id : ~0u);
	note(ifindex ? *ifindex : 0);
	note(!bpf_map_lookup_elem(&sockets, &key));
	return XDP_PASS;
}

/* --- user ring buffers ------------------------------------------------------------------------ */

__u64 flags; /* of the drain */

static long on_sample(struct bpf_dynptr *d, void *ctx)
{
	__u64 *stop_at = ctx, v = 0, *mem;

	note(bpf_dynptr_read(&v, sizeof(v), d, 0, 0));
	note(v);
	mem = bpf_dynptr_data(d, 8, sizeof(*mem));
	note(mem ? *mem : ~0ull);
	return v == *stop_at;
}

SEC("socket") int drain(void *ctx)
{
	__u64 stop_at = 3;

	note(bpf_user_ringbuf_drain(&samples, on_sample, &stop_at, flags));
	return 0;
}
