/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subprog.c - subprograms: where they begin, that jumps stay inside, what engines want to know.
 *
 * A subprogram begins at instruction 0 and wherever a call or a function reference leads; it ends
 * where the next begins.
 */
#include "verifier/verifier_int.h"

uint16_t subprog_of(const struct verifier *v, uint32_t i)
{
	uint32_t lo = 0, hi = v->sub_cnt - 1;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo + 1) / 2;

		if (v->sub[mid].start <= i)
			lo = mid;
		else
			hi = mid - 1;
	}
	return (uint16_t)lo;
}

/* Inserts a subprogram at its place. */
static int sub_add(struct verifier *v, uint32_t start)
{
	uint32_t at = v->sub_cnt ? subprog_of(v, start) : 0;
	struct prog_sub *sub;

	if (v->sub_cnt && v->sub[at].start == start)
		return 0;
	if (v->sub_cnt >= SUBPROGS_MAX)
		return verifier_fail(v, -E2BIG, start, "too many subprograms");
	if (v->sub_cnt == 0 || IS_POW2(v->sub_cnt)) {
		/* Full: it doubles with every power of two. */
		sub = skep_realloc_array(v->sub, v->sub_cnt ? 2 * v->sub_cnt : 1, sizeof(*sub));
		if (!sub)
			return -ENOMEM;
		v->prog->image.sub = v->sub = sub;
	}
	if (v->sub_cnt)
		at++;
	memmove(&v->sub[at + 1], &v->sub[at], (v->sub_cnt - at) * sizeof(*v->sub));
	v->sub[at] = (struct prog_sub){ .start = start };
	v->prog->image.sub_cnt = ++v->sub_cnt;
	return 0;
}

static bool insn_is_func(const struct bpf_insn *i)
{
	return insn_is_ld_imm64(i) && i->src_reg == BPF_PSEUDO_FUNC;
}

static bool insn_is_call(const struct bpf_insn *i, unsigned pseudo)
{
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg == pseudo;
}

/* The instruction at i refers to another function of the program or of the kernel. */
static int ref_add(struct verifier *v, uint32_t i)
{
	int64_t to = (int64_t)i + v->insns[i].imm + 1;
	struct sub_ref *ref;

	if (!v->opts->rights.bpf_capable)
		return verifier_fail(v, -EPERM, i,
				     "loading/calling other bpf or kernel functions are allowed "
				     "for CAP_BPF and CAP_SYS_ADMIN");
	if (insn_is_call(&v->insns[i], BPF_PSEUDO_KFUNC_CALL))
		return 0;
	if (to < 0 || to >= v->cnt)
		return verifier_fail(v, -EINVAL, i, "call to invalid destination");
	ref = vec_push(&v->refs);
	if (!ref)
		return -ENOMEM;
	*ref = (struct sub_ref){ .insn = i, .func = insn_is_func(&v->insns[i]) };
	return sub_add(v, (uint32_t)to);
}

int subprog_find(struct verifier *v)
{
	uint32_t exception = 0;
	int err = sub_add(v, 0);

	for (uint32_t i = 0; i < v->cnt && !err; i++) {
		const struct bpf_insn *insn = &v->insns[i];

		if ((insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg != 0 &&
		     insn->src_reg <= BPF_PSEUDO_KFUNC_CALL) ||
		    insn_is_func(insn))
			err = ref_add(v, i);
	}
	err = err ? err : exception_find(v, &exception);
	if (!err && exception)
		err = sub_add(v, exception);
	if (err)
		return err;
	v->exception_sub = exception ? subprog_of(v, exception) : 0;
	v->depth = skep_alloc_array(v->sub_cnt, sizeof(*v->depth));
	if (!v->depth)
		return -ENOMEM;
	for (uint32_t s = 0; s < v->sub_cnt; s++)
		v->sub[s].end = s + 1 < v->sub_cnt ? v->sub[s + 1].start : v->cnt;
	vec_foreach (ref, &v->refs) {
		ref->from = subprog_of(v, ref->insn);
		ref->to =
			subprog_of(v, (uint32_t)((int64_t)ref->insn + v->insns[ref->insn].imm + 1));
		v->aux[ref->insn].ref = ref->func ? INSN_REF_FUNC : INSN_REF_SUBPROG;
		v->aux[ref->insn].sub = ref->to;
		v->sub[ref->to].callback |= ref->func;
	}
	log_subs(v);
	return 0;
}

