/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map.c - the map commands: kernel/bpf/syscall.c's map_create, map_lookup_elem and so on.
 *
 * What is common to all types and needs no descriptor is in map/; here are descriptors, their
 * rights, the caller's memory, and values that name other objects.
 */
#include "core/core_int.h"
#include "core/mapcall.h"
#include "core/view.h"
#include "map/arena.h"
#include "map/perf_event.h"

#define BPF_F_LOCK_ONLY ((uint64_t)BPF_F_LOCK)

/* --- creation -------------------------------------------------------------------------------- */

/* Linux's lists: types for CAP_NET_ADMIN, types for everybody; the others are for CAP_BPF. */
static bool may_create(const struct call *c, uint32_t type)
{
	static const uint64_t net_types =
		UINT64_C(1) << BPF_MAP_TYPE_SOCKMAP | UINT64_C(1) << BPF_MAP_TYPE_SOCKHASH |
		UINT64_C(1) << BPF_MAP_TYPE_DEVMAP | UINT64_C(1) << BPF_MAP_TYPE_DEVMAP_HASH |
		UINT64_C(1) << BPF_MAP_TYPE_XSKMAP;
	static const uint64_t free_types =
		UINT64_C(1) << BPF_MAP_TYPE_ARRAY | UINT64_C(1) << BPF_MAP_TYPE_PERCPU_ARRAY |
		UINT64_C(1) << BPF_MAP_TYPE_PROG_ARRAY |
		UINT64_C(1) << BPF_MAP_TYPE_PERF_EVENT_ARRAY |
		UINT64_C(1) << BPF_MAP_TYPE_CGROUP_ARRAY |
		UINT64_C(1) << BPF_MAP_TYPE_ARRAY_OF_MAPS | UINT64_C(1) << BPF_MAP_TYPE_HASH |
		UINT64_C(1) << BPF_MAP_TYPE_PERCPU_HASH | UINT64_C(1) << BPF_MAP_TYPE_HASH_OF_MAPS |
		UINT64_C(1) << BPF_MAP_TYPE_RINGBUF | UINT64_C(1) << BPF_MAP_TYPE_USER_RINGBUF |
		UINT64_C(1) << BPF_MAP_TYPE_CGROUP_STORAGE |
		UINT64_C(1) << BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;

	if (type < 64 && free_types >> type & 1)
		return true;
	return core_may(c, type < 64 && net_types >> type & 1 ? RIGHT_NET : RIGHT_BPF);
}

long core_map_create(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(object_put) struct object_ref btf = { 0 }, inner = { 0 };
	_cleanup_(map_put_p) struct skep_map *m = NULL;
	struct map_deps deps = {
		.vcpus = c->k->vcpus,
		.space = c->k->space,
		.objects = c->k->env.objects,
		.progs = &core_map_progs,
		.nr_cpus = c->k->vcpus->nr,
		.judge = c->k->judge,
	};
	bool token = a->map_flags & SKEP_F_TOKEN_FD;
	int err;
	long fd;

	c->attr.a.map_flags &= ~SKEP_F_TOKEN_FD;
	if (token)
		return core_token(c, c->attr.map_create.token_fd);
	if (map_type(a->map_type) && !may_create(c, a->map_type))
		return FAIL(c, -EPERM, "map type %s needs CAP_BPF or CAP_NET_ADMIN",
			    map_type(a->map_type)->name);

	if (core_too_new(c, release_since(RELEASE_MAP_TYPE, a->map_type), "map type %s",
			 map_type(a->map_type) ? map_type(a->map_type)->name : "?") ||
	    core_too_new(c, release_since_flags(RELEASE_MAP_FLAG, a->map_flags), "map_flags 0x%x",
			 a->map_flags))
		return -EINVAL;

	/* map_new asks for these when their turn comes, so that errors come in Linux's order. */
	deps.inner_err = object_get(c->k, (int)a->inner_map_fd, OBJ_MAP, &inner);
	deps.inner = inner.payload;
	deps.btf_err = object_get(c->k, (int)a->btf_fd, OBJ_BTF, &btf);
	if (!deps.btf_err && btf_id(btf.payload) == VMLINUX_BTF_ID)
		deps.btf_err = -EACCES;
	deps.btf = deps.btf_err ? NULL : btf.payload;
	if (deps.btf || a->map_type == BPF_MAP_TYPE_STRUCT_OPS) {
		deps.kernel = core_vmlinux(c->k);
		if (!deps.kernel)
			return -ENOMEM;
	}
	store_hold(c->k); /* it may be one whose values own objects */
	err = map_new(a, &deps, &m, c->diag);
	store_release(c->k);
	if (!err && map_has_timers(m))
		err = timers_begin(c->k);
	if (err)
		return err;
	fd = object_publish(c, OBJ_MAP, m, m->area.fd, core_file_mode(a->map_flags));
	if (fd >= 0)
		TAKE_PTR(m);
	return fd;
}

