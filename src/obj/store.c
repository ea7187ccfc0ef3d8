/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.c - a kernel's objects: the making of the store, and what types there are.  Cold.
 *
 *	head:    | struct obj_store |
 *	objects: | struct shared, rows, grace's notes | guard | plain | percpu, of CPU 0 | of CPU 1
 *|
 *		   ... | guard |
 *	timers:  | struct timer_table |
 *
 * The guards are as large as an object and its header: whatever a unit leads to in a pool, what
 * programs reach from there is memory of the store.  Nodes are below 2^31 units (tree.c).
 */
#include "hive/vcpu.h"
#include "obj/timer_int.h"

/* What a pool may come to, and the shift of a row's range of one class: reserved, not committed. */
#define POOL_MAX  ((size_t)2 << 30)
#define SHIFT_MAX 27
#define SHIFT_MIN 14

#define PAGE	  ((size_t)4096)
#define GUARD	  (2 * PAGE)

static size_t shared_size(uint32_t nr_cpus)
{
	return ALIGN_UP(sizeof(struct shared) + (nr_cpus + 1) * sizeof(struct row) +
				nr_cpus * sizeof(uint64_t),
			PAGE);
}

static size_t ranges(uint32_t nr_cpus)
{
	return (size_t)(nr_cpus + 1) * CLASSES;
}

/* Of a pool with so many copies. */
static uint32_t shift_of(uint32_t nr_cpus, uint32_t copies)
{
	uint32_t shift = SHIFT_MAX;

	while (shift > SHIFT_MIN && (ranges(nr_cpus) * copies) << shift > POOL_MAX)
		shift--;
	return shift;
}

static size_t size_of(uint32_t nr_cpus, uint32_t copies)
{
	return ranges(nr_cpus) << shift_of(nr_cpus, copies);
}

size_t obj_head_size(uint32_t nr_cpus)
{
	(void)nr_cpus;
	return ALIGN_UP(sizeof(struct obj_store), PAGE);
}

size_t obj_objects_size(uint32_t nr_cpus)
{
	return shared_size(nr_cpus) + size_of(nr_cpus, 1) + size_of(nr_cpus, nr_cpus) * nr_cpus +
	       2 * GUARD;
}

size_t obj_timers_size(void)
{
	return ALIGN_UP(sizeof(struct timer_table), PAGE);
}

size_t obj_store_size(uint32_t nr_cpus)
{
	return obj_head_size(nr_cpus) + obj_objects_size(nr_cpus) + obj_timers_size();
}

struct obj_store *obj_store_init(const struct obj_places *at, struct vcpus *vcpus, bool shared)
{
	struct obj_store *s = at->head;
	uint8_t *objects = at->objects;
	uint8_t *mem = objects + shared_size(vcpus->nr) + GUARD;

	s->vcpus = vcpus;
	s->sh = at->objects;
	s->seen = (uint64_t *)&s->sh->row[vcpus->nr + 1];
	s->pool[0] = (struct obj_pool){
		.mem = mem,
		.size = size_of(vcpus->nr, 1),
		.copies = 1,
		.nr = 0,
		.shift = shift_of(vcpus->nr, 1),
	};
	s->pool[1] = (struct obj_pool){
		.mem = mem + s->pool[0].size,
		.size = size_of(vcpus->nr, vcpus->nr),
		.copies = vcpus->nr,
		.nr = 1,
		.shift = shift_of(vcpus->nr, vcpus->nr),
	};
	s->shared = shared;
	s->timers.table = at->timers;
	s->timers.shared = shared;
	atomic_store(&s->types, 1);
	return s;
}

struct obj_store *obj_store_init_at(void *mem, struct vcpus *vcpus, bool shared)
{
	uint8_t *objects = (uint8_t *)mem + obj_head_size(vcpus->nr);
	const struct obj_places at = { mem, objects, objects + obj_objects_size(vcpus->nr) };

	return obj_store_init(&at, vcpus, shared);
}

_Atomic uint32_t *obj_users(struct obj_store *s)
{
	return &s->users;
}

bool obj_is_damaged(const struct obj_store *s)
{
	return atomic_load(&s->sh->damaged);
}

bool obj_wants_sweep(const struct obj_store *s)
{
	return atomic_load(&s->sh->damaged) == DAMAGE_FOUND;
}

static void count(void *arg, struct block *b)
{
	++*(uint32_t *)arg;
}

uint32_t obj_live(const struct obj_store *s)
{
	uint32_t n = 0;

	pool_each(s, count, &n);
	return n;
}

/* --- types ------------------------------------------------------------------------------------ */

/* To this room: what it reads of a record. */
static bool record_equal(const struct btf_record *a, const struct btf_record *b)
{
	if (!a || !b)
		return a == b;
	if (a->cnt != b->cnt || a->mask != b->mask)
		return false;
	for (uint32_t i = 0; i < a->cnt; i++)
		if (a->field[i].type != b->field[i].type || a->field[i].off != b->field[i].off)
			return false;
	return true;
}

uint32_t obj_type_find(const struct obj_store *s, uint32_t size, bool percpu,
		       const struct btf_record *record)
{
	uint32_t i = atomic_load(&s->types);

	while (--i && !(s->type[i].size == size && s->type[i].percpu == percpu &&
			record_equal(s->type[i].record, record)))
		;
	return i;
}

int obj_type_add(struct obj_store *s, uint32_t size, bool percpu, const struct btf_record *record)
{
	const uint32_t n = atomic_load(&s->types);

	if (n == OBJ_TYPES)
		return -ENOSPC;
	if (size > OBJ_SIZE_MAX)
		return -EINVAL;
	s->type[n] = (struct obj_type){ size, percpu, record };
	atomic_store(&s->types, n + 1);
	return (int)n;
}
