/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prune.c - where a path may stop, because a state that allows at least as much went on from
 * here and came to a good end.
 *
 * At prune points states are compared with those explored there before, and some are kept.  A
 * state whose paths are still under way (branches > 0) proves nothing yet; coming back to it
 * unchanged is an endless loop.
 */
#include "verifier/objects.h"

/* Ids may differ between two states as long as they correspond one to one. */
#define ID_PAIRS 600
struct id_map {
	uint32_t n;
	uint32_t fresh; /* last of the ids that stand for none */
	struct {
		uint32_t old, cur;
	} pair[ID_PAIRS];
};

/* How alike two states must be. */
enum exactness {
	NOT_EXACT,    /* what the old one did not need may differ */
	RANGE_WITHIN, /* all of the current one's values are the old one's */
	EXACT,
};

struct compare {
	struct verifier *v;
	struct id_map *ids;
	enum exactness exact;
};

/* --- where ---------------------------------------------------------------------------------- */

bool insn_calls_back(const struct verifier *v, uint32_t i)
{
	const struct bpf_insn *insn = &v->insns[i];

	if (insn->code != (BPF_JMP | BPF_CALL))
		return false;
	if (insn->src_reg != 0)
		return graph_calls_back(v, i);
	return insn->imm == BPF_FUNC_loop || insn->imm == BPF_FUNC_for_each_map_elem ||
	       insn->imm == BPF_FUNC_user_ringbuf_drain || insn->imm == BPF_FUNC_find_vma;
}

static void meet(struct verifier *v, int64_t i)
{
	if (i < v->cnt)
		v->info[i].prune_point = v->info[i].jmp_point = true;
}

/* A call: it comes back behind itself, perhaps by way of a callee. */
static void call_points(struct verifier *v, uint32_t i)
{
	struct insn_info *info = &v->info[i];

	if (insn_calls_back(v, i)) {
		meet(v, i);
		info->force_checkpoint = true;
	} else if (kfunc_is_iter_next(v, i)) {
		info->iter_next = info->prune_point = info->force_checkpoint = true;
	}
	meet(v, i + 1);
}

int prune_points(struct verifier *v)
{
	for (uint32_t i = 0; i < v->cnt; i++) {
		const struct bpf_insn *insn = &v->insns[i];
		const uint8_t ref = v->aux[i].ref;

		if (code_is_jump(insn->code)) {
			meet(v, jump_to(v->insns, i));
			v->info[i].prune_point |= !code_is_goto(insn->code);
			v->info[i].force_checkpoint |= BPF_OP(insn->code) == BPF_JCOND;
		} else if (insn->code == (BPF_JMP | BPF_CALL)) {
			call_points(v, i);
		} else if (ref == INSN_REF_FUNC) {
			meet(v, i + 2);
		}
		if (ref == INSN_REF_SUBPROG || ref == INSN_REF_FUNC) {
			v->info[i].prune_point = true;
			meet(v, v->sub[v->aux[i].sub].start);
		}
		i += insn_is_ld_imm64(insn);
	}
	return 0;
}

/* --- alike? --------------------------------------------------------------------------------- */

static bool ids_match(struct id_map *m, uint32_t old, uint32_t cur)
{
	if (!old != !cur)
		return false;
	if (!old)
		return true;
	for (uint32_t i = 0; i < m->n; i++) {
		if (m->pair[i].old == old)
			return m->pair[i].cur == cur;
		if (m->pair[i].cur == cur)
			return false;
	}
	if (m->n == ID_PAIRS)
		return false;
	m->pair[m->n].old = old;
	m->pair[m->n++].cur = cur;
	return true;
}

/* The old scalar's id matters when it has one; the current one may be linked to more. */
static bool scalar_ids_match(const struct compare *c, const struct reg *old, const struct reg *cur)
{
	if (!old->id)
		return true;
	if ((old->id ^ cur->id) & ID_ADD_CONST || (old->id & ID_ADD_CONST && old->off != cur->off))
		return false;
	/* An id that nothing shares is as good as a fresh one. */
	return ids_match(c->ids, old->id, cur->id ? cur->id : ++c->ids->fresh);
}

static bool same_pointer(const struct reg *a, const struct reg *b)
{
	return a->type == b->type && a->off == b->off && a->raw == b->raw && a->map == b->map &&
	       a->map_uid == b->map_uid && a->frame == b->frame;
}