/* --- one element ----------------------------------------------------------------------------- */

/* Who has a view of the map has looked at the descriptor's mode. */
static int find_map(struct mapcall *mc, const struct call *c, int fd)
{
	int err;

	if (c->view) {
		mc->m = c->view;
		mc->ref.mode = O_RDWR;
		return 0;
	}
	err = object_get(c->k, fd, OBJ_MAP, &mc->ref);
	mc->m = mc->ref.payload;
	return err;
}

int mapcall_begin(struct mapcall *mc, struct call *c, uint32_t fd, unsigned need, uint64_t flags,
		  bool bad)
{
	int err;

	mc->ref.payload = mc->key.p = mc->value.p = NULL;
	mc->fd = -1;
	if (unlikely(bad))
		return FAIL(c, -EINVAL, "flags 0x%llx are not for this command",
			    (unsigned long long)flags);
	err = find_map(mc, c, (int)fd);
	if (unlikely(err))
		return FAIL(c, err, "descriptor %d is not %s", (int)fd,
			    err == -EBADF ? "open" : "a map");
	if (unlikely((need & MAP_READ && mc->ref.mode == O_WRONLY) ||
		     (need & MAP_WRITE && mc->ref.mode == O_RDONLY)))
		return FAIL(c, -EPERM, "descriptor %d is %s-only", (int)fd,
			    mc->ref.mode == O_WRONLY ? "write" : "read");
	if (unlikely(need & MAP_WRITE &&
		     atomic_load_explicit(&mc->m->frozen, memory_order_acquire)))
		return FAIL(c, -EPERM, "the map is frozen");
	if (unlikely(flags & BPF_F_LOCK && !btf_record_has(mc->m->record, FIELD_SPIN_LOCK)))
		return FAIL(c, -EINVAL, "BPF_F_LOCK: the map's value has no bpf_spin_lock");
	return 0;
}

void mapcall_end(struct mapcall *mc)
{
	scratch_free(&mc->key);
	scratch_free(&mc->value);
	caller_release(mc->fd);
	object_put(&mc->ref);
}

/*
 * The caller's descriptor, in the low half of n bytes, as one of this process's.  What is none
 * stays none: the type says so in its turn.
 */
static void take_machine_fd(struct mapcall *mc, void *bytes, size_t n)
{
	uint64_t number = 0;

	memcpy(&number, bytes, MIN(n, sizeof(number)));
	if (number > INT32_MAX || !caller_is_far())
		return;
	mc->fd = caller_fd((int)number);
	number = mc->fd < 0 ? INT32_MAX : (uint64_t)mc->fd;
	memcpy(bytes, &number, MIN(n, sizeof(number)));
}

int mapcall_key(struct mapcall *mc, uint64_t ukey)
{
	uint32_t n = mc->m->key_size;
	int err;

	if (n == 0)
		return ukey ? -EINVAL : 0;
	err = scratch_get(&mc->key, n) ? user_read(mc->key.p, ukey, n) : -ENOMEM;
	if (!err && unlikely(mc->m->kind->traits & MAP_KEY_FD))
		take_machine_fd(mc, mc->key.p, n);
	return err;
}

/* Arrays of objects look at flags and index before the descriptor; hashes of maps after it. */
static int slot_check(const struct mapcall *mc, uint64_t flags)
{
	uint32_t index;

	if (mc->m->type == BPF_MAP_TYPE_HASH_OF_MAPS)
		return 0;
	if (flags != BPF_ANY)
		return -EINVAL;
	memcpy(&index, mc->key.p, sizeof(index));
	return index < mc->m->max_entries ? 0 : -E2BIG;
}

