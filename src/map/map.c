/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.c - the door (map.h): the table of types, creation, references, and the bpf(2) side as far
 * as it is common to all types (kernel/bpf/syscall.c, map_in_map.c).  Cold.
 */
#include "base/alloc.h"
#include "btf/btf.h"
#include "hive/space.h"
#include "hive/text.h"
#include "map/map_int.h"
#include "obj/timer.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static const struct map_type types[] = {
#define MAP_TYPE(nr, name, type, traits) \
	[nr] = { name, &type##_map_sys, traits, !!((traits)&MAP_PERCPU) },
#define MAP_LACKS(nr, name, traits) [nr] = { name, NULL, traits, false },
#include "map/types.def"
#undef MAP_TYPE
#undef MAP_LACKS
};
static_assert(ARRAY_SIZE(types) == 34, "one row per BPF_MAP_TYPE_*");

const struct map_type *map_type(uint32_t type)
{
	return type < ARRAY_SIZE(types) ? &types[type] : NULL;
}

uint32_t map_type_count(void)
{
	return ARRAY_SIZE(types);
}

/* --- creation ---------------------------------------------------------------------------- */

static bool numa_online(uint32_t node)
{
	char path[64];

	if (node == 0 || node == UINT32_MAX)
		return true;
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", node);
	return access(path, F_OK) == 0;
}

/* What Linux checks before it asks the type. */
static int check_common(const union bpf_attr *attr, const struct map_sys_ops *sys,
			struct skep_diag *reterr_diag)
{
	const struct map_type *t = map_type(attr->map_type);
	uint32_t flags = attr->map_flags;

	if ((attr->btf_vmlinux_value_type_id &&
	     (attr->map_type != BPF_MAP_TYPE_STRUCT_OPS || attr->btf_key_type_id ||
	      attr->btf_value_type_id)) ||
	    (attr->btf_key_type_id && !attr->btf_value_type_id))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"BTF ids of the map do not fit together");
	if (attr->map_extra && attr->map_type != BPF_MAP_TYPE_BLOOM_FILTER &&
	    attr->map_type != SKEP_MAP_TYPE_ARENA)
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"map_extra 0x%llx is not for this type", attr->map_extra);
	if ((flags & BPF_F_RDONLY) && (flags & BPF_F_WRONLY))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"an fd cannot be read-only and write-only");
	if ((flags & BPF_F_NUMA_NODE) && !numa_online(attr->numa_node))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0, "NUMA node %u is not online",
				attr->numa_node);
	if (!sys) {
		diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0, "no map of type %u (%s)",
			 attr->map_type, t ? t->name : "unknown");
		diag_hint(reterr_diag, "`skep feature` lists the map types there are");
		return -EINVAL;
	}
	return 0;
}

/* As the kernel's bpf_obj_name_cpy. */
static int copy_name(char *to, const char *from)
{
	size_t n = strnlen(from, BPF_OBJ_NAME_LEN);

	if (n == BPF_OBJ_NAME_LEN)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)from[i]) && from[i] != '_' && from[i] != '.')
			return -EINVAL;
	memset(to, 0, BPF_OBJ_NAME_LEN);
	memcpy(to, from, n);
	return 0;
}

/* The value's special fields, where programs find them: 0 or -ENOMEM. */
static int keep_record(struct skep_map *m, struct btf_record *r)
{
	const size_t size = btf_record_size(r);

	if (!m->space || !r) {
		m->record = r;
		return 0;
	}
	m->record = space_alloc(m->space, HIVE_META, size);
	if (m->record)
		memcpy(m->record, r, size);
	skep_free(r);
	return m->record ? 0 : -ENOMEM;
}

static int attach_btf(struct skep_map *m, const union bpf_attr *attr, const struct map_deps *deps,
		      struct skep_diag *reterr_diag)
{
	uint32_t key_id = attr->btf_key_type_id, value_id = attr->btf_value_type_id;
	struct btf_record *record = NULL;
	int err;

