/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * depth.c - the depth of call chains (check_max_stack_depth() of the kernel): at most 512 bytes
 * and 8 frames together, at most 256 bytes below a subprogram that tail calls.
 *
 * The walk over the call graph is cut where a subprogram was already seen at least as deep; the
 * first error found is the kernel's, which does not cut.
 */
#include "verifier/verifier_int.h"

#define TAIL_CALL_CALLERS_MAX 256 /* bytes of the frames above a subprogram with a tail call */

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
};

/* The kernel's JIT keeps frames aligned, so it counts them so. */
static uint32_t round_depth(uint32_t depth)
{
	return ALIGN_UP(depth, 16);
}

static int check_entry(struct verifier *v, const struct entry *e)
{
	uint32_t total = e->depth + round_depth(v->depth[e->sub]);
	uint32_t at = v->sub[e->sub].start;

	if (v->sub[e->sub].ld_abs && e->in_callback)
		return verifier_fail(v, -EINVAL, at, "cannot use BPF_LD_[ABS|IND] within callback");
	if (e->sub && v->sub[e->sub].tail_calls && e->depth >= TAIL_CALL_CALLERS_MAX)
		return verifier_fail(v, -EACCES, at,
				     "tail_calls are not allowed when call stack of previous "
				     "frames is %u bytes. Too large",
				     e->depth);
	if (total > SKEP_STACK_MAX)
		return verifier_fail(v, -EACCES, at,
				     "combined stack size of %u calls is %u. Too large",
				     e->frame + 1, total);
	return 0;
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

static int walk_graph(struct graph *g)
{
	struct entry stack[SKEP_FRAMES_MAX] = { { .in_callback = g->v->sub[0].callback } };
	struct verifier *v = g->v;
	int err = check_entry(v, &stack[0]);
	int top = 0;

	while (!err && top >= 0) {
		struct entry *e = &stack[top];
		const struct sub_ref *ref = &v->refs.at[e->ref];
		struct entry next;

		if (e->ref >= v->refs.n || ref->from != e->sub) {
			top--;
			continue;
		}
		e->ref++;
		next = (struct entry){
			.sub = ref->to,
			.in_callback = e->in_callback || v->sub[ref->to].callback,
			.depth = e->depth + round_depth(v->depth[e->sub]),
			.frame = e->frame + 1,
			.ref = g->first[ref->to],
		};
		if (next.frame >= SKEP_FRAMES_MAX)
			return verifier_fail(v, -E2BIG, ref->insn,
					     "the call stack of %u frames is too deep !",
					     next.frame);
		if (!deeper(g, &next))
			continue;
		err = check_entry(v, &next);
		stack[++top] = next;
	}
	return err;
}

int depth_check(struct verifier *v)
{
	struct graph g = { .v = v };
	size_t ref = 0;
	int err = -ENOMEM;

	if (v->refs.n == 0)
		return check_entry(v, &(struct entry){ 0 });
	g.first = skep_alloc_array(v->sub_cnt, sizeof(*g.first));
	g.seen = skep_alloc_array(v->sub_cnt, sizeof(*g.seen));
	if (g.first && g.seen) {
		for (uint32_t s = 0; s < v->sub_cnt; s++) {
			while (ref < v->refs.n && v->refs.at[ref].from < s)
				ref++;
			g.first[s] = ref;
		}
		err = walk_graph(&g);
	}
	skep_free(g.first);
	skep_free(g.seen);
	return err;
}