/* What a descriptor in a value must be of, and what is said where it is not. */
static const struct {
	const char *name;
	enum object_kind kind;
	int err; /* for descriptors of anything else; 0: object_get's */
} fd_values[] = {
	[MAP_FD_PROG] = { "program", OBJ_PROG },
	[MAP_FD_MAP] = { "map", OBJ_MAP },
	[MAP_FD_PERF] = { "perf event", OBJ_PERF, -EBADF },
};

int mapcall_update(struct mapcall *mc, struct call *c, uint64_t flags)
{
	const enum map_fd_kind kind = mc->m->sys->fd_kind;
	_cleanup_(object_put) struct object_ref ref = { 0 };
	uint32_t fd;
	int err;

	if (kind == MAP_FD_NONE)
		return map_sys_update(mc->m, mc->key.p, mc->value.p, flags);

	err = slot_check(mc, flags);
	if (err)
		return err;
	memcpy(&fd, mc->value.p, sizeof(fd));
	err = object_get(c->k, (int)fd, fd_values[kind].kind, &ref);
	if (err)
		return FAIL(c, fd_values[kind].err ? fd_values[kind].err : err,
			    "value %d is no descriptor of a %s", (int)fd, fd_values[kind].name);
	return map_sys_update(mc->m, mc->key.p, &ref.payload, flags);
}

/* Room for a value that goes out or comes in. */
static void *value_room(struct mapcall *mc, size_t *ret_size)
{
	*ret_size = map_sys_value_size(mc->m);
	return scratch_get(&mc->value, *ret_size);
}

long core_map_lookup(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(mapcall_end) struct mapcall mc;
	bool asked = false;
	size_t size;
	int err = mapcall_begin(&mc, c, a->map_fd, MAP_READ, a->flags, a->flags & ~BPF_F_LOCK_ONLY);

	if (likely(!err))
		err = mapcall_key(&mc, a->key);
	if (likely(!err) && !value_room(&mc, &size))
		err = -ENOMEM;
	if (likely(!err)) {
		asked = mc.m->kind->traits & MAP_ASKED;
		err = asked ? user_read(mc.value.p, a->value, size) : 0;
	}
	if (likely(!err))
		err = map_sys_lookup(mc.m, mc.key.p, mc.value.p, a->flags);
	return err || asked ? err : user_write(a->value, mc.value.p, size);
}

long core_map_update(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(mapcall_end) struct mapcall mc;
	size_t size;
	int err = mapcall_begin(&mc, c, a->map_fd, MAP_WRITE, a->flags, false);

	if (likely(!err))
		err = mapcall_key(&mc, a->key);
	if (likely(!err) && !value_room(&mc, &size))
		err = -ENOMEM;
	if (likely(!err))
		err = user_read(mc.value.p, a->value, size);
	if (likely(!err) && unlikely(mc.m->kind->traits & MAP_VALUE_FD))
		take_machine_fd(&mc, mc.value.p, size);
	return err ? err : mapcall_update(&mc, c, a->flags);
}

long core_map_delete(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(mapcall_end) struct mapcall mc;
	int err = mapcall_begin(&mc, c, a->map_fd, MAP_WRITE, 0, false);

	if (likely(!err))
		err = mapcall_key(&mc, a->key);
	return err ? err : map_sys_delete(mc.m, mc.key.p);
}

long core_map_next_key(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(mapcall_end) struct mapcall mc;
	int err = mapcall_begin(&mc, c, a->map_fd, MAP_READ, 0, false);

	if (!err && a->key)
		err = mapcall_key(&mc, a->key);
	if (!err && !scratch_get(&mc.value, mc.m->key_size))
		err = -ENOMEM;
	if (!err)
		err = map_sys_next_key(mc.m, a->key ? mc.key.p : NULL, mc.value.p);
	return err ? err : user_write(a->next_key, mc.value.p, mc.m->key_size);
}

