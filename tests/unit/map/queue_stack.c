/* SPDX-License-Identifier: BSD-2-Clause */
/* QUEUE and STACK: order, a full one, what bpf(2) makes of them, the host kernel beside. */
#include "base/sys.h"
#include "tests/unit/map/pair.h"

#include <pthread.h>

/* The next value out, or the negative errno. */
static int64_t pop(struct skep_map *m)
{
	uint64_t value = 0x55;
	long err = m->ops->pop(m, &value, VCPU_NONE);

	if (err)
		ASSERT_EQ(value, 0); /* an empty one gives zeroes */
	return err ? err : (int64_t)value;
}

static int64_t peek(struct skep_map *m)
{
	uint64_t value = 0;
	long err = m->ops->peek(m, &value, VCPU_NONE);

	return err ? err : (int64_t)value;
}

static long push(struct skep_map *m, uint64_t value, uint64_t flags)
{
	return m->ops->push(m, &value, flags, VCPU_NONE);
}

TEST(queue_is_first_in_first_out)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_QUEUE, 0, 8, 3);

	ASSERT_EQ(pop(m), -ENOENT);
	/* Around the end of the ring, several times. */
	for (uint64_t i = 0; i < 20; i++) {
		ASSERT_EQ(push(m, 2 * i + 1, 0), 0);
		ASSERT_EQ(push(m, 2 * i + 2, 0), 0);
		ASSERT_EQ(peek(m), 2 * i + 1);
		ASSERT_EQ(pop(m), 2 * i + 1);
		ASSERT_EQ(pop(m), 2 * i + 2);
		ASSERT_EQ(peek(m), -ENOENT);
	}
	map_put(m);
}

TEST(stack_is_last_in_first_out)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_STACK, 0, 8, 3);

	ASSERT_EQ(pop(m), -ENOENT);
	for (uint64_t i = 1; i <= 3; i++)
		ASSERT_EQ(push(m, i, BPF_EXIST), 0);
	ASSERT_EQ(peek(m), 3);
	/* The oldest makes room, so the end of the ring is passed. */
	ASSERT_EQ(push(m, 4, BPF_EXIST), 0);
	for (int64_t i = 4; i >= 2; i--)
		ASSERT_EQ(pop(m), i);
	ASSERT_EQ(pop(m), -ENOENT);
	map_put(m);
}

TEST(full_ring_refuses_or_drops_the_oldest)
{
	struct skep_map *m = MAP(BPF_MAP_TYPE_QUEUE, 0, 8, 2);

	ASSERT_EQ(push(m, 1, 0), 0);
	ASSERT_EQ(push(m, 2, 0), 0);
	ASSERT_EQ(push(m, 3, 0), -E2BIG);
	ASSERT_EQ(push(m, 3, BPF_NOEXIST), -EINVAL);
	ASSERT_EQ(push(m, 3, BPF_F_LOCK), -EINVAL);
	ASSERT_EQ(push(m, 3, BPF_EXIST), 0);
	ASSERT_EQ(pop(m), 2);
	ASSERT_EQ(pop(m), 3);
	map_put(m);
}

TEST(spoilt_positions_stay_within_the_map)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct skep_map *m = MAP(types[i], 0, 8, 4);

		/* Who maps the descriptor writes where lock, head and tail are. */
		for (uint32_t bad = 3; bad; bad <<= 5) {
			((uint32_t *)m->area.mem)[1] = bad;
			((uint32_t *)m->area.mem)[2] = ~bad;
			push(m, 1, BPF_EXIST);
			pop(m);
			peek(m);
		}
		map_put(m);
	}
}

