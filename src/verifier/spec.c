/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spec.c - what a program must not do even where only a mispredicting CPU takes it (Spectre), for
 * callers that may not learn addresses.
 *
 * v1: a branch whose outcome is known is walked the other way too, as a speculative path, with the
 * compared registers unknown.  What would be an error there is none: a barrier before the
 * instruction keeps the CPU from it (aux.barrier), and the path ends.  A number in a register that
 * is added to a pointer may speculatively be any number: it must come with one pointer, one
 * direction and one limit from all paths, as on Linux, which masks the number with that limit.
 * Here a barrier before the addition holds it back until the number is what was checked.
 *
 * v4: a store to the stack that a later load might overtake is followed by a barrier
 * (aux.barrier_after).
 */
#include "verifier/verifier_int.h"

#include <stdlib.h>

/* Bits of insn_info.alu_state: how a pointer was moved here. */
enum {
	ALU_SRC = 1,	     /* the number is in the source register */
	ALU_DST = 2,	     /* the number is in the destination register */
	ALU_NEG = 4,	     /* it is negative */
	ALU_NON_POINTER = 8, /* number and number */
	ALU_IMM = 16,	     /* it is known */
};

/* Why a pointer must not be moved. */
enum reason { REASON_NONE, REASON_BOUNDS, REASON_TYPE, REASON_PATHS, REASON_LIMIT };

static const char suffix[] = "pointer arithmetic with it prohibited for !root";

static int refuse(struct verifier *v, const struct bpf_insn *insn, enum reason why, bool ptr_is_dst)
{
	const char *op = BPF_OP(insn->code) == BPF_ADD ? "add" : "sub";
	const unsigned dst = insn->dst_reg, src = insn->src_reg;

	switch (why) {
	case REASON_BOUNDS:
		return fail(v, -EACCES, "R%u has unknown scalar with mixed signed bounds, %s",
			    ptr_is_dst ? src : dst, suffix);
	case REASON_TYPE:
		return fail(v, -EACCES, "R%u has pointer with unsupported alu operation, %s",
			    ptr_is_dst ? dst : src, suffix);
	case REASON_PATHS:
		return fail(v, -EACCES, "R%u tried to %s from different maps, paths or scalars, %s",
			    dst, op, suffix);
	case REASON_LIMIT:
		return fail(v, -EACCES, "R%u tried to %s beyond pointer bounds, %s", dst, op,
			    suffix);
	default:
		return 0;
	}
}

/* Immediate operands are what they are, even speculatively. */
static bool harmless(const struct verifier *v, const struct bpf_insn *insn)
{
	return v->opts->rights.bypass_spec_v1 || BPF_SRC(insn->code) == BPF_K ||
	       (BPF_OP(insn->code) != BPF_ADD && BPF_OP(insn->code) != BPF_SUB);
}

/* How far the pointer may be moved in that direction. */
static enum reason limit_of(const struct reg *ptr, bool left, uint32_t *ret)
{
	uint32_t max, limit;

	switch (ptr->type) {
	case PTR_TO_STACK:
		/* r10 itself may be moved down. */
		max = SKEP_STACK_MAX + left;
		limit = (uint32_t) - ((int64_t)ptr->n.bits.value + ptr->off);
		break;
	case PTR_TO_MAP_VALUE:
		max = ptr->map->value_size;
		limit = (uint32_t)(left ? (uint64_t)ptr->n.full.smin : ptr->n.full.umax) +
			(uint32_t)ptr->off;
		break;
	default:
		return REASON_TYPE;
	}
	*ret = limit;
	return limit >= max ? REASON_LIMIT : REASON_NONE;
}

/* Every path must move the same way. */
static enum reason agree(struct verifier *v, uint8_t state, uint32_t limit)
{
	struct insn_info *info = &v->info[v->i];

	if (info->alu_state && (info->alu_state != state || info->alu_limit != limit))
		return REASON_PATHS;
	info->alu_state = state;
	info->alu_limit = limit;
	return REASON_NONE;
}

int spec_path(struct verifier *v, const struct bpf_insn *insn, uint32_t to)
{
	struct vstate *st;
	struct reg *regs;
	int err;

	if (v->opts->rights.bypass_spec_v1)
		return 0;
	st = state_push(v, to, v->i, true, &err);
	if (!st || !insn)
		return err;
	regs = st->frame[st->cur]->reg;
	reg_unknown(v, &regs[insn->dst_reg]);
	if (BPF_SRC(insn->code) == BPF_X)
		reg_unknown(v, &regs[insn->src_reg]);
	return 0;
}

