/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt_flow.c - jumps over jumps.
 *
 *	   if (a cc b) goto 1f			   if (a !cc b) goto target
 *	   goto target			->
 *	1: ...					1: ...
 *
 * is what clang makes of the end of most loops: one branch in place of two.
 */
#include "jit/jit_int.h"

/* One jump less leads to op i. */
static void drop_label(struct jit *j, uint32_t i)
{
	j->label[i]--;
	if (j->label[i] == JIT_LABEL_LOOP)
		j->label[i] = 0;
}

void jit_opt_flow(struct jit *j)
{
	for (uint32_t i = 0; i + 1 < j->n; i++) {
		struct jit_op *op = &j->ops[i], *next = op + 1;

		if (op->code == JIT_JUMP && op->target == i + 1) {
			op->code = JIT_NOP;
			drop_label(j, i + 1);
		} else if (op->code == JIT_JCC && next->code == JIT_JUMP && op->target == i + 2 &&
			   !j->label[i + 1]) {
			op->cc ^= 1;
			op->target = next->target;
			next->code = JIT_NOP;
			drop_label(j, i + 2);
		}
	}
}