	if (!value_id && !attr->btf_vmlinux_value_type_id)
		return 0;
	if (!deps->btf)
		return diag_set(reterr_diag, deps->btf_err ? deps->btf_err : -EBADF, SKEP_AT_NONE,
				0, "btf_fd %u is not BTF", attr->btf_fd);
	m->btf = btf_get(deps->btf);
	if (!value_id)
		return 0;
	m->btf_key_id = key_id;
	m->btf_value_id = value_id;
	err = btf_check_map(m->btf, deps->kernel, attr, &record);
	if (!err)
		err = keep_record(m, record);
	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_TYPE, value_id,
				"the BTF of key %u and value %u does not fit this map", key_id,
				value_id);
	if (btf_record_has(m->record,
			   FIELD_KPTR | FIELD_GRAPH_ROOT | FIELD_TIMER | FIELD_WORKQUEUE))
		m->objects = deps->objects;
	if (m->objects && map_owns(m))
		atomic_fetch_add(obj_users(m->objects), 1);
	return 0;
}

static int attach_inner(struct skep_map *m, const struct map_deps *deps,
			struct skep_diag *reterr_diag)
{
	int err;

	if (m->sys->fd_kind != MAP_FD_MAP)
		return 0;
	if (!deps->inner)
		return diag_set(reterr_diag, deps->inner_err ? deps->inner_err : -EBADF,
				SKEP_AT_NONE, 0, "inner_map_fd is not a map");
	err = inner_template(m, deps->inner);
	if (err)
		return diag_set(reterr_diag, err, SKEP_AT_NONE, 0,
				"a map of type %s cannot be an inner map", deps->inner->kind->name);
	return 0;
}

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A map with no memory and no fd yet, of these facts. */
static struct skep_map *map_bare(uint32_t type, const struct map_sys_ops *sys, struct space *space)
{
	struct skep_map *m = space_alloc(space, HIVE_META, sizeof(*m));

	if (!m)
		return NULL;
	m->type = type;
	m->space = space;
	m->kind = map_type(type);
	m->percpu = m->kind->percpu;
	m->sys = sys;
	m->ops = sys->run;
	m->area.fd = -1;
	atomic_store_explicit(&m->refs, 1, memory_order_relaxed);
	return m;
}

/* Offloading to a network device: there is the loopback interface, which takes no maps. */
static int check_offload(const union bpf_attr *attr, struct skep_diag *reterr_diag)
{
	bool type = attr->map_type == BPF_MAP_TYPE_ARRAY || attr->map_type == BPF_MAP_TYPE_HASH;

	return diag_set(reterr_diag, type && attr->map_ifindex == 1 ? -EOPNOTSUPP : -EINVAL,
			SKEP_AT_NONE, 0, "maps are not offloaded to devices");
}

int map_new(const union bpf_attr *attr, const struct map_deps *deps, struct skep_map **ret,
	    struct skep_diag *reterr_diag)
{
	_cleanup_(map_put_p) struct skep_map *m = NULL;
	const struct map_type *t = map_type(attr->map_type);
	const struct map_sys_ops *sys = t ? t->sys : NULL;
	int err;

	if (!sys && deps->judge)
		sys = map_judged_ops(attr->map_type);
	err = check_common(attr, sys, reterr_diag);
	if (!err && sys)
		err = sys->check(attr, reterr_diag);
	if (err || !sys)
		return err ? err : -EINVAL;
	if (attr->map_ifindex)
		return check_offload(attr, reterr_diag);
	if (attr->map_type == BPF_MAP_TYPE_STRUCT_OPS)
		err = struct_ops_type(attr, deps->kernel, reterr_diag);
	if (err)
		return err;
	m = map_bare(attr->map_type, sys, deps->space);
	if (!m)
		return diag_set(reterr_diag, -ENOMEM, SKEP_AT_NONE, 0, "no memory for a map");
	m->key_size = attr->key_size;
	m->value_size = attr->value_size;
	m->max_entries = attr->max_entries;
	/* What the fd may do is the fd's, not the map's. */
	m->flags = attr->map_flags & ~(uint32_t)(BPF_F_RDONLY | BPF_F_WRONLY);
	m->extra = attr->map_extra;
	m->nr_cpus = deps->nr_cpus;
	m->vcpus = deps->vcpus;
	m->progs = deps->progs;
	m->load_time = boot_ns();
	if (!(m->flags & BPF_F_ZERO_SEED) &&
	    getrandom(&m->seed, sizeof(m->seed), 0) != sizeof(m->seed))
		m->seed = m->load_time;

