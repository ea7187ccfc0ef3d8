/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * judged.c - map types that a kernel which only judges knows besides those that run: their
 * creation by Linux's rules (rules.c), and nothing behind it.  Every operation answers
 * -EOPNOTSUPP.  Cold.
 */
#include "map/map_int.h"

/* Identity alone. */
static int judged_create(struct skep_map *m, const union bpf_attr *attr,
			 struct skep_diag *reterr_diag)
{
	int err = map_area_of(m, 0, 0);

	(void)attr;
	return err ? diag_set(reterr_diag, err, SKEP_AT_NONE, 0, "no memory for the map") : 0;
}

static int no_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -EOPNOTSUPP;
}

static int no_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	(void)m, (void)key, (void)value, (void)flags;
	return -EOPNOTSUPP;
}

static int no_delete(struct skep_map *m, const void *key)
{
	(void)m, (void)key;
	return -EOPNOTSUPP;
}

static int no_next_key(struct skep_map *m, const void *key, void *next)
{
	(void)m, (void)key, (void)next;
	return -EOPNOTSUPP;
}

static const struct map_ops judged_ops = {};

static const struct map_sys_ops judged_sys = {
	.run = &judged_ops,
	.check = map_rule_check,
	.create = judged_create,
	.next_key = no_next_key,
	.sys_lookup = no_lookup,
	.sys_update = no_update,
	.sys_delete = no_delete,
	.sys_lookup_delete = no_lookup,
};

const struct map_sys_ops *map_judged_ops(uint32_t type)
{
	return map_has_rule(type) ? &judged_sys : NULL;
}
