/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.c - pointers into an arena, the memory that a program shares with its process: whatever
 * they hold, an access reaches the arena or nothing.  Only a kernel that judges has arenas.
 */
#include "verifier/verifier_int.h"

#define TO_KERNEL 1	    /* from address space 1 to 0 */
#define TO_USER	  (1 << 16) /* and back */

static bool has_arena(const struct verifier *v)
{
	for (uint32_t i = 0; i < v->prog->map_cnt; i++)
		if (v->prog->maps[i]->type == SKEP_MAP_TYPE_ARENA)
			return true;
	return false;
}

int arena_cast(struct verifier *v)
{
	const struct bpf_insn *insn = &v->insns[v->i];
	struct reg *d = &cur_regs(v)[insn->dst_reg];

	if (insn->imm != TO_KERNEL && insn->imm != TO_USER)
		return fail(v, -EINVAL,
			    "addr_space_cast insn can only convert between address space 1 and 0");
	if (!has_arena(v))
		return fail(v, -EINVAL,
			    "addr_space_cast insn can only be used in a program that has an "
			    "associated arena");
	reg_unknown(v, d);
	if (insn->imm == TO_KERNEL)
		d->type = PTR_TO_ARENA;
	return 0;
}
