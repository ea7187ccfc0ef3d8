/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * precision.c - which numbers matter.
 *
 * Most scalars are never looked at: whatever they hold, the program is right.  When a check does
 * depend on one (a branch that could go one way only, an offset into memory, a size), it becomes
 * precise: the path is walked backwards from there, and every register and slot that the number
 * came from is marked in every explored state that the path went through.  prune.c compares the
 * values of precise scalars only.
 *
 *	explored A ──▶ explored B ──▶ path at hand
 *	   ▲ marks        ▲ marks         │ r3 must be precise here
 *	   └──────────────┴───────────────┘ walk back: r3 = r6; r6 = *(fp-8); *(fp-8) = r1 ...
 *
 * v->hist says where a path did not come from the instruction above, which slot a load or store
 * used, and which registers shared an id when one of them was compared.
 */
#include "verifier/verifier_int.h"

#define GIVE_UP 1 /* cannot be followed: everything becomes precise */

/* What is sought, frame by frame. */
struct trail {
	struct verifier *v;
	uint32_t frame;			/* innermost */
	uint32_t regs[SKEP_FRAMES_MAX]; /* a bit each */
	uint64_t slots[SKEP_FRAMES_MAX];
};

static bool trail_empty(const struct trail *t)
{
	for (uint32_t f = 0; f <= t->frame; f++)
		if (t->regs[f] || t->slots[f])
			return false;
	return true;
}

static bool has(const struct trail *t, unsigned r)
{
	return t->regs[t->frame] >> r & 1;
}

static void want(struct trail *t, unsigned r)
{
	if (r != BPF_REG_10)
		t->regs[t->frame] |= 1u << r;
}

static void found(struct trail *t, unsigned r)
{
	t->regs[t->frame] &= ~(1u << r);
}

int hist_push(struct verifier *v, struct vstate *st, uint32_t flags, uint32_t frame, uint32_t slot,
	      uint64_t linked)
{
	struct hist *h;

	if (!v->opts->rights.bpf_capable)
		return 0;
	if (v->hist_now) {
		h = &v->hist.at[st->hist_end - 1];
		h->flags |= flags & 0xff;
		if (flags & HIST_STACK) {
			h->frame = frame & 7;
			h->slot = slot & 63;
		}
		h->linked = linked ? linked : h->linked;
		return 0;
	}
	v->hist.n = st->hist_end;
	h = vec_push(&v->hist);
	if (!h)
		return -ENOMEM;
	*h = (struct hist){ .insn = v->i,
			    .prev = v->prev,
			    .frame = frame & 7,
			    .slot = slot & 63,
			    .flags = flags & 0xff,
			    .linked = linked };
	st->hist_end++;
	v->hist_now = true;
	return 0;
}

/* --- one instruction backwards -------------------------------------------------------------- */

/* Registers that shared an id: one wanted, all wanted. */
static void want_linked(struct trail *t, const struct hist *h)
{
	const uint64_t n = h ? h->linked & 15 : 0;
	bool any = false;

	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < n && (round == 0 || any); i++) {
			const uint64_t place = h->linked >> (4 + 10 * i) & 0x3ff;
			const unsigned frame = place & 7, at = place >> 3 & 63;

			if (place >> 9) {
				any |= t->slots[frame] >> at & 1;
				t->slots[frame] |= (uint64_t)round << at;
			} else {
				any |= t->regs[frame] >> at & 1;
				t->regs[frame] |= (uint32_t)round << at;
			}
		}
	}
}

static int back_alu(struct trail *t, const struct bpf_insn *insn, const struct hist *h)
{
	const bool reg = BPF_SRC(insn->code) == BPF_X;

	if (!has(t, insn->dst_reg))
		return 0;
	if (BPF_OP(insn->code) == BPF_MOV)
		found(t, insn->dst_reg);
	if (reg && BPF_OP(insn->code) != BPF_END)
		want(t, insn->src_reg);
	return 0;
}

static int back_unary(struct trail *t, const struct bpf_insn *insn, const struct hist *h)
{
	return 0;
}

