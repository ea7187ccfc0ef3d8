// SPDX-License-Identifier: BSD-2-Clause
/* What a program can do in a member of a hive: one of each, counted. */
/* Newer headers know them, older ones do not. */
#define bpf_wq	      uapi_bpf_wq
#define bpf_list_head uapi_bpf_list_head
#define bpf_list_node uapi_bpf_list_node
#include <linux/bpf.h>
#undef bpf_wq
#undef bpf_list_head
#undef bpf_list_node
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define MAP(name, kind, k, v, n)                   \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__type(key, k);                    \
		__type(value, v);                  \
		__uint(max_entries, n);            \
	} name SEC(".maps")

struct locked {
	struct bpf_spin_lock lock;
	__u32 pad;
	__u64 n;
};

MAP(per_cpu, PERCPU_ARRAY, __u32, __u64, 4);
MAP(table, HASH, __u64, __u64, 4096);
MAP(per_cpu_table, PERCPU_HASH, __u64, __u64, 1024);
MAP(recent, LRU_HASH, __u64, __u64, 64);
MAP(busy, HASH, __u64, __u64, 256);
MAP(guarded, ARRAY, __u32, struct locked, 1);

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} own SEC(".maps");

struct bpf_list_head {
	__u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	__u64 opaque[3];
} __attribute__((aligned(8)));

struct item {
	struct bpf_list_node node;
	__u64 n;
};

struct owner {
	struct bpf_spin_lock lock;
	struct bpf_list_head items __attribute__((btf_decl_tag("contains:item:node")));
};
MAP(owners, ARRAY, __u32, struct owner, 1);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__type(key, __u32);
			__type(value, struct owner);
			__uint(max_entries, 1);
		});
} owners_of SEC(".maps");

struct bpf_wq {
	__u64 opaque[2];
} __attribute__((aligned(8)));

struct alarm {
	__u64 again; /* the callback starts it so often once more */
	struct bpf_timer timer;
	struct bpf_wq work;
	__u64 rung, worked, wrong, keys; /* calls; arguments that are not this element's */
};
MAP(alarms, HASH, __u64, struct alarm, 256);
MAP(clocks, ARRAY, __u32, struct alarm, 8);

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__type(value, __u64);
	__uint(max_entries, 64);
} line SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, __u64);
	__type(value, __u64);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

MAP(inner, ARRAY, __u32, __u64, 1);

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 4);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__type(key, __u32);
			__type(value, __u64);
			__uint(max_entries, 1);
		});
} outer SEC(".maps") = { .values = { [0] = (void *)&inner } };

int tail(void *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, int(void *));
} next SEC(".maps") = { .values = { [0] = (void *)&tail } };

/* What a run says of itself, for the member to look at. */
struct said {
	__u64 ids;
	__u64 ns;
	char comm[16];
	__u64 word; /* at args.good */
	long bad;   /* errno of args.bad */
	__u64 looped;
	__u64 old; /* of the element that this run deleted */
	__u32 cpu;
	__u32 tail_calls;
	__u64 torn; /* values that nobody wrote */
} said;

struct args {
	__u64 good, bad;
};

static long add(__u64 i, void *sum)
{
	*(__u64 *)sum += i;
	return 0;
}

SEC("raw_tp/tail")
int tail(void *ctx)
{
	__sync_fetch_and_add(&said.tail_calls, 1);
	return 7;
}

SEC("raw_tp/everything")
int everything(struct args *a)
{
	__u64 key = 77, sum = 0, *v;
	__u32 zero = 0;
	void *in;

	said.ids = bpf_get_current_pid_tgid();
	said.ns = bpf_ktime_get_ns();
	said.cpu = bpf_get_smp_processor_id();
	bpf_get_current_comm(said.comm, sizeof(said.comm));
	said.bad = bpf_probe_read_user(&said.word, 8, (void *)a->bad);
	bpf_probe_read_user(&said.word, 8, (void *)a->good);
	bpf_loop(10, add, &sum, 0);
	said.looped = sum;

	bpf_map_update_elem(&table, &key, &sum, BPF_ANY);
	v = bpf_map_lookup_elem(&table, &key);
	said.old = v ? *v : 0;
	bpf_map_delete_elem(&table, &key);
	if (bpf_map_lookup_elem(&table, &key))
		said.old = 0;

	bpf_map_push_elem(&line, &sum, BPF_EXIST);
	key = 24 | 10ull << 32;
	bpf_map_update_elem(&routes, &key, &sum, BPF_ANY);
	bpf_ringbuf_output(&ring, &sum, sizeof(sum), 0);
	in = bpf_map_lookup_elem(&outer, &zero);
	v = in ? bpf_map_lookup_elem(in, &zero) : NULL;
	if (v)
		__sync_fetch_and_add(v, 1);
	bpf_tail_call(a, &next, 0);
	return 0;
}

