/* SPDX-License-Identifier: BSD-2-Clause */
/* ops.c - all that a map's `ops` can be.  Hot: it refers to what programs do, and nothing else. */
#include "map/map_int.h"

static const struct map_ops *const all[] = {
#define MAP_TYPE(nr, name, type, traits) &type##_map_ops,
#define MAP_LACKS(nr, name, traits)
#include "map/types.def"
#undef MAP_TYPE
#undef MAP_LACKS
#define BY_SIZE(type) &type##_by_size[0], &type##_by_size[1], &type##_by_size[2]
	BY_SIZE(hash),
	BY_SIZE(percpu_hash),
	BY_SIZE(lru_hash),
	BY_SIZE(lru_percpu_hash),
};

const struct map_ops *map_ops_at(uint32_t i)
{
	return i < ARRAY_SIZE(all) ? all[i] : NULL;
}