static int back_load(struct trail *t, const struct bpf_insn *insn, const struct hist *h)
{
	if (!has(t, insn->dst_reg))
		return 0;
	found(t, insn->dst_reg);
	if (h && h->flags & HIST_STACK)
		t->slots[h->frame] |= UINT64_C(1) << h->slot;
	return 0;
}

static int back_store(struct trail *t, const struct bpf_insn *insn, const struct hist *h)
{
	/* A number as an address: the difference of two pointers was used. */
	if (has(t, insn->dst_reg))
		return GIVE_UP;
	if (!h || !(h->flags & HIST_STACK) || !(t->slots[h->frame] >> h->slot & 1))
		return 0;
	t->slots[h->frame] &= ~(UINT64_C(1) << h->slot);
	if (BPF_CLASS(insn->code) == BPF_STX)
		want(t, insn->src_reg);
	return 0;
}

static int back_atomic(struct trail *t, const struct bpf_insn *insn, const struct hist *h)
{
	if (insn->imm == BPF_LOAD_ACQ)
		return back_load(t, insn, h);
	if (insn->imm == BPF_STORE_REL)
		return back_store(t, insn, h);
	if (has(t, insn->dst_reg) || (h && h->flags & HIST_STACK))
		return GIVE_UP;
	if (insn->imm & BPF_FETCH)
		found(t, insn->imm == BPF_CMPXCHG ? BPF_REG_0 : insn->src_reg);
	return 0;
}

static int back_jmp(struct trail *t, const struct bpf_insn *insn, const struct hist *h)
{
	const uint32_t flags = h ? h->flags : 0;

	if (BPF_SRC(insn->code) != BPF_X || (!has(t, insn->dst_reg) && !has(t, insn->src_reg)))
		return 0;
	/* What one learnt came from the other. */
	if (!(flags & HIST_SRC_STK))
		want(t, insn->src_reg);
	if (!(flags & HIST_DST_STK))
		want(t, insn->dst_reg);
	return 0;
}

static int back_ld(struct trail *t, const struct bpf_insn *insn, const struct hist *h)
{
	found(t, insn->dst_reg);
	return 0;
}

static int back_ld_abs(struct trail *t, const struct bpf_insn *insn, const struct hist *h)
{
	return has(t, BPF_REG_0) ? GIVE_UP : 0;
}

static int back_nothing(struct trail *t, const struct bpf_insn *insn, const struct hist *h)
{
	return 0;
}

static int (*const backs[_INSN_GROUP_MAX])(struct trail *t, const struct bpf_insn *insn,
					   const struct hist *h) = {
	[INSN_GROUP_ALU] = back_alu,	   [INSN_GROUP_MOV] = back_alu,
	[INSN_GROUP_NEG] = back_unary,	   [INSN_GROUP_END] = back_unary,
	[INSN_GROUP_JMP] = back_jmp,	   [INSN_GROUP_JA] = back_nothing,
	[INSN_GROUP_JCOND] = back_nothing, [INSN_GROUP_LDX] = back_load,
	[INSN_GROUP_ST] = back_store,	   [INSN_GROUP_STX] = back_store,
	[INSN_GROUP_ATOMIC] = back_atomic, [INSN_GROUP_LD_IMM64] = back_ld,
	[INSN_GROUP_LD_ABS] = back_ld_abs,
};

/* Leaves the callee backwards: its arguments are the caller's. */
static int leave_callee(struct trail *t, bool callback)
{
	const uint32_t args = t->regs[t->frame] & 0x3e;

	if (t->frame == 0)
		return GIVE_UP;
	if (t->regs[t->frame] & ~0x3eu || t->slots[t->frame])
		return GIVE_UP;
	t->regs[t->frame] = 0;
	t->frame--;
	if (!callback)
		t->regs[t->frame] |= args;
	return 0;
}

