/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pointer.c - a pointer plus or minus a number: which pointers may be moved, and how far.
 *
 * A known number goes into the fixed offset, an unknown one into the variable part; a packet
 * pointer that was moved by an unknown number is a new base, of which no bytes are known.
 */
#include "verifier/verifier_int.h"

/* Pointers that arithmetic may move. */
static const bool movable[_REG_TYPE_MAX] = {
	[PTR_TO_CTX] = true,	   [PTR_TO_MAP_VALUE] = true,	 [PTR_TO_MAP_KEY] = true,
	[PTR_TO_STACK] = true,	   [PTR_TO_PACKET_META] = true,	 [PTR_TO_PACKET] = true,
	[PTR_TO_BTF_ID] = true,	   [PTR_TO_MEM] = true,		 [PTR_TO_FUNC] = true,
	[PTR_TO_TP_BUFFER] = true, [CONST_PTR_TO_DYNPTR] = true, [PTR_TO_BUF] = true,
};

/* Offsets stay far below 2^32, so that sums of them do not wrap. */
static int sane_offset(struct verifier *v, const struct reg *r, uint32_t type)
{
	const int64_t min = r->n.full.smin;

	if (bounds_is_const(&r->n) && (min >= VAR_OFF_MAX || min <= -VAR_OFF_MAX))
		return fail(v, -EINVAL, "math between %s pointer and %lld is not allowed",
			    TYPE_NAME(type), (long long)min);
	/* As on Linux also what a number is more than another one. */
	if ((r->type != SCALAR_VALUE || r->id & ID_ADD_CONST) &&
	    (r->off >= VAR_OFF_MAX || r->off <= -VAR_OFF_MAX))
		return fail(v, -EINVAL, "%s pointer offset %d is not allowed", TYPE_NAME(type),
			    r->off);
	if (min == INT64_MIN)
		return fail(v, -EINVAL,
			    "math between %s pointer and register with unbounded min value is not "
			    "allowed",
			    TYPE_NAME(type));
	if (min >= VAR_OFF_MAX || min <= -VAR_OFF_MAX)
		return fail(v, -EINVAL, "value %lld makes %s pointer be out of bounds",
			    (long long)min, TYPE_NAME(type));
	return 0;
}

static int may_move(struct verifier *v, const struct bpf_insn *insn, const struct reg *ptr,
		    const struct reg *off)
{
	const unsigned dst = insn->dst_reg;
	const bool nothing = reg_is_null(off) && BPF_OP(insn->code) == BPF_ADD;

	if (may_be_null(ptr->type))
		return fail(v, -EACCES,
			    "R%u pointer arithmetic on %s prohibited, null-check it first", dst,
			    TYPE_NAME(ptr->type));
	if (!movable[base_type(ptr->type)] && !(ptr->type == CONST_PTR_TO_MAP && nothing) &&
	    !(ptr->type == PTR_TO_FLOW_KEYS && bounds_is_const(&off->n)))
		return fail(v, -EACCES, "R%u pointer arithmetic on %s prohibited", dst,
			    TYPE_NAME(ptr->type));
	return 0;
}

/* The variable part moves by off; a packet pointer becomes a base of its own. */
static void move_variable(struct verifier *v, struct reg *d, const struct reg *off, bool minus)
{
	bounds_alu(&d->n, &off->n, minus ? BOUNDS_SUB : BOUNDS_ADD, false);
	if (!reg_is_pkt(d))
		return;
	d->id = ++v->ids;
	if (!minus || off->n.full.smin < 0)
		d->raw = 0;
}

int pointer_alu(struct verifier *v, const struct bpf_insn *insn, const struct reg *ptr,
		const struct reg *off)
{
	struct reg *d = &cur_regs(v)[insn->dst_reg];
	const unsigned op = BPF_OP(insn->code);
	const bool from_ptr = d->type != SCALAR_VALUE, minus = op == BPF_SUB;
	const int64_t by = minus ? -off->n.full.smin : off->n.full.smin;
	struct spec_move move = { 0 };
	int err;

	if (reg_absurd(off, false)) {
		reg_unknown(v, d);
		return 0;
	}
	if (BPF_CLASS(insn->code) != BPF_ALU64) {
		if (!minus || !v->opts->rights.allow_ptr_leaks)
			return fail(v, -EACCES, "R%u 32-bit pointer arithmetic prohibited",
				    insn->dst_reg);
		reg_unknown(v, d);
		return 0;
	}
	err = may_move(v, insn, ptr, off);
	if (err)
		return err;
	*d = *ptr;
	/* Where it points nobody knows anyway. */
	if (base_type(ptr->type) == PTR_TO_MEM && ptr->type & PTR_UNTRUSTED)
		return 0;
	err = sane_offset(v, off, ptr->type);
	err = err ? err : sane_offset(v, ptr, ptr->type);
	err = err ? err : spec_move_begin(v, insn, ptr, off, from_ptr, &move);
	if (err)
		return err;
	d = &cur_regs(v)[insn->dst_reg];
	if (op == BPF_AND || op == BPF_OR || op == BPF_XOR)
		return fail(v, -EACCES, "R%u bitwise operator %s on pointer prohibited",
			    insn->dst_reg, alu_texts[op >> 4]);
	if (op != BPF_ADD && op != BPF_SUB)
		return fail(v, -EACCES, "R%u pointer arithmetic with %s operator prohibited",
			    insn->dst_reg, alu_texts[op >> 4]);
	if (minus && !from_ptr)
		return fail(v, -EACCES, "R%u tried to subtract pointer from scalar", insn->dst_reg);
	if (minus && ptr->type == PTR_TO_STACK)
		return fail(v, -EACCES, "R%u subtraction from stack pointer prohibited",
			    insn->dst_reg);
	if (bounds_is_const(&off->n) && ptr->off + by == (int32_t)(ptr->off + by))
		d->off = (int32_t)(ptr->off + by);
	else
		move_variable(v, d, off, minus);
	/* What lies behind the packet's end may lie before it now. */
	if (reg_is_pkt(d) && d->range < 0 && (!bounds_is_const(&off->n) || by < 0))
		d->range = 0;
	err = sane_offset(v, d, ptr->type);
	err = err ? err : spec_bounds(v, insn->dst_reg);
	return err ? err : spec_move_end(v, insn, d, from_ptr, &move);
}
