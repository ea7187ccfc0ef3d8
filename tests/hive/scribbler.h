/* SPDX-License-Identifier: BSD-2-Clause */
/* scribbler.h - a member that writes where it should not. */
#ifndef SKEP_TESTS_SCRIBBLER_H
#define SKEP_TESTS_SCRIBBLER_H

#include "hive/layout.h"
#include "obj/timer_int.h"

#include <stdlib.h>
#include <unistd.h>

/* What is in use, or its beginning. */
struct scribbled {
	uint8_t *at;
	size_t size;
};

#define SCRIBBLED 5 /* beside the areas of maps */

/* A part of data: the first, rows of blocks, objects, timers, what is behind. */
static inline struct scribbled scribbled(const struct hive_meta *m, uint32_t i)
{
	const struct obj_store *s = (const struct obj_store *)m->objects;
	const struct scribbled parts[SCRIBBLED] = {
		{ (uint8_t *)(m->head.base + HIVE_DATA_AT), 4 << 20 },
		{ (uint8_t *)s->sh, (size_t)(s->pool[0].mem - (uint8_t *)s->sh) },
		{ s->pool[0].mem + ((size_t)rand() % (3 * CLASSES) << s->pool[0].shift), 1 << 16 },
		{ (uint8_t *)s->timers.table, 4 << 20 },
		{ (uint8_t *)(s->timers.table + 1), 4 << 20 },
	};

	return parts[i % SCRIBBLED];
}

/* Random bytes at random places of all that members may write to, until somebody ends it. */
static pid_t scribbler(const struct hive_meta *m, unsigned seed)
{
	const pid_t pid = fork();

	if (pid)
		return pid;
	if (!m)
		_exit(1);
	srand(seed);
	for (;;) {
		const uint32_t row = (uint32_t)rand() % (m->areas + SCRIBBLED);
		const struct hive_area a = m->area[row];
		const struct scribbled part =
			row < m->areas ? (struct scribbled){ (uint8_t *)a.at, a.size }
				       : scribbled(m, row - m->areas);
		size_t size = part.size, n = 1 + (size_t)rand() % 16;
		uint8_t *at = part.at;

		if (!at || !size || (row < m->areas && !a.write))
			continue;
		/* Where something is, mostly: that is at the beginning. */
		size = rand() % 4 ? size : 4096;
		at += (size_t)rand() * 16 % (size - n);
		while (n--)
			*at++ = (uint8_t)rand();
	}
}

#endif
