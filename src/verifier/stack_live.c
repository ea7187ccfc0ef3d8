/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack_live.c - which slots of the stack may still be read: data flow over what the walk has seen
 * instructions do (kernel/bpf/liveness.c has the same analysis, and its equations).
 *
 * A function is looked at once for each chain of calls that leads to it, because who calls it
 * decides what it does to the stacks of its callers.  For every instruction of such an instance,
 * and every frame of the chain, the walk notes
 *
 *	reads	slots that were read, on any visit
 *	writes	slots that were written as a whole, on every visit
 *
 * and when a path ends, or a function returns, what was noted flows backwards to a fixed point:
 *
 *	live(i)    = reads(i) | live of the instructions behind i, without writes(i)
 *	written(i) = writes(i) | what all instructions behind i have written in the end
 *
 * What stands at a callee's beginning is what its call does to its callers.  Notes only ever make
 * more slots live, so an answer that was given stays safe; it is asked for once all paths that go
 * through the state in question are at their end.
 */
#include "base/strbuf.h"
#include "verifier/verifier_int.h"

struct flow {
	uint64_t reads, writes; /* noted */
	uint64_t live, written; /* computed */
};

/* A function, as called by way of these calls. */
struct instance {
	struct instance *next;		    /* in its hash list */
	uint32_t depth;			    /* calls above it */
	uint32_t site[SKEP_FRAMES_MAX];	    /* they; at [depth] the function's beginning */
	uint16_t sub[SKEP_FRAMES_MAX];	    /* who runs in each frame */
	struct flow *flow[SKEP_FRAMES_MAX]; /* by instruction; NULL: nothing noted of the frame */
	bool *visited;			    /* by instruction: writes is what all visits wrote */
	bool stale;			    /* noted more than is computed */
	bool fewer;			    /* some writes are none any more: written is too much */
};

static uint32_t begin(const struct verifier *v, const struct instance *in)
{
	return v->sub[in->sub[in->depth]].start;
}

static uint32_t size(const struct verifier *v, const struct instance *in)
{
	return v->sub[in->sub[in->depth]].end - begin(v, in);
}

/* --- instances ------------------------------------------------------------------------------- */

static struct instance **hash_list(struct verifier *v, const struct instance *key)
{
	uint32_t h = key->depth;

	for (uint32_t i = 0; i <= key->depth; i++)
		h = h * 31 + key->site[i];
	return &v->live.instance[h % ARRAY_SIZE(v->live.instance)];
}

/* The instance with the chain of `key`, made where there is none; NULL: no memory. */
static struct instance *find(struct verifier *v, const struct instance *key)
{
	struct instance **list = hash_list(v, key), *in;

	for (in = *list; in; in = in->next)
		if (in->depth == key->depth &&
		    !memcmp(in->site, key->site, (key->depth + 1) * sizeof(*key->site)))
			return in;
	in = skep_memdup(key, sizeof(*key));
	if (!in)
		return NULL;
	in->visited = skep_alloc_array(size(v, in), sizeof(*in->visited));
	if (!in->visited) {
		skep_free(in);
		return NULL;
	}
	in->next = *list;
	*list = in;
	v->live.any = true;
	return in;
}

/* That of frame no of a state. */
static struct instance *instance_of(struct verifier *v, const struct vstate *st, uint32_t no)
{
	struct instance key = { .depth = no };

	for (uint32_t i = 0; i <= no; i++) {
		key.sub[i] = st->frame[i]->sub;
		key.site[i] = i < no ? st->frame[i + 1]->callsite : v->sub[key.sub[i]].start;
	}
	return find(v, &key);
}

static struct instance *caller_of(struct verifier *v, const struct instance *in)
{
	struct instance key = { .depth = in->depth - 1 };

	memcpy(key.sub, in->sub, sizeof(key.sub));
	memcpy(key.site, in->site, sizeof(key.site));
	key.site[key.depth] = v->sub[key.sub[key.depth]].start;
	return find(v, &key);
}

void stack_live_free(struct verifier *v)
{
	for (size_t i = 0; v->live.any && i < ARRAY_SIZE(v->live.instance); i++) {
		struct instance *in;

		while ((in = v->live.instance[i])) {
			v->live.instance[i] = in->next;
			for (uint32_t f = 0; f <= in->depth; f++)
				skep_free(in->flow[f]);
			skep_free(in->visited);
			skep_free(in);
		}
	}
	v->live.cur = NULL;
	v->live.any = false;
}

/* --- notes ----------------------------------------------------------------------------------- */

static struct flow *flow_at(struct verifier *v, struct instance *in, uint32_t frame, uint32_t i)
{
	if (!in->flow[frame])
		in->flow[frame] = skep_alloc_array(size(v, in), sizeof(struct flow));
	return in->flow[frame] ? &in->flow[frame][i - begin(v, in)] : NULL;
}

static int note_reads(struct verifier *v, struct instance *in, uint32_t frame, uint32_t i,
		      uint64_t slots)
{
	struct flow *f = flow_at(v, in, frame, i);

	if (!f)
		return -ENOMEM;
	in->stale |= (slots & ~f->reads & ~f->live) != 0;
	f->reads |= slots;
	return 0;
}

