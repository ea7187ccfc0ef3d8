/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trust.c - the walk's stand-in for programs whose values are not followed (opts.trusted): fields
 * and helpers are checked, every subprogram that names r10 gets a whole frame of stack.
 */
#include "verifier/verifier_int.h"

static int trust_call(struct verifier *v)
{
	struct insn_aux *aux = &v->aux[v->i];

	switch ((unsigned)insn_decode(&v->insns[v->i])) {
	case INSN_CALL_HELPER:
		aux->ref = INSN_REF_HELPER;
		return helper_find(v, v->insns[v->i].imm, &aux->helper);
	case INSN_CALLX:
		aux->ref = INSN_REF_CALLX;
		return 0;
	default: /* subprograms and kfuncs are resolved */
		return 0;
	}
}

int trust_run(struct verifier *v)
{
	uint16_t use, def;
	int slots, err;

	for (v->i = 0; v->i < v->cnt; v->i += (uint32_t)slots) {
		const struct bpf_insn *insn = &v->insns[v->i];

		slots = insn_valid(v->insns, v->cnt, v->i, v->isa, v->diag);
		if (slots < 0)
			return verifier_fail_diag(v, slots);
		v->info[v->i].seen = true;
		liveness_use(v, v->i, &use, &def);
		if (use >> BPF_REG_10 & 1)
			v->depth[subprog_of(v, v->i)] = SKEP_STACK_MAX;
		if (insn_desc(insn_decode(insn))->group != INSN_GROUP_CALL)
			continue;
		err = trust_call(v);
		if (err)
			return err;
	}
	return 0;
}
