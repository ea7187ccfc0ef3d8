/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iter_map_elem.c - iterators over the elements of a map (kernel/bpf/map_iter.c).
 *
 * The keys are those of the moment when the read began; an element that is gone since is not
 * shown.  The program writes to the value where it stands, but to a copy where it may not: values
 * of per-CPU maps, as in Linux, and those with special fields, or that programs only read.
 */
#include "core/iter_int.h"

static size_t value_room(const struct skep_map *m)
{
	return m->percpu ? map_sys_value_size(m) : m->value_size;
}

static bool has_elements(const struct skep_map *m)
{
	static const uint64_t types =
		UINT64_C(1) << BPF_MAP_TYPE_HASH | UINT64_C(1) << BPF_MAP_TYPE_LRU_HASH |
		UINT64_C(1) << BPF_MAP_TYPE_ARRAY | UINT64_C(1) << BPF_MAP_TYPE_PERCPU_HASH |
		UINT64_C(1) << BPF_MAP_TYPE_LRU_PERCPU_HASH |
		UINT64_C(1) << BPF_MAP_TYPE_PERCPU_ARRAY;

	return m->type < 64 && types >> m->type & 1;
}

static int elem_fits(struct call *c, const struct skep_prog *p, const struct skep_map *m)
{
	if (p->max_rdonly > m->key_size || p->max_rdwr > value_room(m))
		return FAIL(c, -EACCES,
			    "the program reads %u bytes of a key and %llu of a value, the map has "
			    "%u and %zu",
			    p->max_rdonly, (unsigned long long)p->max_rdwr, m->key_size,
			    value_room(m));
	return 0;
}

static int elem_attach(struct call *c, const struct skep_prog *p,
		       const union bpf_iter_link_info *info, struct iter_link *l)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	const int fd = (int)info->map.map_fd;
	const struct skep_map *m;
	int err = fd ? object_get(c->k, fd, OBJ_MAP, &ref) : -EBADF;

	if (err)
		return FAIL(c, err, "iter_info.map.map_fd %d is not a map", fd);
	m = ref.payload;
	if (!has_elements(m))
		return FAIL(c, -EINVAL, "maps of type %s have no iterator", m->kind->name);
	err = elem_fits(c, p, m);
	if (err)
		return err;
	l->map = map_get(ref.payload);
	return 0;
}

static void elem_info(const struct iter_link *l, struct bpf_link_info *info)
{
	info->iter.map.map_id = l->map->id;
}

static int elem_begin(struct iter *it)
{
	struct skep_map *m = it->link->map;
	const size_t n = m->key_size;
	const uint8_t *last = NULL;

	it->copies = m->percpu || m->record || m->flags & BPF_F_RDONLY_PROG;
	it->keys = skep_alloc_array(m->max_entries, n);
	it->value = skep_alloc(ALIGN_UP(value_room(m), 8));
	it->key = skep_alloc(ALIGN_UP(n, 8));
	if (!it->keys || !it->value || !it->key)
		return -ENOMEM;
	while (it->nr_keys < m->max_entries &&
	       !map_sys_next_key(m, last, it->keys + it->nr_keys * n)) {
		last = it->keys + it->nr_keys * n;
		it->nr_keys++;
	}
	return 0;
}

static bool elem_next(struct iter *it)
{
	struct skep_map *m = it->link->map;

	while (it->at < it->nr_keys) {
		memcpy(it->key, it->keys + (size_t)it->at++ * m->key_size, m->key_size);
		if (it->copies && map_sys_lookup(m, it->key, it->value, 0))
			continue;
		iter_fill_map(&it->mem.map, m);
		it->mem.ctx[1] = (uintptr_t)&it->mem.map;
		it->mem.ctx[2] = (uintptr_t)it->key;
		it->mem.ctx[3] = (uintptr_t)it->value;
		it->extra[0] = (struct run_region){ (uintptr_t)it->key, ALIGN_UP(m->key_size, 8) };
		it->extra[1] =
			(struct run_region){ (uintptr_t)it->value, ALIGN_UP(value_room(m), 8) };
		return true;
	}
	return false;
}

static bool elem_enter(struct iter *it, uint32_t cpu)
{
	struct skep_map *m = it->link->map;
	void *value;

	if (it->copies)
		return true;
	value = m->ops->lookup(m, it->key, cpu);
	it->mem.ctx[3] = it->extra[1].base = (uintptr_t)value;
	return value;
}

const struct iter_ops iter_bpf_map_elem = {
	.target = "bpf_map_elem",
	.attach = elem_attach,
	.fits = elem_fits,
	.info = elem_info,
	.begin = elem_begin,
	.next = elem_next,
	.enter = elem_enter,
};
