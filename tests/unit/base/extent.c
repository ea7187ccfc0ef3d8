/* SPDX-License-Identifier: BSD-2-Clause */
/* Free parts of a range: against a map of its pages that is kept bit by bit. */
#include "base/extent.h"
#include "tests/harness/test.h"

#define UNITS 512
#define BASE  UINT64_C(0x200000000000)

/* Every free unit is in one extent, every taken one in none, and no two extents touch. */
static void look(const struct extents *e, const bool taken[UNITS])
{
	size_t free_units = 0, listed = 0;

	for (int i = 0; i < UNITS; i++)
		free_units += !taken[i];
	for (size_t i = 0; i < e->n; i++) {
		ASSERT(e->at[i].size);
		ASSERT(i == 0 || e->at[i - 1].at + e->at[i - 1].size < e->at[i].at);
		for (size_t u = 0; u < e->at[i].size; u++)
			ASSERT(!taken[e->at[i].at - BASE + u]);
		listed += e->at[i].size;
	}
	ASSERT_EQ(listed, free_units);
}

TEST(extents_are_what_is_free)
{
	struct {
		uintptr_t at;
		size_t size;
	} held[64] = { 0 };
	bool taken[UNITS] = { 0 };
	struct extents e;
	uint32_t r = 1;

	ASSERT_EQ(extents_init(&e, BASE, UNITS), 0);
	for (int i = 0; i < 20000; i++) {
		int h = (int)((r = r * 1664525 + 1013904223) >> 16) % 64;

		if (held[h].at) {
			extents_give(&e, held[h].at, held[h].size);
			memset(&taken[held[h].at - BASE], 0, held[h].size);
			held[h].at = 0;
		} else {
			const size_t align = 1u << (r >> 28) % 4;

			held[h].size = 1 + (r >> 20) % 24;
			held[h].at = extents_take(&e, held[h].size, align);
			if (!held[h].at)
				continue;
			ASSERT_EQ(held[h].at % align, 0);
			for (size_t u = 0; u < held[h].size; u++) {
				ASSERT(!taken[held[h].at - BASE + u]);
				taken[held[h].at - BASE + u] = true;
			}
		}
		look(&e, taken);
	}
	extents_fini(&e);
}

TEST(extents_end)
{
	struct extents e;

	ASSERT_EQ(extents_init(&e, BASE, 64), 0);
	ASSERT_EQ(extents_take(&e, 65, 1), 0);
	ASSERT_EQ(extents_take(&e, 64, 1), BASE);
	ASSERT_EQ(extents_take(&e, 1, 1), 0);
	extents_give(&e, BASE, 64);
	ASSERT_EQ(extents_take(&e, 64, 64), BASE);
	extents_fini(&e);
}
