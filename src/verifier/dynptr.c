/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dynptr.c - dynptrs: memory whose size only the run knows, behind 16 bytes of the program's
 * stack, and pointers into it (slices) that were checked when they were made.
 *
 *	fp-16 | first slot   reg.dynptr its kind, reg.id what slices know it by,
 *	fp-8  | second slot  reg.ref_id its record's reference; both slots have the same
 *
 * A store to either slot destroys both and takes the slices away; one that stands for a reference
 * cannot be destroyed so.  Clones are dynptrs of their own that share the reference.
 */
#include "verifier/objects.h"

#define SLOTS_EACH 2

const char *dynptr_text(enum dynptr_kind kind)
{
	static const char *const texts[_DYNPTR_MAX] = {
		[DYNPTR_NONE] = "<invalid>",  [DYNPTR_LOCAL] = "local",
		[DYNPTR_RINGBUF] = "ringbuf", [DYNPTR_SKB] = "skb",
		[DYNPTR_XDP] = "xdp",	      [DYNPTR_SKB_META] = "skb_meta",
	};

	return texts[kind];
}

static int place(struct verifier *v, uint32_t reg, struct object_place *ret)
{
	return object_place(v, reg, "dynptr", SLOTS_EACH, ret);
}

/* --- an end ----------------------------------------------------------------------------------- */

static void invalidate(struct verifier *v, struct reg *r)
{
	if (v->opts->rights.allow_ptr_leaks)
		reg_unknown(v, r);
	else
		reg_uninit(r);
}

int dynptr_overwrite(struct verifier *v, struct frame *f, uint32_t n)
{
	struct object_place p = { f, n, SLOTS_EACH };
	uint32_t id;

	if (f->slot[n].kind[0] != STACK_DYNPTR)
		return 0;
	p.first += !f->slot[n].reg.first;
	if (f->slot[p.first].reg.dynptr == DYNPTR_RINGBUF)
		return fail(v, -EINVAL, "cannot overwrite referenced dynptr");
	id = f->slot[p.first].reg.id;
	object_wipe(v, &p);
	/* Slices of packets are the packet's: they live until it moves. */
	for_each_reg_in(v->st, in, r, {
		if ((r->type & ~PTR_MAYBE_NULL) == PTR_TO_MEM && r->dynptr_id == id)
			invalidate(v, r);
	});
	return 0;
}

/* Dynptrs with that reference, in all frames.  Linux looks into the frame of the released one. */
static void wipe_clones(struct verifier *v, const struct frame *of, uint32_t ref_id)
{
	for (uint32_t no = 0; no <= v->st->cur; no++) {
		struct frame *f = v->st->frame[no];

		if (v->opts->judge && f != of)
			continue;
		for (uint32_t n = 1; n < f->nr_slots; n++) {
			const struct slot *s = &f->slot[n];

			if (s->kind[0] == STACK_DYNPTR && s->reg.first && s->reg.ref_id == ref_id)
				object_wipe(v, &(struct object_place){ f, n, SLOTS_EACH });
		}
	}
}

int dynptr_releasable(struct verifier *v, uint32_t reg)
{
	struct object_place p;

	if (cur_regs(v)[reg].type != PTR_TO_STACK)
		return fail(v, -EINVAL, "cannot release unowned const bpf_dynptr");
	if (place(v, reg, &p) || !p.f->slot[p.first].reg.ref_id)
		return fail(v, -EINVAL, "arg %u is an unacquired reference", reg);
	return 0;
}

int dynptr_release(struct verifier *v, uint32_t reg)
{
	const struct dynptr d = dynptr_at(v, reg);
	int err = ref_release(v, d.ref_id);

	if (!err)
		wipe_clones(v, v->st->frame[cur_regs(v)[reg].frame], d.ref_id);
	return err;
}

/* --- a beginning ------------------------------------------------------------------------------ */