static bool same_bounds(const struct reg *a, const struct reg *b)
{
	return !memcmp(&a->n, &b->n, sizeof(a->n));
}

static bool reg_same(const struct compare *c, const struct reg *old, const struct reg *cur)
{
	return same_pointer(old, cur) && same_bounds(old, cur) &&
	       ids_match(c->ids, old->id, cur->id) && ids_match(c->ids, old->ref_id, cur->ref_id);
}

static bool packet_safe(const struct compare *c, const struct reg *old, const struct reg *cur)
{
	if (old->range < 0 || cur->range < 0 ? old->range != cur->range : old->range > cur->range)
		return false;
	return old->off == cur->off && ids_match(c->ids, old->id, cur->id) &&
	       bounds_within(&old->n, &cur->n);
}

/* Is what was right with old right with cur? */
static bool reg_safe(const struct compare *c, const struct reg *old, const struct reg *cur)
{
	if (c->exact == EXACT)
		return reg_same(c, old, cur);
	if (old->type == NOT_INIT)
		return c->exact == NOT_EXACT || cur->type == NOT_INIT;
	if (old->type != cur->type)
		return false;
	switch (base_type(old->type)) {
	case SCALAR_VALUE:
		if (c->v->strict_scalars)
			return same_bounds(old, cur) && scalar_ids_match(c, old, cur);
		if (!old->precise && c->exact == NOT_EXACT)
			return true;
		return scalar_ids_match(c, old, cur) && bounds_within(&old->n, &cur->n);
	case PTR_TO_ARENA: /* one is as good as another */
		return true;
	case PTR_TO_MAP_KEY:
	case PTR_TO_MAP_VALUE:
	case PTR_TO_MEM:
	case PTR_TO_BUF:
	case PTR_TO_TP_BUFFER:
		return same_pointer(old, cur) && bounds_within(&old->n, &cur->n) &&
		       ids_match(c->ids, old->id, cur->id) &&
		       ids_match(c->ids, old->ref_id, cur->ref_id);
	case PTR_TO_PACKET:
	case PTR_TO_PACKET_META:
		return packet_safe(c, old, cur);
	default:
		return reg_same(c, old, cur);
	}
}

/* A slot as one number, where it is one: a whole spilled scalar, or bytes of any value. */
static const struct reg *slot_scalar(const struct verifier *v, const struct slot *s)
{
	static const struct reg any = { .type = SCALAR_VALUE,
					.n = { .bits = TNUM_UNKNOWN,
					       .full = { 0, UINT64_MAX, INT64_MIN, INT64_MAX },
					       .low = { 0, UINT32_MAX, INT32_MIN, INT32_MAX } } };

	if (s->kind[0] == STACK_SPILL)
		return s->reg.type == SCALAR_VALUE ? &s->reg : NULL;
	for (unsigned b = 0; b < 8; b++)
		if (s->kind[b] != STACK_MISC &&
		    !(s->kind[b] == STACK_INVALID && v->opts->rights.allow_uninit_stack))
			return NULL;
	return &any;
}

/* A byte of a kind that both have, or that the old state did not need. */
static bool byte_safe(const struct compare *c, uint8_t old, uint8_t cur)
{
	if (old == cur)
		return true;
	if (c->exact != NOT_EXACT)
		return false;
	return old == STACK_INVALID ||
	       (old == STACK_MISC && c->v->opts->rights.allow_uninit_stack) ||
	       (old == STACK_MISC && cur == STACK_ZERO);
}

/* Slots of one kind of object. */
static bool object_same(const struct compare *c, const struct slot *old, const struct slot *cur)
{
	const struct reg *o = &old->reg, *n = &cur->reg;

	if (o->type != n->type || !ids_match(c->ids, o->ref_id, n->ref_id))
		return false;
	/* How often an iterator was asked matters to endless loops alone. */
	if (old->kind[7] == STACK_ITER)
		return o->iter == n->iter && o->btf_id == n->btf_id;
	return o->raw == n->raw;
}