long core_map_lookup_delete(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	_cleanup_(mapcall_end) struct mapcall mc;
	size_t size;
	int err = mapcall_begin(&mc, c, a->map_fd, MAP_READ | MAP_WRITE, a->flags,
				a->flags & ~BPF_F_LOCK_ONLY);

	if (!err)
		err = mapcall_key(&mc, a->key);
	if (!err && !value_room(&mc, &size))
		err = -ENOMEM;
	if (!err)
		err = map_sys_lookup_delete(mc.m, mc.key.p, mc.value.p, a->flags);
	return err ? err : user_write(a->value, mc.value.p, size);
}

/* --- the map as a whole ---------------------------------------------------------------------- */

long core_map_freeze(struct call *c)
{
	_cleanup_(mapcall_end) struct mapcall mc;
	int err = mapcall_begin(&mc, c, c->attr.a.map_fd, 0, 0, false);

	if (err)
		return err;
	if (mc.m->record || mc.m->type == BPF_MAP_TYPE_STRUCT_OPS)
		return FAIL(c, -ENOTSUPP,
			    "values with special fields, or programs, cannot be frozen");
	if (mc.ref.mode == O_RDONLY)
		return FAIL(c, -EPERM, "the descriptor is read-only");
	/* A frozen map is -EPERM before map_freeze says -EBUSY, as its files lose their right. */
	if (atomic_load_explicit(&mc.m->frozen, memory_order_acquire))
		return FAIL(c, -EPERM, "the map is frozen already");
	return map_freeze(mc.m);
}

long core_map_next_id(struct call *c)
{
	return core_next_id(c, OBJ_MAP);
}

long core_map_fd_by_id(struct call *c)
{
	const union bpf_attr *a = &c->attr.a;
	int mode = core_file_mode(a->open_flags);

	if (a->open_flags & ~(uint32_t)(BPF_F_RDONLY | BPF_F_WRONLY))
		return -EINVAL;
	if (!core_may(c, RIGHT_ADMIN))
		return FAIL(c, -EPERM, "MAP_GET_FD_BY_ID needs CAP_SYS_ADMIN");
	return mode < 0 ? mode : object_open_id(c, OBJ_MAP, a->map_id, mode);
}

long core_map_view(struct skep_kernel *k, int fd, uint64_t ufacts)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct map_facts facts;
	const struct skep_map *m;
	bool write;
	int err = object_get(k, fd, OBJ_MAP, &ref);

	if (err)
		return err;
	m = ref.payload;
	if (ref.mode == O_WRONLY || !map_facts(m, &facts))
		return -EOPNOTSUPP;
	facts.position = (uint64_t)caller_position(fd);
	if (ref.mode != O_RDWR)
		facts.far.map = NULL;
	write = facts.write && ref.mode == O_RDWR && !(m->flags & BPF_F_RDONLY_PROG);
	err = user_write(ufacts, &facts, sizeof(facts));
	return err ? err : map_area_open(&m->area, write ? O_RDWR : O_RDONLY);
}

int core_arena_mmap(struct skep_kernel *k, int fd, uint64_t addr, size_t len, off_t off)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct skep_map *m;

	if (object_get(k, fd, OBJ_MAP, &ref))
		return -ENOTTY;
	m = ref.payload;
	if (m->type != SKEP_MAP_TYPE_ARENA)
		return -ENOTTY;
	return off ? -EINVAL : arena_mapped(m, addr, len);
}

int core_map_by_fd(struct skep_kernel *k, int fd, struct skep_map **ret)
{
	struct object_ref r;
	int err = object_get(k, fd, OBJ_MAP, &r);

	if (err)
		return err;
	*ret = r.payload;
	object_put(&r);
	return 0;
}

int skep_kernel_wait_fd(struct skep_kernel *k, int fd)
{
	_cleanup_(object_put) struct object_ref ref = { 0 };
	struct skep_map *m;
	int err = object_get(k, fd, OBJ_ANY, &ref);

	if (err)
		return err == -EINVAL ? -EPERM : err;
	if (ref.kind == OBJ_PERF)
		return perf_event_wait_fd(ref.payload);
	m = ref.payload;
	if (ref.kind != OBJ_MAP ||
	    (m->type != BPF_MAP_TYPE_RINGBUF && m->type != BPF_MAP_TYPE_USER_RINGBUF))
		return -EPERM;
	return ringbuf_wait_fd(m);
}
