/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trail.c - the way to a fault, walked back: which instructions made the value that a rule
 * complained about, and which branches were taken since.
 *
 * Sought is a set of registers and stack slots, at first the one register of the rule.  An
 * instruction that writes one of them becomes a step, and what it reads is sought instead; a load
 * from memory, a constant or a call ends that line.  The walk ends when nothing is sought, or, for
 * a rule about no register, with the last few branches.
 */
#include "verifier/verifier_int.h"

#define STEPS_MAX  24	 /* of the value */
#define BRANCH_MAX 6	 /* the last ones */
#define WALK_MAX   20000 /* instructions back */

struct way {
	struct verifier *v;
	struct verifier_fault *f;
	struct {
		VEC(struct fault_step);
	} steps;
	uint32_t frame;			/* innermost, at this point of the way */
	uint16_t regs[SKEP_FRAMES_MAX]; /* sought, a bit each */
	uint64_t slots[SKEP_FRAMES_MAX];
	uint32_t nr_branches, nr_values;
	uint32_t stop_at; /* the reference was acquired here: no need to go on */
	bool opened;	  /* the call that opened the region was found */
};

static bool seeks(const struct way *w)
{
	for (uint32_t f = 0; f <= w->frame; f++)
		if (w->regs[f] || w->slots[f])
			return true;
	return false;
}

/* True once: the same step of another round of a loop says nothing new. */
static bool is_new(const struct way *w, uint32_t i, enum fault_step_kind kind)
{
	for (size_t n = 0; n < w->steps.n; n++)
		if (w->steps.at[n].insn == i && w->steps.at[n].kind == kind)
			return false;
	return true;
}

static struct fault_step *add(struct way *w, uint32_t i, enum fault_step_kind kind, unsigned reg)
{
	struct fault_step *s = is_new(w, i, kind) ? vec_push(&w->steps) : NULL;

	if (!s)
		return NULL;
	*s = (struct fault_step){ .insn = i, .kind = kind, .reg = (uint8_t)reg };
	w->nr_values += kind != FAULT_BRANCH;
	return s;
}

/* --- one instruction backwards -------------------------------------------------------------- */

static void back_branch(struct way *w, uint32_t i, uint32_t after)
{
	const struct bpf_insn *insn = &w->v->insns[i];
	const bool taken = after != i + 1;
	const uint16_t looks = (uint16_t)(1u << insn->dst_reg |
					  (BPF_SRC(insn->code) == BPF_X ? 1u << insn->src_reg : 0));
	struct fault_step *s;

	if (w->nr_branches == BRANCH_MAX)
		return;
	s = add(w, i, FAULT_BRANCH, insn->dst_reg);
	if (!s)
		return;
	s->taken = taken;
	s->tests = looks & w->regs[w->frame];
	w->nr_branches++;
}

/* Arguments of a callee are its caller's; of the rest the callee knows nothing. */
static void leave_callee(struct way *w, uint32_t i)
{
	const uint16_t args = w->regs[w->frame] & 0x3e;

	w->regs[w->frame] = 0;
	w->slots[w->frame] = 0;
	if (!w->frame)
		return;
	w->frame--;
	w->regs[w->frame] |= args;
	if (args)
		add(w, i, FAULT_PASSED, (unsigned)__builtin_ctz(args));
}

static bool opens_region(const struct verifier *v, uint32_t i)
{
	const struct insn_aux *aux = &v->aux[i];

	return aux->ref == INSN_REF_HELPER ? aux->helper->id == BPF_FUNC_spin_lock
					   : kfunc_opens_region(v, i);
}

static void back_call(struct way *w, uint32_t i, uint32_t after)
{
	const struct insn_aux *aux = &w->v->aux[i];
	uint16_t *regs = &w->regs[w->frame];

	if (after != i + 1) {
		leave_callee(w, i);
		return;
	}
	if (w->f->in_region && w->f->value.reg < 0 && !w->opened && opens_region(w->v, i)) {
		add(w, i, FAULT_OPENED, BPF_REG_0);
		w->opened = true;
	}
	if (*regs & 1)
		add(w, i, FAULT_RETURNED, BPF_REG_0);
	/* Of r1 to r5 nothing is left after a call. */
	if (*regs & 0x3e)
		add(w, i, FAULT_INVALIDATED, (unsigned)__builtin_ctz(*regs & 0x3e));
	*regs &= ~0x3f;
	if (aux->ref == INSN_REF_HELPER && aux->helper->changes_pkt && *regs &&
	    w->f->value.type == SCALAR_VALUE)
		add(w, i, FAULT_INVALIDATED, (unsigned)__builtin_ctz(*regs));
}

/* Into the callee through its end: r0 is what it returned. */
static void back_exit(struct way *w)
{
	const uint16_t r0 = w->regs[w->frame] & 1;

	w->regs[w->frame] &= ~0x3f;
	if (w->frame + 1 >= SKEP_FRAMES_MAX)
		return;
	w->frame++;
	w->regs[w->frame] = r0;
	w->slots[w->frame] = 0;
}