static int back_call(struct trail *t, uint32_t i, uint32_t after)
{
	const struct verifier *v = t->v;

	if (v->aux[i].ref == INSN_REF_SUBPROG && !v->facts[v->aux[i].sub].global) {
		if (after == v->sub[v->aux[i].sub].start)
			return leave_callee(t, false);
		return GIVE_UP;
	}
	if (v->info[i].calls_callback && after != i + 1)
		return leave_callee(t, true);
	found(t, BPF_REG_0);
	/* The helper's arguments cannot be what is sought: they are gone after it. */
	return t->regs[t->frame] & 0x3e ? GIVE_UP : 0;
}

/* Enters the callee backwards, through its end. */
static int back_exit(struct trail *t, uint32_t after)
{
	const struct verifier *v = t->v;
	const bool call = after > 0 && v->aux[after - 1].ref == INSN_REF_SUBPROG;
	const bool r0 = call && has(t, BPF_REG_0);

	/*
	 * A callback's caller is walked again: its arguments were set before the call, and stay
	 * wanted there.  Linux 6.18 forgets them inside the callback, and so takes states for equal
	 * that differ in how often bpf_loop() is to call it.
	 */
	const bool callback = !call && v->info[after].calls_callback;

	if (callback && v->opts->judge)
		t->regs[t->frame] &= ~0x3eu;
	if ((!callback && t->regs[t->frame] & 0x3e) || t->frame + 1 >= SKEP_FRAMES_MAX)
		return GIVE_UP;
	found(t, BPF_REG_0);
	t->frame++;
	t->regs[t->frame] = r0;
	t->slots[t->frame] = 0;
	return 0;
}

/* r0 was made by the instruction itself. */
static int back_early(struct trail *t, const struct bpf_insn *insn, uint32_t after)
{
	if (BPF_CLASS(insn->code) == BPF_LD && has(t, BPF_REG_0))
		return GIVE_UP;
	found(t, BPF_REG_0);
	return back_exit(t, after);
}

/* Instruction i, which was followed by `after`. */
static int back_insn(struct trail *t, uint32_t i, uint32_t after, const struct hist *h)
{
	const struct bpf_insn *insn = &t->v->insns[i];
	const struct insn_desc *d = insn_desc(insn_decode(insn));
	int err;

	log_back_insn(t->v, t->frame, t->regs[t->frame], t->slots[t->frame], i);
	want_linked(t, h);
	if (after != i + 1 && insn_ends_early(insn))
		err = back_early(t, insn, after);
	else if (d->group == INSN_GROUP_CALL)
		err = back_call(t, i, after);
	else if (d->group == INSN_GROUP_EXIT)
		err = back_exit(t, after);
	else
		err = backs[d->group](t, insn, h);
	want_linked(t, h);
	return err;
}

/* --- the way back --------------------------------------------------------------------------- */

/* Marks what is sought in an explored state; what is precise there already is done with. */
static void mark_state(struct trail *t, struct vstate *st, bool *ret_changed)
{
	for (uint32_t no = MIN(t->frame, st->cur) + 1; no-- > 0;) {
		struct frame *f = st->frame[no];

		for (uint32_t bits = t->regs[no]; bits; bits &= bits - 1) {
			struct reg *r = &f->reg[__builtin_ctz(bits)];

			if (r->type != SCALAR_VALUE || r->precise)
				t->regs[no] &= ~(bits & -bits);
			else
				r->precise = *ret_changed = true;
		}
		for (uint64_t bits = t->slots[no]; bits; bits &= bits - 1) {
			const unsigned n = (unsigned)__builtin_ctzll(bits);
			struct slot *s = n < f->nr_slots ? &f->slot[n] : NULL;

			if (!s || s->kind[7] != STACK_SPILL || s->reg.type != SCALAR_VALUE ||
			    s->reg.precise)
				t->slots[no] &= ~(bits & -bits);
			else
				s->reg.precise = *ret_changed = true;
		}
		log_back_parent(t->v, st, no, t->regs[no], t->slots[no]);
	}
}

void precise_everything(const struct vstate *from)
{
	for (struct vstate *st = from->parent; st; st = st->parent)
		for_each_reg_in(st, f, r, {
			if (r->type == SCALAR_VALUE)
				r->precise = true;
		});
}

