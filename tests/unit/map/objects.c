/* SPDX-License-Identifier: BSD-2-Clause */
/* Values that are objects: PROG_ARRAY, ARRAY_OF_MAPS, HASH_OF_MAPS. */
#include "base/alloc.h"
#include "hive/vcpu.h"
#include "tests/unit/map/maps.h"

/* --- programs, as far as a map knows them --------------------------------------------------- */

struct fake_prog {
	int refs;
	uint32_t id;
	uint32_t type;
};

static void fake_get(void *prog)
{
	((struct fake_prog *)prog)->refs++;
}

static void fake_put(void *prog)
{
	((struct fake_prog *)prog)->refs--;
}

static uint32_t fake_id(const void *prog)
{
	return ((const struct fake_prog *)prog)->id;
}

static int fake_fits(struct skep_map *m, const void *prog)
{
	uint32_t type = ((const struct fake_prog *)prog)->type;

	if (!m->owner_type)
		m->owner_type = type;
	return m->owner_type == type ? 0 : -EINVAL;
}

static const struct map_prog_ops fake_progs = { fake_get, fake_put, fake_id, fake_fits };

static struct skep_map *prog_array(struct vcpus *vcpus)
{
	return MAP(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3, .progs = &fake_progs, .vcpus = vcpus);
}

static int put_prog(struct skep_map *m, uint32_t key, struct fake_prog *p, uint64_t flags)
{
	return map_sys_update(m, &key, &p, flags);
}

TEST(prog_array_creation_errors)
{
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_PROG_ARRAY, 4, 8, 1), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_PROG_ARRAY, 8, 4, 1), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1, BPF_F_RDONLY_PROG), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1, BPF_F_MMAPABLE), -EINVAL);
	ASSERT_EQ(MAP_ERR(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 0), -EINVAL);
}

TEST(prog_array_counts_what_it_holds)
{
	struct fake_prog a = { 1, 11, 6 }, b = { 1, 22, 6 }, other = { 1, 33, 1 };
	struct vcpus vcpus;
	struct skep_map *m;
	uint32_t key, id;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, CPUS), 0);
	m = prog_array(&vcpus);
	ASSERT_EQ(put_prog(m, 0, &a, BPF_NOEXIST), -EINVAL);
	ASSERT_EQ(put_prog(m, 3, &a, BPF_ANY), -E2BIG);
	ASSERT_EQ(put_prog(m, 1, &a, BPF_ANY), 0);
	ASSERT_EQ(a.refs, 2);
	ASSERT(((void **)m->values)[1] == &a);
	ASSERT_EQ(put_prog(m, 2, &other, BPF_ANY), -EINVAL);
	ASSERT_EQ(other.refs, 1);
	ASSERT_EQ(put_prog(m, 1, &b, BPF_ANY), 0);
	ASSERT_EQ(a.refs, 1);
	ASSERT_EQ(b.refs, 2);

	key = 1;
	ASSERT_EQ(map_sys_lookup(m, &key, &id, 0), 0);
	ASSERT_EQ(id, 22);
	ASSERT_EQ(map_sys_value_size(m), 4);
	key = 0;
	ASSERT_EQ(map_sys_lookup(m, &key, &id, 0), -ENOENT);
	ASSERT_EQ(del(m, 0), -ENOENT);
	ASSERT_EQ(del(m, 3), -E2BIG);
	ASSERT_EQ(del(m, 1), 0);
	ASSERT_EQ(b.refs, 1);
	/* Programs cannot look into it, nor change it. */
	ASSERT(!m->ops->lookup && !m->ops->update && !m->ops->delete);

	ASSERT_EQ(put_prog(m, 0, &a, 0), 0);
	map_put(m);
	ASSERT_EQ(a.refs, 1);
	vcpus_fini(&vcpus, NULL);
}

