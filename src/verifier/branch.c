/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * branch.c - conditional jumps: is the outcome known, and what does each side learn?
 *
 * Numbers learn bounds, pointers that may be NULL learn whether they are, packet pointers learn
 * how many bytes lie before the packet's end.  What a register learns, all registers with its id
 * learn too.
 */
#include "verifier/verifier_int.h"

#define OP_SLOT(op) ((op) >> 4)

static const uint8_t cmp_ops[16] = {
	[OP_SLOT(BPF_JEQ)] = BOUNDS_EQ,	  [OP_SLOT(BPF_JNE)] = BOUNDS_NE,
	[OP_SLOT(BPF_JGT)] = BOUNDS_GT,	  [OP_SLOT(BPF_JGE)] = BOUNDS_GE,
	[OP_SLOT(BPF_JLT)] = BOUNDS_LT,	  [OP_SLOT(BPF_JLE)] = BOUNDS_LE,
	[OP_SLOT(BPF_JSGT)] = BOUNDS_SGT, [OP_SLOT(BPF_JSGE)] = BOUNDS_SGE,
	[OP_SLOT(BPF_JSLT)] = BOUNDS_SLT, [OP_SLOT(BPF_JSLE)] = BOUNDS_SLE,
	[OP_SLOT(BPF_JSET)] = BOUNDS_SET,
};

/* One conditional jump. */
struct jump {
	const struct bpf_insn *insn;
	struct reg *d, *s; /* operands; s is v->fake[0] for an immediate */
	enum bounds_cmp cmp;
	bool low; /* JMP32 */
	bool imm; /* s is an immediate */
	/* numbers: what d and s would be after the jump was not taken [0], taken [1] */
	struct bounds d_then[2], s_then[2];
};

static bool is_pointer(const struct reg *r)
{
	return r->type != SCALAR_VALUE && r->type != NOT_INIT;
}

/* Addresses of these are never 0 (those that Linux counts on). */
static bool never_null(const struct reg *r)
{
	if (may_be_null(r->type) || r->n.full.smin <= -VAR_OFF_MAX || r->n.full.smax >= VAR_OFF_MAX)
		return false;
	switch (base_type(r->type)) {
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MAP_KEY:
	case CONST_PTR_TO_MAP:
	case PTR_TO_SOCKET:
	case PTR_TO_SOCK_COMMON:
	case PTR_TO_TCP_SOCK:
		return true;
	case PTR_TO_MEM:
		return !(r->type & PTR_UNTRUSTED);
	default:
		return base_type(r->type) == PTR_TO_BTF_ID && btf_ptr_trusted(r);
	}
}

/* pkt cmp pkt_end where pkt is known to lie at or beyond the end. */
static int packet_taken(const struct jump *j)
{
	const struct reg *pkt = j->s->type == PTR_TO_PACKET_END ? j->d : j->s;
	enum bounds_cmp cmp = j->cmp;

	if (j->s->type != PTR_TO_PACKET_END && j->d->type != PTR_TO_PACKET_END)
		return -1;
	if (pkt == j->s) /* turn it round: pkt on the left */
		cmp = cmp == BOUNDS_LT	 ? BOUNDS_GT
		      : cmp == BOUNDS_GT ? BOUNDS_LT
		      : cmp == BOUNDS_LE ? BOUNDS_GE
		      : cmp == BOUNDS_GE ? BOUNDS_LE
					 : cmp;
	if (!reg_is_pkt(pkt) || pkt->range >= 0)
		return -1;
	if (pkt->range == BEYOND_PKT_END && (cmp == BOUNDS_LE || cmp == BOUNDS_GT))
		return cmp == BOUNDS_GT;
	if (cmp == BOUNDS_LT || cmp == BOUNDS_GE)
		return cmp == BOUNDS_GE;
	return -1;
}

/* Would d and s be numbers at all, if the jump went that way? */
static bool numbers_allow(struct jump *j, bool way)
{
	struct bounds *d = &j->d_then[way], *s = &j->s_then[way];

	*d = j->d->n;
	*s = j->s->n;
	if (j->d == j->s) /* compared with itself: nothing to learn */
		return true;
	bounds_refine(d, s, way ? j->cmp : bounds_not(j->cmp), j->low);
	return !bounds_empty(d) && !bounds_empty(s);
}

static int numbers_taken(struct jump *j)
{
	const int way = bounds_cmp(&j->d->n, &j->s->n, j->cmp, j->low);

	if (way >= 0)
		return way;
	/* Only a look at what would come out tells: the side that is left keeps it. */
	for (int side = 0; side < 2; side++) {
		if (numbers_allow(j, side))
			continue;
		if (numbers_allow(j, !side)) {
			j->d->n = j->d_then[!side];
			j->s->n = j->s_then[!side];
		}
		return !side;
	}
	return -1;
}

