/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.c - a kernel's objects: the making of the store.  Cold.
 *
 *	| struct obj_store, what the pools noted of each CPU | plain | percpu, of CPU 0 | of CPU 1 |
 *...
 */
#include "hive/vcpu.h"
#include "obj/obj_int.h"

#define PLAIN_SIZE  ((size_t)256 << 20)
#define PERCPU_SIZE ((size_t)16 << 20)

static size_t head_size(uint32_t nr_cpus)
{
	return ALIGN_UP(sizeof(struct obj_store) + 2 * nr_cpus * sizeof(uint64_t), (size_t)4096);
}

size_t obj_store_size(uint32_t nr_cpus)
{
	return head_size(nr_cpus) + PLAIN_SIZE + PERCPU_SIZE * nr_cpus;
}

struct obj_store *obj_store_init(void *mem, struct vcpus *vcpus)
{
	struct obj_store *s = mem;
	uint8_t *plain = (uint8_t *)mem + head_size(vcpus->nr);
	uint64_t *seen = (uint64_t *)(s + 1);

	s->plain = (struct obj_pool){
		.mem = plain,
		.size = PLAIN_SIZE,
		.copies = 1,
		.vcpus = vcpus,
		.seen = seen,
	};
	s->percpu = (struct obj_pool){
		.mem = plain + PLAIN_SIZE,
		.size = PERCPU_SIZE,
		.copies = vcpus->nr,
		.vcpus = vcpus,
		.seen = seen + vcpus->nr,
	};
	return s;
}

uint32_t obj_live(const struct obj_store *s)
{
	return atomic_load_explicit(&s->plain.live, memory_order_relaxed) +
	       atomic_load_explicit(&s->percpu.live, memory_order_relaxed);
}