/* What per_cpu counts: at its indexes. */
enum { BUMPS, STARTED, FINISHED, SENT };

static void bump_at(__u32 index)
{
	__u64 *v = bpf_map_lookup_elem(&per_cpu, &index);

	if (v)
		*v += 1;
}

struct record {
	__u64 key, sum;
};

static void send(__u64 key)
{
	struct record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r)
		return;
	r->key = key;
	r->sum = ~key;
	bpf_ringbuf_submit(r, 0);
	bump_at(SENT);
}

static void count_in(void *map, __u64 key, _Bool per_cpu_values)
{
	__u64 one = 1, *v = bpf_map_lookup_elem(map, &key);

	if (!v && !bpf_map_update_elem(map, &key, &one, BPF_NOEXIST))
		return;
	v = v ? v : bpf_map_lookup_elem(map, &key);
	if (v && per_cpu_values)
		*v += 1;
	else if (v)
		__sync_fetch_and_add(v, 1);
}

/* Counts in all that many processes may count in at once; what is per CPU takes no atomics. */
SEC("syscall")
int count(void *ctx)
{
	__u64 key = bpf_get_prandom_u32() % 1000;
	struct locked *l;
	__u32 zero = 0;

	bump_at(STARTED);
	count_in(&per_cpu_table, key, 1);
	count_in(&table, key, 0);
	l = bpf_map_lookup_elem(&guarded, &zero);
	if (l) {
		bpf_spin_lock(&l->lock);
		l->n++;
		bpf_spin_unlock(&l->lock);
	}
	send(key);
	bump_at(FINISHED);
	return 0;
}

/* A count of each task's own. */
SEC("raw_tp/mine")
int mine(void *ctx)
{
	__u64 *v = bpf_task_storage_get(&own, bpf_get_current_task_btf(), NULL,
					BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!v)
		return -1;
	return ++*v;
}

SEC("raw_tp/no_more")
int no_more(void *ctx)
{
	return bpf_task_storage_delete(&own, bpf_get_current_task_btf());
}

/* The least that a program on a map that owns objects does. */
SEC("syscall")
int owns(void *ctx)
{
	__u32 zero = 0;

	/* Without a word about them the types of objects would not be there. */
	return bpf_core_type_id_local(struct item) && bpf_map_lookup_elem(&owners, &zero);
}

SEC("syscall")
int owns_inside(void *ctx)
{
	__u32 zero = 0;
	void *in = bpf_map_lookup_elem(&owners_of, &zero);

	return in && bpf_map_lookup_elem(in, &zero);
}

/* Changes what count only counts: elements come and go, and are replaced. */
SEC("raw_tp/change")
int change(void *ctx)
{
	__u64 key = bpf_get_prandom_u32() % 200, value = key | ~key << 32, *v;
	__u64 route = 24 | key << 32, popped;

	bpf_map_update_elem(&recent, &key, &value, BPF_ANY);
	v = bpf_map_lookup_elem(&recent, &key);
	if (key % 4 == 0)
		bpf_map_delete_elem(&busy, &key);
	else
		bpf_map_update_elem(&busy, &key, &value, BPF_ANY);
	bpf_map_push_elem(&line, &value, 0);
	if (!bpf_map_pop_elem(&line, &popped) && (popped ^ popped >> 32) << 32 != ~0ull << 32)
		__sync_fetch_and_add(&said.torn, 1);
	if (key % 3 == 0)
		bpf_map_delete_elem(&routes, &route);
	else
		bpf_map_update_elem(&routes, &route, &value, BPF_ANY);
	v = bpf_map_lookup_elem(&routes, &route);
	if (v && *v != value)
		__sync_fetch_and_add(&said.torn, 1);
	return 0;
}

