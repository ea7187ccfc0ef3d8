/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt_live.c - which registers' values are still needed, and what is computed for nobody.
 *
 *	live_in(op) = uses(op) + (live_out(op) - written(op))
 *	live_out(op) = live_in of all that may run next
 *
 * An op without side effects whose result is not live uses nothing.  One sweep from the end to
 * the start solves this where no jump leads back; otherwise sweeps are repeated until nothing
 * changes, from the assumption that nothing is live.  Where that takes too long, everything is
 * taken to be live everywhere.
 */
#include "jit/jit_int.h"

#include "helper/helper.h"

#define SWEEPS_MAX 12

/* r1 to r_n of a call with n arguments */
static jit_regs args(unsigned n)
{
	return (jit_regs)(((1u << n) - 1) << BPF_REG_1);
}

static jit_regs helper_args(const struct helper_proto *h)
{
	unsigned n = ARRAY_SIZE(h->arg);

	while (n > 0 && !h->takes_more && h->arg[n - 1] == ARG_NONE)
		n--;
	return args(n);
}

/* What op uses beside its operands. */
jit_regs jit_op_implicit(const struct jit *j, const struct jit_op *op)
{
	const struct insn_aux *aux = &j->image->aux[op - j->ops];

	switch (op->code) {
	case JIT_CALL_HELPER:
	case JIT_CALL_MAP:
		return helper_args(aux->helper);
	case JIT_CALL_SUB:
		return j->live_in[j->image->sub[op->imm].start] & args(5);
	case JIT_CALL_KFUNC:
	case JIT_CALLX:
		return args(5);
	case JIT_TAIL_CALL:
		return args(aux->map ? 1 : 2);
	}
	return 0;
}

static bool is_dead(const struct jit_op *op, jit_regs live)
{
	bool pure = op->code < JIT_STORE || op->code == JIT_FUNC;

	return pure && !(live & jit_bit(op->dst));
}

/* What is live behind op, when `next` is live in what follows it. */
static jit_regs live_behind(const struct jit *j, const struct jit_op *op, jit_regs next)
{
	switch (op->code) {
	case JIT_JUMP:
		return j->live_in[op->target];
	case JIT_JCC:
	case JIT_MAY_GOTO:
		return next | j->live_in[op->target];
	case JIT_EXIT:
		return 0;
	}
	return next;
}

/* One sweep; true when the assumptions that it began with did not hold.  `last` removes. */
static inline __attribute__((always_inline)) bool sweep(struct jit *j, bool last)
{
	jit_regs live = 0;
	bool changed = false;

	for (uint32_t i = j->n; i-- > 0;) {
		struct jit_op *op = &j->ops[i];

		if (op->code != JIT_NOP) {
			live = live_behind(j, op, live);
			op->live = live;
			if (!is_dead(op, live))
				live = (live & ~jit_op_writes(op)) | jit_op_uses(j, op);
			else if (last)
				op->code = JIT_NOP;
		}
		changed |= j->live_in[i] != live && j->label[i] & JIT_LABEL_LOOP;
		j->live_in[i] = live;
	}
	return changed;
}

static void assume_all_live(struct jit *j)
{
	memset(j->live_in, 0xff, j->n * sizeof(*j->live_in));
	for (uint32_t i = 0; i < j->n; i++)
		j->ops[i].live = 0xffff;
}

void jit_opt_live(struct jit *j)
{
	int sweeps = 0;

	if (j->loops) {
		memset(j->live_in, 0, j->n * sizeof(*j->live_in));
		while (sweep(j, false)) {
			if (++sweeps == SWEEPS_MAX) {
				assume_all_live(j);
				return;
			}
		}
	}
	sweep(j, true);
}

/* Fusion makes no register live that was not, so what held before is a safe assumption. */
void jit_opt_live_again(struct jit *j)
{
	sweep(j, true);
}