	err = attach_inner(m, deps, reterr_diag);
	if (!err)
		err = m->sys->create(m, attr, reterr_diag);
	if (err)
		return err;
	if (copy_name(m->name, attr->map_name))
		return diag_set(reterr_diag, -EINVAL, SKEP_AT_NONE, 0,
				"a map name has letters, digits, _ and . only, at most 15");
	err = attach_btf(m, attr, deps, reterr_diag);
	if (err)
		return err;
	m->ops = text_at(m->ops);
	*ret = TAKE_PTR(m);
	return 0;
}

/* --- views ------------------------------------------------------------------------------- */

bool map_facts(const struct skep_map *m, struct map_facts *ret)
{
	if (!(m->kind->traits & MAP_VIEWED) || m->record)
		return false;
	*ret = (struct map_facts){
		.type = m->type,
		.key_size = m->key_size,
		.value_size = m->value_size,
		.max_entries = m->max_entries,
		.flags = m->flags,
		.nr_cpus = m->nr_cpus,
		.write = m->kind->traits & MAP_VIEW_WRITE,
		.seed = m->seed,
	};
	if (m->kind->traits & MAP_VIEW_FAR && m->space && !m->objects)
		ret->far = (struct map_far){ .map = (struct skep_map *)m, .serial = m->serial };
	return true;
}

/* As the type wants its attributes, and no more CPUs than a machine has. */
static bool facts_ok(const struct map_facts *f)
{
	const struct map_type *t = map_type(f->type);
	union bpf_attr attr;

	if (!t || !t->sys || !(t->traits & MAP_VIEWED) || !f->nr_cpus || f->nr_cpus > UINT16_MAX)
		return false;
	memset(&attr, 0, sizeof(attr));
	attr.map_type = f->type;
	attr.key_size = f->key_size;
	attr.value_size = f->value_size;
	attr.max_entries = f->max_entries;
	attr.map_flags = f->flags;
	attr.numa_node = UINT32_MAX;
	return !t->sys->check(&attr, NULL);
}

int map_view(const struct map_facts *f, int fd, bool write, struct skep_map **ret)
{
	struct skep_map m = {
		.type = f->type,
		.key_size = f->key_size,
		.value_size = f->value_size,
		.max_entries = f->max_entries,
		.flags = f->flags,
		.nr_cpus = f->nr_cpus,
		.seed = f->seed,
		.area.fd = -1,
	};
	int err;

	if (!facts_ok(f))
		return -EINVAL;
	m.kind = map_type(f->type);
	m.sys = m.kind->sys;
	m.ops = m.sys->run;
	err = m.sys->view(&m, fd, write);
	if (err)
		return err;
	view_head(&m.area)->far = f->far;
	*ret = memcpy(&view_head(&m.area)->map, &m, sizeof(m));
	return 0;
}

bool map_view_is_far(const struct skep_map *m)
{
	return view_head(&m->area)->far.map;
}

void map_view_free(struct skep_map *m)
{
	struct map_area area;

	if (!m)
		return;
	area = m->area; /* m goes with it */
	map_area_fini(&area);
}

/* --- what values hold -------------------------------------------------------------------- */

bool map_owns(const struct skep_map *m)
{
	return btf_record_has(m->record, FIELD_KPTR | FIELD_GRAPH_ROOT);
}

bool map_has_timers(const struct skep_map *m)
{
	return btf_record_has(m->record, FIELD_TIMER | FIELD_WORKQUEUE);
}

/* --- references -------------------------------------------------------------------------- */

struct skep_map *map_get(struct skep_map *m)
{
	atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
	return m;
}

