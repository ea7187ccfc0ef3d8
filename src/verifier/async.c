/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * async.c - what a program asks to be called later: timers, work queues, task works.  They lie in
 * values of maps, and their callbacks run when the program is long gone:
 *
 *	int callback(struct bpf_map *map, void *key, void *value)
 *
 * Who sets a callback is told nothing of it; the callback is walked by itself, as a program of its
 * own that begins with these three and with no reference or lock held.
 */
#include "base/alloc.h"
#include "verifier/kfunc_int.h"

/* --- where they lie --------------------------------------------------------------------------- */

/* Offset of the field of that type, which the record has. */
static int32_t field_off(const struct btf_record *r, uint32_t type)
{
	return type == FIELD_TIMER	 ? r->timer_off
	       : type == FIELD_WORKQUEUE ? r->wq_off
					 : r->task_work_off;
}

int async_field(struct verifier *v, uint32_t n, uint32_t type)
{
	const struct reg *r = &cur_regs(v)[n];
	const char *name = btf_field_name(type);
	const int64_t off = r->off + r->n.full.smin;

	if (!bounds_is_const(&r->n))
		return fail(v, -EINVAL,
			    "R%u doesn't have constant offset. %s has to be at the constant offset",
			    n, name);
	if (!r->map->btf)
		return fail(v, -EINVAL, "map '%s' has to have BTF in order to use %s", r->map->name,
			    name);
	if (!btf_record_has(r->map->record, type))
		return fail(v, -EINVAL, "map '%s' has no valid %s", r->map->name, name);
	if (field_off(r->map->record, type) != off)
		return fail(v, -EINVAL, "off %lld doesn't point to 'struct %s' that is at %d",
			    (long long)off, name, field_off(r->map->record, type));
	return 0;
}

/* Kfuncs' arguments, by the struct that they point to. */
static const struct {
	const char *name;
	uint32_t type; /* FIELD_* */
} fields[] = { { "bpf_wq", FIELD_WORKQUEUE }, { "bpf_task_work", FIELD_TASK_WORK } };

bool kfunc_is_async(const struct karg *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (kfunc_arg_points_to(a, fields[i].name))
			return true;
	return false;
}

int kfunc_check_async(struct karg *a)
{
	const bool wq = kfunc_arg_points_to(a, fields[0].name);
	int err;

	if (a->r->type != PTR_TO_MAP_VALUE)
		return fail(a->v, -EINVAL, "arg#%u doesn't point to a map value", a->a);
	err = async_field(a->v, a->n, fields[!wq].type);
	if (err)
		return err;
	a->k->map = a->r->map;
	a->k->map_uid = a->r->map_uid;
	return 0;
}

/* The map that is named must be the one where the field lies: inner maps are told apart by ids. */
int kfunc_same_map(const struct karg *a)
{
	const struct kcall *k = a->k;
	const bool tw = btf_record_has(a->r->map->record, FIELD_TASK_WORK);

	if (!k->map || (k->map == a->r->map && k->map_uid == a->r->map_uid) ||
	    !btf_record_has(a->r->map->record, FIELD_WORKQUEUE | FIELD_TASK_WORK))
		return 0;
	return fail(a->v, -EINVAL,
		    "%s pointer in R%u map_uid=%u doesn't match map pointer in R%u map_uid=%u",
		    tw ? "bpf_task_work" : "workqueue", tw ? 2 : 1, k->map_uid, tw ? 3 : 2,
		    a->r->map_uid);
}

bool kfunc_is_callback(const struct karg *a)
{
	return BTF_INFO_KIND(a->t->info) == BTF_KIND_FUNC_PROTO;
}

int kfunc_check_callback(struct karg *a)
{
	if (a->r->type != PTR_TO_FUNC)
		return fail(a->v, -EINVAL, "arg%u expected pointer to func", a->a);
	a->k->sub = (uint16_t)a->r->sub;
	return 0;
}

/* --- what is called later --------------------------------------------------------------------- */

/* The program says what may be called with elements of which map: who calls does not guess. */
static int remember(struct skep_prog *p, uint16_t sub, struct skep_map *map)
{
	struct prog_later *later = p->later;

	for (uint32_t i = 0; i < p->later_cnt; i++)
		if (later[i].sub == sub && later[i].map == map)
			return 0;
	if (!p->later_cnt || IS_POW2(p->later_cnt))
		later = skep_realloc_array(later, p->later_cnt ? 2 * p->later_cnt : 1,
					   sizeof(*later));
	if (!later)
		return -ENOMEM;
	later[p->later_cnt++] = (struct prog_later){ sub, map };
	p->later = later;
	return 0;
}

int async_push(struct verifier *v, uint16_t sub, const struct async *a)
{
	struct vstate *st;
	struct frame *f;
	int err = remember(v->prog, sub, a->map);

	if (err)
		return err;
	st = state_push_new(v, v->sub[sub].start, sub, &err);
	if (!st)
		return err;
	v->facts[sub].async = v->facts[sub].callback = true;
	st->sleepable = a->sleepable;
	f = st->frame[0];
	f->async = (uint8_t)(cur_frame(v)->async + 1);
	f->ret_min = a->ret_min;
	f->ret_max = a->ret_max;
	reg_pointer(&f->reg[BPF_REG_1], CONST_PTR_TO_MAP);
	reg_pointer(&f->reg[BPF_REG_2], PTR_TO_MAP_KEY);
	reg_pointer(&f->reg[BPF_REG_3], PTR_TO_MAP_VALUE);
	for (unsigned r = BPF_REG_1; r <= BPF_REG_3; r++) {
		f->reg[r].map = a->map;
		f->reg[r].map_uid = a->map_uid;
	}
	return 0;
}

static int push_kfunc(struct kcall *k, uint32_t map_reg, int ret_min, int ret_max)
{
	const struct reg *r = &cur_regs(k->v)[map_reg];
	int err = async_push(k->v, k->sub,
			     &(struct async){ r->map, r->map_uid, true, ret_min, ret_max });

	return err ? fail(k->v, err, "kfunc %s#%d failed callback verification", k->name,
			  k->v->insns[k->v->i].imm)
		   : 0;
}

int kfunc_wq_callback(struct kcall *k)
{
	return push_kfunc(k, BPF_REG_1, 0, 0);
}

int kfunc_task_work_callback(struct kcall *k)
{
	return push_kfunc(k, BPF_REG_3, INT32_MIN, INT32_MAX);
}
