/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixup.c - code that no path reaches becomes a trap, a jump to itself, as the kernel does
 * (sanitize_dead_code()): engines need not be able to compile it.
 */
#include "verifier/verifier_int.h"

int fixup_dead(struct verifier *v)
{
	const struct bpf_insn trap = { .code = BPF_JMP | BPF_JA, .off = -1 };

	for (uint32_t i = 0; i < v->cnt; i++) {
		if (v->info[i].seen) {
			i += insn_is_ld_imm64(&v->insns[i]);
			continue;
		}
		v->insns[i] = trap;
		v->aux[i] = (struct insn_aux){ .jump_target = true };
	}
	return 0;
}