static void back_store(struct way *w, uint32_t i, const struct hist *h)
{
	const struct bpf_insn *insn = &w->v->insns[i];

	if (!h || !(h->flags & HIST_STACK) || !(w->slots[h->frame] >> h->slot & 1))
		return;
	w->slots[h->frame] &= ~(UINT64_C(1) << h->slot);
	add(w, i, FAULT_SPILLED, insn->src_reg);
	if (BPF_CLASS(insn->code) == BPF_STX)
		w->regs[w->frame] |= (uint16_t)(1u << insn->src_reg);
}

static void back_value(struct way *w, uint32_t i, const struct hist *h, enum insn_group group)
{
	const struct bpf_insn *insn = &w->v->insns[i];
	uint16_t *regs = &w->regs[w->frame], use, def;
	const unsigned dst = insn->dst_reg;
	struct fault_step *s;

	liveness_use(w->v, i, &use, &def);
	if (!(*regs & def))
		return;
	if (group == INSN_GROUP_LDX && h && h->flags & HIST_STACK) {
		*regs &= (uint16_t)~def;
		w->slots[h->frame] |= UINT64_C(1) << h->slot;
		add(w, i, FAULT_FILLED, dst);
	} else if (group == INSN_GROUP_MOV && BPF_SRC(insn->code) == BPF_X) {
		*regs = (uint16_t)((*regs & ~def) | 1u << insn->src_reg);
		add(w, i, FAULT_COPIED, dst);
	} else if (group == INSN_GROUP_ALU || group == INSN_GROUP_NEG || group == INSN_GROUP_END) {
		*regs |= use;
		add(w, i, FAULT_CHANGED, dst);
	} else {
		*regs &= (uint16_t)~def;
		s = add(w, i, FAULT_MADE, dst);
		if (s)
			s->through = w->v->info[i].ptr_type;
	}
	/* The frame pointer comes from nowhere. */
	*regs &= (uint16_t) ~(1u << BPF_REG_10);
}

static void back_insn(struct way *w, uint32_t i, uint32_t after, const struct hist *h)
{
	const struct insn_desc *d = insn_desc(insn_decode(&w->v->insns[i]));

	if (after != i + 1 && insn_ends_early(&w->v->insns[i])) {
		w->regs[w->frame] &= ~1; /* of its own making */
		back_exit(w);
		return;
	}
	switch ((enum insn_group)d->group) {
	case INSN_GROUP_JMP:
		back_branch(w, i, after);
		break;
	case INSN_GROUP_CALL:
		back_call(w, i, after);
		break;
	case INSN_GROUP_EXIT:
		back_exit(w);
		break;
	case INSN_GROUP_ST:
	case INSN_GROUP_STX:
		back_store(w, i, h);
		break;
	default:
		back_value(w, i, h, (enum insn_group)d->group);
		break;
	}
}

static bool done(const struct way *w, uint32_t i)
{
	if (w->f->value.reg >= 0)
		return !seeks(w) || w->nr_values >= STEPS_MAX;
	return i == w->stop_at || w->opened || w->nr_branches == BRANCH_MAX;
}

/* The history of instruction i, where it is the last that is ahead. */
static const struct hist *at_hist(const struct verifier *v, const struct vstate *st,
				  uint32_t hist_end, uint32_t i)
{
	return hist_end > st->hist_start && v->hist.at[hist_end - 1].insn == i
		       ? &v->hist.at[hist_end - 1]
		       : NULL;
}

void trail_walk(struct verifier *v, struct verifier_fault *f)
{
	struct way w = { .v = v, .f = f, .frame = v->st->cur, .stop_at = f->ref_insn };
	struct vstate *st = v->st;
	uint32_t i = f->insn, hist_end = st->hist_end, after;

	if (f->value.reg >= 0)
		w.regs[w.frame] = (uint16_t)(1u << f->value.reg) & ~(1u << BPF_REG_10);
	if (f->value.reg == BPF_REG_10)
		return;
	for (uint32_t n = 0; n < WALK_MAX && !done(&w, i); n++) {
		const struct hist *h;

		after = i;
		if (n == 0) {
			/*
			 * The failing instruction may have no history yet, and may not even
			 * have been begun.
			 */
			i = v->prev != after ? v->prev : st->last_insn;
			hist_end -= at_hist(v, st, hist_end, after) != NULL;
		} else if (!path_back(v, st, &i, &hist_end)) {
			st = st->parent;
			if (!st)
				break;
			hist_end = st->hist_end;
			i = st->last_insn;
		}
		if (i == NOWHERE)
			break;
		h = at_hist(v, st, hist_end, i);
		back_insn(&w, i, after, h);
	}
	if (i == w.stop_at && i != NOWHERE && f->value.reg < 0)
		add(&w, i, FAULT_RETURNED, BPF_REG_0);
	f->step = w.steps.at;
	f->nr_steps = (uint32_t)w.steps.n;
}
