/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * step.c - what one instruction does to the state, and where it leads: a function per group of
 * instructions.
 */
#include "verifier/verifier_int.h"

static const struct bpf_insn *insn_of(const struct walk *w)
{
	return &w->v->insns[w->i];
}

void step_complain(struct walk *w, enum bad bad, unsigned r)
{
	uint16_t *mark = &w->v->mark[w->i];
	unsigned kind = r == BPF_REG_10 ? VAL_STACK : w->st.reg[r].kind;

	if (!(*mark & MARK_BAD))
		*mark |= (uint16_t)(MARK_BAD | (unsigned)bad << MARK_BAD_SHIFT |
				    r << MARK_REG_SHIFT | kind << MARK_VAL_SHIFT);
}

static int report(struct verifier *v, uint32_t i)
{
	const unsigned bad = v->mark[i] >> MARK_BAD_SHIFT & 0xf;
	const unsigned r = v->mark[i] >> MARK_REG_SHIFT & 0xf;
	const char *name = val_name((enum val_kind)(v->mark[i] >> MARK_VAL_SHIFT));

	log_run(v, i);
	switch ((enum bad)bad) {
	case BAD_UNINIT:
		return verifier_fail(v, -EACCES, i, "R%u !read_ok", r);
	case BAD_DEREF:
		return verifier_fail(v, -EACCES, i, "R%u invalid mem access '%s'", r, name);
	case BAD_SKB:
		return verifier_fail(v, -EINVAL, i,
				     "at the time of BPF_LD_ABS|IND R6 != pointer to skb");
	default: /* BAD_FUNC */
		return verifier_fail(v, -EACCES, i, "R%u type=%s expected=func", r, name);
	}
}

int step_report(struct verifier *v)
{
	for (uint32_t i = 0; i < v->cnt; i++)
		if (v->mark[i] & MARK_BAD)
			return report(v, i);
	return 0;
}

const struct val *step_read(struct walk *w, unsigned r)
{
	static const struct val any = { .kind = VAL_ANY };

	if (r == BPF_REG_10)
		return &w->r10;
	if (w->st.reg[r].kind != VAL_UNINIT)
		return &w->st.reg[r];
	step_complain(w, BAD_UNINIT, r);
	return &any;
}

void step_write(struct walk *w, unsigned r, struct val v)
{
	w->st.reg[r] = v;
}

/* The second operand of arithmetic and comparisons. */
static struct val operand(struct walk *w)
{
	const struct bpf_insn *insn = insn_of(w);

	if (BPF_SRC(insn->code) == BPF_X)
		return *step_read(w, insn->src_reg);
	return val_const((uint64_t)(int64_t)insn->imm);
}

/* The pointer a, moved by the number b. */
static struct val moved(struct walk *w, struct val a, const struct val *b, bool minus)
{
	const bool known = b->kind == VAL_CONST;
	const uint64_t by = minus ? -b->v : b->v;

	switch (a.kind) {
	case VAL_CTX:
		if (!known || a.off == CTX_VAR)
			a.off = CTX_VAR;
		else
			a.v += by;
		return a;
	case VAL_STACK:
		if (!known)
			a.kind = VAL_STACK_VAR;
		else
			a.v += by;
		mem_stack_use(w, &a, a.off);
		return a;
	case VAL_STACK_VAR:
		if (known && (int64_t)by < 0)
			a.off = (int64_t)by < -SKEP_STACK_MAX
					? -SKEP_STACK_MAX
					: MAX(a.off + (int64_t)by, -SKEP_STACK_MAX);
		return a;
	case VAL_MEM:
		if (!known)
			return val_of(VAL_ANY);
		a.v += by;
		return a;
	case VAL_MIXED:
		return a;
	default:
		return val_of(VAL_ANY);
	}
}

static struct val add(struct walk *w, const struct val *a, const struct val *b, bool minus)
{
	if (val_is_number(b))
		return moved(w, *a, b, minus);
	if (val_is_number(a) && !minus)
		return moved(w, *b, a, false);
	return val_of(VAL_ANY);
}

static int step_alu(struct walk *w)
{
	const struct bpf_insn *insn = insn_of(w);
	const struct val b = operand(w), a = *step_read(w, insn->dst_reg);
	const unsigned op = BPF_OP(insn->code);
	uint64_t folded;
	struct val r = val_of(VAL_SCALAR);

	if (a.kind == VAL_CONST && b.kind == VAL_CONST && insn->off == 0 &&
	    scalar_alu(insn, a.v, b.v, &folded))
		r = val_const(folded);
	else if (BPF_CLASS(insn->code) == BPF_ALU64 && (op == BPF_ADD || op == BPF_SUB) &&
		 !(val_is_number(&a) && val_is_number(&b)))
		r = add(w, &a, &b, op == BPF_SUB);
	step_write(w, insn->dst_reg, r);
	return 0;
}

static int step_mov(struct walk *w)
{
	const struct bpf_insn *insn = insn_of(w);
	const bool wide = BPF_CLASS(insn->code) == BPF_ALU64;
	struct val v = operand(w);

	if (BPF_SRC(insn->code) == BPF_X && insn->off == SKEP_ADDR_SPACE_CAST)
		return step_fail(w, -EINVAL,
				 "addr_space_cast insn can only be used in a program that has an "
				 "associated arena");
	if (v.kind == VAL_CONST && insn->off == 0)
		v = val_const(wide ? v.v : (uint32_t)v.v);
	else if (!wide || insn->off != 0)
		v = val_of(VAL_SCALAR);
	step_write(w, insn->dst_reg, v);
	return 0;
}

