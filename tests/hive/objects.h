/* SPDX-License-Identifier: BSD-2-Clause */
/* objects.h - a member counts the objects of its hive, one by one. */
#ifndef SKEP_TESTS_HIVE_OBJECTS_H
#define SKEP_TESTS_HIVE_OBJECTS_H

#include "hive/layout.h"
#include "obj/obj_int.h"

/* As obj/pool.c has them. */
static const uint16_t block_sizes[CLASSES] = { 32,  48,	 64,  80,  96,	 128,  160,  208,
					       272, 352, 464, 608, 1024, 1552, 2720, 4112 };

/* Objects that somebody holds; *ret_used: blocks that ever were some. */
static inline unsigned count_pool(const struct obj_store *s, const struct obj_pool *p,
				  unsigned *ret_used)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < (s->vcpus->nr + 1) * CLASSES; i++) {
		const uint32_t used = s->sh->row[i / CLASSES].blocks[p->nr][i % CLASSES].used;
		const uint8_t *range = p->mem + ((size_t)i << p->shift);

		*ret_used += used;
		for (size_t k = 0; k < used; k++)
			n += block_count((const struct block *)(range +
								k * block_sizes[i % CLASSES])) != 0;
	}
	return n;
}

/* Those of both pools; *ret_blocks: of the first. */
static inline unsigned count_objects(const struct hive_meta *m, unsigned *ret_blocks)
{
	const struct obj_store *s = (const struct obj_store *)m->objects;
	unsigned other = 0;

	*ret_blocks = 0;
	return count_pool(s, &s->pool[0], ret_blocks) + count_pool(s, &s->pool[1], &other);
}

#endif
