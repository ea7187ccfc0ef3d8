/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maps.bpf.c - the programs of suite "map" (suite_map.c): OPS operations a run, each on a key of
 * its own, and twins that make the same keys and do nothing with them.
 *
 * The keys are random and go on from run to run, so a large map is met where it is cold.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bench/maps/maps.h"

typedef __u32 u32;
typedef __u64 u64;

char LICENSE[] SEC("license") = "GPL";

const volatile u64 nr_keys = 1; /* keys are those below; at most 2^24 */

struct bench_state state SEC(".data") = { { { 1 }, { 1 }, { 1 }, { 1 } } };

struct locked {
	struct bpf_spin_lock lock;
	u64 n;
};

#define MAP(name, map_type, key_t, value_t, entries)   \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_##map_type); \
		__uint(max_entries, entries);          \
		__type(key, key_t);                    \
		__type(value, value_t);                \
	} name SEC(".maps")

/* suite_map.c gives them the size that the row wants. */
MAP(array, ARRAY, u32, u64, 1024);
MAP(percpu_array, PERCPU_ARRAY, u32, u64, 1024);
MAP(hash, HASH, u64, u64, 1024);
MAP(percpu_hash, PERCPU_HASH, u64, u64, 1024);
MAP(lru_hash, LRU_HASH, u64, u64, 1024);
MAP(locked, ARRAY, u32, struct locked, 1);
MAP(chain, PROG_ARRAY, u32, u32, 1);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct bench_prefix);
	__type(value, u64);
} lpm SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1024);
	__uint(value_size, sizeof(u64));
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} ring SEC(".maps");

/* The address goes to somebody unknown: what is there is written before, and read after. */
#define ESCAPE(x) __asm__ volatile("" : : "r"(&(x)) : "memory")

/*
 * A program that runs a body OPS times, with `key` of a type and `x` a random number; it returns
 * `sum`.  Eight bodies a round, so that the loop itself hardly counts.  The verifier follows the
 * counter also where it is spilled, as it and the key have slots of their own.
 */
#define PROGRAM(name, key_t, ...)                                      \
	SEC("tc") int name(struct __sk_buff *skb)                      \
	{                                                              \
		u32 cpu = bpf_get_smp_processor_id() % STATE_CPUS;     \
		u64 x = state.cpu[cpu].x, n = nr_keys;                 \
		u32 sum = 0;                                           \
                                                                       \
		for (u64 i = 0; i < OPS / 8; i++) {                    \
			_Pragma("unroll") for (u32 j = 0; j < 8; j++)  \
			{                                              \
				key_t key __attribute__((aligned(8))); \
                                                                       \
				x = x * 6364136223846793005ULL + 1;    \
				key = (key_t)((x >> 40) * n >> 24);    \
				__VA_ARGS__                            \
			}                                              \
		}                                                      \
		state.cpu[cpu].x = x;                                  \
		return sum;                                            \
	}

/* --- twins ------------------------------------------------------------------------------------ */

PROGRAM(keys4, u32, {
	ESCAPE(key);
	sum += key;
})

PROGRAM(keys8, u64, {
	ESCAPE(key);
	sum += key;
})

PROGRAM(pairs8, u64, {
	u64 value = key + 1;

	ESCAPE(key);
	ESCAPE(value);
	sum += key;
})

PROGRAM(prefixes, u64, {
	struct bench_prefix prefix = { 32, PREFIX_ADDR(key) };

	ESCAPE(prefix);
	sum += key;
})

PROGRAM(records8, u64, {
	u64 record = x;

	ESCAPE(record);
	sum += key;
})

PROGRAM(records64, u64, {
	u64 record[8] = { x };

	ESCAPE(record);
	sum += key;
})

/* --- lookups ---------------------------------------------------------------------------------- */

#define LOOKUP(name, map, key_t)                          \
	PROGRAM(name, key_t, {                            \
		u64 *v = bpf_map_lookup_elem(&map, &key); \
                                                          \
		if (v)                                    \
			sum += *v;                        \
	})