/* Negation and byte order. */
static int step_unary(struct walk *w)
{
	step_read(w, insn_of(w)->dst_reg);
	step_write(w, insn_of(w)->dst_reg, val_of(VAL_SCALAR));
	return 0;
}

/* Never zero. */
static bool val_is_address(const struct val *v)
{
	return v->kind == VAL_MAP || v->kind == VAL_MEM || v->kind == VAL_FUNC ||
	       v->kind == VAL_STACK || v->kind == VAL_STACK_VAR;
}

static int step_jmp(struct walk *w)
{
	const struct bpf_insn *insn = insn_of(w);
	const struct val b = operand(w), a = *step_read(w, insn->dst_reg);
	const uint32_t target = (uint32_t)jump_to(w->v->insns, w->i);
	const bool equality = BPF_OP(insn->code) == BPF_JEQ || BPF_OP(insn->code) == BPF_JNE;

	if (a.kind == VAL_CONST && b.kind == VAL_CONST) {
		w->ends = scalar_taken(insn, a.v, b.v);
		return w->ends ? states_meet(&w->states, target, &w->st) : 0;
	}
	if (equality && BPF_CLASS(insn->code) == BPF_JMP && b.kind == VAL_CONST && b.v == 0 &&
	    val_is_address(&a)) {
		w->ends = BPF_OP(insn->code) == BPF_JNE;
		return w->ends ? states_meet(&w->states, target, &w->st) : 0;
	}
	return states_meet(&w->states, target, &w->st);
}

static int step_ja(struct walk *w)
{
	w->ends = true;
	return states_meet(&w->states, (uint32_t)jump_to(w->v->insns, w->i), &w->st);
}

static int step_may_goto(struct walk *w)
{
	return states_meet(&w->states, (uint32_t)jump_to(w->v->insns, w->i), &w->st);
}

static int step_exit(struct walk *w)
{
	if (w->sub == 0)
		step_read(w, BPF_REG_0);
	w->ends = true;
	return 0;
}

static int step_ld_imm64(struct walk *w)
{
	const struct bpf_insn *insn = insn_of(w);
	const struct insn_aux *aux = &w->v->aux[w->i];
	struct val v = val_of(VAL_ANY);

	switch (aux->ref) {
	case INSN_REF_MAP:
		v = (struct val){ .kind = VAL_MAP, .insn = w->i, .v = (uintptr_t)aux->map };
		break;
	case INSN_REF_MAP_VALUE:
		v = (struct val){ .kind = VAL_MEM, .insn = w->i, .v = aux->addr };
		break;
	case INSN_REF_FUNC:
		if (!w->v->prog->func_info_cnt && !w->v->opts->no_btf)
			return step_fail(w, -EINVAL, "missing btf func_info");
		v = (struct val){ .kind = VAL_FUNC, .sub = aux->sub };
		break;
	default:
		if (insn->src_reg == 0)
			v = val_const(insn_imm64(insn));
	}
	step_write(w, insn->dst_reg, v);
	return 0;
}

static int step_ld_abs(struct walk *w)
{
	if (!w->v->prog->kind->ld_abs)
		return step_fail(w, -EINVAL,
				 "BPF_LD_[ABS|IND] instructions not allowed for this program type");
	if (w->st.reg[BPF_REG_6].kind != VAL_UNINIT &&
	    (w->st.reg[BPF_REG_6].kind != VAL_CTX || w->st.reg[BPF_REG_6].off != 0))
		step_complain(w, BAD_SKB, BPF_REG_6);
	step_read(w, BPF_REG_6);
	if (BPF_MODE(insn_of(w)->code) == BPF_IND)
		step_read(w, insn_of(w)->src_reg);
	for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
		step_write(w, r, val_of(VAL_UNINIT));
	step_write(w, BPF_REG_0, val_of(VAL_SCALAR));
	return 0;
}

int step(struct walk *w)
{
	static int (*const steps[_INSN_GROUP_MAX])(struct walk *) = {
		[INSN_GROUP_ALU] = step_alu,	    [INSN_GROUP_MOV] = step_mov,
		[INSN_GROUP_NEG] = step_unary,	    [INSN_GROUP_END] = step_unary,
		[INSN_GROUP_JMP] = step_jmp,	    [INSN_GROUP_JA] = step_ja,
		[INSN_GROUP_JCOND] = step_may_goto, [INSN_GROUP_CALL] = call_step,
		[INSN_GROUP_EXIT] = step_exit,	    [INSN_GROUP_LDX] = mem_load,
		[INSN_GROUP_ST] = mem_store,	    [INSN_GROUP_STX] = mem_store,
		[INSN_GROUP_ATOMIC] = mem_atomic,   [INSN_GROUP_LD_IMM64] = step_ld_imm64,
		[INSN_GROUP_LD_ABS] = step_ld_abs,
	};

	return steps[w->desc->group](w);
}