/* Instruction i was visited, and wrote these slots, by frame. */
static int note_visit(struct verifier *v, struct instance *in, uint32_t i, const uint64_t *slots)
{
	bool *visited = &in->visited[i - begin(v, in)];

	for (uint32_t frame = 0; frame <= in->depth; frame++) {
		uint64_t now = slots[frame];
		struct flow *f;

		if (!now && !(*visited && in->flow[frame]))
			continue;
		f = flow_at(v, in, frame, i);
		if (!f)
			return -ENOMEM;
		if (*visited)
			now &= f->writes;
		in->stale |= now != f->writes;
		in->fewer |= (f->writes & ~now) != 0;
		f->writes = now;
	}
	*visited = true;
	return 0;
}

int stack_live_begin(struct verifier *v)
{
	struct stack_live *l = &v->live;

	if (!l->cur)
		l->cur = instance_of(v, v->st, v->st->cur);
	if (!l->cur)
		return -ENOMEM;
	l->at = v->i;
	if (l->wrote)
		memset(l->writes, 0, sizeof(l->writes));
	l->wrote = false;
	return 0;
}

int stack_live_end(struct verifier *v)
{
	return v->live.cur ? note_visit(v, v->live.cur, v->live.at, v->live.writes) : 0;
}

int stack_live_read(struct verifier *v, uint32_t frame, uint32_t first, uint32_t n)
{
	return note_reads(v, v->live.cur, frame, v->i, ((UINT64_C(2) << (n - 1)) - 1) << first);
}

void stack_live_write(struct verifier *v, uint32_t frame, uint32_t first, uint32_t n)
{
	v->live.writes[frame] |= ((UINT64_C(2) << (n - 1)) - 1) << first;
	v->live.wrote = true;
}

void stack_live_enter(struct verifier *v)
{
	v->live.cur = NULL;
}

/* --- the flow -------------------------------------------------------------------------------- */

static bool flow_insn(struct verifier *v, const struct instance *in, uint32_t frame, uint32_t i)
{
	struct flow *first = in->flow[frame], *f = &first[i - begin(v, in)];
	uint64_t live = 0, written = UINT64_MAX;
	uint32_t next[2];
	const unsigned n = insn_next(v, i, next);
	bool changed;

	if (!n)
		return false;
	for (unsigned k = 0; k < n; k++) {
		live |= first[next[k] - begin(v, in)].live;
		written &= first[next[k] - begin(v, in)].written;
	}
	live = (live & ~f->writes) | f->reads;
	written |= f->writes;
	changed = live != f->live || written != f->written;
	if (changed && log_all(v) &&
	    (f->reads || f->writes || i == begin(v, in) || v->info[i].prune_point)) {
		log_live_change(v, in->site, in->depth, frame, i, "live", f->live, live);
		log_live_change(v, in->site, in->depth, frame, i, "written", f->written, written);
	}
	f->live = live;
	f->written = written;
	return changed;
}

/* What the function does to its callers' frames, the call does. */
static int tell_caller(struct verifier *v, const struct instance *in)
{
	struct instance *caller = caller_of(v, in);
	uint64_t writes[SKEP_FRAMES_MAX] = { 0 };
	int err = caller ? 0 : -ENOMEM;

	for (uint32_t frame = 0; frame < in->depth && !err; frame++) {
		const struct flow *f = in->flow[frame];

		if (!f)
			continue;
		writes[frame] = f->written;
		err = note_reads(v, caller, frame, in->site[in->depth - 1], f->live);
	}
	return err ? err : note_visit(v, caller, in->site[in->depth - 1], writes);
}

static int compute(struct verifier *v, struct instance *in)
{
	const uint32_t from = begin(v, in), n = size(v, in);
	const uint32_t ordered = v->facts[in->sub[in->depth]].order_cnt;
	unsigned rounds = 0;
	bool changed = true;

	for (uint32_t frame = 0; frame <= in->depth && in->fewer; frame++)
		for (uint32_t i = 0; in->flow[frame] && i < n; i++)
			in->flow[frame][i].written = 0;
	for (; changed; rounds++) {
		changed = false;
		for (uint32_t frame = 0; frame <= in->depth; frame++)
			for (uint32_t i = 0; in->flow[frame] && i < ordered; i++)
				changed |= flow_insn(v, in, frame, v->postorder[from + i]);
	}
	if (log_all(v))
		log_live_rounds(v, in->site, in->depth, rounds);
	in->stale = in->fewer = false;
	return in->depth ? tell_caller(v, in) : 0;
}

int stack_live_update(struct verifier *v)
{
	int err = 0;

	v->live.cur = NULL;
	for (uint32_t no = v->st->cur + 1; no-- > 0 && !err;) {
		struct instance *in = instance_of(v, v->st, no);

		if (!in)
			return -ENOMEM;
		err = in->stale ? compute(v, in) : 0;
	}
	return err;
}

/* --- answers --------------------------------------------------------------------------------- */

static uint64_t live_before(struct verifier *v, const struct instance *in, uint32_t frame,
			    uint32_t i)
{
	return in->flow[frame] ? in->flow[frame][i - begin(v, in)].live : 0;
}

int stack_live_ask(struct verifier *v, const struct vstate *st, uint64_t *ret_live)
{
	memset(ret_live, 0, SKEP_FRAMES_MAX * sizeof(*ret_live));
	for (uint32_t no = 0; no <= st->cur; no++) {
		const struct instance *in = instance_of(v, st, no);
		uint32_t at = st->insn;

		if (!in)
			return -ENOMEM;
		/* Callers go on behind their calls, or, of a callback, with the call itself. */
		if (no < st->cur) {
			at = st->frame[no + 1]->callsite;
			at += !v->info[at].calls_callback;
		}
		for (uint32_t frame = 0; frame <= no; frame++)
			ret_live[frame] |= live_before(v, in, frame, at);
	}
	return 0;
}
