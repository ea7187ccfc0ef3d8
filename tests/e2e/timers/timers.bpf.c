// SPDX-License-Identifier: BSD-2-Clause
/*
 * timers.bpf.c - programs on timers and work queues in values of maps; each leaves in out[] what
 * its calls gave, and its callbacks count in fired[], by key, and note in seen[] what they saw.
 * The same on every kernel.
 */
/* Newer headers know it, older ones do not. */
#define bpf_wq uapi_bpf_wq
#include <linux/bpf.h>
#undef bpf_wq
#include <linux/time.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define OUT	128
#define KEYS	16
#define FOREVER 3600000000000ULL
#define CPU_PIN 2 /* BPF_F_TIMER_CPU_PIN */

__u64 out[OUT]; /* what the last run saw */
__u32 nr_out;
__u64 fired[KEYS], seen[KEYS];

static __always_inline void note(__s64 what)
{
	if (nr_out < OUT)
		out[nr_out++ & (OUT - 1)] = what;
}

struct value {
	__u64 before;
	struct bpf_timer timer;
	__u64 after;
};

#define MAP(name, kind)                            \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, 8);            \
		__type(key, __u32);                \
		__type(value, struct value);       \
	} name SEC(".maps")
MAP(array, ARRAY);
MAP(hash, HASH);
MAP(lru, LRU_HASH);

static int once(void *map, __u32 *key, struct value *v)
{
	const __u32 k = *key & (KEYS - 1);

	seen[k] = v->before * 1000 + v->after;
	__sync_fetch_and_add(&fired[k], 1);
	return 0;
}

/* Again, until `after`, which is 7 at the beginning, is 10. */
static int again(void *map, __u32 *key, struct value *v)
{
	const __u32 k = *key & (KEYS - 1);

	seen[k] = v->before;
	if (++v->after < 10)
		bpf_timer_start(&v->timer, 100000, 0);
	__sync_fetch_and_add(&fired[k], 1);
	return 0;
}

/* What may not be done to the own timer, and what may. */
static int own(void *map, __u32 *key, struct value *v)
{
	const __u32 k = *key & (KEYS - 1);

	seen[k] = (__u64)(-bpf_timer_cancel(&v->timer)) * 1000;
	seen[k] += (__u64)(-bpf_timer_start(&v->timer, FOREVER, 4));
	__sync_fetch_and_add(&fired[k], 1);
	return 0;
}

/* The element goes, and its timer, which is armed, with it. */
static int deletes(void *map, __u32 *key, struct value *v)
{
	const __u32 k = *key & (KEYS - 1);

	seen[k] = bpf_timer_start(&v->timer, 0, 0);
	seen[k] += bpf_map_delete_elem(map, key);
	seen[k] = seen[k] * 1000 + (__u64)(-bpf_timer_start(&v->timer, 0, 0));
	__sync_fetch_and_add(&fired[k], 1);
	return 0;
}

#define PUT(map, k)                                             \
	({                                                      \
		__u32 _k = (k);                                 \
		struct value _v = { .before = _k, .after = 7 }; \
		bpf_map_update_elem(&(map), &_k, &_v, 0);       \
		bpf_map_lookup_elem(&(map), &_k);               \
	})

#define ARM(map, k, callback, clock, nsecs, flags)                  \
	do {                                                        \
		struct value *_e = PUT(map, k);                     \
                                                                    \
		if (!_e)                                            \
			break;                                      \
		note(bpf_timer_init(&_e->timer, &(map), clock));    \
		note(bpf_timer_set_callback(&_e->timer, callback)); \
		note(bpf_timer_start(&_e->timer, nsecs, flags));    \
	} while (0)

/* --- errors ----------------------------------------------------------------------------------- */

SEC("tc") int refuses(void *ctx)
{
	struct value *v = PUT(hash, 0);

	if (!v)
		return 1;
	note(bpf_timer_set_callback(&v->timer, once));
	note(bpf_timer_start(&v->timer, 0, 0));
	note(bpf_timer_cancel(&v->timer));
	note(bpf_timer_init(&v->timer, &hash, CLOCK_PROCESS_CPUTIME_ID));
	note(bpf_timer_init(&v->timer, &hash, 16));
	note(bpf_timer_init(&v->timer, &hash, CLOCK_BOOTTIME));
	note(bpf_timer_init(&v->timer, &hash, CLOCK_BOOTTIME));
	note(bpf_timer_start(&v->timer, 0, 0));
	note(bpf_timer_cancel(&v->timer));
	note(bpf_timer_set_callback(&v->timer, once));
	note(bpf_timer_start(&v->timer, FOREVER, 4));
	note(bpf_timer_start(&v->timer, FOREVER, 0));
	note(bpf_timer_start(&v->timer, FOREVER, 0));
	note(bpf_timer_cancel(&v->timer));
	note(bpf_timer_cancel(&v->timer));
	note(bpf_timer_start(&v->timer, 0, 0));
	return 0;
}