static bool slot_safe(const struct compare *c, const struct slot *old, const struct slot *cur)
{
	const struct reg *old_reg, *cur_reg;

	/* What was not needed, or could be anything: also where there is no such slot yet. */
	if (!cur) {
		for (unsigned b = 0; b < 8; b++)
			if (c->exact != NOT_EXACT || !byte_safe(c, old->kind[b], STACK_INVALID))
				return false;
		return true;
	}
	old_reg = slot_scalar(c->v, old);
	cur_reg = slot_scalar(c->v, cur);
	if (old_reg && cur_reg && c->exact == NOT_EXACT)
		return reg_safe(c, old_reg, cur_reg);
	for (unsigned b = 0; b < 8; b++)
		if (!byte_safe(c, old->kind[b], cur->kind[b]))
			return false;
	if (old->kind[7] == STACK_SPILL && cur->kind[7] == STACK_SPILL)
		return reg_safe(c, &old->reg, &cur->reg);
	return !slot_is_object(old) || !slot_is_object(cur) || object_same(c, old, cur);
}

static bool stack_safe(const struct compare *c, const struct frame *old, const struct frame *cur)
{
	for (uint32_t n = 0; n < old->nr_slots; n++)
		if (!slot_safe(c, &old->slot[n], n < cur->nr_slots ? &cur->slot[n] : NULL))
			return false;
	return true;
}

static bool frames_equal(const struct compare *c, const struct frame *old, const struct frame *cur,
			 uint16_t live)
{
	if (old->callback_depth > cur->callback_depth || old->callsite != cur->callsite ||
	    old->sub != cur->sub || old->callback != cur->callback)
		return false;
	for (unsigned r = 0; r < BPF_REG_10; r++)
		if (live >> r & 1 && !reg_safe(c, &old->reg[r], &cur->reg[r]))
			return false;
	return stack_safe(c, old, cur);
}

static bool refs_equal(const struct compare *c, const struct vstate *old, const struct vstate *cur)
{
	if (old->refs.n != cur->refs.n || old->rcu != cur->rcu || old->preempt != cur->preempt ||
	    !ids_match(c->ids, old->irq_id, cur->irq_id))
		return false;
	for (size_t i = 0; i < old->refs.n; i++) {
		const struct ref *a = &old->refs.at[i], *b = &cur->refs.at[i];

		if (a->kind != b->kind || a->ptr != b->ptr || !ids_match(c->ids, a->id, b->id))
			return false;
	}
	return true;
}

static bool states_equal(struct verifier *v, const struct vstate *old, const struct vstate *cur,
			 enum exactness exact)
{
	struct id_map ids;
	const struct compare c = { v, &ids, exact };

	ids.n = 0;
	ids.fresh = v->ids;
	if (old->cur != cur->cur || (old->speculative && !cur->speculative) ||
	    old->sleepable != cur->sleepable || !refs_equal(&c, old, cur))
		return false;
	for (uint32_t no = 0; no <= old->cur; no++) {
		const uint32_t at = no == old->cur ? v->i : old->frame[no + 1]->callsite;

		if (!frames_equal(&c, old->frame[no], cur->frame[no], v->info[at].live))
			return false;
	}
	return true;
}

/* --- loops ---------------------------------------------------------------------------------- */

/* The state that this path had when it was here last, in the same frames; NULL: it was not. */
static const struct vstate *last_visit(const struct vstate *from, const struct vstate *cur,
				       uint32_t i)
{
	for (const struct vstate *st = from ? from->parent : NULL; st; st = st->parent) {
		bool same = st->insn == i && st->branches && st->cur == cur->cur;

		for (uint32_t no = 0; same && no <= cur->cur; no++)
			same = st->frame[no]->callsite == cur->frame[no]->callsite;
		if (same)
			return st;
	}
	return NULL;
}

static void widen(const struct compare *c, const struct reg *old, struct reg *cur)
{
	if (old->type == SCALAR_VALUE && cur->type == SCALAR_VALUE && !old->precise &&
	    !cur->precise && !reg_same(c, old, cur))
		reg_unknown(c->v, cur);
}

void prune_widen(struct verifier *v, struct vstate *st, const struct vstate *from, uint32_t i)
{
	const struct vstate *old = last_visit(from, st, i);
	struct id_map ids = { .n = 0 };
	const struct compare c = { v, &ids, EXACT };

	for (uint32_t no = 0; old && no <= old->cur; no++) {
		const struct frame *was = old->frame[no];
		struct frame *now = st->frame[no];

		for (unsigned r = 0; r < BPF_REG_10; r++)
			widen(&c, &was->reg[r], &now->reg[r]);
		for (uint32_t n = 0; n < MIN(was->nr_slots, now->nr_slots); n++)
			if (was->slot[n].kind[0] == STACK_SPILL &&
			    now->slot[n].kind[0] == STACK_SPILL)
				widen(&c, &was->slot[n].reg, &now->slot[n].reg);
	}
}

