/* SPDX-License-Identifier: BSD-2-Clause */
/* member.c - what members of a hive get to see of its memory. */
#include "core/core_int.h"
#include "hive/space.h"
#include "jit/jit.h"

int core_segment(struct skep_kernel *k, uint64_t segment)
{
	if (!k->space)
		return -EOPNOTSUPP;
	return segment < _HIVE_SEGMENTS ? space_fd(k->space, (enum hive_segment)segment) : -EINVAL;
}

/* Interpreted programs and what owns objects and timers stay in the server. */
static bool may_leave(const struct skep_prog *p)
{
	for (uint32_t i = 0; i < p->map_cnt; i++)
		if (p->maps[i]->objects)
			return false;
	return p->space && p->engine == &jit_engine;
}

long core_prog_at(struct skep_kernel *k, int fd)
{
	struct skep_prog *p;
	int err = core_prog_by_fd(k, fd, &p);

	if (err)
		return err;
	return may_leave(p) ? (long)(uintptr_t)p : -EOPNOTSUPP;
}
