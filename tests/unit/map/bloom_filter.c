/* SPDX-License-Identifier: BSD-2-Clause */
/* BLOOM_FILTER: what was pushed is found, how much else is, the host kernel beside. */
#include "tests/unit/map/pair.h"

static struct skep_map *bloom(uint32_t value_size, uint32_t entries, uint64_t hashes)
{
	union bpf_attr attr =
		map_attr(&(struct map_args){ BPF_MAP_TYPE_BLOOM_FILTER, 0, value_size, entries });
	const struct map_deps deps = { .nr_cpus = CPUS };
	struct skep_map *m;

	attr.map_extra = hashes;
	ASSERT_EQ(map_new(&attr, &deps, &m, NULL), 0);
	return m;
}

/* The part of the values that were not pushed which is found by chance. */
static double by_chance(const struct skep_map *m, uint32_t hashes)
{
	const uint64_t *words = (const uint64_t *)m->area.mem;
	const double bits = m->index_mask + 1.0;
	double set = 0, rate = 1;

	for (uint32_t i = 0; i <= m->index_mask / 64; i++)
		set += __builtin_popcountll(words[i]);
	while (hashes--)
		rate *= set / bits;
	return rate;
}

TEST(bloom_finds_all_that_was_pushed_and_little_else)
{
	static const uint32_t hashes[] = { 0, 1, 3, 5, 15 };
	enum { N = 20000 };

	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		struct skep_map *m = bloom(8, N, hashes[i]);
		uint32_t wrong = 0;
		double expected;

		for (uint64_t v = 0; v < N; v++)
			ASSERT_EQ(m->ops->push(m, &v, 0, VCPU_NONE), 0);
		for (uint64_t v = 0; v < N; v++)
			ASSERT_EQ(m->ops->peek(m, &v, VCPU_NONE), 0);
		for (uint64_t v = N; v < 11 * (uint64_t)N; v++)
			wrong += !m->ops->peek(m, &v, VCPU_NONE);
		expected = by_chance(m, hashes[i] ? hashes[i] : 5) * 10 * N;
		ASSERT_MSG(wrong < 1.1 * expected + 100, "%u hashes: %u of %u wrong, expected %g",
			   hashes[i], wrong, 10 * N, expected);
		/* And the bits are as many as Linux takes, so that is few enough. */
		ASSERT(hashes[i] == 1 || expected < 0.1 * 10 * N);
		map_put(m);
	}
}

TEST(bloom_seeds_are_the_maps_own)
{
	struct skep_map *a = bloom(8, 100, 0), *b = bloom(8, 100, 0);

	for (uint64_t v = 0; v < 50; v++) {
		a->ops->push(a, &v, 0, VCPU_NONE);
		b->ops->push(b, &v, 0, VCPU_NONE);
	}
	ASSERT(memcmp(a->area.mem, b->area.mem, (a->index_mask + 1) / 8));
	map_put(a);
	map_put(b);
}

static void random_op(struct pair *p, uint32_t values)
{
	static const uint64_t odd[] = { 1, 2, 3, 4, 8, UINT64_C(1) << 40 };
	uint8_t value[64] = { 0 }, key[8] = { 0 };
	const uint32_t op = below(10), v = below(values);
	const uint64_t flags = below(6) ? 0 : ONE_OF(odd);
	int host, ours;

	memcpy(value, &v, MIN(p->value_size, sizeof(v)));
	if (op < 4) {
		host = host_elem(BPF_MAP_UPDATE_ELEM, p, NULL, value, flags);
		ours = map_sys_update(p->ours, NULL, value, flags);
	} else if (op < 7) {
		host = host_elem(BPF_MAP_LOOKUP_ELEM, p, NULL, value, flags);
		ours = map_sys_lookup(p->ours, NULL, value, flags);
	} else if (op < 8) {
		host = host_elem(BPF_MAP_DELETE_ELEM, p, NULL, NULL, 0);
		ours = map_sys_delete(p->ours, NULL);
	} else if (op < 9) {
		host = host_elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, p, NULL, value, flags);
		ours = map_sys_lookup_delete(p->ours, NULL, value, flags);
	} else {
		host = host_elem(BPF_MAP_GET_NEXT_KEY, p, NULL, key, 0);
		ours = map_sys_next_key(p->ours, NULL, key);
	}
	ASSERT_MSG(host == ours, "%s: op %u flags %" PRIu64 ": host %d, ours %d", p->what, op,
		   flags, host, ours);
}

TEST(bloom_agrees_with_the_host)
{
	static const struct {
		struct map_args a;
		uint64_t extra;
		const char *what;
	} cases[] = {
		/* With so many bits for few values that neither side errs. */
		{ { BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 1u << 20 }, 0, "8 bytes" },
		{ { BPF_MAP_TYPE_BLOOM_FILTER, 0, 13, 1u << 20 }, 7, "13 bytes" },
		{ { BPF_MAP_TYPE_BLOOM_FILTER, 0, 64, 1u << 20, BPF_F_ZERO_SEED }, 15, "64 bytes" },
	};

	pair_begin();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pair p = pair_make_extra(&cases[i].a, cases[i].extra, cases[i].what);

		for (int op = 0; op < 500; op++)
			random_op(&p, 200);
		pair_close(&p);
	}
}
