/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt_flow.c - the order of branches, and branches that have no choice.
 *
 *	   if (a cc b) goto 1f			   if (a !cc b) goto target
 *	   goto target			->
 *	1: ...					1: ...
 *
 *	   if (a cc b) goto out			   if (a !cc b) goto loop
 *	   goto loop			->	   goto out
 *
 * are what clang makes of the end of most loops: one branch a round in place of two.
 */
#include "jit/jit_int.h"

/* One jump less leads to op i. */
static void drop_label(struct jit *j, uint32_t i)
{
	j->label[i]--;
	if (j->label[i] == JIT_LABEL_LOOP)
		j->label[i] = 0;
}

/* Should the jump at i + 1, which only the condition at i lets pass, be the conditional one? */
static bool is_better_inverted(const struct jit *j, uint32_t i)
{
	const struct jit_op *op = &j->ops[i], *next = op + 1;

	return op->code == JIT_JCC && next->code == JIT_JUMP && !j->label[i + 1] &&
	       (op->target == i + 2 || (op->target > i && next->target <= i));
}

void jit_opt_flow(struct jit *j)
{
	for (uint32_t i = 0; i + 1 < j->n; i++) {
		struct jit_op *op = &j->ops[i], *next = op + 1;

		if (op->code == JIT_JUMP && op->target == i + 1) {
			op->code = JIT_NOP;
			drop_label(j, i + 1);
		} else if (is_better_inverted(j, i)) {
			uint32_t target = op->target;

			op->cc ^= 1;
			op->target = next->target;
			next->target = target; /* i + 2 is dealt with in the next round */
		}
	}
}

void jit_never_jumps(struct jit *j, uint32_t i)
{
	drop_label(j, j->ops[i].target);
	j->ops[i].code = JIT_NOP;
}

void jit_always_jumps(struct jit *j, uint32_t i, uint32_t end)
{
	struct jit_op *op = &j->ops[i];

	op->code = JIT_JUMP;
	while (++i < end && !j->label[i]) {
		uint8_t code = j->ops[i].code;

		if (code == JIT_JUMP || code == JIT_JCC || code == JIT_MAY_GOTO)
			jit_never_jumps(j, i);
		j->ops[i].code = JIT_NOP;
	}
	if (op->target == i)
		jit_never_jumps(j, (uint32_t)(op - j->ops));
}
