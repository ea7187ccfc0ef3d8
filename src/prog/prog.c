/* SPDX-License-Identifier: BSD-2-Clause */
/* prog.c - birth and death of a program; see prog.h */
#include "prog/prog.h"
#include "base/alloc.h"
#include "btf/btf.h"
#include "hive/space.h"
#include "map/map.h"

int prog_new(uint32_t type, struct space *space, struct skep_prog **ret)
{
	struct skep_prog *p = space_alloc(space, HIVE_META, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->space = space;
	p->stats = space_alloc(space, HIVE_DATA, sizeof(*p->stats));
	if (!p->stats) {
		space_give(space, HIVE_META, p, sizeof(*p));
		return -ENOMEM;
	}
	p->type = type;
	p->kind = prog_type(type);
	atomic_store_explicit(&p->refs, 1, memory_order_relaxed);
	*ret = p;
	return 0;
}

struct skep_prog *prog_get(struct skep_prog *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

static void prog_free(struct skep_prog *p)
{
	if (p->engine)
		p->engine->release(p);
	for (uint32_t i = 0; i < p->map_cnt; i++)
		map_put(p->maps[i]);
	skep_free(p->maps);
	skep_free(p->later);
	skep_free(p->allocs);
	if (p->store_users)
		atomic_fetch_sub(p->store_users, 1);
	space_give(p->space, HIVE_META, p->types, p->alloc_cnt * sizeof(*p->types));
	btf_put(p->btf);
	skep_free(p->func_info);
	skep_free(p->line_info);
	skep_free(p->image.insns);
	skep_free(p->image.aux);
	skep_free(p->image.sub);
	space_give(p->space, HIVE_DATA, p->stats, sizeof(*p->stats));
	space_give(p->space, HIVE_META, p, sizeof(*p));
}

void prog_put(struct skep_prog *p)
{
	/* Release: our uses come first; acquire: the last one sees those of all others. */
	if (p && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
		prog_free(p);
}
