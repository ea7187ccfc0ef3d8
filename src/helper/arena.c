/* SPDX-License-Identifier: BSD-2-Clause */
/* arena.c - kfuncs on arenas (kernel/bpf/arena.c): thin, map/arena.c does the work. */
#include "map/arena.h"
#include "helper/helper_int.h"

static bool is_arena(uint64_t map)
{
	return ((const struct skep_map *)PTR(map))->type == SKEP_MAP_TYPE_ARENA;
}

KFUNC_FN(bpf_arena_alloc_pages)
{
	if (!is_arena(r1) || r5 || !(uint32_t)r3)
		return 0;
	return arena_alloc_pages(PTR(r1), r2, (uint32_t)r3, (int)r4, run->cpu);
}

KFUNC_FN(bpf_arena_free_pages)
{
	if (is_arena(r1) && r2 && (uint32_t)r3)
		arena_free_pages(PTR(r1), r2, (uint32_t)r3, run->cpu);
	return 0;
}

KFUNC_FN(bpf_arena_reserve_pages)
{
	return RET(is_arena(r1) ? arena_reserve_pages(PTR(r1), r2, (uint32_t)r3, run->cpu)
				: -EINVAL);
}