/* 1 taken, 0 not, -1 either. */
static int taken(struct jump *j)
{
	const bool dp = is_pointer(j->d), sp = is_pointer(j->s);
	const struct reg *ptr = dp ? j->d : j->s, *num = dp ? j->s : j->d;

	if (j->d->type == PTR_TO_PACKET_END || j->s->type == PTR_TO_PACKET_END ||
	    (reg_is_pkt(j->d) && reg_is_pkt(j->s)))
		return j->low ? -1 : packet_taken(j);
	if (!dp && !sp)
		return numbers_taken(j);
	if ((dp && sp) || j->low || !never_null(ptr) || !reg_is_null(num))
		return -1;
	return j->cmp == BOUNDS_EQ ? 0 : j->cmp == BOUNDS_NE ? 1 : -1;
}

/* --- what is learnt ------------------------------------------------------------------------- */

/* Everything that is `known` or `known` plus a constant gets its bounds. */
static void teach_linked(struct verifier *v, struct vstate *st, const struct reg *known)
{
	const uint32_t id = known->id & ~ID_ADD_CONST;

	if (known->type != SCALAR_VALUE || !id)
		return;
	for_each_reg_in(st, f, r, {
		if (r == known || r->type != SCALAR_VALUE || (r->id & ~ID_ADD_CONST) != id)
			continue;
		if (!(r->id & ID_ADD_CONST) && !(known->id & ID_ADD_CONST)) {
			const bool precise = r->precise;

			*r = *known;
			r->precise = precise;
		} else if (known->id == r->id && known->off == r->off) {
			r->n = known->n;
		} else {
			/* r = known + (r->off - known->off) */
			struct bounds by;
			const int64_t delta = (int64_t)(r->id & ID_ADD_CONST ? r->off : 0) -
					      (known->id & ID_ADD_CONST ? known->off : 0);

			bounds_const(&by, (uint64_t)delta);
			r->n = known->n;
			bounds_alu(&r->n, &by, BOUNDS_ADD, false);
		}
	});
}

/* Which registers and slots share this id, packed for history: count, then 10 bits each. */
static uint64_t linked_set(const struct vstate *st, uint32_t id, uint64_t set)
{
	id &= ~ID_ADD_CONST;
	for (uint32_t no = 0; id && no <= st->cur; no++) {
		const struct frame *f = st->frame[no];

		for (uint32_t i = 0; i < SKEP_REG_CNT + f->nr_slots && (set & 15) < 6; i++) {
			const bool spilled = i >= SKEP_REG_CNT;
			const struct reg *r = spilled ? &f->slot[i - SKEP_REG_CNT].reg : &f->reg[i];
			const uint64_t place = no | (spilled ? (i - SKEP_REG_CNT) << 3 : i << 3) |
					       (uint64_t)spilled << 9;

			if (spilled && f->slot[i - SKEP_REG_CNT].kind[7] != STACK_SPILL)
				continue;
			if (r->type == SCALAR_VALUE && r->id && (r->id & ~ID_ADD_CONST) == id)
				set = (set & ~UINT64_C(15)) | place << (4 + 10 * (set & 15)) |
				      ((set & 15) + 1);
		}
	}
	return set;
}

static void learn_null(struct verifier *v, struct vstate *st, uint32_t regno, bool is_null)
{
	const struct reg was = st->frame[st->cur]->reg[regno];

	/* A reference that turned out to be NULL was never taken. */
	if (is_null && was.ref_id && was.ref_id == was.id)
		ref_drop(st, REF_PTR, was.id);
	for_each_reg_in(st, f, r, {
		if (!may_be_null(r->type) || r->id != was.id)
			continue;
		if (is_null) {
			reg_known(r, 0);
			r->precise = !v->opts->rights.bpf_capable;
			continue;
		}
		reg_not_null(r);
		/* The id stays where it tells locks apart. */
		if (!reg_has_lock(r))
			r->id = 0;
	});
}

/* pkt <= end, or pkt < end: so many bytes from the base lie before the end. */
static void learn_range(struct vstate *st, const struct reg *pkt, bool strict)
{
	const uint32_t type = pkt->type, id = pkt->id;
	int32_t range = pkt->off + strict;

	if (pkt->off < 0 || (pkt->off == 0 && strict) || pkt->n.full.umax > PACKET_OFF_MAX ||
	    pkt->n.full.umax + (uint64_t)pkt->off > PACKET_OFF_MAX)
		return;
	for_each_reg_in(st, f, r, {
		if (r->type == type && r->id == id)
			r->range = MAX(r->range, range);
	});
}