TEST(prog_array_lets_go_with_its_last_user)
{
	struct fake_prog a = { 1, 11, 6 };
	struct skep_map *m = prog_array(NULL);

	map_user_get(m);
	map_user_get(m);
	ASSERT_EQ(put_prog(m, 0, &a, 0), 0);
	map_user_put(m);
	ASSERT_EQ(a.refs, 2);
	map_user_put(m);
	ASSERT_EQ(a.refs, 1);
	map_put(m);
}

/* --- maps ------------------------------------------------------------------------------------ */

static int put_map(struct skep_map *m, uint32_t key, struct skep_map *inner, uint64_t flags)
{
	return map_sys_update(m, &key, &inner, flags);
}

static uint32_t refs(struct skep_map *m)
{
	return atomic_load(&m->refs);
}

TEST(maps_of_maps_creation_errors)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS };
	struct skep_map *array = MAP(BPF_MAP_TYPE_ARRAY, 4, 4, 1);
	struct skep_map *progs = prog_array(NULL);

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct skep_map *outer = MAP(types[i], 4, 4, 1, .inner = array);
		struct map_deps deps = { .nr_cpus = CPUS, .inner_err = -EINVAL };
		union bpf_attr attr = map_attr(&(struct map_args){ types[i], 4, 4, 1 });
		struct skep_map *none = NULL;

		ASSERT_EQ(MAP_ERR(types[i], 4, 8, 1, .inner = array), -EINVAL);
		ASSERT_EQ(MAP_ERR(types[i], 4, 4, 1), -EBADF);
		ASSERT_EQ(map_new(&attr, &deps, &none, NULL), -EINVAL);
		ASSERT_EQ(MAP_ERR(types[i], 4, 4, 1, .inner = outer), -EINVAL);
		ASSERT_EQ(MAP_ERR(types[i], 4, 4, 1, .inner = progs), -ENOTSUPP);
		for (long n = 1;; n++) {
			int err;

			skep_alloc_fail_at(n);
			err = MAP_ERR(types[i], 4, 4, 1, .inner = array);
			skep_alloc_fail_at(0);
			if (!err)
				break;
			ASSERT_EQ(err, -ENOMEM);
		}
		/* The template is a copy: it keeps nothing alive. */
		ASSERT_EQ(refs(array), 1);
		map_put(outer);
	}
	map_put(array);
	map_put(progs);
}

