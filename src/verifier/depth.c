/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * depth.c - the depth of call chains (check_max_stack_depth() of the kernel): at most 512 bytes
 * and 8 frames together, at most 256 bytes below a subprogram that tail calls.  Types of programs
 * whose frames may lie on a stack of their own have 512 bytes a frame, where frames are large.
 *
 * The walk over the call graph is cut where a subprogram was already seen at least as deep; the
 * first error found is the kernel's, which does not cut.  It begins at the main program and at
 * each callback that runs later.
 */
#include "verifier/verifier_int.h"

#define TAIL_CALL_CALLERS_MAX 256 /* bytes of the frames above a subprogram with a tail call */
#define OWN_STACK_MIN	      64  /* BPF_PRIV_STACK_MIN_SIZE: smaller frames stay where they are */

/* A subprogram as it was entered. */
struct entry {
	uint16_t sub;
	bool in_callback;
	uint32_t depth; /* bytes of the frames above */
	uint32_t frame; /* their number */
	size_t ref;	/* next of v->refs to look at */
};

struct graph {
	struct verifier *v;
	size_t *first;		 /* [sub_cnt] first of v->refs at or after the subprogram's start */
	struct entry (*seen)[2]; /* [sub_cnt][in_callback] deepest entry yet */
	bool *shared;		 /* [sub_cnt] runs in a callback too: on the common stack */
	bool own_stack;		 /* frames of the walk at hand may have a stack of their own */
};

/* The kernel's JIT keeps frames aligned, so it counts them so. */
static uint32_t round_depth(uint32_t depth)
{
	return ALIGN_UP(depth, 16);
}

/* Linux has such stacks for programs that do not nest: those of tracing, unless they tail call. */
static bool may_own_stack(const struct verifier *v)
{
	for (uint32_t s = 0; s < v->sub_cnt; s++)
		if (v->sub[s].tail_calls)
			return false;
	switch (v->prog->type) {
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
		return true;
	case BPF_PROG_TYPE_TRACING:
		return v->prog->expected_attach_type != BPF_TRACE_ITER;
	default:
		return false;
	}
}

static uint32_t frame_size(const struct graph *g, uint16_t sub)
{
	return round_depth(fastcall_depth(g->v, sub));
}

/* Bytes that a frame of the subprogram adds to the common stack. */
static uint32_t common_size(const struct graph *g, uint16_t sub)
{
	const uint32_t size = frame_size(g, sub);

	return g->own_stack && !g->shared[sub] && size >= OWN_STACK_MIN ? 0 : size;
}

/* An exception leaves no callback: who called it back would not know. */
static int check_throws(struct graph *g, const struct entry *e)
{
	struct verifier *v = g->v;

	for (uint32_t i = v->sub[e->sub].start; e->in_callback && i < v->sub[e->sub].end; i++)
		if (kfunc_throws(v, i))
			return verifier_fail(v, -EINVAL, i,
					     "bpf_throw kfunc (insn %u) cannot be called from "
					     "callback subprog %u",
					     i, e->sub);
	return 0;
}

static int check_entry(struct graph *g, const struct entry *e)
{
	struct verifier *v = g->v;
	const uint32_t total = e->depth + common_size(g, e->sub), at = v->sub[e->sub].start;

	if (v->sub[e->sub].ld_abs && e->in_callback)
		return verifier_fail(v, -EINVAL, at, "cannot use BPF_LD_[ABS|IND] within callback");
	if (e->sub && v->sub[e->sub].tail_calls && e->depth >= TAIL_CALL_CALLERS_MAX)
		return verifier_fail(v, -EACCES, at,
				     "tail_calls are not allowed when call stack of previous "
				     "frames is %u bytes. Too large",
				     e->depth);
	if (frame_size(g, e->sub) > SKEP_STACK_MAX)
		return verifier_fail(v, -EACCES, at, "stack size of subprog %u is %u. Too large",
				     e->sub, frame_size(g, e->sub));
	if (total > SKEP_STACK_MAX)
		return verifier_fail(v, -EACCES, at,
				     "combined stack size of %u calls is %u. Too large",
				     e->frame + 1, total);
	return check_throws(g, e);
}

