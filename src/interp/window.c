/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * window.c - which memory is the program's: its stack, the run's regions, map values, what
 * helpers handed out, objects, the task.
 *
 * The loop only asks here when an address is not in the window of its register.
 */
#include "interp/interp_int.h"
#include "obj/obj.h"

/* [addr, addr + len) inside [lo, lo + size)? */
static bool inside(uintptr_t addr, size_t len, uintptr_t lo, size_t size)
{
	return addr - lo < size && len <= size - (addr - lo);
}

/* The same, and on success the window is moved there. */
static bool settle(struct cell *cell, uintptr_t addr, size_t len, uintptr_t lo, size_t size)
{
	if (!inside(addr, len, lo, size))
		return false;
	/* A window of less than 8 bytes would not do for the loop's single compare. */
	if (cell && size >= 8) {
		cell->lo = lo;
		cell->len = size;
	}
	return true;
}

static bool in_map(struct skep_map *m, uintptr_t addr, size_t len, struct cell *cell)
{
	uintptr_t word = addr & ~(uintptr_t)7;

	if (!m->ops->contains || !m->ops->contains(m, addr, len))
		return false;
	if (m->values)
		return settle(cell, addr, len, (uintptr_t)m->area.mem, m->area.size) || true;
	if (inside(addr, len, word, 8) && m->ops->contains(m, word, 8))
		settle(cell, addr, len, word, 8);
	return true;
}

static bool in_maps(const struct interp_frame *f, uintptr_t addr, size_t len, struct cell *cell)
{
	const struct skep_prog *p = f->ip->prog;

	for (uint32_t i = 0; i < p->map_cnt; i++)
		if (in_map(p->maps[i], addr, len, cell))
			return true;
	for (unsigned i = 0; i < MIN(f->inner_n, INNER_MAPS); i++)
		if (in_map(f->inner[i], addr, len, cell))
			return true;
	return false;
}

static bool in_object(const struct interp_frame *f, uintptr_t addr, size_t len, struct cell *cell)
{
	const struct obj_store *s = f->run->env->objects;
	size_t size = 0;
	void *obj = s ? obj_find(s, addr, len, &size) : NULL;

	return obj && (settle(cell, addr, len, (uintptr_t)obj, size) || true);
}

bool window_find(struct interp_frame *f, uintptr_t addr, size_t len, struct cell *cell)
{
	struct vcpu *vcpu = f->run->vcpu;

	if (settle(cell, addr, len, (uintptr_t)vcpu->stack, sizeof(vcpu->stack)))
		return true;
	for (unsigned i = 0; i < RUN_REGIONS; i++)
		if (settle(cell, addr, len, f->run->region[i].base, f->run->region[i].size))
			return true;
	for (const struct interp_frame *a = f; a; a = a->up) {
		for (unsigned i = 0; i < MIN(a->recent_n, RECENT); i++)
			if (settle(cell, addr, len, a->recent[i].lo, a->recent[i].len))
				return true;
		if (in_maps(a, addr, len, cell))
			return true;
	}
	return in_object(f, addr, len, cell) ||
	       (f->run->task && settle(cell, addr, len, (uintptr_t)f->run->task, RUN_TASK_SIZE));
}

void window_reset(struct interp_frame *f)
{
	for (unsigned r = 0; r < SKEP_REG_CNT; r++) {
		f->cell[r].lo = (uintptr_t)f->run->vcpu->stack;
		f->cell[r].len = sizeof(f->run->vcpu->stack);
	}
}

void window_set(struct cell *cell, size_t len)
{
	/* Values and records are 8-byte aligned and padded. */
	cell->lo = cell->v;
	cell->len = ALIGN_UP(len, 8);
}

void window_add(struct interp_frame *f, struct cell *cell, size_t len)
{
	window_set(cell, len);
	f->recent[f->recent_n++ % RECENT] = (struct recent){ cell->lo, cell->len };
}

/* Some map of the activation, or of those that it was called back from, for which `is` holds. */
static bool any_map(const struct interp_frame *f,
		    bool (*is)(struct skep_map *, const void *, size_t), const void *what,
		    size_t size)
{
	for (; f; f = f->up) {
		for (uint32_t i = 0; i < f->ip->prog->map_cnt; i++)
			if (is(f->ip->prog->maps[i], what, size))
				return true;
		for (unsigned i = 0; i < MIN(f->inner_n, INNER_MAPS); i++)
			if (is(f->inner[i], what, size))
				return true;
	}
	return false;
}

static bool is_same(struct skep_map *m, const void *what, size_t size)
{
	return m == what;
}

static bool is_ring_with(struct skep_map *m, const void *what, size_t size)
{
	return m->type == BPF_MAP_TYPE_RINGBUF && ringbuf_reserved(m, what, size);
}

bool window_map(const struct interp_frame *f, const struct skep_map *m)
{
	return any_map(f, is_same, m, 0);
}

bool window_record(const struct interp_frame *f, const void *record, size_t size)
{
	return any_map(f, is_ring_with, record, size);
}
