/* SPDX-License-Identifier: BSD-2-Clause */
/* object.c - see object.h */
#include "core/object.h"
#include "core/caller.h"
#include "core/core_int.h"
#include "core/probe.h"
#include "map/perf_event.h"

#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#define COLLECT_MIN 64

/* What the table asks of a payload. */
struct kind_ops {
	const char *memfd; /* shows in /proc/PID/fd: bpftool looks for these words */
	void (*get)(void *payload);
	void (*put)(void *payload);
	/* References, ours included. */
	uint32_t (*refs)(const void *payload);
	/* Tells the payload its id. */
	void (*set_id)(void *payload, uint32_t id);
};

#define KIND_FUNCS(kind, type)                                                               \
	static void kind##_payload_get(void *p)                                              \
	{                                                                                    \
		kind##_get(p);                                                               \
	}                                                                                    \
	static void kind##_payload_put(void *p)                                              \
	{                                                                                    \
		kind##_put(p);                                                               \
	}                                                                                    \
	static uint32_t kind##_payload_refs(const void *p)                                   \
	{                                                                                    \
		return atomic_load_explicit(&((const type *)p)->refs, memory_order_acquire); \
	}                                                                                    \
	static void kind##_payload_set_id(void *p, uint32_t id)                              \
	{                                                                                    \
		((type *)p)->id = id;                                                        \
	}
KIND_FUNCS(map, struct skep_map)
KIND_FUNCS(prog, struct skep_prog)
KIND_FUNCS(link, struct skep_link)
KIND_FUNCS(perf_event, struct perf_event)

static struct probe *probe_get(struct probe *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}
KIND_FUNCS(probe, struct probe)

static void btf_payload_get(void *p)
{
	btf_get(p);
}

static void btf_payload_put(void *p)
{
	btf_put(p);
}

static uint32_t btf_payload_refs(const void *p)
{
	return btf_refs(p);
}

static void btf_payload_set_id(void *p, uint32_t id)
{
	btf_set_id(p, id);
}

/* Statistics are only a descriptor. */
static void stats_payload_ref(void *p)
{
}

static uint32_t stats_payload_refs(const void *p)
{
	return 1;
}

static void stats_payload_set_id(void *p, uint32_t id)
{
}

#define KIND_ROW(kind) \
	kind##_payload_get, kind##_payload_put, kind##_payload_refs, kind##_payload_set_id
static const struct kind_ops kinds[] = {
	[OBJ_LINK] = { "bpf_link", KIND_ROW(link) },
	[OBJ_STATS] = { "bpf-stats", stats_payload_ref, stats_payload_ref, stats_payload_refs,
			stats_payload_set_id },
	[OBJ_PROBE] = { "perf_probe", KIND_ROW(probe) },
	[OBJ_PROG] = { "bpf-prog", KIND_ROW(prog) },
	[OBJ_MAP] = { "bpf-map", KIND_ROW(map) },
	[OBJ_PERF] = { "perf_event", KIND_ROW(perf_event) },
	[OBJ_BTF] = { "btf", KIND_ROW(btf) },
};
static_assert(ARRAY_SIZE(kinds) == _OBJ_KINDS, "a row for every kind of object");

/* --- users of maps ---------------------------------------------------------------------------- */

static bool is_map(const struct object *o)
{
	return o->kind == OBJ_MAP;
}

/*
 * A map that no descriptor and no pin holds loses its user, though a program may still hold the
 * map: program arrays let go of their programs then (map_user_put).  True the first time.
 */
static bool drop_user(struct object *o)
{
	if (!is_map(o) || !o->user)
		return false;
	o->user = false;
	map_user_put(o->payload);
	return true;
}

/* The reverse: a descriptor or a pin came. */
static void take_user(struct object *o)
{
	if (!is_map(o) || o->user)
		return;
	o->user = true;
	map_user_get(o->payload);
}

/* --- descriptors ----------------------------------------------------------------------------- */

static uint64_t position(const struct objects *t, uint64_t serial, int mode)
{
	return t->base + 4 * serial + (uint64_t)mode;
}

/* Members know a map by what the positions of its descriptors have in common. */
static void name_map(const struct objects *t, const struct object *o, bool alive)
{
	if (is_map(o))
		atomic_store(&((struct skep_map *)o->payload)->serial,
			     alive ? position(t, o->serial, 0) : 0);
}

/* A new descriptor of an object whose home is intact; -errno. */
static long handle_open(const struct objects *t, struct object *o, int mode)
{
	const int fd = home_open(o->home, t->dir, o->serial, position(t, o->serial, mode), mode);

	if (fd >= 0)
		take_user(o);
	return fd;
}

