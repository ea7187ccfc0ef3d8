/* SPDX-License-Identifier: BSD-2-Clause */
/* value.c - copying values that have special fields, see map_int.h.  Hot. */
#include "map/map_int.h"

/*
 * Copies between map memory and memory of callers, from and to any special field: those end at
 * multiples of 4.
 */
typedef void (*span_fn)(void *to, const void *from, size_t n);

static void span_put(void *map, const void *from, size_t n)
{
	const size_t lead = MIN((uintptr_t)map & 4, n & ~(size_t)3);

	value_put(map, from, lead);
	value_put((uint8_t *)map + lead, (const uint8_t *)from + lead, n - lead);
}

static void span_get(void *to, const void *map, size_t n)
{
	const size_t lead = MIN((uintptr_t)map & 4, n & ~(size_t)3);

	value_get(to, map, lead);
	value_get((uint8_t *)to + lead, (const uint8_t *)map + lead, n - lead);
}

static void span_zero(void *map, const void *from, size_t n)
{
	static const uint8_t zeroes[4];

	for (size_t at = 0; at < n; at += sizeof(zeroes))
		value_put((uint8_t *)map + at, zeroes, sizeof(zeroes));
}

/* Copies what lies between the special fields of a value of n bytes. */
static void copy_between(const struct btf_record *r, void *to, const void *from, size_t n,
			 span_fn copy)
{
	size_t at = 0;

	for (uint32_t i = 0; i <= r->cnt; i++) {
		const size_t end = i < r->cnt ? r->field[i].off : n;

		copy((uint8_t *)to + at, (const uint8_t *)from + at, end - at);
		at = i < r->cnt ? end + r->field[i].size : end;
	}
}

/* Special fields of a copy that leaves: as they are in a new value. */
static void blank_fields(const struct btf_record *r, void *value)
{
	for (uint32_t i = 0; i < r->cnt; i++)
		memset((uint8_t *)value + r->field[i].off, 0, r->field[i].size);
	obj_fields_init(r, value);
}

static struct spinlock *value_lock(const struct skep_map *m, void *value)
{
	return (struct spinlock *)((uint8_t *)value + m->record->spin_lock_off);
}

void value_write_special(const struct skep_map *m, void *map, const void *from, uint64_t flags,
			 uint32_t cpu)
{
	if (flags & BPF_F_LOCK)
		map_lock(m, value_lock(m, map), cpu);
	copy_between(m->record, map, from, m->value_size, span_put);
	if (flags & BPF_F_LOCK)
		spin_unlock(value_lock(m, map));
}

void value_read(const struct skep_map *m, void *to, void *map, uint64_t flags)
{
	if (flags & BPF_F_LOCK)
		map_lock(m, value_lock(m, map), VCPU_NONE);
	if (m->record)
		copy_between(m->record, to, map, m->value_size, span_get);
	else
		value_get(to, map, m->value_size);
	if (flags & BPF_F_LOCK)
		spin_unlock(value_lock(m, map));
	if (m->record)
		blank_fields(m->record, to);
}

void cpu_value_write(const struct skep_map *m, void *map, const void *from, size_t n)
{
	if (m->record)
		copy_between(m->record, map, from, n, span_put);
	else
		value_put(map, from, n);
	value_drop(m, map, VCPU_NONE); /* of per-CPU values: they have no timers */
}

void cpu_value_read(const struct skep_map *m, void *to, const void *map, size_t n)
{
	if (!m->record) {
		value_get(to, map, n);
		return;
	}
	copy_between(m->record, to, map, n, span_get);
	blank_fields(m->record, to);
}

void cpu_value_zero(const struct skep_map *m, void *map)
{
	const size_t n = ALIGN_UP(m->value_size, 8);

	if (m->record)
		copy_between(m->record, map, map, n, span_zero);
	else
		value_zero(map, n);
}