LOOKUP(array_lookup, array, u32)
LOOKUP(hash_lookup, hash, u64)

#define COUNT(name, map, key_t)                           \
	PROGRAM(name, key_t, {                            \
		u64 *v = bpf_map_lookup_elem(&map, &key); \
                                                          \
		if (v)                                    \
			*v += 1;                          \
		sum += key;                               \
	})

COUNT(percpu_array_lookup, percpu_array, u32)
COUNT(percpu_hash_lookup, percpu_hash, u64)

/* --- updates ---------------------------------------------------------------------------------- */

#define UPDATE(name, map)                                          \
	PROGRAM(name, u64, {                                       \
		u64 value = key + 1;                               \
                                                                   \
		sum += bpf_map_update_elem(&map, &key, &value, 0); \
		sum += key;                                        \
	})

UPDATE(hash_update, hash)
UPDATE(lru_update, lru_hash)

PROGRAM(hash_delins, u64, {
	u64 value = key + 1;

	sum += bpf_map_delete_elem(&hash, &key);
	sum += bpf_map_update_elem(&hash, &key, &value, 0);
	sum += key;
})

PROGRAM(lpm_lookup, u64, {
	struct bench_prefix prefix = { 32, PREFIX_ADDR(key) };
	u64 *v = bpf_map_lookup_elem(&lpm, &prefix);

	if (v)
		sum += *v;
})

/* --- the others ------------------------------------------------------------------------------- */

PROGRAM(queue_push_pop, u64, {
	u64 record = x;

	sum += bpf_map_push_elem(&queue, &record, 0);
	sum += bpf_map_pop_elem(&queue, &record);
	sum += record;
})

PROGRAM(ringbuf_output_8, u64, {
	u64 record = x;

	sum += bpf_ringbuf_output(&ring, &record, sizeof(record), 0);
	sum += key;
})

PROGRAM(ringbuf_output_64, u64, {
	u64 record[8] = { x };

	sum += bpf_ringbuf_output(&ring, record, sizeof(record), 0);
	sum += key;
})

/* As many bytes as a cache line has; kernels that know no objects load the other programs. */
struct object {
	u64 n[8];
};

extern void *bpf_obj_new_impl(u64 id, void *meta) __ksym __weak;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym __weak;

PROGRAM(object_new_drop, u64, {
	struct object *o = bpf_obj_new_impl(bpf_core_type_id_local(struct object), NULL);

	if (o) {
		o->n[0] = x;
		sum += key;
		bpf_obj_drop_impl(o, NULL);
	}
})

#define WITH_LOCK(name, take, release)                                  \
	SEC("tc") int name(struct __sk_buff *skb)                       \
	{                                                               \
		u32 zero = 0;                                           \
		struct locked *v = bpf_map_lookup_elem(&locked, &zero); \
                                                                        \
		for (u32 i = 0; v && i < OPS; i++) {                    \
			take;                                           \
			v->n++;                                         \
			release;                                        \
		}                                                       \
		return 0;                                               \
	}

WITH_LOCK(spin_lock, bpf_spin_lock(&v->lock), bpf_spin_unlock(&v->lock))
WITH_LOCK(no_lock, ESCAPE(*v), ESCAPE(*v))

/* TAIL_CALLS hops; suite_map.c puts the program itself into the array. */
SEC("tc") int tail_call(struct __sk_buff *skb)
{
	u32 n = skb->cb[0];

	if (n < TAIL_CALLS) {
		skb->cb[0] = n + 1;
		bpf_tail_call(skb, &chain, 0);
	}
	skb->cb[0] = 0;
	return 0;
}

SEC("tc") int no_tail_call(struct __sk_buff *skb)
{
	u32 n = skb->cb[0];

	if (n < TAIL_CALLS)
		skb->cb[0] = n + 1;
	skb->cb[0] = 0;
	return 0;
}
