/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.c - states: the only file that allocates them.
 *
 * Freed states and frames are kept for the next copy, because a walk makes and drops one at every
 * branch.  A frame's slots grow downwards and are never given back before the frame is.
 */
#include "verifier/verifier_int.h"

struct vstate *state_new(struct verifier *v)
{
	struct vstate *st = v->pool_state;

	if (!st)
		return skep_alloc(sizeof(*st));
	v->pool_state = st->parent;
	st->parent = NULL;
	return st;
}

/*
 * Freed frames keep their slots and are chained through their first register.  The first frame of
 * all, which small programs need no other than, is never kept in an explored state.
 */
static struct frame *frame_new(struct verifier *v)
{
	struct frame *f = v->pool_frame;

	if (!f && !v->first_used) {
		v->first_used = true;
		return &v->first;
	}
	if (!f)
		return skep_alloc(sizeof(*f));
	v->pool_frame = (struct frame *)(uintptr_t)f->reg[0].raw;
	return f;
}

static void frame_free(struct verifier *v, struct frame *f)
{
	if (!f || f == &v->first)
		return;
	f->nr_slots = 0;
	f->reg[0].raw = (uintptr_t)v->pool_frame;
	v->pool_frame = f;
}

void state_free(struct verifier *v, struct vstate *st)
{
	if (!st)
		return;
	for (uint32_t i = 0; i < SKEP_FRAMES_MAX; i++)
		frame_free(v, st->frame[i]);
	vec_free(&st->refs);
	memset(st, 0, sizeof(*st));
	st->parent = v->pool_state;
	v->pool_state = st;
}

void state_drop(struct vstate *st)
{
	for (uint32_t i = 0; i < SKEP_FRAMES_MAX; i++) {
		if (st->frame[i])
			skep_free(st->frame[i]->slot);
		skep_free(st->frame[i]);
	}
	vec_free(&st->refs);
	skep_free(st->hist);
}

void explored_free(struct explored *e)
{
	state_drop(&e->st);
	skep_free(e);
}

static void explored_free_list(struct explored *e)
{
	while (e) {
		struct explored *next = e->next;

		explored_free(e);
		e = next;
	}
}

void state_free_all(struct verifier *v)
{
	struct frame *f;

	state_free(v, TAKE_PTR(v->st));
	while (v->waiting.n)
		state_free(v, v->waiting.at[--v->waiting.n]);
	for (uint32_t i = 0; v->explored && i < v->cnt; i++)
		explored_free_list(TAKE_PTR(v->explored[i]));
	explored_free_list(TAKE_PTR(v->retired));
	loop_free(v);
	stack_live_free(v);
	while (v->pool_state) {
		struct vstate *st = v->pool_state;

		v->pool_state = st->parent;
		skep_free(st);
	}
	while ((f = v->pool_frame)) {
		v->pool_frame = (struct frame *)(uintptr_t)f->reg[0].raw;
		skep_free(f->slot);
		skep_free(f);
	}
	skep_free(TAKE_PTR(v->first.slot));
	vec_free(&v->waiting);
	vec_free(&v->hist);
}

/* Slots come in powers of two; their count says how many are allocated. */
static uint32_t slots_cap(uint32_t n)
{
	return n ? (uint32_t)MAX(round_up_pow2(n), 4) : 0;
}

static int frame_copy(struct frame *dst, const struct frame *src)
{
	struct slot *slot = dst->slot;

	if (src->nr_slots) {
		slot = skep_realloc_array(dst->slot, slots_cap(src->nr_slots), sizeof(*slot));
		if (!slot)
			return -ENOMEM;
		memcpy(slot, src->slot, src->nr_slots * sizeof(*slot));
	}
	memcpy(dst, src, sizeof(*dst));
	dst->slot = slot;
	return 0;
}

