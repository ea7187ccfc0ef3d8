/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resolve.c - what the kernel looks at before it follows any path: opcodes exist, two-slot
 * instructions are whole.  Fields (but one) and registers are the walk's matter, because code that
 * cannot run may hold anything there (libbpf leaves calls of impossible helpers behind branches
 * that CO-RE decided).
 */
#include "verifier/verifier_int.h"

int resolve_insn(struct verifier *v, uint32_t i)
{
	const int slots = insn_valid(v->insns, v->cnt, i, v->isa, v->diag);
	uint16_t since;

	if (slots >= 0)
		return slots;
	since = insn_desc(insn_decode(&v->insns[i]))->since;
	return verifier_too_new(v, since > v->isa && since <= ISA_LINUX_LATEST ? since : 0,
				verifier_fail_diag(v, slots));
}

int resolve_check(struct verifier *v)
{
	for (uint32_t i = 0; i < v->cnt; i++) {
		const struct bpf_insn *insn = &v->insns[i];
		enum insn_op first = (enum insn_op)insn_slots[insn->code].first;
		int slots;

		if (BPF_CLASS(insn->code) == BPF_LDX && insn->imm)
			return verifier_fail(v, -EINVAL, i, "BPF_LDX uses reserved fields");
		if (first != INSN_INVALID && insn_desc(first)->since <= v->isa &&
		    !insn_is_ld_imm64(insn))
			continue;
		slots = resolve_insn(v, i);
		if (slots < 0)
			return slots;
		i += (uint32_t)slots - 1;
	}
	return 0;
}