/* The same of any object; -ESTALE where the kernel's own description is gone. */
static long handle_reopen(const struct objects *t, struct object *o, int mode)
{
	return home_intact(o->home) ? handle_open(t, o, mode) : -ESTALE;
}

/* Does somebody hold a descriptor?  Where the kernel's own one is gone nobody can tell: then yes.
 */
static bool has_handle(const struct object *o)
{
	return !home_intact(o->home) || home_held(o->home, o->serial);
}

/* Where the next object of the kind lives, with a reference; a map's memory is `fd`. */
static int home_take(struct objects *t, enum object_kind kind, uint64_t serial, int fd,
		     struct home **ret)
{
	struct home **cur = &t->home[kind];
	int err;

	if (fd >= 0)
		return home_new(position(t, serial, HOME_MODE_OURS), NULL, fd, ret);
	if (*cur && ((*cur)->places == HOME_OBJECTS || !home_intact(*cur))) {
		home_put(*cur);
		*cur = NULL;
	}
	err = *cur ? 0 : home_new(position(t, serial, HOME_MODE_OURS), kinds[kind].memfd, -1, cur);
	if (err)
		return err;
	(*cur)->places++;
	*ret = home_get(*cur);
	return 0;
}

/* --- the table ------------------------------------------------------------------------------- */

int objects_init(struct objects *t)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint64_t)(uintptr_t)t * UINT64_C(0x9e3779b97f4a7c15);
	/* With room for serials below the largest position. */
	t->base = (HOME_POSITION_MIN | (random & (UINT64_MAX >> 4))) & ~UINT64_C(3);
	t->collect_at = COLLECT_MIN;
	t->dir = home_dir();
	t->ids[OBJ_BTF].last = VMLINUX_BTF_ID;
	return 0;
}