static int check_jumps_of(struct verifier *v, struct prog_sub *s)
{
	uint8_t code;

	for (uint32_t i = s->start; i < s->end; i++) {
		int64_t to;

		code = v->insns[i].code;
		s->tail_calls |=
			insn_is_call(&v->insns[i], 0) && v->insns[i].imm == BPF_FUNC_tail_call;
		s->ld_abs |= BPF_CLASS(code) == BPF_LD &&
			     (BPF_MODE(code) == BPF_ABS || BPF_MODE(code) == BPF_IND);
		if (!code_is_jump(code))
			continue;
		to = jump_to(v->insns, i);
		if (to < s->start || to >= s->end)
			return verifier_fail(v, -EINVAL, i,
					     "jump out of range from insn %u to %lld", i,
					     (long long)to);
		v->info[to].jump_target = true;
	}
	code = v->insns[s->end - 1].code;
	if (code != (BPF_JMP | BPF_EXIT) && !code_is_goto(code))
		return verifier_fail(v, -EINVAL, s->end - 1, "last insn is not an exit or jmp");
	return 0;
}

/* What the JITs of old kernels could not compile. */
static int check_mixed(struct verifier *v)
{
	if (v->release >= RELEASE_MIXED_TAIL_CALLS || v->sub_cnt == 1)
		return 0;
	for (uint32_t s = 0; s < v->sub_cnt; s++)
		if (v->sub[s].tail_calls)
			return verifier_too_new(
				v, RELEASE_MIXED_TAIL_CALLS,
				verifier_fail(v, -EINVAL, v->sub[s].start,
					      "tail_calls are not allowed in programs with "
					      "bpf-to-bpf calls"));
	return 0;
}

int subprog_check_jumps(struct verifier *v)
{
	int err = 0;

	for (uint32_t s = 0; s < v->sub_cnt && !err; s++)
		err = check_jumps_of(v, &v->sub[s]);
	return err ? err : check_mixed(v);
}

/* Which of r6 to r9 the instruction writes, as a bit. */
static unsigned writes_saved(const struct bpf_insn *insn, const struct insn_desc *d)
{
	unsigned bits = 0;

	if (d->dst == USE_W || d->dst == USE_RW)
		bits |= 1u << insn->dst_reg;
	if (d->src == USE_W || d->src == USE_RW)
		bits |= 1u << insn->src_reg;
	return bits >> BPF_REG_6 & 0xf;
}

int subprog_describe(struct verifier *v)
{
	for (uint32_t n = 0; n < v->sub_cnt; n++) {
		struct prog_sub *s = &v->sub[n];

		s->stack = (uint16_t)ALIGN_UP(v->depth[n], 8);
		s->tail_calls = s->ld_abs = false;
		for (uint32_t i = s->start; i < s->end; i++) {
			const struct bpf_insn *insn = &v->insns[i];
			const struct insn_desc *d = insn_desc(insn_decode(insn));

			s->regs_written |= writes_saved(insn, d);
			s->calls |= d->group == INSN_GROUP_CALL;
			s->may_gotos |= d->group == INSN_GROUP_JCOND;
			s->ld_abs |= d->group == INSN_GROUP_LD_ABS;
			s->tail_calls |= insn_is_call(insn, 0) && insn->imm == BPF_FUNC_tail_call;
			i += insn_is_double(d);
		}
	}
	return 0;
}
