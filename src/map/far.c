/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * far.c - views that do nothing in a map's memory themselves: an operation is a run's, on the map
 * where it lies in the hive (struct map_far), so locks are held by who can be found dead.
 */
#include "map/map_int.h"

static long call(struct skep_map *m, enum map_op op, const void *key, void *value, uint64_t flags)
{
	const struct map_far *f = &view_head(&m->area)->far;

	return f->map ? f->call(f, op, key, value, flags) : -EAGAIN;
}

int far_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	return (int)call(m, MAP_OP_LOOKUP, key, value, flags);
}

int far_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	return (int)call(m, MAP_OP_UPDATE, key, (void *)value, flags);
}

int far_delete(struct skep_map *m, const void *key)
{
	return (int)call(m, MAP_OP_DELETE, key, NULL, 0);
}

int far_take(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	return (int)call(m, MAP_OP_TAKE, key, value, flags);
}

int far_next_key(struct skep_map *m, const void *key, void *next)
{
	return -EAGAIN;
}

static const struct map_ops far_ops = {};

static const struct map_sys_ops far_sys = {
	.run = &far_ops,
	.sys_lookup = far_lookup,
	.sys_update = far_update,
	.sys_delete = far_delete,
	.sys_lookup_delete = far_take,
	.next_key = far_next_key,
};

int far_view(struct skep_map *m, int fd, bool write)
{
	int err;

	if (write)
		return -EACCES;
	err = map_area_view(&m->area, fd, sizeof(struct view_head), 1, false);
	m->sys = &far_sys;
	m->ops = &far_ops;
	return err;
}