/* Index of the first object with an id above `id`. */
static size_t id_upper(const struct id_list *l, uint32_t id)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (l->at[mid]->id <= id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct object *id_find(const struct id_list *l, uint32_t id)
{
	size_t i = id_upper(l, id);

	return i > 0 && l->at[i - 1]->id == id ? l->at[i - 1] : NULL;
}

/* The next id, going round after INT_MAX as idr_alloc_cyclic does; 0: none is free. */
static uint32_t id_next(const struct id_list *l)
{
	for (uint32_t id = l->last, tries = 0; tries < INT_MAX; tries++) {
		id = id >= INT_MAX - 1 ? 1 : id + 1;
		if (!id_find(l, id))
			return id;
	}
	return 0;
}

static void bucket_insert(struct objects *t, struct object *o)
{
	spin_lock(&t->bucket[o->serial % OBJECT_BUCKETS].lock);
	o->next = t->bucket[o->serial % OBJECT_BUCKETS].first;
	t->bucket[o->serial % OBJECT_BUCKETS].first = o;
	spin_unlock(&t->bucket[o->serial % OBJECT_BUCKETS].lock);
}

/* Takes o out of its bucket if nobody got hold of the payload meanwhile. */
static bool bucket_remove_unused(struct objects *t, struct object *o)
{
	struct object **link = &t->bucket[o->serial % OBJECT_BUCKETS].first;
	bool unused;

	spin_lock(&t->bucket[o->serial % OBJECT_BUCKETS].lock);
	unused = kinds[o->kind].refs(o->payload) == 1;
	while (unused && *link != o)
		link = &(*link)->next;
	if (unused)
		*link = o->next;
	spin_unlock(&t->bucket[o->serial % OBJECT_BUCKETS].lock);
	return unused;
}

static void object_free(struct object *o)
{
	home_put(o->home);
	skep_free(o);
}

/* A new object under `id`, or the next one for 0, in no bucket yet; 0 or -errno. */
static int insert_locked(struct skep_kernel *k, enum object_kind kind, void *payload, int fd,
			 uint32_t id, struct object **ret)
{
	struct objects *t = &k->objects;
	struct id_list *l = &t->ids[kind];
	struct object *o = skep_alloc(sizeof(*o));
	size_t at;
	int err;

	if (!o)
		return -ENOMEM;
	o->kind = kind;
	o->payload = payload;
	o->serial = t->serial + 1;
	o->id = id ? id : id_next(l);
	err = o->id == 0 ? -ENOSPC : home_take(t, kind, o->serial, fd, &o->home);
	if (!err && !vec_push(l))
		err = -ENOMEM;
	if (err) {
		object_free(o);
		return err;
	}
	at = id_upper(&(struct id_list){ .at = l->at, .n = l->n - 1 }, o->id);
	memmove(&l->at[at + 1], &l->at[at], (l->n - 1 - at) * sizeof(*l->at));
	l->at[at] = o;
	if (!id)
		l->last = o->id;
	kinds[kind].set_id(payload, o->id);
	if (is_map(o))
		((struct skep_map *)payload)->object = o;
	name_map(t, o, true);
	t->live++;
	atomic_store_explicit(&t->serial, o->serial, memory_order_relaxed);
	*ret = o;
	return 0;
}

static void id_remove(struct objects *t, struct object *o)
{
	struct id_list *l = &t->ids[o->kind];
	size_t at = id_upper(l, o->id) - 1;

	memmove(&l->at[at], &l->at[at + 1], (l->n - 1 - at) * sizeof(*l->at));
	l->n--;
	t->live--;
}

/* --- from descriptor to object --------------------------------------------------------------- */

static int bucket_find(struct objects *t, uint64_t name, enum object_kind kind,
		       struct object_ref *ret)
{
	uint64_t serial = name / 4;
	struct object *o;
	int err = -ENOENT;

	spin_lock(&t->bucket[serial % OBJECT_BUCKETS].lock);
	for (o = t->bucket[serial % OBJECT_BUCKETS].first; o; o = o->next) {
		if (o->serial != serial)
			continue;
		err = kind != OBJ_ANY && o->kind != kind ? -EINVAL : 0;
		if (err)
			break;
		kinds[o->kind].get(o->payload);
		ret->kind = o->kind;
		ret->payload = o->payload;
		ret->obj = o;
		ret->mode = name % 4 == HOME_MODE_OURS ? O_RDWR : (int)(name % 4);
		break;
	}
	spin_unlock(&t->bucket[serial % OBJECT_BUCKETS].lock);
	return err;
}

/* The serial of the object that lives in the file with that inode; 0: none. */
static uint64_t serial_at(struct objects *t, int fd, const uint64_t inode[2])
{
	for (int kind = 0; kind < _OBJ_KINDS; kind++) {
		vec_foreach (o, &t->ids[kind]) {
			if (home_has_inode((*o)->home, inode))
				return (*o)->home->whole ? (*o)->serial : home_serial_of(fd);
		}
	}
	return 0;
}

/*
 * The object of a descriptor whose position tells nothing: found by its inode, then put back in
 * its place.  -EINVAL for foreign files.
 */
static int name_restore(struct skep_kernel *k, int fd, uint64_t *ret_name)
{
	struct objects *t = &k->objects;
	int flags = fcntl(fd, F_GETFL);
	uint64_t inode[2], serial;

	if (flags < 0 || !home_inode_of(fd, inode))
		return -EINVAL;
	pthread_mutex_lock(&k->lock);
	serial = serial_at(t, fd, inode);
	pthread_mutex_unlock(&k->lock);
	if (!serial)
		return -EINVAL;
	*ret_name = 4 * serial + (uint64_t)(flags & O_ACCMODE);
	lseek(fd, (off_t)(t->base + *ret_name), SEEK_SET);
	return 0;
}

int object_get(struct skep_kernel *k, int fd, enum object_kind kind, struct object_ref *ret)
{
	struct objects *t = &k->objects;
	const int64_t pos = caller_position(fd);
	uint64_t name = (uint64_t)pos - t->base;
	int err = -ENOENT;

	if (pos == -EBADF)
		return -EBADF;
	if (likely(pos >= 0 && name / 4 <= atomic_load_explicit(&t->serial, memory_order_relaxed)))
		err = bucket_find(t, name, kind, ret);
	if (likely(!err))
		caller_knows(fd, pos);
	if (likely(err != -ENOENT))
		return err;
	fd = caller_fd(fd);
	err = name_restore(k, fd, &name);
	caller_release(fd);
	if (err)
		return err;
	err = bucket_find(t, name, kind, ret);
	return err == -ENOENT ? -EINVAL : err;
}

void object_put(struct object_ref *r)
{
	if (r->payload)
		kinds[r->kind].put(r->payload);
	r->payload = NULL;
}

/* --- collection ------------------------------------------------------------------------------ */

/* What is known of a home while its objects are looked at. */
struct look {
	const struct home *home;
	bool intact, empty;
};

/* Nobody has a descriptor.  Where the kernel's own one is gone nobody can tell: then it lives. */
static bool is_dead(struct look *l, const struct object *o)
{
	if (o->home != l->home) {
		l->home = o->home;
		l->intact = home_intact(o->home);
		l->empty = l->intact && home_empty(o->home);
	}
	return l->empty || (l->intact && !home_held(o->home, o->serial));
}

/* Moves what nobody holds to the list of the dead; true when there may be more afterwards. */
static bool collect_locked(struct objects *t, struct object **dead)
{
	bool progress = false;

	for (int kind = 0; kind < _OBJ_KINDS; kind++) {
		struct id_list *l = &t->ids[kind];
		struct look look = { 0 };

		for (size_t i = l->n; i-- > 0;) {
			struct object *o = l->at[i];
			bool counted = kinds[kind].refs(o->payload) > 1;

			if (o->pins || (counted && !(is_map(o) && o->user)) || !is_dead(&look, o))
				continue;
			progress |= drop_user(o);
			if (counted || !bucket_remove_unused(t, o))
				continue;
			name_map(t, o, false);
			id_remove(t, o);
			o->next = *dead;
			*dead = o;
			progress = true;
		}
	}
	return progress;
}

void objects_collect(struct skep_kernel *k)
{
	struct objects *t = &k->objects;
	bool progress;

	core_pins_look(k);
	do {
		struct object *dead = NULL, *next;

		timers_look(k);
		pthread_mutex_lock(&k->lock);
		progress = collect_locked(t, &dead);
		t->collect_at = MAX(COLLECT_MIN, 2 * t->live);
		pthread_mutex_unlock(&k->lock);
		if (dead)
			vcpus_synchronize(k->vcpus);
		for (struct object *o = dead; o; o = next) {
			next = o->next;
			kinds[o->kind].put(o->payload);
			object_free(o);
		}
	} while (progress);
}

/* Something that acts, held by nobody: what else is dead can wait. */
static bool acts_for_nobody_locked(const struct objects *t)
{
	static const enum object_kind acting[] = { OBJ_LINK, OBJ_PROBE };

	for (size_t i = 0; i < ARRAY_SIZE(acting); i++) {
		struct look look = { 0 };

		vec_foreach (at, &t->ids[acting[i]])
			if (!(*at)->pins && kinds[acting[i]].refs((*at)->payload) == 1 &&
			    is_dead(&look, *at))
				return true;
	}
	return false;
}

void core_attachments_look(struct skep_kernel *k)
{
	bool ended;

	core_pins_look(k);
	pthread_mutex_lock(&k->lock);
	ended = acts_for_nobody_locked(&k->objects);
	pthread_mutex_unlock(&k->lock);
	if (ended)
		objects_collect(k);
}

void objects_fini(struct skep_kernel *k)
{
	/* First: what they hold for their user holds other objects. */
	vec_foreach (o, &k->objects.ids[OBJ_MAP])
		drop_user(*o);
	for (int kind = 0; kind < _OBJ_KINDS; kind++) {
		struct id_list *l = &k->objects.ids[kind];

		vec_foreach (o, l) {
			kinds[kind].put((*o)->payload);
			object_free(*o);
		}
		vec_free(l);
		home_put(k->objects.home[kind]);
	}
	home_dir_close(k->objects.dir);
}

/* --- from object to descriptor --------------------------------------------------------------- */

static long publish_locked(struct skep_kernel *k, enum object_kind kind, void *payload, int fd,
			   int mode)
{
	struct object *o;
	long ret = insert_locked(k, kind, payload, fd, 0, &o);

	if (ret)
		return ret;
	ret = handle_open(&k->objects, o, mode);
	if (ret >= 0) {
		bucket_insert(&k->objects, o);
	} else {
		id_remove(&k->objects, o);
		object_free(o);
	}
	return ret;
}

long object_publish(struct call *c, enum object_kind kind, void *payload, int fd, int mode)
{
	struct skep_kernel *k = c->k;
	bool crowded;
	long ret;

	pthread_mutex_lock(&k->lock);
	crowded = k->objects.live >= k->objects.collect_at;
	pthread_mutex_unlock(&k->lock);
	if (crowded)
		objects_collect(k);
	pthread_mutex_lock(&k->lock);
	ret = publish_locked(k, kind, payload, fd, mode);
	pthread_mutex_unlock(&k->lock);
	return ret;
}

int object_keep_locked(struct skep_kernel *k, enum object_kind kind, void *payload, uint32_t id)
{
	struct object *o;
	int err = insert_locked(k, kind, payload, -1, id, &o);

	if (err)
		return err;
	o->pins = 1;
	bucket_insert(&k->objects, o);
	return 0;
}

/* The object is alive for sure, or may be because something else counts it. */
static bool is_held(const struct object *o)
{
	return o->pins || has_handle(o);
}

bool object_map_used(const struct skep_map *m)
{
	return is_held(m->object);
}

long object_open_id(struct call *c, enum object_kind kind, uint32_t id, int mode)
{
	struct skep_kernel *k = c->k;
	struct object *o;
	bool certain;
	long ret;

	core_pins_look(k);
	pthread_mutex_lock(&k->lock);
	o = id_find(&k->objects.ids[kind], id);
	certain = !o || is_held(o);
	pthread_mutex_unlock(&k->lock);
	if (!certain)
		objects_collect(k);

	pthread_mutex_lock(&k->lock);
	o = id_find(&k->objects.ids[kind], id);
	ret = o ? handle_reopen(&k->objects, o, mode) : -ENOENT;
	pthread_mutex_unlock(&k->lock);
	return ret;
}

int object_ref_id(struct skep_kernel *k, enum object_kind kind, uint32_t id, struct object_ref *ret)
{
	struct object *o;

	pthread_mutex_lock(&k->lock);
	o = id_find(&k->objects.ids[kind], id);
	if (o)
		object_ref_locked(o, ret);
	pthread_mutex_unlock(&k->lock);
	return o ? 0 : -ENOENT;
}

int object_ref_payload(struct skep_kernel *k, enum object_kind kind, uint64_t payload,
		       struct object_ref *ret)
{
	int err = -ENOENT;

	pthread_mutex_lock(&k->lock);
	vec_foreach (o, &k->objects.ids[kind])
		if (err && (uintptr_t)(*o)->payload == payload) {
			object_ref_locked(*o, ret);
			err = 0;
		}
	pthread_mutex_unlock(&k->lock);
	return err;
}

void object_ref_locked(struct object *o, struct object_ref *ret)
{
	kinds[o->kind].get(o->payload);
	*ret = (struct object_ref){
		.kind = o->kind, .payload = o->payload, .obj = o, .mode = O_RDWR
	};
}

long object_open(struct call *c, struct object_ref *r, int mode)
{
	long ret;

	pthread_mutex_lock(&c->k->lock);
	ret = handle_reopen(&c->k->objects, r->obj, mode);
	pthread_mutex_unlock(&c->k->lock);
	return ret;
}

int object_next_id(struct call *c, enum object_kind kind, uint32_t start, uint32_t *ret)
{
	struct skep_kernel *k = c->k;
	const struct id_list *l = &k->objects.ids[kind];
	bool certain;
	size_t i;
	int err;

	core_pins_look(k);
	pthread_mutex_lock(&k->lock);
	i = id_upper(l, start);
	certain = start > 0 && (i == l->n || is_held(l->at[i]));
	pthread_mutex_unlock(&k->lock);
	if (!certain)
		objects_collect(k);

	pthread_mutex_lock(&k->lock);
	i = id_upper(l, start);
	err = i < l->n ? 0 : -ENOENT;
	if (!err)
		*ret = l->at[i]->id;
	pthread_mutex_unlock(&k->lock);
	return err;
}

bool object_any_live(struct call *c, enum object_kind kind)
{
	struct objects *t = &c->k->objects;
	bool any = false;

	pthread_mutex_lock(&c->k->lock);
	vec_foreach (o, &t->ids[kind])
		any |= is_held(*o);
	pthread_mutex_unlock(&c->k->lock);
	return any;
}

void core_count(struct skep_kernel *k, struct core_counts *ret)
{
	const struct id_list *ids = k->objects.ids;

	objects_collect(k);
	pthread_mutex_lock(&k->lock);
	*ret = (struct core_counts){
		.progs = (uint32_t)ids[OBJ_PROG].n,
		.maps = (uint32_t)ids[OBJ_MAP].n,
		.links = (uint32_t)ids[OBJ_LINK].n,
		.btfs = (uint32_t)ids[OBJ_BTF].n,
		.pins = (uint32_t)(k->pins.n + k->pin_files.n),
	};
	if (id_find(&ids[OBJ_BTF], VMLINUX_BTF_ID))
		ret->btfs--;
	pthread_mutex_unlock(&k->lock);
}

void object_pin_locked(struct object *o)
{
	o->pins++;
	take_user(o);
}

void object_unpin_locked(struct object *o)
{
	o->pins--;
}
