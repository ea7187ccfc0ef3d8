/* SPDX-License-Identifier: BSD-2-Clause */
/* A hive's memory: who may map what, and what is given out. */
#include "hive/space.h"
#include "hive/text.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* A hive's memory, where there can be one. */
static struct space *space(void)
{
	struct space *s;

	test_needs_addresses();
	ASSERT_EQ(space_new(&s), 0);
	return s;
}

static void *map_segment(struct space *s, enum hive_segment seg, int prot)
{
	return mmap(NULL, 4096, prot, MAP_SHARED, space_fd(s, seg), 0);
}

TEST(space_members_write_data_alone)
{
	struct space *s = space();
	void *p;

	ASSERT(map_segment(s, HIVE_TEXT, PROT_READ | PROT_WRITE) == MAP_FAILED);
	ASSERT(map_segment(s, HIVE_META, PROT_READ | PROT_WRITE) == MAP_FAILED);
	p = map_segment(s, HIVE_DATA, PROT_READ | PROT_WRITE);
	ASSERT(p != MAP_FAILED);
	munmap(p, 4096);
	p = map_segment(s, HIVE_TEXT, PROT_READ | PROT_EXEC);
	ASSERT(p != MAP_FAILED);
	ASSERT(mprotect(p, 4096, PROT_READ | PROT_WRITE) < 0);
	munmap(p, 4096);
	p = map_segment(s, HIVE_META, PROT_READ);
	ASSERT(p != MAP_FAILED);
	ASSERT(mprotect(p, 4096, PROT_READ | PROT_WRITE) < 0);
	ASSERT_EQ(((struct hive_head *)p)->magic, HIVE_MEM_MAGIC);
	ASSERT_EQ(((struct hive_head *)p)->base, space_base(s));
	munmap(p, 4096);
	ASSERT(ftruncate(space_fd(s, HIVE_DATA), 4096) < 0);
	space_free(s);
}

TEST(space_two_in_one_process)
{
	struct space *a = space(), *b = space();

	ASSERT(space_base(a) != space_base(b));
	space_free(a);
	space_free(b);
}

TEST(space_gives_zeroes)
{
	struct space *s = space();
	uint8_t *p, *q;

	for (int seg = HIVE_META; seg <= HIVE_DATA; seg++) {
		p = space_alloc(s, seg, 100);
		ASSERT(p && (uintptr_t)p % 64 == 0);
		memset(p, 0xff, 100);
		space_give(s, seg, p, 100);
		q = space_alloc(s, seg, 100);
		ASSERT(q == p);
		for (int i = 0; i < 100; i++)
			ASSERT_EQ(q[i], 0);
	}
	p = space_pages(s, 5000);
	ASSERT(p && (uintptr_t)p % 4096 == 0);
	memset(p, 0xff, 8192);
	space_give_pages(s, p, 5000);
	q = space_pages(s, 5000);
	ASSERT(q == p);
	ASSERT_EQ(q[0] | q[8191], 0);
	ASSERT(!space_alloc(s, HIVE_META, (size_t)1 << 40));
	space_free(s);
}

TEST(space_rows_are_used_again)
{
	struct hive_area area = { .at = 4096, .size = 4096, .fd = 3 };
	struct space *s = space();
	struct hive_meta *m;
	uint32_t change;

	m = space_meta(s);
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(space_show(s, &area), i);
	ASSERT_EQ(m->areas, 4);
	change = m->change;
	space_hide(s, 1);
	ASSERT(m->change != change);
	ASSERT_EQ(m->area[1].at, 0);
	area.fd = 9;
	ASSERT_EQ(space_show(s, &area), 1);
	ASSERT_EQ(m->area[1].fd, 9);
	ASSERT_EQ(m->area[1].gen, 3); /* shown, hidden, shown */
	ASSERT_EQ(space_show(s, &area), 4);
	space_free(s);
}

TEST(text_refers_to_what_was_settled)
{
	static const char here[4], there[4], other;
	static const struct text_pair pairs[] = { { &here[0], &there[3] },
						  { &here[1], &there[2] },
						  { &here[3], &there[0] } };

	ASSERT(text_at(&here[1]) == &here[1]);
	text_settle(pairs, ARRAY_SIZE(pairs));
	ASSERT(text_at(&here[0]) == &there[3]);
	ASSERT(text_at(&here[1]) == &there[2]);
	ASSERT(text_at(&here[2]) == &here[2]);
	ASSERT(text_at(&here[3]) == &there[0]);
	ASSERT(text_at(&other) == &other);
	ASSERT(text_at(NULL) == NULL);
	text_settle(NULL, 0);
}
