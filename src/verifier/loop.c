/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop.c - loops that converge: a path came round to a state whose own paths are still under way
 * (iterators, may_goto), and went no further.
 *
 * What that state will turn out to depend on, the path that stopped must be precise about as
 * well, and nobody knows yet.  So the path is kept as a back edge, until the loop is left: when
 * the state that entered it first is done with, what is precise at the loop's states flows along
 * the back edges until nothing changes.  Meanwhile states of the loop prove only what lies within
 * them (prune.c).
 *
 *	visit: a loop, by way of these calls
 *	entry ──▶ state ──▶ state
 *		   ▲		└──▶ path ──▶ path	stops here: a back edge to `state`
 *		   └──────────────────────────┘
 */
#include "verifier/verifier_int.h"

#define ROUNDS_MAX 64 /* MAX_BACKEDGE_ITERS */

/* A path that stopped. */
struct back_edge {
	struct back_edge *next;
	struct vstate *to; /* the state that it came round to */
	struct vstate st;  /* itself */
};

/* A loop, entered through a chain of calls. */
struct loop_visit {
	struct loop_visit *next;
	uint32_t loop;			/* insn_info.loop */
	uint32_t site[SKEP_FRAMES_MAX]; /* calls to there; 0 behind the last */
	const struct vstate *entry;	/* the state that entered it; NULL: it is left */
	struct back_edge *edges;
};

/* The loop that the state is in, that of the outermost frame; NULL and 0: none; NULL: no memory. */
static struct loop_visit *visit_of(struct verifier *v, const struct vstate *st, bool make,
				   int *ret_err)
{
	struct loop_visit key = { 0 }, *visit;
	uint32_t no = 0, at;

	*ret_err = 0;
	for (;; no++) {
		at = no < st->cur ? st->frame[no + 1]->callsite : st->insn;
		key.loop = v->info[at].loop;
		if (key.loop)
			break;
		if (no == st->cur)
			return NULL;
		key.site[no] = at;
	}
	for (visit = v->loops; visit; visit = visit->next)
		if (visit->loop == key.loop && !memcmp(visit->site, key.site, sizeof(key.site)))
			return visit;
	if (!make)
		return NULL;
	visit = skep_memdup(&key, sizeof(key));
	if (!visit) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	visit->next = v->loops;
	return v->loops = visit;
}

static void drop_edges(struct verifier *v, struct loop_visit *visit)
{
	struct back_edge *e;

	while ((e = visit->edges)) {
		visit->edges = e->next;
		state_drop(&e->st);
		skep_free(e);
		v->nr_back_edges--;
	}
}

void loop_free(struct verifier *v)
{
	struct loop_visit *visit;

	while ((visit = v->loops)) {
		v->loops = visit->next;
		drop_edges(v, visit);
		skep_free(visit);
	}
}

int loop_enter(struct verifier *v, const struct vstate *st)
{
	int err;
	struct loop_visit *visit = visit_of(v, st, true, &err);

	if (!visit || visit->entry)
		return err;
	visit->entry = st;
	log_loop(v, "enter", visit->site, visit->loop);
	return 0;
}

bool loop_is_open(struct verifier *v, const struct vstate *st)
{
	int err;
	const struct loop_visit *visit = visit_of(v, st, false, &err);

	return visit && visit->edges;
}

int loop_back(struct verifier *v, struct vstate *to)
{
	int err;
	struct loop_visit *visit = visit_of(v, to, false, &err);
	struct back_edge *e = visit ? skep_alloc(sizeof(*e)) : NULL;

	if (!visit)
		return fail(v, -EFAULT, "a path came back to a state that is in no loop");
	if (!e)
		return -ENOMEM;
	err = state_keep(v, &e->st, v->st);
	if (err) {
		state_drop(&e->st);
		skep_free(e);
		return err;
	}
	e->st.insn = v->i;
	e->to = to;
	e->next = visit->edges;
	visit->edges = e;
	v->nr_back_edges++;
	log_loop(v, "backedge", visit->site, visit->loop);
	return 0;
}

/* What is precise at the states that were come round to is so where the paths stopped. */
static int settle(struct verifier *v, struct loop_visit *visit)
{
	bool changed = true;

	for (unsigned round = 0; changed; round++) {
		changed = false;
		for (struct back_edge *e = visit->edges; e; e = e->next) {
			int err;

			if (round >= ROUNDS_MAX) {
				precise_everything(&e->st);
				continue;
			}
			err = precise_propagate(v, e->to, &e->st, &changed);
			if (err)
				return err;
		}
	}
	return 0;
}

int loop_leave(struct verifier *v, const struct vstate *st)
{
	int err;
	struct loop_visit *visit = visit_of(v, st, false, &err);

	if (!visit || visit->entry != st)
		return 0;
	log_loop(v, "exit", visit->site, visit->loop);
	visit->entry = NULL;
	prune_count_peak(v);
	err = settle(v, visit);
	drop_edges(v, visit);
	return err;
}
