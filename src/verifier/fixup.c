/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixup.c - code that no path reaches, and jumps that are none: gone, as in the kernel
 * (opt_hard_wire_dead_code_branches() and what follows it).
 *
 * For callers without CAP_BPF it becomes traps, jumps to themselves (sanitize_dead_code()):
 * engines need not be able to compile it.  So it does where somebody counts by instruction.
 */
#include "verifier/verifier_int.h"

static void make_trap(struct verifier *v, uint32_t i)
{
	v->insns[i] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = -1 };
	v->aux[i] = (struct insn_aux){ 0 };
}

static int sanitize(struct verifier *v)
{
	for (uint32_t i = 0; i < v->cnt; i++) {
		if (v->info[i].seen) {
			i += insn_is_ld_imm64(&v->insns[i]);
			continue;
		}
		make_trap(v, i);
	}
	return 0;
}

/* A callback that is passed to nobody: something must be there to point to. */
static void keep_callback(struct verifier *v, uint32_t i)
{
	const uint32_t start = v->sub[v->aux[i].sub].start;

	if (v->aux[i].ref != INSN_REF_FUNC || v->info[start].seen)
		return;
	make_trap(v, start);
	v->info[start].seen = true;
}

/* A conditional jump of which one way is dead always goes the other. */
static void hard_wire(struct verifier *v, uint32_t i)
{
	const struct bpf_insn *insn = &v->insns[i];
	int16_t off;

	if (!code_is_jump(insn->code) || code_is_goto(insn->code) ||
	    BPF_OP(insn->code) == BPF_JCOND)
		return;
	if (!v->info[i + 1].seen)
		off = insn->off;
	else if (!v->info[jump_to(v->insns, i)].seen)
		off = 0;
	else
		return;
	v->insns[i] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = off };
}

static int remove_marked(struct verifier *v, bool (*is_gone)(const struct verifier *v, uint32_t i))
{
	bool *gone = skep_alloc_array(v->cnt, sizeof(*gone));
	bool any = false;
	int err = gone ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < v->cnt && !err; i++) {
		gone[i] = is_gone(v, i);
		any |= gone[i];
	}
	if (!err && any)
		err = patch_remove(v, gone);
	skep_free(gone);
	return err;
}

static bool is_dead(const struct verifier *v, uint32_t i)
{
	return !v->info[i].seen;
}

/* The second slot of an LD_IMM64 is no instruction, whatever its bytes: its code is 0. */
static bool is_nop(const struct verifier *v, uint32_t i)
{
	return v->insns[i].code == (BPF_JMP | BPF_JA) && v->insns[i].off == 0;
}

int fixup_dead(struct verifier *v)
{
	int err;

	if (v->opts->trusted || v->opts->observe || v->walk || !v->opts->rights.bpf_capable)
		return sanitize(v);
	state_free_all(v); /* they are of instructions as they stood */
	for (uint32_t i = 0; i < v->cnt; i++) {
		if (!v->info[i].seen)
			continue;
		hard_wire(v, i);
		keep_callback(v, i);
	}
	err = remove_marked(v, is_dead);
	return err ? err : remove_marked(v, is_nop);
}
