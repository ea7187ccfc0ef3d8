/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.c - the kernel's store of objects: its memory, what types it knows, and when it is made
 * anew.
 *
 * In a hive members write to it.  Blocks that nobody finds any more are looked for, and come back.
 * Objects that nobody leads to, but that count as held, stay while some map owns objects or some
 * program allocates them.  The first one that comes after all of those have gone finds a store that
 * is new.
 */
#include "core/core_int.h"
#include "core/object.h"
#include "hive/space.h"
#include "obj/obj.h"

#include <stdio.h>
#include <unistd.h>

void store_fini(struct skep_kernel *k)
{
	const uint32_t nr = k->vcpus->nr;

	vec_foreach (r, &k->records)
		space_give(k->space, HIVE_META, *r, btf_record_size(*r));
	vec_free(&k->records);
	if (k->space)
		space_give(k->space, HIVE_META, k->places.head, obj_head_size(nr));
	else if (k->places.head)
		space_give_pages(NULL, k->places.head, obj_head_size(nr));
	if (k->places.objects)
		space_give_pages(k->space, k->places.objects, obj_objects_size(nr));
	if (k->places.timers)
		space_give_pages(k->space, k->places.timers, obj_timers_size());
	obj_sweep_free(k->sweep);
	k->sweep = NULL;
	k->places = (struct obj_places){ 0 };
	k->env.objects = NULL;
}

/*
 * Shared as maps' memory is: after a fork, both still see the objects that their maps hold.  Where
 * a process may not reserve that much, programs find that memory for objects is out.
 */
void store_init(struct skep_kernel *k)
{
	const uint32_t nr = k->vcpus->nr;
	struct obj_places *at = &k->places;

	at->head = k->space ? space_alloc(k->space, HIVE_META, obj_head_size(nr))
			    : space_pages(NULL, obj_head_size(nr));
	at->objects = space_pages(k->space, obj_objects_size(nr));
	at->timers = space_pages(k->space, obj_timers_size());
	if (!at->head || !at->objects || !at->timers) {
		store_fini(k);
		return;
	}
	k->env.objects = obj_store_init(at, k->vcpus, k->space != NULL);
	if (k->space)
		space_meta(k->space)->objects = (uintptr_t)k->env.objects;
}

/* Nobody uses it, but who looks for lost blocks may be in the middle. */
static bool begin_anew_locked(struct skep_kernel *k)
{
	int err;

	pthread_mutex_lock(&k->sweep_lock);
	obj_sweep_free(k->sweep);
	k->sweep = NULL;
	err = space_zero_pages(k->space, k->places.objects, obj_objects_size(k->vcpus->nr));
	atomic_store(&k->damaged, false);
	pthread_mutex_unlock(&k->sweep_lock);
	return !err;
}

/* What members say of it they may write over again. */
static bool is_damaged(struct skep_kernel *k)
{
	if (k->space && obj_is_damaged(k->env.objects))
		atomic_store(&k->damaged, true);
	return atomic_load(&k->damaged);
}

void store_hold(struct skep_kernel *k)
{
	struct obj_store *s = k->env.objects;
	bool anew = false;

	if (!s)
		return;
	/* Who has gone may not have been noticed. */
	if (is_damaged(k))
		objects_collect(k);
	pthread_mutex_lock(&k->lock);
	if (is_damaged(k) && !atomic_load(obj_users(s)))
		anew = begin_anew_locked(k);
	atomic_fetch_add(obj_users(s), 1);
	pthread_mutex_unlock(&k->lock);
	if (anew)
		core_trace_say(
			k, (uint32_t)getpid(), "skep",
			"objects of programs were damaged: those that come now find new memory");
}

void store_scrub(struct skep_kernel *k)
{
	char text[96];
	int n = 0;

	if (!k->env.objects)
		return;
	pthread_mutex_lock(&k->sweep_lock);
	is_damaged(k);
	if (k->sweep || obj_wants_sweep(k->env.objects))
		n = obj_sweep(k->env.objects, &k->sweep);
	pthread_mutex_unlock(&k->sweep_lock);
	if (n <= 0)
		return;
	snprintf(text, sizeof(text), "objects of programs were damaged: %d were in no list", n);
	core_trace_say(k, (uint32_t)getpid(), "skep", text);
}

void store_release(struct skep_kernel *k)
{
	if (k->env.objects)
		atomic_fetch_sub(obj_users(k->env.objects), 1);
}

/* One that is new: its record is copied to where programs find it. */
static int add_type_locked(struct skep_kernel *k, uint32_t size, bool percpu,
			   const struct btf_record *record)
{
	const size_t bytes = btf_record_size(record);
	struct btf_record *copy, **row;
	int type;

	if (!bytes)
		return obj_type_add(k->env.objects, size, percpu, NULL);
	copy = space_alloc(k->space, HIVE_META, bytes);
	row = copy ? vec_push(&k->records) : NULL;
	if (row)
		*row = memcpy(copy, record, bytes);
	type = row ? obj_type_add(k->env.objects, size, percpu, copy) : -ENOMEM;
	if (type < 0) {
		k->records.n -= row != NULL;
		space_give(k->space, HIVE_META, copy, bytes);
	}
	return type;
}

int store_type(struct skep_kernel *k, uint32_t size, bool percpu, const struct btf_record *record)
{
	uint32_t known;
	int type;

	/* It cannot be allocated; programs find that memory is out. */
	if (size > OBJ_SIZE_MAX)
		return 0;
	pthread_mutex_lock(&k->lock);
	known = obj_type_find(k->env.objects, size, percpu, record);
	type = known ? (int)known : add_type_locked(k, size, percpu, record);
	pthread_mutex_unlock(&k->lock);
	return type;
}