int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned flags) __ksym;
int bpf_wq_set_callback_impl(struct bpf_wq *wq, int(cb)(void *map, int *key, void *value),
			     unsigned flags, void *aux) __ksym;
int bpf_wq_start(struct bpf_wq *wq, unsigned flags) __ksym;

static int ring_alarm(void *map, __u64 *key, struct alarm *a)
{
	__sync_fetch_and_add(&a->rung, 1);
	if (*key != a->keys || map != &alarms)
		__sync_fetch_and_add(&a->wrong, 1);
	if (a->again) {
		a->again--;
		bpf_timer_start(&a->timer, 100000, 0);
	}
	return 0;
}

static int ring_clock(void *map, __u32 *key, struct alarm *a)
{
	__sync_fetch_and_add(&a->rung, 1);
	if (*key != a->keys || map != &clocks)
		__sync_fetch_and_add(&a->wrong, 1);
	return 0;
}

static int do_work(void *map, int *key, void *value)
{
	struct alarm *a = value;

	__sync_fetch_and_add(&a->worked, 1);
	return 0;
}

#define MONOTONIC 1 /* CLOCK_MONOTONIC */

/* What a program asks of one timer, and what it hears. */
struct clock_args {
	__u64 key, nsecs, again;
	__u64 cancels; /* it does not start it */
	long init, set, start, cancel;
};

/* Not of a probe's type: those have no timers, in Linux neither. */
SEC("syscall")
int alarm(struct clock_args *c)
{
	__u64 key = c->key;
	struct alarm *a = bpf_map_lookup_elem(&alarms, &key);

	if (!a)
		return 1;
	if (c->cancels) {
		c->cancel = bpf_timer_cancel(&a->timer);
		return 0;
	}
	a->keys = key;
	a->again = c->again;
	c->init = bpf_timer_init(&a->timer, &alarms, MONOTONIC);
	c->set = bpf_timer_set_callback(&a->timer, ring_alarm);
	c->start = bpf_timer_start(&a->timer, c->nsecs, 0);
	return 0;
}

SEC("syscall")
int clock(struct clock_args *c)
{
	__u32 key = c->key;
	struct alarm *a = bpf_map_lookup_elem(&clocks, &key);

	if (!a)
		return 1;
	a->keys = key;
	bpf_timer_init(&a->timer, &clocks, MONOTONIC);
	bpf_timer_set_callback(&a->timer, ring_clock);
	bpf_timer_start(&a->timer, c->nsecs, 0);
	bpf_wq_init(&a->work, &clocks, 0);
	bpf_wq_set_callback_impl(&a->work, do_work, 0, NULL);
	bpf_wq_start(&a->work, 0);
	return 0;
}

/* Timers that come, expire, are cancelled, and go with their elements. */
SEC("syscall")
int tick(void *ctx)
{
	__u64 key = bpf_get_prandom_u32() % 100;
	__u32 what = bpf_get_prandom_u32() % 8;
	struct alarm fresh = { .keys = key }, *a;

	if (what == 0)
		bpf_map_delete_elem(&alarms, &key);
	if (what == 1)
		bpf_map_update_elem(&alarms, &key, &fresh, BPF_ANY);
	if (what <= 2)
		bpf_map_update_elem(&alarms, &key, &fresh, BPF_NOEXIST);
	a = bpf_map_lookup_elem(&alarms, &key);
	if (!a)
		return 0;
	bpf_timer_init(&a->timer, &alarms, MONOTONIC);
	bpf_timer_set_callback(&a->timer, ring_alarm);
	bpf_timer_start(&a->timer, key * 10000, 0);
	if (what == 2)
		bpf_timer_cancel(&a->timer);
	return 0;
}

/* The least: what a bench takes. */
SEC("raw_tp/bump")
int bump(void *ctx)
{
	__u32 zero = 0;
	__u64 *v = bpf_map_lookup_elem(&per_cpu, &zero);

	if (v)
		*v += 1;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
