/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cfg.c - reachability, and for the unprivileged: no loops (check_cfg() of the kernel).
 *
 * A depth-first search that follows fall-through edges first.  Straight runs cost no stack: the
 * path holds every instruction from the entry to the point of search in order, and a fork is
 * remembered by its place on the path.  When an end is reached, what lies behind the last fork
 * whose second edge is open is done with.
 *
 *	NEW --> ON_PATH --> DONE
 */
#include "verifier/verifier_int.h"

enum { NEW, ON_PATH, DONE };

struct cfg {
	struct verifier *v;
	uint8_t *color; /* [cnt] */
	struct {
		VEC(uint32_t);
	} path; /* instructions from the entry to here */
	struct {
		VEC(uint32_t);
	} forks; /* places on the path with an open edge */
};

/* The second edge of a fork: a jump's target, a callee, or -1. */
static int64_t second_edge(const struct verifier *v, uint32_t i)
{
	const struct bpf_insn *insn = &v->insns[i];

	if (code_is_jump(insn->code) && !code_is_goto(insn->code))
		return jump_to(v->insns, i);
	if (v->aux[i].ref == INSN_REF_SUBPROG || v->aux[i].ref == INSN_REF_FUNC)
		return v->sub[v->aux[i].sub].start;
	return -1;
}

/* The edge that is followed first, or -1 at an exit. */
static int64_t first_edge(const struct verifier *v, uint32_t i)
{
	const struct bpf_insn *insn = &v->insns[i];

	if (insn->code == (BPF_JMP | BPF_EXIT))
		return -1;
	if (code_is_goto(insn->code))
		return jump_to(v->insns, i);
	return (int64_t)i + (insn_is_ld_imm64(insn) ? 2 : 1);
}

static int back_edge(struct verifier *v, int64_t from, int64_t to)
{
	const int err =
		verifier_fail(v, -EINVAL, (uint32_t)from, "back-edge from insn %lld to %lld",
			      (long long)from, (long long)to);

	return verifier_too_new(v, v->release < RELEASE_LOOPS ? RELEASE_LOOPS : 0, err);
}

/* Follows first edges from `to` (reached from `from`) until a seen instruction or an exit. */
static int follow(struct cfg *c, int64_t from, int64_t to)
{
	struct verifier *v = c->v;

	while (to >= 0) {
		uint32_t *slot;

		if (to >= v->cnt)
			return verifier_fail(v, -EINVAL, (uint32_t)from,
					     "jump out of range from insn %lld to %lld",
					     (long long)from, (long long)to);
		if (c->color[to] == ON_PATH &&
		    (!v->opts->rights.bpf_capable || v->release < RELEASE_LOOPS))
			return back_edge(v, from, to);
		if (c->color[to] != NEW)
			return 0;
		c->color[to] = ON_PATH;
		if (second_edge(v, (uint32_t)to) >= 0) {
			slot = vec_push(&c->forks);
			if (!slot)
				return -ENOMEM;
			*slot = (uint32_t)c->path.n;
		}
		slot = vec_push(&c->path);
		if (!slot)
			return -ENOMEM;
		*slot = (uint32_t)to;
		from = to;
		to = first_edge(v, (uint32_t)to);
	}
	return 0;
}

/* All that the entry leads to. */
static int search(struct cfg *c, uint32_t entry)
{
	int err = follow(c, entry, entry);

	while (!err && c->forks.n) {
		uint32_t fork = c->forks.at[--c->forks.n];

		while (c->path.n > fork + 1)
			c->color[c->path.at[--c->path.n]] = DONE;
		err = follow(c, c->path.at[fork], second_edge(c->v, c->path.at[fork]));
	}
	return err;
}

static int all_reached(struct cfg *c)
{
	struct verifier *v = c->v;

	for (uint32_t i = 0; i < v->cnt; i++) {
		if (c->color[i] == NEW && !v->opts->dead_code)
			return verifier_fail(v, -EINVAL, i, "unreachable insn %u", i);
		if (!insn_is_ld_imm64(&v->insns[i]))
			continue;
		if (c->color[++i] != NEW)
			return verifier_fail(v, -EINVAL, i - 1,
					     "jump into the middle of ldimm64 insn %u", i - 1);
	}
	return 0;
}

int cfg_check(struct verifier *v)
{
	struct cfg c = { .v = v, .color = skep_alloc(v->cnt) };
	int err = -ENOMEM;

	if (c.color)
		err = search(&c, 0);
	/* Nobody calls it. */
	if (!err && v->exception_sub && c.color[v->sub[v->exception_sub].start] == NEW)
		err = search(&c, v->sub[v->exception_sub].start);
	if (!err)
		err = all_reached(&c);
	skep_free(c.color);
	vec_free(&c.path);
	vec_free(&c.forks);
	return err;
}