void map_put(struct skep_map *m)
{
	/* Release before the last, acquire by the last: it sees what the others did. */
	if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (m->sys->destroy)
		m->sys->destroy(m);
	if (m->objects && map_owns(m))
		atomic_fetch_sub(obj_users(m->objects), 1);
	map_area_fini(&m->area);
	space_give(m->space, HIVE_META, m->record, btf_record_size(m->record));
	btf_put(m->btf);
	map_put(m->inner);
	space_give(m->space, HIVE_META, m, sizeof(*m));
}

void map_user_get(struct skep_map *m)
{
	atomic_fetch_add_explicit(&m->users, 1, memory_order_relaxed);
}

void map_user_put(struct skep_map *m)
{
	if (atomic_fetch_sub_explicit(&m->users, 1, memory_order_acq_rel) != 1)
		return;
	if (m->sys->release_user)
		m->sys->release_user(m);
	if (m->objects && map_has_timers(m))
		obj_timers_release(m->objects, m);
}

/* --- maps and programs as values ----------------------------------------------------------- */

bool map_meta_equal(const struct skep_map *a, const struct skep_map *b)
{
	if (a->type != b->type || a->key_size != b->key_size || a->value_size != b->value_size ||
	    a->flags != b->flags || !btf_record_equal(a->record, b->record))
		return false;
	return !(a->kind->traits & MAP_INNER_SIZED) || (a->flags & BPF_F_INNER_MAP) ||
	       a->max_entries == b->max_entries;
}

int inner_template(struct skep_map *m, const struct skep_map *like)
{
	struct skep_map *t;

	if (like->inner)
		return -EINVAL;
	if (!(like->kind->traits & MAP_INNER))
		return -ENOTSUPP;
	t = map_bare(like->type, like->sys, NULL);
	if (t)
		t->record = btf_record_dup(like->record);
	if (!t || (like->record && !t->record)) {
		skep_free(t);
		return -ENOMEM;
	}
	t->key_size = like->key_size;
	t->value_size = like->value_size;
	t->max_entries = like->max_entries;
	t->flags = like->flags;
	t->elem_size = like->elem_size;
	t->index_mask = like->index_mask;
	t->nr_cpus = like->nr_cpus;
	t->btf_key_id = like->btf_key_id;
	t->btf_value_id = like->btf_value_id;
	t->btf = like->btf ? btf_get(like->btf) : NULL;
	m->inner = t;
	return 0;
}

int inner_get(const struct skep_map *m, struct skep_map *inner)
{
	if (!map_meta_equal(m->inner, inner))
		return -EINVAL;
	map_get(inner);
	return 0;
}

void inner_retire(struct skep_map *m, struct skep_map *old)
{
	if (m->vcpus)
		vcpus_synchronize(m->vcpus);
	map_put(old);
}

int map_prog_fits(struct skep_map *m, const void *prog)
{
	int err;

	spin_lock(&m->lock);
	err = m->progs->fits(m, prog);
	spin_unlock(&m->lock);
	return err;
}

/* --- the bpf(2) side ----------------------------------------------------------------------- */

size_t map_sys_value_size(const struct skep_map *m)
{
	if (m->kind->percpu)
		return (size_t)ALIGN_UP(m->value_size, 8) * m->nr_cpus;
	return m->sys->fd_kind == MAP_FD_NONE ? m->value_size : sizeof(uint32_t);
}

static bool lock_ok(const struct skep_map *m, uint64_t flags)
{
	return !(flags & BPF_F_LOCK) || value_has_lock(m);
}

static int write_begin(struct skep_map *m)
{
	/* Counted first: map_freeze sees the writer, or the writer sees the freeze. */
	atomic_fetch_add(&m->writers, 1);
	return atomic_load(&m->frozen) ? -EPERM : 0;
}

static void write_end(struct skep_map *m)
{
	atomic_fetch_sub(&m->writers, 1);
}

/* Without the checks of flags. */
static int copy_value(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	void *mem;

	if (m->sys->sys_lookup)
		return m->sys->sys_lookup(m, key, value, flags);
	if (!m->ops->lookup)
		return -ENOTSUPP;
	mem = m->ops->lookup(m, key, 0);
	if (!mem)
		return -ENOENT;
	value_read(m, value, mem, flags);
	return 0;
}