static void learn_end(struct vstate *st, uint32_t regno, bool beyond)
{
	struct reg *r = &st->frame[st->cur]->reg[regno];

	if (r->type == PTR_TO_PACKET)
		r->range = beyond ? BEYOND_PKT_END : AT_PKT_END;
}

static bool is_packet_start(const struct reg *r)
{
	return r->type == PTR_TO_PACKET && r->off == 0 &&
	       reg_is_const(&(struct reg){ .type = SCALAR_VALUE, .n = r->n }) &&
	       r->n.bits.value == 0;
}

/* left is a packet pointer and right what it is compared with: the end, or data for data_meta. */
static bool packet_pair(const struct reg *left, const struct reg *right)
{
	return (left->type == PTR_TO_PACKET && right->type == PTR_TO_PACKET_END) ||
	       (left->type == PTR_TO_PACKET_META && is_packet_start(right));
}

/*
 * Comparisons of packet pointers, as `pkt < end` and its kin: on the side where it holds the
 * range is known, on the other the pointer is at or beyond the end.
 */
static bool learn_packet(struct verifier *v, const struct jump *j, struct vstate *yes)
{
	const bool d_is_pkt = packet_pair(j->d, j->s), s_is_pkt = packet_pair(j->s, j->d);
	const struct reg *pkt = d_is_pkt ? j->d : j->s;
	const uint32_t n = d_is_pkt ? j->insn->dst_reg : j->insn->src_reg;
	/* pkt < end (strict) or pkt <= end: where? */
	const bool lt = j->cmp == BOUNDS_LT || j->cmp == BOUNDS_GE;
	bool before_if_taken, strict;

	if (j->imm || j->low || (!d_is_pkt && !s_is_pkt) || j->cmp < BOUNDS_LT ||
	    j->cmp > BOUNDS_GE)
		return false;
	if (d_is_pkt) {
		strict = lt;
		before_if_taken = j->cmp == BOUNDS_LT || j->cmp == BOUNDS_LE;
	} else {
		/* end > pkt is pkt < end; end >= pkt is pkt <= end */
		strict = j->cmp == BOUNDS_GT || j->cmp == BOUNDS_LE;
		before_if_taken = j->cmp == BOUNDS_GT || j->cmp == BOUNDS_GE;
	}
	learn_range(before_if_taken ? yes : v->st, pkt, strict);
	learn_end(before_if_taken ? v->st : yes, n, !strict);
	return true;
}

static int learn_numbers(struct verifier *v, const struct jump *j, struct vstate *yes)
{
	struct reg *yes_regs = yes->frame[yes->cur]->reg;
	struct reg *yd = &yes_regs[j->insn->dst_reg];
	struct reg *ys = j->imm ? &v->fake[1] : &yes_regs[j->insn->src_reg];

	int err;

	if (j->d->type != SCALAR_VALUE || j->s->type != SCALAR_VALUE)
		return 0;
	v->fake[1] = v->fake[0];
	if (j->d == j->s)
		return 0;
	yd->n = j->d_then[true];
	ys->n = j->s_then[true];
	j->d->n = j->d_then[false];
	j->s->n = j->s_then[false];
	err = reg_check(v, yd, "true_reg1");
	err = err ? err : reg_check(v, ys, "true_reg2");
	err = err ? err : reg_check(v, j->d, "false_reg1");
	err = err ? err : reg_check(v, j->s, "false_reg2");
	if (err)
		return err;
	if (!j->imm) {
		teach_linked(v, v->st, j->s);
		teach_linked(v, yes, ys);
	}
	teach_linked(v, v->st, j->d);
	teach_linked(v, yes, yd);
	return 0;
}

/* Equal to something that is not NULL: not NULL. */
static void learn_equal_pointers(const struct jump *j, struct vstate *yes, struct vstate *no)
{
	struct vstate *eq = j->cmp == BOUNDS_EQ ? yes : no;
	struct reg *regs = eq->frame[eq->cur]->reg;

	if (j->imm || j->low || (j->cmp != BOUNDS_EQ && j->cmp != BOUNDS_NE) || !is_pointer(j->d) ||
	    !is_pointer(j->s) || base_type(j->d->type) == PTR_TO_BTF_ID ||
	    base_type(j->s->type) == PTR_TO_BTF_ID)
		return;
	if (may_be_null(j->d->type) != may_be_null(j->s->type))
		reg_not_null(&regs[may_be_null(j->s->type) ? j->insn->src_reg : j->insn->dst_reg]);
}

