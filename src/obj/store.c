/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.c - a kernel's objects: the making of the store.  Cold.
 *
 *	head:    | struct obj_store | what the pools noted of each CPU |
 *	objects: | plain | percpu, of CPU 0 | of CPU 1 | ...
 *	timers:  | struct timer_table |
 */
#include "hive/vcpu.h"
#include "obj/timer_int.h"

#define PLAIN_SIZE  ((size_t)256 << 20)
#define PERCPU_SIZE ((size_t)16 << 20)

#define PAGE	    ((size_t)4096)

size_t obj_head_size(uint32_t nr_cpus)
{
	return ALIGN_UP(sizeof(struct obj_store) + 2 * nr_cpus * sizeof(uint64_t), PAGE);
}

size_t obj_objects_size(uint32_t nr_cpus)
{
	return PLAIN_SIZE + PERCPU_SIZE * nr_cpus;
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
	uint64_t *seen = (uint64_t *)(s + 1);

	s->plain = (struct obj_pool){
		.mem = at->objects,
		.size = PLAIN_SIZE,
		.copies = 1,
		.vcpus = vcpus,
		.seen = seen,
	};
	s->percpu = (struct obj_pool){
		.mem = (uint8_t *)at->objects + PLAIN_SIZE,
		.size = PERCPU_SIZE,
		.copies = vcpus->nr,
		.vcpus = vcpus,
		.seen = seen + vcpus->nr,
	};
	s->timers.table = at->timers;
	s->timers.shared = shared;
	return s;
}

struct obj_store *obj_store_init_at(void *mem, struct vcpus *vcpus)
{
	uint8_t *objects = (uint8_t *)mem + obj_head_size(vcpus->nr);
	const struct obj_places at = { mem, objects, objects + obj_objects_size(vcpus->nr) };

	return obj_store_init(&at, vcpus, false);
}

uint32_t obj_live(const struct obj_store *s)
{
	return atomic_load_explicit(&s->plain.live, memory_order_relaxed) +
	       atomic_load_explicit(&s->percpu.live, memory_order_relaxed);
}
