/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fastcall.c - calls that clobber fewer registers than calls do (bpf_fastcall of LLVM): compilers
 * spill the others around them all the same, for kernels that do not know better, and the kernel
 * takes such spills out, with the stack that they used.
 *
 *	*(u64 *)(r10 - 24) = r2		The slots of all such patterns lie at the bottom of the
 *	*(u64 *)(r10 - 32) = r1		frame, from `off` down, and no other instruction may
 *	call get_smp_processor_id	reach there.
 *	r1 = *(u64 *)(r10 - 32)
 *	r2 = *(u64 *)(r10 - 24)
 *
 * Nothing is taken out here; what counts against the limit of stack is what Linux counts.
 */
#include "verifier/verifier_int.h"

#define CALLER_SAVED  6 /* r0 to r5 */
#define ALL_CLOBBERED ((1u << CALLER_SAVED) - 1)

/* Registers that the call at i clobbers by its prototype, a bit each. */
static uint32_t clobbered(const struct verifier *v, uint32_t i)
{
	const struct bpf_insn *insn = &v->insns[i];
	const struct helper_proto *h;
	uint32_t mask;

	if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL)
		return v->info[i].kfunc ? kfunc_clobbers(v, i) : ALL_CLOBBERED;
	if (insn->src_reg || insn->imm <= 0)
		return ALL_CLOBBERED;
	h = helper_of_linux((uint32_t)insn->imm, v->prog->type);
	if (!h || !helper_allowed(h, v->prog->type, v->prog->expected_attach_type))
		return ALL_CLOBBERED;
	mask = h->ret != RET_VOID;
	for (unsigned a = 0; a < ARGS; a++)
		mask |= (uint32_t)(h->arg[a] != ARG_NONE) << (BPF_REG_1 + a);
	return mask;
}

/* Linux puts the call's work in its place, so that it clobbers no more than that. */
static bool is_inlined(const struct verifier *v, uint32_t i)
{
	const struct bpf_insn *insn = &v->insns[i];

	return insn->src_reg == BPF_PSEUDO_KFUNC_CALL ? kfunc_is_fastcall(v, i)
						      : insn->imm == BPF_FUNC_get_smp_processor_id;
}

static bool is_pair(const struct verifier *v, uint32_t spill, uint32_t fill, int off)
{
	const struct bpf_insn *s = &v->insns[spill], *f = &v->insns[fill];

	return s->code == (BPF_STX | BPF_MEM | BPF_DW) && f->code == (BPF_LDX | BPF_MEM | BPF_DW) &&
	       s->dst_reg == BPF_REG_10 && f->src_reg == BPF_REG_10 && s->src_reg == f->dst_reg &&
	       s->off == off && f->off == off;
}

/* The pattern around the call at i, whose lowest slot is at `lowest`. */
static void find_pattern(struct verifier *v, struct sub_facts *f, uint32_t i, int lowest)
{
	uint32_t free = ALL_CLOBBERED & ~clobbered(v, i);
	int off = lowest;
	uint32_t n;

	for (n = 1; n <= CALLER_SAVED && n <= i && i + n < v->cnt; n++, off += 8) {
		if (v->aux[i - n + 1].jump_target || v->aux[i + n].jump_target ||
		    !is_pair(v, i - n, i + n, off) || !(free >> v->insns[i - n].src_reg & 1))
			break;
		free &= ~(1u << v->insns[i - n].src_reg);
		v->info[i - n].fastcall = v->info[i + n].fastcall = true;
	}
	if (n == 1)
		return;
	f->fastcall |= is_inlined(v, i);
	f->fastcall_kept |= !is_inlined(v, i);
	f->fastcall_off = (int16_t)MIN(f->fastcall_off, off);
}

int fastcall_find(struct verifier *v)
{
	for (uint32_t s = 0; s < v->sub_cnt; s++) {
		const struct prog_sub *sub = &v->sub[s];
		int lowest = 0;

		for (uint32_t i = sub->start; i < sub->end; i++)
			if (v->insns[i].code == (BPF_STX | BPF_MEM | BPF_DW) &&
			    v->insns[i].dst_reg == BPF_REG_10)
				lowest = MIN(lowest, v->insns[i].off);
		for (uint32_t i = sub->start; i < sub->end; i++)
			if (v->insns[i].code == (BPF_JMP | BPF_CALL))
				find_pattern(v, &v->facts[s], i, lowest);
	}
	return 0;
}

void fastcall_access(struct verifier *v, uint16_t sub, int off)
{
	struct sub_facts *f = &v->facts[sub];

	if (f->fastcall_off <= off || v->info[v->i].fastcall)
		return;
	f->fastcall = false;
	f->fastcall_off = INT16_MIN;
	for (uint32_t i = v->sub[sub].start; i < v->sub[sub].end; i++)
		v->info[i].fastcall = false;
}

uint32_t fastcall_depth(const struct verifier *v, uint16_t sub)
{
	const struct sub_facts *f = &v->facts[sub];

	return f->fastcall && !f->fastcall_kept ? (uint32_t)-f->fastcall_off : v->depth[sub];
}