/* --- the visit ------------------------------------------------------------------------------ */

/* All registers are the same, ids too: Linux takes no other states for a loop (and goes on). */
static bool maybe_looping(const struct vstate *old, const struct vstate *cur)
{
	if (old->cur != cur->cur)
		return false;
	for (uint32_t no = 0; no <= cur->cur; no++)
		for (unsigned r = 0; r < BPF_REG_10; r++) {
			const struct reg *a = &old->frame[no]->reg[r], *b = &cur->frame[no]->reg[r];

			if (!same_pointer(a, b) || !same_bounds(a, b) || a->id != b->id ||
			    a->ref_id != b->ref_id)
				return false;
		}
	return true;
}

static int endless(struct verifier *v, const struct vstate *old)
{
	int err;

	log_source(v, v->i);
	err = fail(v, -EINVAL, "infinite loop detected at insn %u", v->i);
	verifier_log(v->log, "cur state:");
	print_frame(v, v->st, v->st->cur, true);
	verifier_log(v->log, "old state:");
	print_frame(v, old, old->cur, true);
	return err;
}

/*
 * Back at a helper that calls back, by way of the callback.  Linux 6.18 asks nothing about the
 * way, and so lets a plain loop around such a helper run without end.
 */
static bool came_from_callback(const struct verifier *v)
{
	return insn_calls_back(v, v->i) &&
	       (v->opts->judge || v->st->frame[v->st->cur]->callback_depth);
}

/* Back at a state whose paths are under way: 1 fine to stop, 0 go on, or an endless loop. */
static int visit_open(struct verifier *v, struct vstate *old, bool *keep, bool force)
{
	const uint8_t async = old->frame[old->cur]->async;
	const bool jcond = BPF_OP(v->insns[v->i].code) == BPF_JCOND &&
			   BPF_CLASS(v->insns[v->i].code) == BPF_JMP;
	const bool asks = came_from_callback(v) || v->info[v->i].iter_next;
	struct vstate *cur = v->st;

	/* Callbacks that set themselves again do not loop; nor is the first round done with. */
	const bool again = async && async != cur->frame[cur->cur]->async;

	if (!again && (asks || (jcond && old->may_goto_depth != cur->may_goto_depth))) {
		if (states_equal(v, old, cur, RANGE_WITHIN))
			return 1;
	}
	if (!again && !asks && old->may_goto_depth == cur->may_goto_depth &&
	    !iter_depths_differ(old, cur) && old->unroll_depth == cur->unroll_depth &&
	    maybe_looping(old, cur) && states_equal(v, old, cur, EXACT))
		return endless(v, old);
	if (!force && v->jumps - v->jumps_at_state < 20 &&
	    v->processed - v->processed_at_state < 100)
		*keep = false;
	return 0;
}

/* Found: the path stops here, and what `old` depended on, it depends on as well. */
static int stop_at(struct verifier *v, struct explored *e, bool loop)
{
	bool changed;
	int err;

	e->hits++;
	err = v->info[v->i].jmp_point ? hist_push(v, v->st, 0, 0, 0, 0) : 0;
	err = err ? err : precise_propagate(v, &e->st, v->st, &changed);
	if (!err && loop)
		err = loop_back(v, &e->st);
	return err ? err : 1;
}

static int visit_one(struct verifier *v, struct explored *e, bool *keep, bool force)
{
	bool loop;
	int way;

	if (e->st.branches) {
		way = visit_open(v, &e->st, keep, force);
		return way == 1 ? stop_at(v, e, !v->opts->judge || !insn_calls_back(v, v->i)) : way;
	}
	loop = loop_is_open(v, &e->st);
	if (!states_equal(v, &e->st, v->st, loop ? RANGE_WITHIN : NOT_EXACT))
		return 0;
	return stop_at(v, e, loop);
}

/* --- what is kept --------------------------------------------------------------------------- */

/* explored_state() of the kernel: what tells states apart is the place, and who called. */
static struct explored **bucket(struct verifier *v)
{
	return &v->explored[(v->i ^ cur_frame(v)->callsite) % v->cnt];
}

