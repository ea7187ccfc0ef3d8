/* SPDX-License-Identifier: BSD-2-Clause */
/* STACK_TRACE: numbers of stacks, collisions, what bpf(2) sees; the host's kernel beside an empty
 * one. */
#include "tests/unit/map/pair.h"

static struct skep_map *stacks(uint32_t value, uint32_t entries, uint32_t flags)
{
	return MAP(BPF_MAP_TYPE_STACK_TRACE, 4, value, entries, flags);
}

/* Odd addresses are at that place of a file. */
static void name(void *arg, uint64_t ip, struct bpf_stack_build_id *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->status = ip & 1 ? BPF_STACK_BUILD_ID_VALID : BPF_STACK_BUILD_ID_IP;
	ret->build_id[0] = ip & 1 ? *(const uint8_t *)arg : 0;
	ret->offset = ip;
}

static long put(struct skep_map *m, const uint64_t *ips, uint32_t n, uint64_t flags)
{
	static const uint8_t id = 77;

	return stack_trace_put(m, &(struct stack_ips){ ips, n, name, (void *)&id }, flags,
			       VCPU_NONE);
}

TEST(stack_trace_gives_equal_stacks_one_number)
{
	struct skep_map *m = stacks(4 * 8, 1024, 0);
	const uint64_t a[] = { 0x1000, 0x2000, 0x3000 }, b[] = { 0x1000, 0x2000, 0x3008 };
	uint64_t got[4];
	uint32_t key, next;
	long id;

	m->seed = 0; /* or one time in a thousand they collide */
	id = put(m, a, 3, 0);
	key = (uint32_t)id;
	ASSERT(id >= 0 && id < 1024);
	ASSERT_EQ(put(m, a, 3, 0), id);
	ASSERT_EQ(map_sys_lookup(m, &key, got, 0), 0);
	ASSERT(!memcmp(got, a, sizeof(a)) && got[3] == 0);
	ASSERT_NE(put(m, b, 3, 0), id);
	ASSERT_EQ(map_sys_next_key(m, NULL, &next), 0);
	ASSERT_EQ(map_sys_delete(m, &key), 0);
	ASSERT_EQ(map_sys_delete(m, &key), -ENOENT);
	ASSERT_EQ(map_sys_lookup(m, &key, got, 0), -ENOENT);
	ASSERT_EQ(map_sys_next_key(m, NULL, &key), 0);
	ASSERT_EQ(map_sys_lookup_delete(m, &key, got, 0), 0);
	ASSERT(!memcmp(got, b, sizeof(b)));
	ASSERT_EQ(map_sys_next_key(m, NULL, &key), -ENOENT);
	/* No deeper than the value. */
	ASSERT_GE(put(m, (uint64_t[]){ 1, 2, 3, 4, 5, 6 }, 6, 0), 0);
	map_put(m);
}

TEST(stack_trace_refuses_or_replaces_what_collides)
{
	struct skep_map *m = stacks(8, 1, 0);
	const uint64_t a = 1, b = 2;
	uint64_t got;
	uint32_t key = 0;

	ASSERT_EQ(put(m, &a, 1, 0), 0);
	ASSERT_EQ(put(m, &b, 1, 0), -EEXIST);
	/* Linux' list of free ones is empty too, before the old one is in it. */
	ASSERT_EQ(put(m, &b, 1, BPF_F_REUSE_STACKID), -ENOMEM);
	map_put(m);

	m = stacks(8, 3, 0);
	for (uint64_t ip = 0; ip < 1000; ip++) {
		long id = put(m, &ip, 1, BPF_F_REUSE_STACKID);

		if (id < 0) {
			ASSERT_EQ(id, -ENOMEM);
			break;
		}
		key = (uint32_t)id;
		ASSERT_EQ(map_sys_lookup(m, &key, &got, 0), 0);
		ASSERT_EQ(got, ip);
	}
	map_put(m);
}

TEST(stack_trace_by_build_id_keeps_what_addresses_are)
{
	struct skep_map *m =
		stacks(2 * sizeof(struct bpf_stack_build_id), 64, BPF_F_STACK_BUILD_ID);
	const uint64_t ips[] = { 0x1234, 0x5679 };
	struct bpf_stack_build_id got[2];
	uint32_t key = (uint32_t)put(m, ips, 2, 0);

	ASSERT_EQ(map_sys_lookup(m, &key, got, 0), 0);
	ASSERT(got[0].status == BPF_STACK_BUILD_ID_IP && got[0].ip == ips[0] &&
	       !got[0].build_id[0]);
	ASSERT(got[1].status == BPF_STACK_BUILD_ID_VALID && got[1].offset == ips[1]);
	ASSERT_EQ(got[1].build_id[0], 77);
	ASSERT_EQ(put(m, ips, 2, 0), key);
	map_put(m);
}

TEST(empty_stack_trace_agrees_with_the_host)
{
	static const uint32_t keys[] = { 0, 3, 7, 8, 0xffffffff };
	struct pair p;
	uint64_t v[2] = { 0 };

	pair_begin();
	p = pair_make(&(struct map_args){ BPF_MAP_TYPE_STACK_TRACE, 4, 16, 5 }, "stack trace");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const uint32_t *k = &keys[i];

		ASSERT_EQ(map_sys_update(p.ours, k, v, 0),
			  host_elem(BPF_MAP_UPDATE_ELEM, &p, k, v, 0));
		ASSERT_EQ(map_sys_lookup(p.ours, k, v, 0),
			  host_elem(BPF_MAP_LOOKUP_ELEM, &p, k, v, 0));
		ASSERT_EQ(map_sys_delete(p.ours, k),
			  host_elem(BPF_MAP_DELETE_ELEM, &p, k, NULL, 0));
		ASSERT_EQ(map_sys_next_key(p.ours, k, v),
			  host_elem(BPF_MAP_GET_NEXT_KEY, &p, k, v, 0));
		ASSERT_EQ(map_sys_lookup_delete(p.ours, k, v, 0),
			  host_elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &p, k, v, 0));
	}
	pair_close(&p);
}