TEST(maps_of_maps_hold_and_show_inner_maps)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS };
	struct vcpus vcpus;

	ASSERT_EQ(vcpus_init(&vcpus, NULL, CPUS), 0);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		bool hash = types[i] == BPF_MAP_TYPE_HASH_OF_MAPS;
		struct skep_map *a = MAP(BPF_MAP_TYPE_ARRAY, 4, 4, 1);
		struct skep_map *b = MAP(BPF_MAP_TYPE_ARRAY, 4, 4, 1);
		struct skep_map *bad = MAP(BPF_MAP_TYPE_ARRAY, 4, 4, 2);
		struct skep_map *m = MAP(types[i], 4, 4, 3, .inner = a, .vcpus = &vcpus);
		uint32_t key = 1, id = 0, next;
		uint64_t token;
		uint32_t count = 3, keys[3], ids[3];

		a->id = 71;
		b->id = 72;
		ASSERT(!m->ops->lookup(m, &key, 0));
		ASSERT_EQ(map_sys_lookup(m, &key, &id, 0), -ENOENT);
		ASSERT_EQ(put_map(m, 1, bad, 0), -EINVAL);
		ASSERT_EQ(refs(bad), 1);
		ASSERT_EQ(put_map(m, 1, a, BPF_NOEXIST), hash ? 0 : -EINVAL);
		ASSERT_EQ(put_map(m, 1, a, BPF_ANY), 0);
		ASSERT_EQ(refs(a), 2);
		ASSERT_EQ(put_map(m, 1, a, BPF_NOEXIST), hash ? -EEXIST : -EINVAL);
		ASSERT_EQ(refs(a), 2);
		ASSERT(m->ops->lookup(m, &key, 0) == a);
		ASSERT_EQ(put_map(m, 1, b, 0), 0);
		ASSERT_EQ(refs(a), 1);
		ASSERT(m->ops->lookup(m, &key, 0) == b);
		ASSERT_EQ(map_sys_lookup(m, &key, &id, 0), 0);
		ASSERT_EQ(id, 72);
		ASSERT_EQ(map_sys_next_key(m, hash ? &key : NULL, &next), hash ? -ENOENT : 0);
		ASSERT_EQ(map_sys_batch_lookup(m, NULL, &token, keys, ids, &count, false, 0),
			  -ENOENT);
		ASSERT_EQ(count, 1);
		ASSERT_EQ(keys[0], 1);
		ASSERT_EQ(ids[0], 72);
		ASSERT_EQ(map_sys_lookup_delete(m, &key, &id, 0), -ENOTSUPP);
		ASSERT_EQ(del(m, 1), 0);
		ASSERT_EQ(refs(b), 1);
		ASSERT_EQ(del(m, 1), -ENOENT);
		ASSERT_EQ(del(m, 5), hash ? -ENOENT : -E2BIG);
		ASSERT_EQ(put_map(m, 5, a, 0), hash ? 0 : -E2BIG);
		ASSERT(!m->ops->update && !m->ops->delete);

		ASSERT_EQ(put_map(m, 0, b, 0), 0);
		map_put(m);
		ASSERT_EQ(refs(a), 1);
		ASSERT_EQ(refs(b), 1);
		map_put(a);
		map_put(b);
		map_put(bad);
	}
	vcpus_fini(&vcpus, NULL);
}

TEST(hash_of_maps_batch_delete_drops_the_inner_maps)
{
	struct skep_map *a = MAP(BPF_MAP_TYPE_HASH, 4, 4, 1);
	struct skep_map *m = MAP(BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 64, .inner = a);
	uint32_t keys[64], ids[64], count = 64, token;

	for (uint32_t k = 0; k < 64; k++)
		ASSERT_EQ(put_map(m, k, a, 0), 0);
	ASSERT_EQ(put_map(m, 64, a, 0), -E2BIG);
	ASSERT_EQ(refs(a), 65);
	ASSERT_EQ(map_sys_batch_lookup(m, NULL, &token, keys, ids, &count, true, 0), -ENOENT);
	ASSERT_EQ(count, 64);
	ASSERT_EQ(refs(a), 1);
	map_put(m);
	map_put(a);
}

TEST(meta_equal_is_that_of_linux)
{
	struct skep_map *a = MAP(BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_INNER_MAP);
	struct skep_map *b = MAP(BPF_MAP_TYPE_ARRAY, 4, 4, 2, BPF_F_INNER_MAP);
	struct skep_map *c = MAP(BPF_MAP_TYPE_ARRAY, 4, 4, 1);
	struct skep_map *h = MAP(BPF_MAP_TYPE_HASH, 4, 4, 1);
	struct skep_map *big = MAP(BPF_MAP_TYPE_HASH, 4, 4, 100);
	struct skep_map *lazy = MAP(BPF_MAP_TYPE_HASH, 4, 4, 1, BPF_F_NO_PREALLOC);
	struct skep_map *wide = MAP(BPF_MAP_TYPE_HASH, 4, 8, 1);

	ASSERT(map_meta_equal(a, b));
	ASSERT(!map_meta_equal(a, c));
	ASSERT(!map_meta_equal(c, b));
	ASSERT(map_meta_equal(h, big));
	ASSERT(!map_meta_equal(h, lazy));
	ASSERT(!map_meta_equal(h, wide));
	ASSERT(!map_meta_equal(h, c));
	map_put(a);
	map_put(b);
	map_put(c);
	map_put(h);
	map_put(big);
	map_put(lazy);
	map_put(wide);
}
