/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reg.c - making and reading values.
 */
#include "verifier/verifier_int.h"

void reg_uninit(struct reg *r)
{
	*r = (struct reg){ .type = NOT_INIT };
	bounds_unknown(&r->n);
}

void reg_unknown(struct verifier *v, struct reg *r)
{
	*r = (struct reg){ .type = SCALAR_VALUE, .precise = !v->opts->rights.bpf_capable };
	bounds_unknown(&r->n);
}

void reg_invalid(struct verifier *v, struct reg *r)
{
	if (v->opts->rights.allow_ptr_leaks)
		reg_unknown(v, r);
	else
		reg_uninit(r);
}

void reg_known(struct reg *r, uint64_t value)
{
	*r = (struct reg){ .type = SCALAR_VALUE };
	bounds_const(&r->n, value);
}

void reg_pointer(struct reg *r, uint32_t type)
{
	*r = (struct reg){ .type = type };
	bounds_const(&r->n, 0);
}

void reg_not_null(struct reg *r)
{
	struct skep_map *inner;

	r->type &= ~PTR_MAYBE_NULL;
	if (r->type == PTR_TO_MAP_VALUE && map_holds_sockets(r->map))
		r->type = PTR_TO_SOCKET;
	if (r->type == PTR_TO_MAP_VALUE && r->map->type == BPF_MAP_TYPE_XSKMAP)
		r->type = PTR_TO_XDP_SOCK;
	if (r->type != PTR_TO_MAP_VALUE || !r->map->inner)
		return;
	inner = r->map->inner;
	r->type = CONST_PTR_TO_MAP;
	r->map = inner;
	/* Its timers are its own, not those of another inner map. */
	r->map_uid = btf_record_has(inner->record, FIELD_TIMER | FIELD_WORKQUEUE | FIELD_TASK_WORK)
			     ? r->id
			     : 0;
}

bool reg_is_secret(const struct verifier *v, const struct reg *r)
{
	return !v->opts->rights.allow_ptr_leaks && r->type != SCALAR_VALUE && r->type != NOT_INIT;
}

int reg_read(struct verifier *v, uint32_t n)
{
	touch_reg(v, n);
	if (cur_regs(v)[n].type == NOT_INIT)
		return fail(v, -EACCES, "R%u !read_ok", n);
	return 0;
}

int reg_write(struct verifier *v, uint32_t n)
{
	touch_reg(v, n);
	if (n == BPF_REG_10)
		return fail(v, -EACCES, "frame pointer is read only");
	return 0;
}

int reg_check(struct verifier *v, struct reg *r, const char *when)
{
	const struct tnum bits = r->n.bits;

	if (bounds_sane(&r->n))
		return 0;
	if (v->prog->flags & SKEP_F_TEST_REG_INVARIANTS)
		return fail(v, -EFAULT,
			    "REG INVARIANTS VIOLATION (%s): range bounds violation u64=[%#llx, "
			    "%#llx] s64=[%#llx, %#llx] u32=[%#x, %#x] s32=[%#x, %#x]",
			    when, (long long)r->n.full.umin, (long long)r->n.full.umax,
			    (long long)r->n.full.smin, (long long)r->n.full.smax,
			    (uint32_t)r->n.low.umin, (uint32_t)r->n.low.umax,
			    (uint32_t)r->n.low.smin, (uint32_t)r->n.low.smax);
	bounds_unknown(&r->n);
	r->n.bits = bits;
	return 0;
}

bool reg_absurd(const struct reg *r, bool low)
{
	const struct range *n = low ? &r->n.low : &r->n.full;

	if (low ? bounds_low_is_const(&r->n) : bounds_is_const(&r->n))
		return n->smin != n->smax || n->umin != n->umax;
	return n->smin > n->smax || n->umin > n->umax;
}

void reg_link(struct verifier *v, struct reg *r)
{
	if (r->type != SCALAR_VALUE || bounds_is_const(&r->n))
		return;
	/* A register that is another one plus a constant would need two relations. */
	if (r->id & ID_ADD_CONST) {
		r->id = 0;
		r->off = 0;
	}
	if (!r->id)
		r->id = ++v->ids;
}