int state_copy(struct verifier *v, struct vstate *dst, const struct vstate *src)
{
	struct vstate old = *dst;

	for (uint32_t i = 0; i < SKEP_FRAMES_MAX; i++) {
		if (i > src->cur) {
			frame_free(v, dst->frame[i]);
			dst->frame[i] = NULL;
			continue;
		}
		if (!dst->frame[i])
			dst->frame[i] = frame_new(v);
		if (!dst->frame[i] || frame_copy(dst->frame[i], src->frame[i]))
			return -ENOMEM;
	}
	memcpy(old.frame, dst->frame, sizeof(old.frame));
	*dst = *src;
	memcpy(dst->frame, old.frame, sizeof(old.frame));
	dst->hist = NULL;
	dst->refs.at = old.refs.at;
	dst->refs.cap = old.refs.cap;
	dst->refs.n = 0;
	for (size_t i = 0; i < src->refs.n; i++) {
		struct ref *r = vec_push(&dst->refs);

		if (!r)
			return -ENOMEM;
		*r = src->refs.at[i];
	}
	return 0;
}

int state_keep(struct verifier *v, struct vstate *dst, const struct vstate *src)
{
	const uint32_t n = src->hist_end - src->hist_start;
	int err = state_copy(v, dst, src);

	dst->hist_start = 0;
	dst->hist_end = n;
	if (!err && n) {
		dst->hist = skep_memdup(hist_of(v, src) + src->hist_start, n * sizeof(*dst->hist));
		err = dst->hist ? 0 : -ENOMEM;
	}
	return err;
}

struct explored *explored_new(struct verifier *v, const struct vstate *st)
{
	struct explored *e = skep_alloc(sizeof(*e));

	if (e && state_keep(v, &e->st, st)) {
		explored_free(e);
		return NULL;
	}
	return e;
}