/* Remembers the entry; false when one at least as deep was looked at before. */
static bool deeper(struct graph *g, const struct entry *e)
{
	struct entry *seen = &g->seen[e->sub][e->in_callback];

	/* `ref` of a remembered entry: 1 once it is one. */
	if (seen->ref && seen->depth >= e->depth && seen->frame >= e->frame)
		return false;
	*seen = *e;
	seen->ref = 1;
	return true;
}

/* The reference is a call, or one that is walked like a call: what runs later is not. */
static int is_call(struct verifier *v, const struct sub_ref *ref)
{
	if (!v->facts[ref->to].async && ref->to != v->exception_sub)
		return 1;
	if (ref->func || !v->exception_sub || ref->to != v->exception_sub)
		return !ref->func;
	/* Linux goes on in the same line. */
	verifier_log(v->log, "insn %u cannot call exception cb directly", ref->insn);
	return diag_set(v->diag, -EINVAL, SKEP_AT_INSN, ref->insn,
			"insn %u cannot call exception cb directly", ref->insn);
}

/* All that subprogram `root` calls. */
static int walk_graph(struct graph *g, uint16_t root)
{
	struct verifier *v = g->v;
	struct entry stack[SKEP_FRAMES_MAX] = {
		{ .sub = root, .in_callback = v->facts[root].callback, .ref = g->first[root] }
	};
	int err = check_entry(g, &stack[0]);
	int top = 0;

	while (!err && top >= 0) {
		struct entry *e = &stack[top];
		const struct sub_ref *ref = e->ref < v->refs.n ? &v->refs.at[e->ref] : NULL;
		struct entry next;
		int call;

		if (!ref || ref->from != e->sub) {
			top--;
			continue;
		}
		e->ref++;
		call = is_call(v, ref);
		if (call <= 0) {
			err = call;
			continue;
		}
		next = (struct entry){
			.sub = ref->to,
			.in_callback = e->in_callback || v->facts[ref->to].callback,
			.depth = e->depth + common_size(g, e->sub),
			.frame = e->frame + 1,
			.ref = g->first[ref->to],
		};
		if (next.frame >= SKEP_FRAMES_MAX)
			return verifier_fail(v, -E2BIG, ref->insn,
					     "the call stack of %u frames is too deep !",
					     next.frame);
		g->shared[ref->to] |= !g->own_stack;
		if (!deeper(g, &next))
			continue;
		err = check_entry(g, &next);
		stack[++top] = next;
	}
	return err;
}

/* From the callbacks that run later, last first, and from the main program. */
static int walk_roots(struct graph *g)
{
	const bool own = may_own_stack(g->v);
	int err = 0;

	for (uint32_t s = g->v->sub_cnt; s-- > 0 && !err;) {
		if (s && !g->v->facts[s].async && s != g->v->exception_sub)
			continue;
		g->own_stack = !s && own;
		g->shared[s] |= !g->own_stack;
		memset(g->seen, 0, g->v->sub_cnt * sizeof(*g->seen));
		err = walk_graph(g, (uint16_t)s);
	}
	return err;
}

int depth_check(struct verifier *v)
{
	struct graph g = { .v = v };
	size_t ref = 0;
	int err = -ENOMEM;

	g.first = skep_alloc_array(v->sub_cnt, sizeof(*g.first));
	g.seen = skep_alloc_array(v->sub_cnt, sizeof(*g.seen));
	g.shared = skep_alloc_array(v->sub_cnt, sizeof(*g.shared));
	if (g.first && g.seen && g.shared) {
		for (uint32_t s = 0; s < v->sub_cnt; s++) {
			while (ref < v->refs.n && v->refs.at[ref].from < s)
				ref++;
			g.first[s] = ref;
		}
		err = walk_roots(&g);
	}
	skep_free(g.first);
	skep_free(g.seen);
	skep_free(g.shared);
	return err;
}