/* --- what fires ------------------------------------------------------------------------------- */

SEC("tc") int fires(void *ctx)
{
	ARM(array, 1, once, CLOCK_MONOTONIC, 1000000, 0);
	ARM(hash, 2, once, CLOCK_BOOTTIME, 1000000, 0);
	ARM(lru, 3, once, CLOCK_REALTIME, 0, 0);
	ARM(hash, 4, again, CLOCK_MONOTONIC, 0, 0);
	ARM(array, 5, own, CLOCK_MONOTONIC, 0, CPU_PIN);
	ARM(hash, 6, deletes, CLOCK_MONOTONIC, 0, 0);
	ARM(hash, 7, once, CLOCK_MONOTONIC, bpf_ktime_get_ns() + 1000000, 1);
	ARM(lru, 8, once, CLOCK_MONOTONIC, 1, 1);
	return 0;
}

/* --- what does not ---------------------------------------------------------------------------- */

#define SOON 200000000

SEC("tc") int leaves(void *ctx)
{
	struct value *v, fresh = {};
	__u32 k;

	ARM(hash, 10, once, CLOCK_MONOTONIC, SOON, 0);
	ARM(hash, 11, once, CLOCK_MONOTONIC, SOON, 0);
	ARM(hash, 12, once, CLOCK_MONOTONIC, SOON, 0);
	ARM(array, 6, once, CLOCK_MONOTONIC, SOON, 0);
	ARM(array, 7, once, CLOCK_MONOTONIC, -1, 0);
	/* one is deleted, one is replaced, one is cancelled, and one is postponed */
	k = 10;
	note(bpf_map_delete_elem(&hash, &k));
	k = 11;
	note(bpf_map_update_elem(&hash, &k, &fresh, BPF_EXIST));
	v = bpf_map_lookup_elem(&hash, &k);
	note(v ? bpf_timer_cancel(&v->timer) : 1);
	k = 12;
	v = bpf_map_lookup_elem(&hash, &k);
	note(v ? bpf_timer_cancel(&v->timer) : 2);
	k = 6;
	v = bpf_map_lookup_elem(&array, &k);
	note(v ? bpf_timer_start(&v->timer, FOREVER, 0) : 3);
	return 0;
}

/* The elements of the first eight keys go from a map of eight. */
SEC("tc") int evicts(void *ctx)
{
	for (__u32 k = 0; k < 8; k++)
		ARM(lru, k, once, CLOCK_MONOTONIC, SOON, 0);
	for (__u32 k = 100; k < 164; k++)
		PUT(lru, k);
	return 0;
}

/* Fills the elements that user space deletes. */
SEC("tc") int arms(void *ctx)
{
	for (__u32 k = 0; k < 4; k++)
		ARM(hash, k, once, CLOCK_MONOTONIC, SOON, 0);
	return 0;
}

/* --- work queues ------------------------------------------------------------------------------ */

struct bpf_wq {
	__u64 opaque[2];
} __attribute__((aligned(8)));

struct work {
	__u64 before;
	struct bpf_wq wq;
	__u64 after;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct work);
} work SEC(".maps");

extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int(fn)(void *map, int *key, void *value),
				    unsigned int flags, void *aux) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;

/* Again, until `after`, which is 7 at the beginning, is 10. */
static int works(void *map, int *key, void *value)
{
	const __u32 k = *key & (KEYS - 1);
	struct work *w = value;

	seen[k] = w->before;
	if (++w->after < 10)
		bpf_wq_start(&w->wq, 0);
	__sync_fetch_and_add(&fired[k], 1);
	return 0;
}

SEC("tc") int use_work(void *ctx)
{
	struct work fresh = { .before = 42, .after = 7 }, *w;
	__u32 k = 9;

	bpf_map_update_elem(&work, &k, &fresh, 0);
	w = bpf_map_lookup_elem(&work, &k);
	if (!w)
		return 1;
	note(bpf_wq_set_callback_impl(&w->wq, works, 0, 0));
	note(bpf_wq_start(&w->wq, 0));
	note(bpf_wq_init(&w->wq, &work, 1));
	note(bpf_wq_init(&w->wq, &work, 0));
	note(bpf_wq_init(&w->wq, &work, 0));
	note(bpf_wq_start(&w->wq, 0));
	note(bpf_wq_set_callback_impl(&w->wq, works, 1, 0));
	note(bpf_wq_set_callback_impl(&w->wq, works, 0, 0));
	note(bpf_wq_start(&w->wq, 1));
	note(bpf_wq_start(&w->wq, 0));
	return 0;
}