int spec_scalar_alu(struct verifier *v, const struct bpf_insn *insn)
{
	if (harmless(v, insn))
		return 0;
	return refuse(v, insn, agree(v, ALU_NON_POINTER, 0), false);
}

int spec_move_begin(struct verifier *v, const struct bpf_insn *insn, const struct reg *ptr,
		    const struct reg *off, bool ptr_is_dst, struct spec_move *m)
{
	const bool neg = off->n.full.smin < 0, known = bounds_is_const(&off->n);
	enum reason why = REASON_NONE;

	if (harmless(v, insn))
		return 0;
	if (!v->st->speculative) {
		if (!known && neg != (off->n.full.smax < 0))
			return refuse(v, insn, REASON_BOUNDS, ptr_is_dst);
		m->left = (BPF_OP(insn->code) == BPF_ADD) == neg;
		why = limit_of(ptr, m->left, &m->limit);
		m->state = (uint8_t)((neg ? ALU_NEG : 0) | (known ? ALU_IMM : 0) |
				     (ptr_is_dst ? ALU_SRC : ALU_DST));
		v->strict_scalars |= !why && !known;
	}
	if (why)
		return refuse(v, insn, why, ptr_is_dst);
	/* Where the number is out of its range the pointer is taken not to move. */
	return known ? 0 : spec_path(v, NULL, v->i + 1);
}

int spec_move_end(struct verifier *v, const struct bpf_insn *insn, const struct reg *ptr,
		  bool ptr_is_dst, const struct spec_move *m)
{
	enum reason why;
	uint32_t limit;

	if (harmless(v, insn) || v->st->speculative)
		return 0;
	why = limit_of(ptr, m->left, &limit);
	if (!why)
		why = agree(v, m->state, (uint32_t)abs((int)(m->limit - limit)));
	return refuse(v, insn, why, ptr_is_dst);
}

int spec_bounds(struct verifier *v, uint32_t n)
{
	const struct reg *r = &cur_regs(v)[n];
	const int off = r->off + (int)r->n.bits.value;

	if (v->opts->rights.bypass_spec_v1)
		return 0;
	if (r->type == PTR_TO_MAP_VALUE && mem_map_value_inside(v, n))
		return fail(v, -EACCES,
			    "R%u pointer arithmetic of map value goes out of range, prohibited for "
			    "!root",
			    n);
	if (r->type != PTR_TO_STACK)
		return 0;
	if (!bounds_is_const(&r->n))
		return fail(v, -EACCES,
			    "R%u variable stack access prohibited for !root, var_off=%s off=%d", n,
			    TNUM_TEXT(r->n.bits), off);
	if (off >= 0 || off < -SKEP_STACK_MAX)
		return fail(v, -EACCES,
			    "R%u stack pointer arithmetic goes out of range, prohibited for !root; "
			    "off=%d",
			    n, off);
	return 0;
}

bool spec_error(struct verifier *v, uint32_t at, int err)
{
	if (!v->st->speculative || (err != -EPERM && err != -EACCES && err != -EINVAL))
		return false;
	v->aux[at].barrier = true;
	v->info[at].alu_state = 0;
	*v->diag = (struct skep_diag){ 0 };
	return true;
}

/* Helpers that look an index up: where its check is guessed wrong, what they find is not theirs. */
static bool looks_up(const struct insn_aux *aux)
{
	return aux->ref == INSN_REF_HELPER && (aux->helper->id == BPF_FUNC_map_lookup_elem ||
					       aux->helper->id == BPF_FUNC_map_lookup_percpu_elem ||
					       aux->helper->id == BPF_FUNC_tail_call);
}

int spec_finish(struct verifier *v)
{
	for (uint32_t i = 0; i < v->cnt; i++) {
		const struct insn_info *info = &v->info[i];

		if (info->alu_state & (ALU_SRC | ALU_DST))
			v->aux[i].barrier = true;
		if (!v->opts->rights.bypass_spec_v1 && looks_up(&v->aux[i]))
			v->aux[i].barrier_after = true;
		v->prog->image.barriers |= v->aux[i].barrier || v->aux[i].barrier_after;
		if (info->map_conflict && !v->opts->rights.bypass_spec_v1 &&
		    v->aux[i].ref == INSN_REF_HELPER && v->aux[i].helper->id == BPF_FUNC_tail_call)
			return verifier_fail(v, -EINVAL, i, "tail_call abusing map_ptr");
	}
	return 0;
}