static void random_op(struct pair *p)
{
	static const uint64_t odd[] = { 3, 4, 5, 8, UINT64_C(1) << 40 };
	uint8_t in[64], host_out[64], our_out[64], key[8] = { 0 };
	uint32_t op = below(12);
	uint64_t flags = below(3) ? 0 : below(2) ? BPF_EXIST : ONE_OF(odd);
	int host, ours;

	for (uint32_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)random64();
	memset(host_out, 0x77, sizeof(host_out));
	memset(our_out, 0x77, sizeof(our_out));
	if (op < 5) {
		host = host_elem(BPF_MAP_UPDATE_ELEM, p, NULL, in, flags);
		ours = map_sys_update(p->ours, NULL, in, flags);
	} else if (op < 7) {
		flags = flags == BPF_EXIST ? 0 : flags;
		host = host_elem(BPF_MAP_LOOKUP_ELEM, p, NULL, host_out, flags);
		ours = map_sys_lookup(p->ours, NULL, our_out, flags);
	} else if (op < 10) {
		host = host_elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, p, NULL, host_out, flags);
		ours = map_sys_lookup_delete(p->ours, NULL, our_out, flags);
	} else if (op < 11) {
		host = host_elem(BPF_MAP_DELETE_ELEM, p, NULL, NULL, 0);
		ours = map_sys_delete(p->ours, NULL);
	} else {
		host = host_elem(BPF_MAP_GET_NEXT_KEY, p, NULL, key, 0);
		ours = map_sys_next_key(p->ours, NULL, key);
	}
	ASSERT_MSG(host == ours, "%s: op %u flags %" PRIu64 ": host %d, ours %d", p->what, op,
		   flags, host, ours);
	/* Where it failed core writes nothing back. */
	if (!host && op >= 5 && op < 10)
		ASSERT_MSG(!memcmp(host_out, our_out, p->value_size), "%s: op %u: values differ",
			   p->what, op);
}

TEST(queue_and_stack_agree_with_the_host)
{
	static const struct {
		struct map_args a;
		const char *what;
	} cases[] = {
		{ { BPF_MAP_TYPE_QUEUE, 0, 8, 4 }, "queue" },
		{ { BPF_MAP_TYPE_QUEUE, 0, 13, 1 }, "queue of one" },
		{ { BPF_MAP_TYPE_QUEUE, 0, 3, 7, BPF_F_NUMA_NODE }, "queue of 3 bytes" },
		{ { BPF_MAP_TYPE_STACK, 0, 8, 4 }, "stack" },
		{ { BPF_MAP_TYPE_STACK, 0, 1, 2 }, "stack of bytes" },
	};

	pair_begin();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pair p = pair_make(&cases[i].a, cases[i].what);

		for (int op = 0; op < 3000; op++)
			random_op(&p);
		pair_close(&p);
	}
}

/* --- threads --------------------------------------------------------------------------------- */

#define PUSHERS 2
#define EACH	100000u

/* A value says who pushed it, and how many before it. */
struct told {
	uint32_t who, seq, again[6];
};

static struct skep_map *shared;
static _Atomic uint32_t taken;

static void *pusher(void *arg)
{
	const uint32_t who = (uint32_t)(uintptr_t)arg;

	for (uint32_t i = 0; i < EACH; i++) {
		struct told v = { who, i, { i, i, i, i, i, i } };

		while (shared->ops->push(shared, &v, 0, VCPU_NONE))
			sys_rest();
	}
	return NULL;
}

static void *popper(void *arg)
{
	const bool ordered = shared->type == BPF_MAP_TYPE_QUEUE;
	uint32_t next[PUSHERS] = { 0 };
	struct told v;

	(void)arg;
	while (atomic_load(&taken) < PUSHERS * EACH) {
		if (shared->ops->pop(shared, &v, VCPU_NONE)) {
			sys_rest();
			continue;
		}
		atomic_fetch_add(&taken, 1);
		ASSERT_LT(v.who, PUSHERS);
		for (size_t i = 0; i < ARRAY_SIZE(v.again); i++)
			ASSERT_EQ(v.again[i], v.seq);
		/* What one pushed comes in its order, with gaps that the other popper took. */
		ASSERT(!ordered || v.seq >= next[v.who]);
		next[v.who] = v.seq + 1;
	}
	return NULL;
}

TEST(every_value_comes_out_once)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK };
	pthread_t t[2 * PUSHERS];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		shared = MAP(types[i], 0, sizeof(struct told), 64);
		atomic_store(&taken, 0);
		for (uintptr_t j = 0; j < 2 * PUSHERS; j++)
			ASSERT_EQ(pthread_create(&t[j], NULL, j < PUSHERS ? pusher : popper,
						 (void *)j),
				  0);
		for (size_t j = 0; j < 2 * PUSHERS; j++)
			pthread_join(t[j], NULL);
		ASSERT_EQ(atomic_load(&taken), PUSHERS * EACH);
		ASSERT_EQ(shared->ops->peek(shared, &(struct told){ 0 }, VCPU_NONE), -ENOENT);
		map_put(shared);
	}
}
