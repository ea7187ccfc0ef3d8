/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.c - pointers into an arena, the memory that a program shares with its process: whatever
 * they hold, an access reaches the arena or nothing.
 *
 * A register of that type holds an address in the arena's window (map/arena.h): a cast makes it
 * one.  Arithmetic has 32 bits, as in Linux, where the register holds no more; another cast puts
 * it back into the window.
 */
#include "map/arena.h"
#include "verifier/verifier_int.h"

static const struct skep_map *arena_of(const struct verifier *v)
{
	for (uint32_t i = 0; i < v->prog->map_cnt; i++)
		if (v->prog->maps[i]->type == SKEP_MAP_TYPE_ARENA)
			return v->prog->maps[i];
	return NULL;
}

int arena_cast(struct verifier *v)
{
	const struct bpf_insn *insn = &v->insns[v->i];
	struct reg *d = &cur_regs(v)[insn->dst_reg];

	if (insn->imm != SKEP_CAST_TO_ARENA && insn->imm != SKEP_CAST_TO_USER)
		return fail(v, -EINVAL,
			    "addr_space_cast insn can only convert between address space 1 and 0");
	if (!arena_of(v))
		return fail(v, -EINVAL,
			    "addr_space_cast insn can only be used in a program that has an "
			    "associated arena");
	reg_unknown(v, d);
	if (insn->imm == SKEP_CAST_TO_ARENA)
		d->type = PTR_TO_ARENA;
	return 0;
}

int arena_math(struct verifier *v, bool arena)
{
	struct insn_info *info = &v->info[v->i];

	info->arena |= arena;
	info->no_arena |= !arena;
	return info->arena && info->no_arena && !v->opts->judge
		       ? fail(v, -EINVAL, "same insn cannot be used with different pointers")
		       : 0;
}

static bool is_cast(const struct bpf_insn *insn)
{
	return insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn->off == SKEP_ADDR_SPACE_CAST;
}

/* What is added to the 32 bits that count.  Where pointers are not converted they are all. */
static void resolve_cast(struct verifier *v, const struct skep_map *m, uint32_t i)
{
	const bool to_arena = v->insns[i].imm == SKEP_CAST_TO_ARENA;

	v->aux[i].ref = INSN_REF_ADDR;
	v->aux[i].addr = to_arena ? arena_window(m) : arena_user_half(m);
}

int arena_rewrite(struct verifier *v)
{
	const struct skep_map *m = arena_of(v);
	struct bpf_insn cast = {
		.code = BPF_ALU64 | BPF_MOV | BPF_X,
		.off = SKEP_ADDR_SPACE_CAST,
		.imm = SKEP_CAST_TO_ARENA,
	};
	int err = 0;

	if (!m || v->opts->judge)
		return 0;
	/* States are of instructions as they stood. */
	state_free_all(v);
	skep_free(TAKE_PTR(v->explored));
	for (uint32_t i = 0; i < v->cnt && !err; i++) {
		if (insn_is_ld_imm64(&v->insns[i])) {
			i++;
		} else if (is_cast(&v->insns[i])) {
			resolve_cast(v, m, i);
		} else if (v->info[i].arena) {
			v->insns[i].code =
				BPF_ALU | BPF_OP(v->insns[i].code) | BPF_SRC(v->insns[i].code);
			cast.dst_reg = cast.src_reg = v->insns[i].dst_reg;
			err = patch_insert(v, i + 1, &cast);
		}
	}
	return err;
}
