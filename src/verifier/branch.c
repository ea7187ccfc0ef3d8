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

/* 1 taken, 0 not, -1 either. */
static int taken(const struct jump *j)
{
	const bool dp = is_pointer(j->d), sp = is_pointer(j->s);
	const struct reg *ptr = dp ? j->d : j->s, *num = dp ? j->s : j->d;

	if (j->d->type == PTR_TO_PACKET_END || j->s->type == PTR_TO_PACKET_END ||
	    (reg_is_pkt(j->d) && reg_is_pkt(j->s)))
		return j->low ? -1 : packet_taken(j);
	if (!dp && !sp)
		return bounds_cmp(&j->d->n, &j->s->n, j->cmp, j->low);
	if ((dp && sp) || j->low || !never_null(ptr) || !reg_is_null(num))
		return -1;
	return j->cmp == BOUNDS_EQ ? 0 : j->cmp == BOUNDS_NE ? 1 : -1;
}

/* --- what is learnt ------------------------------------------------------------------------- */

/* Registers and slots that share an id: what one learns, all learn. */
#define LINKED_MAX 6

struct linked {
	uint32_t n;
	struct {
		uint8_t frame, at; /* register or slot */
		bool spilled;
	} place[LINKED_MAX];
};

static struct reg *linked_reg(const struct linked *l, uint32_t i, struct vstate *st)
{
	struct frame *f = st->frame[l->place[i].frame];

	return l->place[i].spilled ? &f->slot[l->place[i].at].reg : &f->reg[l->place[i].at];
}

/* For whom there is no room is linked no more. */
static void link_one(struct linked *l, struct reg *r, uint32_t id, uint32_t frame, uint32_t at,
		     bool spilled)
{
	if (r->type != SCALAR_VALUE || (r->id & ~ID_ADD_CONST) != id)
		return;
	if (l->n == LINKED_MAX) {
		r->id = 0;
		return;
	}
	l->place[l->n].frame = (uint8_t)frame;
	l->place[l->n].at = (uint8_t)at;
	l->place[l->n++].spilled = spilled;
}

/* Registers that nobody reads any more are left out. */
static void link_all(struct verifier *v, struct linked *l, const struct reg *of)
{
	const uint32_t id = of->id & ~ID_ADD_CONST;

	if (of->type != SCALAR_VALUE || !of->id)
		return;
	for (uint32_t no = v->st->cur + 1; no-- > 0;) {
		struct frame *f = v->st->frame[no];
		const uint32_t at = no < v->st->cur ? v->st->frame[no + 1]->callsite : v->i;

		for (unsigned r = 0; r < BPF_REG_10; r++)
			if (v->info[at].live >> r & 1)
				link_one(l, &f->reg[r], id, no, r, false);
		for (uint32_t n = 0; n < f->nr_slots; n++)
			if (f->slot[n].kind[7] == STACK_SPILL)
				link_one(l, &f->slot[n].reg, id, no, n, true);
	}
}

/* For the history: their count, then 10 bits each. */
static uint64_t linked_pack(const struct linked *l)
{
	uint64_t set = l->n;

	for (uint32_t i = 0; i < l->n; i++)
		set |= ((uint64_t)l->place[i].frame | (uint64_t)l->place[i].at << 3 |
			(uint64_t)l->place[i].spilled << 9)
		       << (4 + 10 * i);
	return set;
}

/*
 * Everything that is `known` or `known` plus a constant gets its bounds.  A sum of 64 bits and
 * one of 32 have no distance.
 */
static void teach_linked(const struct linked *l, struct vstate *st, const struct reg *known)
{
	if (known->type != SCALAR_VALUE || !known->id)
		return;
	for (uint32_t i = 0; i < l->n; i++) {
		struct reg *r = linked_reg(l, i, st);
		struct bounds by;

		if (r == known || r->type != SCALAR_VALUE ||
		    (r->id & ~ID_ADD_CONST) != (known->id & ~ID_ADD_CONST))
			continue;
		if (((r->id ^ known->id) & ID_ADD_CONST) == ID_ADD_CONST)
			continue;
		if (!((r->id | known->id) & ID_ADD_CONST) || r->off == known->off) {
			*r = *known;
			continue;
		}
		/* r = known + (r->off - known->off) */
		bounds_const(&by, (uint64_t)((int64_t)r->off - known->off));
		r->n = known->n;
		r->precise = known->precise;
		bounds_alu(&r->n, &by, BOUNDS_ADD, false);
		if ((r->id | known->id) & ID_ADD_32)
			bounds_zext(&r->n, 32);
	}
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

static int learn_numbers(struct verifier *v, const struct jump *j, const struct linked *l,
			 struct vstate *yes)
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
	bounds_refine(&yd->n, &ys->n, j->cmp, j->low);
	bounds_refine(&j->d->n, &j->s->n, bounds_not(j->cmp), j->low);
	err = reg_check(v, yd, "true_reg1");
	err = err ? err : reg_check(v, ys, "true_reg2");
	err = err ? err : reg_check(v, j->d, "false_reg1");
	err = err ? err : reg_check(v, j->s, "false_reg2");
	if (err)
		return err;
	if (!j->imm) {
		teach_linked(l, v->st, j->s);
		teach_linked(l, yes, ys);
	}
	teach_linked(l, v->st, j->d);
	teach_linked(l, yes, yd);
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
	struct linked linked = { 0 };
	struct vstate *yes;
	int err = 0;

	if (!j->imm)
		link_all(v, &linked, j->s);
	link_all(v, &linked, j->d);
	if (linked.n > 1)
		err = hist_push(v, v->st, 0, 0, 0, linked_pack(&linked));
	if (err)
		return err;
	yes = state_push(v, (uint32_t)jump_to(v->insns, v->i), v->i, false, &err);
	if (!yes)
		return err;
	err = learn_numbers(v, j, &linked, yes);
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