static bool same_callsites(const struct vstate *a, const struct vstate *b)
{
	if (a->cur != b->cur)
		return false;
	for (uint32_t no = 0; no <= a->cur; no++)
		if (a->frame[no]->callsite != b->frame[no]->callsite)
			return false;
	return true;
}

/* Forgets what nobody reads from there on. */
static int clean(struct verifier *v, struct vstate *st)
{
	uint64_t live[SKEP_FRAMES_MAX];
	int err = stack_live_ask(v, st, live);

	st->clean = true;
	for (uint32_t no = 0; no <= st->cur && !err; no++) {
		struct frame *f = st->frame[no];
		const uint32_t at = no < st->cur ? st->frame[no + 1]->callsite : st->insn;

		for (unsigned r = 0; r < BPF_REG_10; r++)
			if (!(v->info[at].live >> r & 1))
				reg_uninit(&f->reg[r]);
		for (uint32_t n = 0; n < f->nr_slots; n++) {
			if (live[no] >> n & 1)
				continue;
			reg_uninit(&f->slot[n].reg);
			memset(f->slot[n].kind, STACK_INVALID, sizeof(f->slot[n].kind));
		}
	}
	return err;
}

/* States are cleaned when it is known what they depend on, and somebody asks for them. */
static int clean_all(struct verifier *v)
{
	int err = 0;

	for (struct explored *e = *bucket(v); e && !err; e = e->next)
		if (!e->st.clean && !e->st.branches && e->st.insn == v->i &&
		    same_callsites(&e->st, v->st) && !loop_is_open(v, &e->st))
			err = clean(v, &e->st);
	return err;
}

void prune_forget(struct verifier *v, struct explored *e)
{
	struct explored **link = &v->retired;

	if (!e->retired || e->st.branches || loop_is_open(v, &e->st))
		return;
	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	v->nr_retired--;
	explored_free(e);
}

/* A state that is compared often and never matches is let go. */
static bool retire(struct verifier *v, struct explored **link, bool keep)
{
	struct explored *e = *link;
	const uint32_t n = v->info[v->i].force_checkpoint && e->st.branches ? 64 : 3;

	e->misses += keep;
	if (e->misses <= e->hits * n + n)
		return false;
	*link = e->next;
	e->next = v->retired;
	e->retired = true;
	v->retired = e;
	v->nr_retired++;
	v->live_states--;
	prune_forget(v, e);
	return true;
}

void prune_count_peak(struct verifier *v)
{
	v->peak_states = MAX(v->peak_states, v->live_states + v->nr_retired + v->nr_back_edges);
}

static int keep_state(struct verifier *v)
{
	struct explored **first = bucket(v), *e;
	struct vstate *cur = v->st;

	/* Marks belong to the states before; this one's begin anew. */
	for_each_reg_in(cur, f, r, { r->precise = !v->opts->rights.bpf_capable; });
	e = explored_new(v, cur);
	if (!e)
		return -ENOMEM;
	e->st.branches = 1;
	e->next = *first;
	*first = e;
	cur->parent = &e->st;
	cur->first_insn = v->i;
	cur->hist_start = cur->hist_end;
	v->total_states++;
	v->live_states++;
	prune_count_peak(v);
	v->jumps_at_state = v->jumps;
	v->processed_at_state = v->processed;
	return loop_enter(v, &e->st);
}

int prune_visit(struct verifier *v)
{
	const bool force = v->prog->flags & BPF_F_TEST_STATE_FREQ ||
			   v->info[v->i].force_checkpoint ||
			   v->st->hist_end - v->st->hist_start > 40;
	bool keep = force || (v->jumps - v->jumps_at_state >= 2 &&
			      v->processed - v->processed_at_state >= 8);
	struct explored **link = bucket(v);
	uint32_t n = 0;
	int way = clean_all(v);

	while (*link && !way) {
		n++;
		if ((*link)->st.insn != v->i) {
			link = &(*link)->next;
			continue;
		}
		way = visit_one(v, *link, &keep, force);
		if (!way && !retire(v, link, keep))
			link = &(*link)->next;
	}
	if (way)
		return way;
	v->max_states_per_insn = MAX(v->max_states_per_insn, n);
	if (!keep || (!v->opts->rights.bpf_capable && n > STATES_PER_INSN))
		return 0;
	return keep_state(v);
}
