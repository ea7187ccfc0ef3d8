/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/harness/test.h"
#include "things.h"

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * n >> 32);
}

TEST(lists_keep_the_order)
{
	struct obj_store *s = make_store();
	struct owner o = { 0 };
	uint64_t want[4096], first = ARRAY_SIZE(want) / 2, end = first;

	for (int i = 0; i < 100000; i++) {
		const bool back = random_below(2);
		struct thing *t;

		if (end - first < 500 && random_below(2) && first > 1 &&
		    end < ARRAY_SIZE(want) - 1) {
			want[back ? end++ : --first] = (uint64_t)i;
			t = new_thing(s, (uint64_t)i);
			ASSERT_EQ(obj_list_push(s, o.list, t->list, back, CPU), 0);
			continue;
		}
		t = of_list(obj_list_peek(s, o.list, back));
		ASSERT(of_list(obj_list_pop(s, o.list, back, CPU)) == t);
		ASSERT_EQ(!t, first == end);
		if (!t) {
			first = end = ARRAY_SIZE(want) / 2;
			continue;
		}
		ASSERT_EQ(t->key, want[back ? --end : first++]);
		obj_put(s, t, CPU);
	}
	ASSERT_EQ(obj_live(s), end - first);
}

/* Nodes below that one; their keys lie in [low, high], and so do its own. */
static uint32_t count(struct obj_store *s, struct owner *o, void *node, uint64_t low, uint64_t high,
		      uint32_t depth)
{
	const struct thing *t = of_tree(node);

	if (!t)
		return 0;
	ASSERT_LE(depth, 24); /* 2 * log2(n + 1) */
	ASSERT(low <= t->key && t->key <= high);
	return 1 + count(s, o, obj_tree_child(s, o->tree, node, false), low, t->key, depth + 1) +
	       count(s, o, obj_tree_child(s, o->tree, node, true), t->key, high, depth + 1);
}

static void check(struct obj_store *s, struct owner *o, struct thing *const *in, uint32_t n)
{
	const struct thing *first = of_tree(obj_tree_first(s, o->tree));
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < n; i++)
		least = MIN(least, in[i]->key);
	ASSERT_EQ(!first, n == 0);
	ASSERT(!first || first->key == least);
	ASSERT_EQ(count(s, o, obj_tree_root(s, o->tree), 0, UINT64_MAX, 1), n);
}

TEST(trees_stay_sorted_and_balanced)
{
	struct obj_store *s = make_store();
	struct thing *in[4000];
	struct owner o = { 0 };
	uint32_t n = 0;

	/* It grows to its full size and shrinks to nothing, some times over. */
	for (int i = 0; i < 60000; i++) {
		const bool grows = i / 5000 % 2 ? random_below(3) == 0 : random_below(3) != 0;

		if (n < ARRAY_SIZE(in) && (grows || !n)) {
			in[n] = new_thing(s, random_below(i % 2 ? 1000 : UINT32_MAX));
			ASSERT_EQ(obj_tree_add(s, o.tree, in[n++]->tree, by_key, NULL, CPU), 0);
		} else {
			const uint32_t k = random_below(n);

			ASSERT(of_tree(obj_tree_remove(s, o.tree, in[k]->tree, CPU)) == in[k]);
			ASSERT(!obj_tree_remove(s, o.tree, in[k]->tree, CPU));
			obj_put(s, in[k], CPU);
			in[k] = in[--n];
		}
		if (i % 97 == 0)
			check(s, &o, in, n);
	}
	while (n)
		obj_put(s, of_tree(obj_tree_remove(s, o.tree, in[--n]->tree, CPU)), CPU);
	ASSERT(!obj_tree_root(s, o.tree) && !obj_tree_first(s, o.tree));
	ASSERT_EQ(obj_live(s), 0);
}

TEST(trees_grow_sorted_either_way)
{
	struct obj_store *s = make_store();
	struct owner up = { 0 }, down = { 0 };
	struct thing *t;

	for (uint64_t i = 0; i < 4000; i++) {
		ASSERT_EQ(obj_tree_add(s, up.tree, new_thing(s, i)->tree, by_key, NULL, CPU), 0);
		ASSERT_EQ(obj_tree_add(s, down.tree, new_thing(s, ~i)->tree, by_key, NULL, CPU), 0);
	}
	ASSERT_EQ(count(s, &up, obj_tree_root(s, up.tree), 0, UINT64_MAX, 1), 4000);
	ASSERT_EQ(count(s, &down, obj_tree_root(s, down.tree), 0, UINT64_MAX, 1), 4000);
	for (uint64_t i = 0; (t = of_tree(obj_tree_first(s, up.tree))); i++) {
		ASSERT_EQ(t->key, i);
		obj_put(s, of_tree(obj_tree_remove(s, up.tree, t->tree, CPU)), CPU);
	}
	ASSERT(!obj_tree_child(s, up.tree, of_tree(obj_tree_first(s, down.tree))->tree, true));
	obj_fields_free(s, owner_record, &down, VCPU_NONE);
	ASSERT_EQ(obj_live(s), 0);
}

TEST(equal_keys_come_first_in_first_out)
{
	struct obj_store *s = make_store();
	struct owner o = { 0 };
	struct thing *in[64], *t;

	for (uint32_t i = 0; i < ARRAY_SIZE(in); i++) {
		in[i] = new_thing(s, 5);
		ASSERT_EQ(obj_tree_add(s, o.tree, in[i]->tree, by_key, NULL, CPU), 0);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(in); i++) {
		t = of_tree(obj_tree_first(s, o.tree));
		ASSERT(t == in[i]);
		obj_put(s, of_tree(obj_tree_remove(s, o.tree, t->tree, CPU)), CPU);
	}
}
