/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.c - the graph of instructions inside subprograms: what follows what, an order in which
 * successors come first, and the loops (strongly connected components).
 *
 * Both searches follow the fall-through edge first, as the kernel's do: the numbers of loops and
 * the order of the analyses show in the log.
 */
#include "verifier/verifier_int.h"

unsigned insn_next(const struct verifier *v, uint32_t i, uint32_t ret_next[2])
{
	const struct bpf_insn *insn = &v->insns[i];
	unsigned n = 0;

	if (insn->code == (BPF_JMP | BPF_EXIT))
		return 0;
	if (!code_is_goto(insn->code))
		ret_next[n++] = i + (insn_is_ld_imm64(insn) ? 2 : 1);
	if (code_is_jump(insn->code))
		ret_next[n++] = (uint32_t)jump_to(v->insns, i);
	return n;
}

/* --- successors first ------------------------------------------------------------------------ */

enum { NEW, FOUND, DONE };

/* An instruction is done when all that it leads to was found; then it is next in the order. */
static void order_sub(struct verifier *v, uint32_t s, uint8_t *state, uint32_t *stack)
{
	uint32_t *order = &v->postorder[v->sub[s].start], depth = 0, n = 0;

	stack[depth++] = v->sub[s].start;
	while (depth) {
		const uint32_t i = stack[depth - 1];
		uint32_t next[2];

		if (state[i] == DONE) {
			order[n++] = i;
			depth--;
			continue;
		}
		for (unsigned k = 0, cnt = insn_next(v, i, next); k < cnt; k++) {
			if (state[next[k]] != NEW)
				continue;
			state[next[k]] = FOUND;
			stack[depth++] = next[k];
		}
		state[i] = DONE;
	}
	v->facts[s].order_cnt = n;
}

/* --- loops ------------------------------------------------------------------------------------ */

#define OFF_STACK UINT32_MAX

/* Tarjan's search: low is the earliest instruction on the stack that is reached from here. */
struct search {
	struct verifier *v;
	uint32_t *pre, *low; /* [cnt] in the order of discovery, from 1 */
	uint32_t *stack;     /* found, and in no component yet */
	uint32_t *path;	     /* from the beginning to here */
	uint32_t found, stacked;
};

/*
 * The component of which i was found first ends; it is a loop when i leads back to itself.  A call
 * that calls back does so by way of the callback, which Linux 6.18 overlooks.
 */
static void close_component(struct search *s, uint32_t i, bool self)
{
	const bool calls_back = !s->v->opts->judge && insn_calls_back(s->v, i);
	const bool loop = self || calls_back || s->stack[s->stacked - 1] != i;
	uint32_t member;

	s->v->nr_loops += loop;
	do {
		member = s->stack[--s->stacked];
		s->low[member] = OFF_STACK;
		s->v->info[member].loop = loop ? s->v->nr_loops : 0;
	} while (member != i);
}

/* One look at i: true where something that it leads to has to be seen first. */
static bool look(struct search *s, uint32_t i, uint32_t *ret_deeper)
{
	uint32_t next[2];
	const unsigned n = insn_next(s->v, i, next);
	bool self = false;

	if (!s->pre[i]) {
		s->pre[i] = s->low[i] = ++s->found;
		s->stack[s->stacked++] = i;
	}
	for (unsigned k = 0; k < n; k++) {
		if (!s->pre[next[k]]) {
			*ret_deeper = next[k];
			return true;
		}
		s->low[i] = MIN(s->low[i], s->low[next[k]]);
		self |= next[k] == i;
	}
	if (s->low[i] == s->pre[i])
		close_component(s, i, self);
	return false;
}

static void search_from(struct search *s, uint32_t i)
{
	uint32_t depth = 0;

	s->path[depth++] = i;
	while (depth)
		if (look(s, s->path[depth - 1], &s->path[depth]))
			depth++;
		else
			depth--;
}

int graph_run(struct verifier *v)
{
	uint32_t *room = skep_alloc_array((size_t)v->cnt * 4 + 1, sizeof(*room));
	uint8_t *state = skep_alloc(v->cnt);
	struct search s = { .v = v, .pre = room };
	int err = -ENOMEM;

	v->postorder = skep_alloc_array(v->cnt, sizeof(*v->postorder));
	if (room && state && v->postorder) {
		s.low = room + v->cnt;
		s.stack = s.low + v->cnt;
		s.path = s.stack + v->cnt;
		for (uint32_t n = 0; n < v->sub_cnt; n++)
			order_sub(v, n, state, s.stack);
		for (uint32_t i = 0; i < v->cnt; i++) {
			if (!s.pre[i])
				search_from(&s, i);
			i += insn_is_ld_imm64(&v->insns[i]);
		}
		err = 0;
	}
	skep_free(room);
	skep_free(state);
	return err;
}