int frame_grow(struct frame *f, uint32_t bytes)
{
	uint32_t n = (bytes + 7) / 8;
	struct slot *slot;

	if (n <= f->nr_slots)
		return 0;
	slot = skep_realloc_array(f->slot, slots_cap(n), sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	memset(&slot[f->nr_slots], 0, (n - f->nr_slots) * sizeof(*slot));
	f->slot = slot;
	f->nr_slots = n;
	return 0;
}

struct frame *frame_push(struct verifier *v, struct vstate *st, uint16_t sub, uint32_t callsite)
{
	uint32_t no = st->frame[0] ? st->cur + 1 : 0;
	struct frame *f = st->frame[no] ? st->frame[no] : frame_new(v);
	struct slot *slot;

	if (!f)
		return NULL;
	slot = f->slot;
	memset(f, 0, sizeof(*f));
	f->slot = slot;
	f->callsite = callsite;
	f->sub = sub;
	f->no = (uint8_t)no;
	reg_pointer(&f->reg[BPF_REG_10], PTR_TO_STACK);
	f->reg[BPF_REG_10].frame = no;
	st->frame[no] = f;
	st->cur = no;
	touch_all(v);
	return f;
}

void frame_pop(struct verifier *v, struct vstate *st)
{
	frame_free(v, st->frame[st->cur]);
	st->frame[st->cur--] = NULL;
}

/* --- branches ------------------------------------------------------------------------------- */

struct vstate *state_push(struct verifier *v, uint32_t insn, uint32_t prev, bool speculative,
			  int *ret_err)
{
	struct vstate *st, **slot;

	*ret_err = -ENOMEM;
	st = state_new(v);
	if (!st)
		return NULL;
	slot = vec_push(&v->waiting);
	if (!slot || state_copy(v, st, v->st)) {
		v->waiting.n -= !!slot;
		state_free(v, st);
		return NULL;
	}
	*slot = st;
	st->insn = insn;
	st->prev_insn = prev;
	st->speculative |= speculative;
	st->log_pos = v->log->len;
	if (v->waiting.n > BRANCHES_MAX) {
		*ret_err =
			fail(v, -E2BIG, "The sequence of %zu jumps is too complex.", v->waiting.n);
		return NULL;
	}
	if (st->parent)
		st->parent->branches++;
	if (unlikely(v->walk))
		v->walk[v->i].forks++;
	*ret_err = 0;
	return st;
}

struct vstate *state_push_new(struct verifier *v, uint32_t insn, uint16_t sub, int *ret_err)
{
	struct vstate *st = state_new(v), **slot = vec_push(&v->waiting);

	*ret_err = -ENOMEM;
	if (!st || !slot || !frame_push(v, st, sub, MAIN_CALLSITE)) {
		v->waiting.n -= !!slot;
		state_free(v, st);
		return NULL;
	}
	*slot = st;
	for (unsigned r = 0; r < BPF_REG_10; r++)
		reg_uninit(&st->frame[0]->reg[r]);
	st->insn = st->first_insn = insn;
	st->prev_insn = v->i;
	st->hist_start = st->hist_end = v->st->hist_end;
	st->log_pos = v->log->len;
	st->branches = 1;
	if (v->waiting.n > BRANCHES_MAX) {
		*ret_err = fail(v, -E2BIG, "The sequence of %zu jumps is too complex for async cb.",
				v->waiting.n);
		return NULL;
	}
	*ret_err = 0;
	return st;
}

int state_pop(struct verifier *v)
{
	state_free(v, v->st);
	v->st = NULL;
	if (!v->waiting.n)
		return -ENOENT;
	v->st = v->waiting.at[--v->waiting.n];
	v->i = v->st->insn;
	v->prev = v->st->prev_insn;
	v->path_begins = true;
	if (!log_all(v))
		log_rewind(v->log, v->st->log_pos);
	return 0;
}

int branches_done(struct verifier *v)
{
	struct vstate *st = v->st->parent;

	while (st && --st->branches == 0) {
		struct vstate *parent = st->parent;
		int err = loop_leave(v, st);

		if (err)
			return err;
		prune_forget(v, container_of(st, struct explored, st));
		st = parent;
	}
	return 0;
}

/* --- references ----------------------------------------------------------------------------- */

static struct ref *ref_new(struct verifier *v, uint32_t insn, enum ref_kind kind, uint32_t id)
{
	struct ref *r = vec_push(&v->st->refs);

	if (r)
		*r = (struct ref){ .id = id, .insn = insn, .kind = kind };
	return r;
}

int ref_acquire(struct verifier *v, uint32_t insn, uint32_t *ret_id)
{
	const struct ref *r = ref_new(v, insn, REF_PTR, v->ids + 1);

	if (!r)
		return -ENOMEM;
	*ret_id = ++v->ids;
	return 0;
}

int ref_lock(struct verifier *v, enum ref_kind kind, uint32_t id, const void *ptr)
{
	struct ref *r = ref_new(v, v->i, kind, id);

	if (!r)
		return -ENOMEM;
	r->ptr = ptr;
	v->st->locks++;
	return 0;
}

void ref_remove(struct vstate *st, size_t i)
{
	st->locks -= !!(st->refs.at[i].kind & REF_LOCKS);
	st->refs.n--;
	memmove(&st->refs.at[i], &st->refs.at[i + 1], (st->refs.n - i) * sizeof(st->refs.at[0]));
}

int ref_drop(struct vstate *st, enum ref_kind kind, uint32_t id)
{
	for (size_t i = 0; i < st->refs.n; i++) {
		if (st->refs.at[i].kind != kind || st->refs.at[i].id != id)
			continue;
		ref_remove(st, i);
		return 0;
	}
	return -EINVAL;
}

bool ref_held(const struct verifier *v, uint32_t id)
{
	for (size_t i = 0; i < v->st->refs.n; i++)
		if (v->st->refs.at[i].id == id)
			return true;
	return false;
}

int ref_release(struct verifier *v, uint32_t id)
{
	int err = ref_drop(v->st, REF_PTR, id);

	if (err)
		return err;
	for_each_reg_in(v->st, f, r, {
		if (r->ref_id == id)
			reg_invalid(v, r);
	});
	return 0;
}
