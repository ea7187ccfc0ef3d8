/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * liveness.c - which registers some later instruction of the function may read.
 *
 *	live_before(i) = use(i) | (live_after(i) & ~def(i))
 *	live_after(i)  = union of live_before over the successors of i
 *
 * Solved backwards over each function until nothing changes; a loop takes as many rounds as it
 * is deep.  A call reads the argument registers and clobbers r0 to r5.
 */
#include "verifier/verifier_int.h"

#define CALLER_SAVED 0x3f /* r0 to r5 */
#define ARG_REGS     0x3e /* r1 to r5 */
#define ALL_REGS     0x3ff

/* How many argument registers the callee of the call at i reads. */
static uint16_t call_uses(const struct verifier *v, uint32_t i)
{
	const struct bpf_insn *insn = &v->insns[i];
	const struct helper_proto *h;
	uint16_t use = 0;

	if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL)
		return (uint16_t)((2u << kfunc_arg_count(v, i)) - 2);
	if (insn->src_reg != 0)
		return ARG_REGS;
	h = helper_of_linux((uint32_t)insn->imm, v->prog->type);
	for (unsigned a = 0; h && a < ARGS && h->arg[a] != ARG_NONE; a++)
		use |= (uint16_t)(2u << a);
	/* Of a helper that must not be called nothing is known. */
	return h && helper_allowed(h, v->prog->type, v->prog->expected_attach_type) &&
			       rights_allow_helper(v, h->id)
		       ? use
		       : ARG_REGS;
}

static bool reads(uint8_t use)
{
	return use == USE_R || use == USE_RW;
}

static bool writes(uint8_t use)
{
	return use == USE_W || use == USE_RW;
}

void liveness_use(const struct verifier *v, uint32_t i, uint16_t *ret_use, uint16_t *ret_def)
{
	const struct bpf_insn *insn = &v->insns[i];
	const struct insn_desc *d = insn_desc(insn_decode(insn));
	uint16_t use = 0, def = 0;

	use |= (uint16_t)(reads(d->dst) << insn->dst_reg | reads(d->src) << insn->src_reg);
	def |= (uint16_t)(writes(d->dst) << insn->dst_reg | writes(d->src) << insn->src_reg);
	switch ((enum insn_group)d->group) {
	case INSN_GROUP_CALL:
		use |= call_uses(v, i);
		def |= CALLER_SAVED;
		break;
	case INSN_GROUP_EXIT:
		use |= 1;
		break;
	case INSN_GROUP_LD_ABS:
		use = ALL_REGS; /* Linux looks no closer */
		break;
	case INSN_GROUP_ATOMIC:
		if (insn->imm == BPF_CMPXCHG) {
			use |= 1;
			def |= 1;
		}
		break;
	default:
		break;
	}
	*ret_use = use;
	*ret_def = def;
}

/* live_after(i): what the successors read. */
static uint16_t live_after(const struct verifier *v, uint32_t i)
{
	const struct bpf_insn *insn = &v->insns[i];
	uint16_t live = 0;

	if (insn->code == (BPF_JMP | BPF_EXIT))
		return 0;
	if (code_is_jump(insn->code))
		live |= v->info[jump_to(v->insns, i)].live;
	if (!code_is_goto(insn->code)) {
		const uint32_t next = i + (insn_is_ld_imm64(insn) ? 2 : 1);

		if (next < v->cnt)
			live |= v->info[next].live;
	}
	return live;
}

static bool round_of(struct verifier *v, const struct prog_sub *s, const uint16_t *use,
		     const uint16_t *def)
{
	bool changed = false;

	for (uint32_t i = s->end; i-- > s->start;) {
		uint16_t live = (uint16_t)(use[i] | (live_after(v, i) & ~def[i]));

		changed |= live != v->info[i].live;
		v->info[i].live = live;
	}
	return changed;
}

int liveness_run(struct verifier *v)
{
	uint16_t *use = skep_alloc_array(2 * (size_t)v->cnt, sizeof(*use)), *def;

	if (!use)
		return -ENOMEM;
	def = use + v->cnt;
	for (uint32_t i = 0; i < v->cnt; i++) {
		liveness_use(v, i, &use[i], &def[i]);
		if (insn_is_ld_imm64(&v->insns[i]) && i + 1 < v->cnt)
			i++;
	}
	for (uint32_t s = 0; s < v->sub_cnt; s++)
		while (round_of(v, &v->sub[s], use, def))
			;
	skep_free(use);
	log_live(v);
	return 0;
}