bool path_back(const struct verifier *v, const struct vstate *st, uint32_t *i, uint32_t *hist_end)
{
	const uint32_t n = *hist_end - st->hist_start;
	const struct hist *last = n ? &hist_of(v, st)[*hist_end - 1] : NULL;

	if (*i == 0 && !n)
		return false;
	if (*i == st->first_insn && (n == 0 || (n == 1 && last->insn == *i)))
		return false;
	if (last && last->insn == *i) {
		*i = last->prev;
		--*hist_end;
	} else {
		--*i;
		/* The second slot of an LD_IMM64 is none. */
		if (*i > 0 && insn_is_ld_imm64(&v->insns[*i - 1]) && v->insns[*i].code == 0)
			--*i;
	}
	return true;
}

static const struct hist *hist_at(const struct verifier *v, const struct vstate *st, uint32_t end,
				  uint32_t i)
{
	const struct hist *last = end > st->hist_start ? &hist_of(v, st)[end - 1] : NULL;

	return last && last->insn == i ? last : NULL;
}

static int give_up(struct verifier *v, const struct vstate *from)
{
	log_back_all(v);
	precise_everything(from);
	return 0;
}

/* Walks back from instruction i of `from`, which has not run. */
static int walk_back(struct trail *t, const struct vstate *from, uint32_t i, bool *ret_changed)
{
	struct verifier *v = t->v;
	const struct vstate *st = from;
	uint32_t after = UINT32_MAX, hist_end = st->hist_end;
	struct vstate *parent;
	bool skip = true;

	log_back_from(v, t->frame, i, st->first_insn, after);
	for (;;) {
		if (!skip && back_insn(t, i, after, hist_at(v, st, hist_end, i)))
			return give_up(v, from);
		skip = false;
		if (trail_empty(t))
			return 0;
		after = i;
		if (path_back(v, st, &i, &hist_end))
			continue;
		parent = st->parent;
		if (!parent)
			return give_up(v, from);
		mark_state(t, parent, ret_changed);
		if (trail_empty(t))
			return 0;
		after = st->first_insn;
		st = parent;
		hist_end = st->hist_end;
		i = st->last_insn;
		log_back_from(v, t->frame, i, st->first_insn, after);
		/* The beginning of a global function: its arguments may be precise. */
		if (i == NOWHERE)
			return 0;
	}
}

int precise_mark(struct verifier *v, uint32_t n)
{
	struct trail t = { .v = v, .frame = v->st->cur };
	bool changed;

	if (!v->opts->rights.bpf_capable || cur_regs(v)[n].type != SCALAR_VALUE)
		return 0;
	want(&t, n);
	return walk_back(&t, v->st, v->i, &changed);
}

int precise_mark_slot(struct verifier *v, uint32_t frame, uint32_t slot)
{
	struct trail t = { .v = v, .frame = v->st->cur };
	bool changed;

	if (!v->opts->rights.bpf_capable)
		return 0;
	t.slots[frame] = UINT64_C(1) << slot;
	return walk_back(&t, v->st, v->i, &changed);
}

int precise_propagate(struct verifier *v, const struct vstate *old, struct vstate *st,
		      bool *ret_changed)
{
	struct trail t = { .v = v, .frame = old->cur };

	if (!v->opts->rights.bpf_capable)
		return 0;
	for (uint32_t no = old->cur + 1; no-- > 0;) {
		const struct frame *f = old->frame[no];

		for (uint32_t r = 0; r < BPF_REG_10; r++)
			if (f->reg[r].type == SCALAR_VALUE && f->reg[r].precise)
				t.regs[no] |= 1u << r;
		for (uint32_t n = 0; n < f->nr_slots; n++)
			if (f->slot[n].kind[7] == STACK_SPILL &&
			    f->slot[n].reg.type == SCALAR_VALUE && f->slot[n].reg.precise)
				t.slots[no] |= UINT64_C(1) << n;
		log_back_propagate(v, no, t.regs[no], t.slots[no]);
	}
	return trail_empty(&t) ? 0 : walk_back(&t, st, st->insn, ret_changed);
}