static int make(struct verifier *v, uint32_t reg, enum dynptr_kind kind, uint32_t clone_of)
{
	struct object_place p;
	struct reg r;
	int err = place(v, reg, &p);

	/* Two others may be hit. */
	err = err ? err : dynptr_overwrite(v, p.f, p.first);
	err = err ? err : dynptr_overwrite(v, p.f, p.first - 1);
	if (err)
		return err;
	reg_pointer(&r, CONST_PTR_TO_DYNPTR);
	r.dynptr = kind;
	r.id = ++v->ids;
	r.ref_id = clone_of;
	if (kind == DYNPTR_RINGBUF && !clone_of)
		err = ref_acquire(v, v->i, &r.ref_id);
	if (err)
		return err;
	object_mark(v, &p, STACK_DYNPTR, &r);
	p.f->slot[p.first].reg.first = true;
	return 0;
}

void dynptr_const(struct verifier *v, struct reg *r, enum dynptr_kind kind)
{
	reg_pointer(r, CONST_PTR_TO_DYNPTR);
	r->dynptr = kind;
	r->first = true;
	r->id = ++v->ids;
}

/* --- as an argument --------------------------------------------------------------------------- */

/* The stack there can take a new one; what is on it is looked at when it is written. */
static bool can_be_made(struct verifier *v, uint32_t reg)
{
	struct object_place p;
	int err;

	if (cur_regs(v)[reg].type == CONST_PTR_TO_DYNPTR)
		return false;
	err = place(v, reg, &p);
	return !err || err == -ERANGE;
}

/* 0, -EINVAL or -ENOMEM. */
static int is_made(struct verifier *v, uint32_t reg)
{
	struct object_place p;

	if (cur_regs(v)[reg].type == CONST_PTR_TO_DYNPTR)
		return 0;
	if (place(v, reg, &p) || !p.f->slot[p.first].reg.first || !object_is(v, &p, STACK_DYNPTR))
		return fail(v, -EINVAL, "Expected an initialized dynptr as arg #%u", reg - 1);
	return object_read(v, &p);
}

static int use_arg(struct verifier *v, uint32_t reg, enum dynptr_use use, enum dynptr_kind kind)
{
	int err;

	if (cur_regs(v)[reg].type == CONST_PTR_TO_DYNPTR && use != DYNPTR_READ)
		return fail(v, -EINVAL,
			    "cannot pass pointer to const bpf_dynptr, the helper mutates it");
	err = is_made(v, reg);
	if (!err && kind && dynptr_at(v, reg).kind != kind)
		return fail(v, -EINVAL, "Expected a dynptr of type %s as arg #%u",
			    dynptr_text(kind), reg - 1);
	return err;
}

int dynptr_arg(struct verifier *v, uint32_t reg, enum dynptr_use use, enum dynptr_kind kind,
	       uint32_t clone_of)
{
	const uint32_t type = cur_regs(v)[reg].type;
	int err;

	if (type != PTR_TO_STACK && type != CONST_PTR_TO_DYNPTR)
		return fail(v, -EINVAL,
			    "arg#%u expected pointer to stack or const struct bpf_dynptr", reg - 1);
	if (use != DYNPTR_MAKE)
		return use_arg(v, reg, use, kind);
	if (!can_be_made(v, reg))
		return fail(v, -EINVAL, "Dynptr has to be an uninitialized dynptr");
	err = object_write(v, reg, SLOTS_EACH);
	return err ? err : make(v, reg, kind, clone_of);
}

struct dynptr dynptr_at(const struct verifier *v, uint32_t reg)
{
	const struct reg *r = &cur_regs((struct verifier *)v)[reg];
	const struct frame *f = v->st->frame[r->frame];

	if (r->type == PTR_TO_STACK)
		r = &f->slot[(uint32_t)(-(r->off + r->n.full.smin) / 8) - 1].reg;
	return (struct dynptr){ (enum dynptr_kind)r->dynptr, r->id, r->ref_id };
}