int map_sys_lookup(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	if ((flags & ~(uint64_t)BPF_F_LOCK) || !lock_ok(m, flags))
		return -EINVAL;
	return copy_value(m, key, value, flags);
}

int map_sys_update(struct skep_map *m, const void *key, const void *value, uint64_t flags)
{
	int err = write_begin(m);

	if (!err && !lock_ok(m, flags))
		err = -EINVAL;
	if (!err)
		err = m->sys->sys_update ? m->sys->sys_update(m, key, value, flags)
		      : m->ops->update	 ? (int)m->ops->update(m, key, value, flags, VCPU_NONE)
					 : -ENOTSUPP;
	write_end(m);
	return err;
}

int map_sys_delete(struct skep_map *m, const void *key)
{
	int err = write_begin(m);

	if (!err)
		err = m->sys->sys_delete ? m->sys->sys_delete(m, key)
		      : m->ops->delete	 ? (int)m->ops->delete (m, key, VCPU_NONE)
					 : -ENOTSUPP;
	write_end(m);
	return err;
}

int map_sys_next_key(struct skep_map *m, const void *key, void *next)
{
	return m->sys->next_key ? m->sys->next_key(m, key, next) : -ENOTSUPP;
}

int map_sys_lookup_delete(struct skep_map *m, const void *key, void *value, uint64_t flags)
{
	int err;

	if (flags & ~(uint64_t)BPF_F_LOCK)
		return -EINVAL;
	err = write_begin(m);
	if (!err && !lock_ok(m, flags))
		err = -EINVAL;
	if (!err)
		err = m->sys->sys_lookup_delete ? m->sys->sys_lookup_delete(m, key, value, flags)
						: -ENOTSUPP;
	write_end(m);
	return err;
}

/* A batch as a walk by next_key; the token is the last key. */
static int batch_by_key(struct skep_map *m, const void *in_batch, void *out_batch, uint8_t *keys,
			uint8_t *values, uint32_t *count, uint64_t flags)
{
	size_t value_size = map_sys_value_size(m);
	uint32_t room = *count, done = 0;
	const void *last = in_batch;
	int err = 0;

	*count = 0;
	while (done < room) {
		err = m->sys->next_key(m, last, keys);
		if (err)
			break;
		last = keys;
		err = copy_value(m, keys, values, flags);
		/* An empty slot, or deleted meanwhile: its key is overwritten by the next. */
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		done++;
		keys += m->key_size;
		values += value_size;
	}
	*count = done;
	if (done)
		memmove(out_batch, last, m->key_size);
	return err;
}

int map_sys_batch_lookup(struct skep_map *m, const void *in_batch, void *out_batch, void *keys,
			 void *values, uint32_t *count, bool del, uint64_t flags)
{
	uint32_t trait = del ? MAP_BATCH_TAKE : MAP_BATCH_LOOKUP;
	int err = del ? write_begin(m) : 0;

	if (!err && !(m->kind->traits & trait))
		err = -ENOTSUPP;
	if (!err && ((flags & ~(uint64_t)BPF_F_LOCK) || !lock_ok(m, flags)))
		err = -EINVAL;
	if (!err && *count)
		err = m->sys->sys_batch
			      ? m->sys->sys_batch(m, in_batch, out_batch, keys, values, count, del,
						  flags)
			      : batch_by_key(m, in_batch, out_batch, keys, values, count, flags);
	if (del)
		write_end(m);
	return err;
}

int map_freeze(struct skep_map *m)
{
	bool before;
	int err = 0;

	if (m->record || m->type == BPF_MAP_TYPE_STRUCT_OPS)
		return -ENOTSUPP;
	spin_lock(&m->lock);
	/* Set first, see write_begin; taken back while somebody still writes. */
	before = atomic_exchange(&m->frozen, true);
	if (before || atomic_load(&m->writers)) {
		atomic_store(&m->frozen, before);
		err = -EBUSY;
	} else {
		map_area_freeze(&m->area);
	}
	spin_unlock(&m->lock);
	return err;
}