/* Both ways are open: one waits. */
static int fork_path(struct verifier *v, const struct jump *j)
{
	const bool null_check = !j->low && reg_is_null(j->s) &&
				(j->cmp == BOUNDS_EQ || j->cmp == BOUNDS_NE) &&
				may_be_null(j->d->type);
	uint64_t linked = 0;
	struct vstate *yes;
	int err = 0;

	if (!j->imm && j->s->type == SCALAR_VALUE)
		linked = linked_set(v->st, j->s->id, linked);
	if (j->d->type == SCALAR_VALUE && (j->imm || j->d->id != j->s->id))
		linked = linked_set(v->st, j->d->id, linked);
	if ((linked & 15) > 1)
		err = hist_push(v, v->st, 0, 0, 0, linked);
	if (err)
		return err;
	yes = state_push(v, (uint32_t)jump_to(v->insns, v->i), v->i, false, &err);
	if (!yes)
		return err;
	err = learn_numbers(v, j, yes);
	if (err)
		return err;
	learn_equal_pointers(j, yes, v->st);
	if (null_check) {
		learn_null(v, v->st, j->insn->dst_reg, j->cmp == BOUNDS_NE);
		learn_null(v, yes, j->insn->dst_reg, j->cmp == BOUNDS_EQ);
	} else if (!learn_packet(v, j, yes) && reg_is_secret(v, j->d)) {
		return fail(v, -EACCES, "R%u pointer comparison prohibited", j->insn->dst_reg);
	}
	if (log_on(v))
		print_touched(v);
	v->i++;
	return 0;
}

static int operands(struct verifier *v, struct jump *j)
{
	const struct bpf_insn *insn = j->insn;
	struct reg *regs = cur_regs(v);
	uint32_t flags = 0;
	int err = j->imm ? 0 : reg_read(v, insn->src_reg);

	err = err ? err : reg_read(v, insn->dst_reg);
	if (err)
		return err;
	j->d = &regs[insn->dst_reg];
	j->s = &v->fake[0];
	if (j->imm) {
		reg_known(j->s, (uint64_t)(int64_t)insn->imm);
	} else {
		j->s = &regs[insn->src_reg];
		if (!((reg_is_pkt(j->d) || j->d->type == PTR_TO_PACKET_END) &&
		      (reg_is_pkt(j->s) || j->s->type == PTR_TO_PACKET_END)) &&
		    reg_is_secret(v, j->s))
			return fail(v, -EACCES, "R%u pointer comparison prohibited", insn->src_reg);
		flags |= j->s->type == PTR_TO_STACK ? HIST_SRC_STK : 0;
	}
	flags |= j->d->type == PTR_TO_STACK ? HIST_DST_STK : 0;
	return flags ? hist_push(v, v->st, flags, 0, 0, 0) : 0;
}

static int may_goto(struct verifier *v)
{
	struct vstate *other;
	int err;

	/* The path that stays in the loop is taken up later. */
	other = state_push(v, v->i + 1, v->i, false, &err);
	if (!other)
		return err;
	other->may_goto_depth++;
	prune_widen(v, other, other->parent, v->i);
	v->i = (uint32_t)jump_to(v->insns, v->i);
	return 0;
}

int branch_step(struct verifier *v)
{
	const struct bpf_insn *insn = &v->insns[v->i];
	struct jump j = {
		.insn = insn,
		.low = BPF_CLASS(insn->code) == BPF_JMP32,
		.imm = BPF_SRC(insn->code) == BPF_K,
	};
	int way, err;

	if (BPF_OP(insn->code) == BPF_JCOND)
		return may_goto(v);
	j.cmp = (enum bounds_cmp)cmp_ops[OP_SLOT(BPF_OP(insn->code))];
	err = operands(v, &j);
	if (err)
		return err;
	way = taken(&j);
	if (way < 0)
		return fork_path(v, &j);
	/* One way only: that decision hangs on these numbers. */
	err = 0;
	if (!is_pointer(j.d))
		err = precise_mark(v, insn->dst_reg);
	if (!err && !j.imm && !is_pointer(j.s))
		err = precise_mark(v, insn->src_reg);
	err = err ? err : spec_path(v, insn, way ? v->i + 1 : (uint32_t)jump_to(v->insns, v->i));
	if (log_on(v) && !err)
		print_touched(v);
	v->i = way ? (uint32_t)jump_to(v->insns, v->i) : v->i + 1;
	return err;
}
