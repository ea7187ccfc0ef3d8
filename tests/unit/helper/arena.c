/* SPDX-License-Identifier: BSD-2-Clause */
/* arena.c - what kfuncs on arenas pass on; the pages are stand-ins */
#include "map/arena.h"
#include "tests/unit/helper/helper_test.h"

static uint64_t seen[3]; /* address, pages, node */

uint64_t arena_alloc_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt, int node, uint32_t cpu)
{
	seen[0] = uaddr;
	seen[1] = cnt;
	seen[2] = (uint64_t)node;
	return 0x5000;
}

void arena_free_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt, uint32_t cpu)
{
	seen[0] = uaddr;
	seen[1] = cnt;
}

long arena_reserve_pages(struct skep_map *m, uint64_t uaddr, uint32_t cnt, uint32_t cpu)
{
	seen[0] = uaddr;
	seen[1] = cnt;
	return -EBUSY;
}

TEST(arena_kfuncs_want_an_arena)
{
	struct skep_map arena = { .type = SKEP_MAP_TYPE_ARENA }, other = { 0 };

	ASSERT_EQ(KCALL(bpf_arena_alloc_pages, P(&arena), 0x1000, 7, (uint32_t)-1, 0), 0x5000);
	ASSERT(seen[0] == 0x1000 && seen[1] == 7 && seen[2] == UINT64_MAX);
	ASSERT_EQ(KCALL(bpf_arena_alloc_pages, P(&other), 0, 7, 0, 0), 0);
	ASSERT_EQ(KCALL(bpf_arena_alloc_pages, P(&arena), 0, 7, 0, 1), 0);
	ASSERT_EQ(KCALL(bpf_arena_alloc_pages, P(&arena), 0, UINT64_C(1) << 32, 0, 0), 0);
	KCALL(bpf_arena_free_pages, P(&arena), 0x3000, 2);
	ASSERT(seen[0] == 0x3000 && seen[1] == 2);
	KCALL(bpf_arena_free_pages, P(&other), 0x4000, 3);
	KCALL(bpf_arena_free_pages, P(&arena), 0, 3);
	KCALL(bpf_arena_free_pages, P(&arena), 0x4000, 0);
	ASSERT(seen[0] == 0x3000 && seen[1] == 2);
	ASSERT_EQ(KCALL(bpf_arena_reserve_pages, P(&arena), 0x6000, 1), -EBUSY);
	ASSERT_EQ(KCALL(bpf_arena_reserve_pages, P(&other), 0x6000, 1), -EINVAL);
}
