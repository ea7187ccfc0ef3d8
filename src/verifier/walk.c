/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walk.c - the data-flow pass: from the entry along every edge that can be taken, until no state
 * changes.
 *
 * Straight runs carry one state along; states rest only where jumps land and where subprograms
 * begin.  A branch whose operands are constant has one edge, so what CO-RE or a frozen .rodata
 * decided is not looked at, as in the kernel.  Pending states are taken in the order of the
 * instructions, which for compiled code is close to reverse post-order.
 *
 * Calls do not fork: a callee starts with what all its callers hand over, and what it returns is
 * unknown.  Pointers to a caller's stack lead to the caller's frame record.
 */
#include "verifier/verifier_int.h"

int walk_enter(struct walk *w, uint16_t sub, const struct state *st)
{
	return states_meet(&w->states, w->v->sub[sub].start, st);
}

struct frame *walk_frame(struct walk *w, uint16_t sub)
{
	if (!w->frames)
		w->frames = skep_alloc_array(w->v->sub_cnt, sizeof(struct frame *));
	if (w->frames && !w->frames[sub])
		w->frames[sub] = skep_alloc(sizeof(struct frame));
	return w->frames ? w->frames[sub] : NULL;
}

void walk_frames_changed(struct walk *w)
{
	for (uint32_t s = 0; s < w->v->sub_cnt; s++)
		states_again(&w->states, w->v->sub[s].start);
}

/* The first visit of an instruction: fields and registers. */
static int first_visit(struct walk *w)
{
	struct verifier *v = w->v;
	int slots = insn_valid(v->insns, v->cnt, w->i, v->isa, v->diag);

	v->mark[w->i] = MARK_SEEN;
	log_insn(v, w->i);
	if (slots < 0) {
		log_run(v, w->i);
		return verifier_fail_diag(v, slots);
	}
	return 0;
}

/* Walks from `at`, where w->st holds, to the end of the run. */
static int walk_from(struct walk *w, uint32_t at)
{
	struct verifier *v = w->v;
	int err = 0;

	w->sub = subprog_of(v, at);
	w->r10 = (struct val){ .kind = VAL_STACK, .sub = w->sub };
	w->ends = false;
	for (w->i = at; !err && !w->ends; w->i += insn_is_double(w->desc) ? 2 : 1) {
		if (w->i != at && v->aux[w->i].jump_target)
			return states_meet(&w->states, w->i, &w->st);
		if (!(v->mark[w->i] & MARK_SEEN))
			err = first_visit(w);
		v->mark[w->i] = MARK_SEEN;
		v->processed++;
		w->desc = insn_desc(insn_decode(&v->insns[w->i]));
		if (!err)
			err = step(w);
	}
	return err;
}

static int walk_all(struct walk *w)
{
	struct verifier *v = w->v;
	uint32_t at = 0;
	int err;

	w->st.reg[BPF_REG_1].kind = VAL_CTX;
	if (v->aux[0].jump_target || v->refs.n)
		err = walk_enter(w, 0, &w->st);
	else
		err = walk_from(w, 0);
	while (!err && states_next(&w->states, &at)) {
		states_load(&w->states, at, &w->st);
		err = walk_from(w, at);
	}
	return err ? err : step_report(v);
}

int walk_run(struct verifier *v)
{
	struct walk w = { .v = v, .states = { .cnt = v->cnt } };
	int err = walk_all(&w);

	for (uint32_t s = 0; w.frames && s < v->sub_cnt; s++)
		skep_free(w.frames[s]);
	skep_free(w.frames);
	states_free(&w.states);
	return err;
}
