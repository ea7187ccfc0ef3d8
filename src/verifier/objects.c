/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.c - where in the stack an object of the kernel is; see objects.h.
 */
#include "verifier/objects.h"

int object_place(struct verifier *v, uint32_t reg, const char *what, uint32_t n,
		 struct object_place *ret)
{
	const struct reg *r = &cur_regs(v)[reg];
	int64_t off;

	if (!bounds_is_const(&r->n))
		return fail(v, -EINVAL, "%s has to be at a constant offset", what);
	off = r->off + r->n.full.smin;
	if (off % 8 || -off < (int64_t)n * 8)
		return fail(v, -EINVAL, "cannot pass in %s at an offset=%lld", what,
			    (long long)off);
	*ret = (struct object_place){ v->st->frame[r->frame], (uint32_t)(-off / 8) - 1, n };
	return ret->first < ret->f->nr_slots ? 0 : -ERANGE;
}

static uint32_t count(const struct object_place *p, uint8_t kind)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n; i++)
		for (unsigned b = 0; b < 8; b++)
			n += p->f->slot[p->first - i].kind[b] == kind;
	return n;
}

bool object_is(struct verifier *v, const struct object_place *p, uint8_t kind)
{
	for (uint32_t i = 0; i < p->n; i++)
		touch_slot(v, p->first - i);
	return count(p, kind) == 8 * p->n;
}

int object_read(struct verifier *v, const struct object_place *p)
{
	return stack_live_read(v, p->f->no, p->first + 1 - p->n, p->n);
}

bool object_overlaps(const struct object_place *p, uint8_t kind)
{
	return count(p, kind);
}

int object_write(struct verifier *v, uint32_t reg, uint32_t n)
{
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++)
		err = mem_access(v, reg, (int)i * 8, 8, ACCESS_WRITE, -1, false, false);
	return err;
}

static void set(struct verifier *v, const struct object_place *p, uint8_t kind, const struct reg *r)
{
	stack_live_write(v, p->f->no, p->first + 1 - p->n, p->n);
	for (uint32_t i = 0; i < p->n; i++) {
		struct slot *s = &p->f->slot[p->first - i];

		s->reg = *r;
		memset(s->kind, kind, sizeof(s->kind));
		touch_slot(v, p->first - i);
	}
}

void object_mark(struct verifier *v, const struct object_place *p, uint8_t kind,
		 const struct reg *r)
{
	set(v, p, kind, r);
}

void object_wipe(struct verifier *v, const struct object_place *p)
{
	struct reg none;

	reg_uninit(&none);
	set(v, p, STACK_INVALID, &none);
}
