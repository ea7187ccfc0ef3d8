/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prog.c - the small commands on programs, and how program arrays see programs.  PROG_LOAD is in
 * load.c, PROG_TEST_RUN in test_run.c.
 */
#include "core/core_int.h"

long core_next_id(struct call *c, enum object_kind kind)
{
	uint32_t start = c->attr.a.start_id, id;
	int err;

	if (start >= INT32_MAX)
		return -EINVAL;
	if (!core_may(c, RIGHT_ADMIN))
		return FAIL(c, -EPERM, "listing ids needs CAP_SYS_ADMIN");
	err = object_next_id(c, kind, start, &id);
	return err ? err : CALL_PUT(c, a.next_id, id);
}

long core_prog_next_id(struct call *c)
{
	return core_next_id(c, OBJ_PROG);
}

long core_prog_fd_by_id(struct call *c)
{
	return object_open_id(c, OBJ_PROG, c->attr.a.prog_id, O_RDWR);
}

/* Adds a map to those that the program holds; 0 or -ENOMEM. */
static int bind(struct skep_kernel *k, struct skep_prog *p, struct skep_map *m)
{
	struct skep_map **more, **old;

	for (uint32_t i = 0; i < p->map_cnt; i++)
		if (p->maps[i] == m)
			return 0;
	more = skep_alloc_array(p->map_cnt + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	if (p->map_cnt)
		memcpy(more, p->maps, p->map_cnt * sizeof(*more));
	more[p->map_cnt] = map_get(m);
	old = p->maps;
	p->maps = more;
	p->map_cnt++;
	/* Runs that are under way may look at the old list. */
	vcpus_synchronize(k->vcpus);
	skep_free(old);
	return 0;
}

long core_prog_bind_map(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(object_put) struct object_ref prog = { 0 }, map = { 0 };
	int err;

	if (a->prog_bind_map.flags)
		return -EINVAL;
	err = object_get(c->k, (int)a->prog_bind_map.prog_fd, OBJ_PROG, &prog);
	if (err)
		return FAIL(c, err, "prog_fd %d is not a program", (int)a->prog_bind_map.prog_fd);
	err = object_get(c->k, (int)a->prog_bind_map.map_fd, OBJ_MAP, &map);
	if (err)
		return FAIL(c, err, "map_fd %d is not a map", (int)a->prog_bind_map.map_fd);
	pthread_mutex_lock(&c->k->bind_lock);
	err = bind(c->k, prog.payload, map.payload);
	pthread_mutex_unlock(&c->k->bind_lock);
	return err;
}

long core_enable_stats(struct call *c)
{
	if (c->attr.a.enable_stats.type != BPF_STATS_RUN_TIME)
		return FAIL(c, -EINVAL, "there are no statistics %u", c->attr.a.enable_stats.type);
	return object_publish(c, OBJ_STATS, NULL, -1, O_RDWR);
}

int core_prog_by_fd(struct skep_kernel *k, int fd, struct skep_prog **ret)
{
	struct object_ref r;
	int err = object_get(k, fd, OBJ_PROG, &r);

	if (err)
		return err;
	*ret = r.payload;
	object_put(&r);
	return 0;
}

/* --- programs as values of maps -------------------------------------------------------------- */

static void map_prog_get(void *prog)
{
	prog_get(prog);
}

static void map_prog_put(void *prog)
{
	prog_put(prog);
}

static uint32_t map_prog_id(const void *prog)
{
	return ((const struct skep_prog *)prog)->id;
}

/* bpf_prog_map_compatible: the first program decides what else may stand in the array. */
static int map_prog_fits_in(struct skep_map *m, const void *prog)
{
	const struct skep_prog *p = prog;

	bool frags = p->flags & BPF_F_XDP_HAS_FRAGS;

	if (!m->owner_engine) {
		m->owner_engine = p->engine;
		m->owner_type = p->type;
		m->owner_attach_type = p->expected_attach_type;
		m->owner_frags = frags;
	}
	if (m->owner_engine != p->engine || m->owner_type != p->type ||
	    m->owner_attach_type != p->expected_attach_type || m->owner_frags != frags)
		return -EINVAL;
	return 0;
}

const struct map_prog_ops core_map_progs = {
	.get = map_prog_get,
	.put = map_prog_put,
	.id = map_prog_id,
	.fits = map_prog_fits_in,
};
