/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * step.c - the walk: takes up path after path and walks each to its end, an instruction at a time.
 */
#include "verifier/verifier_int.h"

static int step_ld_imm64(struct verifier *v)
{
	const struct bpf_insn *insn = &v->insns[v->i];
	const struct insn_aux *aux = &v->aux[v->i];
	struct reg *d = &cur_regs(v)[insn->dst_reg];
	int err = reg_write(v, insn->dst_reg);

	if (err)
		return err;
	switch ((enum insn_ref)aux->ref) {
	case INSN_REF_MAP:
		reg_pointer(d, CONST_PTR_TO_MAP);
		d->map = aux->map;
		break;
	case INSN_REF_MAP_VALUE:
		if (aux->map->type == SKEP_MAP_TYPE_ARENA) { /* a number until it is cast */
			reg_unknown(v, d);
			break;
		}
		reg_pointer(d, PTR_TO_MAP_VALUE);
		d->map = aux->map;
		d->off = insn[1].imm;
		break;
	case INSN_REF_FUNC:
		if (!v->prog->func_info_cnt && !v->opts->no_btf)
			return fail(v, -EINVAL, "missing btf func_info");
		if (v->facts[aux->sub].global)
			return fail(v, -EINVAL, "callback function not static");
		reg_pointer(d, PTR_TO_FUNC);
		d->sub = aux->sub;
		break;
	case INSN_REF_ADDR:
		reg_unknown(v, d);
		break;
	default:
		reg_known(d, insn_imm64(insn));
		break;
	}
	v->info[v->i + 1].seen |= !v->st->speculative;
	v->i += 2;
	return 0;
}

/* Where a packet ends too early its load ends the subprogram, with 0: that is a path as well. */
static int end_early(struct verifier *v)
{
	int err;

	if (!state_push(v, v->i + 1, v->i, false, &err))
		return err;
	reg_known(&cur_regs(v)[BPF_REG_0], 0);
	return call_return(v);
}

/* LD_ABS, LD_IND: r6 is the context; r0 gets a number, r1 to r5 are gone. */
static int step_ld_abs(struct verifier *v)
{
	const struct bpf_insn *insn = &v->insns[v->i];
	struct reg *regs = cur_regs(v);
	int err;

	if (!v->prog->kind->ld_abs)
		return fail(v, -EINVAL,
			    "BPF_LD_[ABS|IND] instructions not allowed for this program type");
	err = reg_read(v, BPF_REG_6);
	if (err)
		return err;
	err = call_leaks(v, true, "BPF_LD_[ABS|IND]");
	if (err)
		return err;
	if (regs[BPF_REG_6].type != PTR_TO_CTX)
		return fail(v, -EINVAL, "at the time of BPF_LD_ABS|IND R6 != pointer to skb");
	if (BPF_MODE(insn->code) == BPF_IND)
		err = reg_read(v, insn->src_reg);
	if (err)
		return err;
	for (unsigned r = BPF_REG_0; r <= BPF_REG_5; r++)
		reg_uninit(&regs[r]);
	reg_unknown(v, &regs[BPF_REG_0]);
	touch_reg(v, BPF_REG_0);
	if (v->st->cur)
		return end_early(v);
	v->i++;
	return 0;
}

static int next(struct verifier *v, int err)
{
	v->i++;
	return err;
}

static int step_alu(struct verifier *v)
{
	return next(v, alu_step(v));
}

static int step_load(struct verifier *v)
{
	return next(v, mem_step_load(v));
}

static int step_store(struct verifier *v)
{
	return next(v, mem_step_store(v));
}

static int step_atomic(struct verifier *v)
{
	return next(v, mem_step_atomic(v));
}

static int step_goto(struct verifier *v)
{
	v->i = (uint32_t)jump_to(v->insns, v->i);
	return 0;
}

/* What each group of instructions does; a step moves v->i on. */
static int (*const steps[_INSN_GROUP_MAX])(struct verifier *v) = {
	[INSN_GROUP_ALU] = step_alu,	   [INSN_GROUP_MOV] = step_alu,
	[INSN_GROUP_NEG] = step_alu,	   [INSN_GROUP_END] = step_alu,
	[INSN_GROUP_JMP] = branch_step,	   [INSN_GROUP_JA] = step_goto,
	[INSN_GROUP_JCOND] = branch_step,  [INSN_GROUP_CALL] = call_step,
	[INSN_GROUP_EXIT] = call_exit,	   [INSN_GROUP_LDX] = step_load,
	[INSN_GROUP_ST] = step_store,	   [INSN_GROUP_STX] = step_store,
	[INSN_GROUP_ATOMIC] = step_atomic, [INSN_GROUP_LD_IMM64] = step_ld_imm64,
	[INSN_GROUP_LD_ABS] = step_ld_abs,
};

/* The first state: r1 is the context, or a global function's arguments; all else is unwritten. */
static int first_state(struct verifier *v, uint16_t sub)
{
	struct frame *f;

	v->st = state_new(v);
	if (!v->st)
		return -ENOMEM;
	f = frame_push(v, v->st, sub, MAIN_CALLSITE);
	if (!f)
		return -ENOMEM;
	for (unsigned r = 0; r < BPF_REG_10; r++)
		reg_uninit(&f->reg[r]);
	reg_pointer(&f->reg[BPF_REG_1], PTR_TO_CTX);
	v->st->branches = 1;
	v->st->sleepable = v->prog->flags & BPF_F_SLEEPABLE;
	v->st->first_insn = v->i = v->sub[sub].start;
	v->prev = NOWHERE;
	v->path_begins = false;
	v->last_line.line = 0;
	return sub ? global_enter(v, sub, f) : struct_ops_begin(v);
}

/* One instruction; PATH_ENDED when nothing is left to do on this path. */
#define PATH_ENDED 1

static int execute(struct verifier *v)
{
	const struct insn_desc *d = insn_desc(insn_decode(&v->insns[v->i]));

	if (!v->info[v->i].valid) {
		int err = insn_valid(v->insns, v->cnt, v->i, v->isa, v->diag);

		if (err < 0)
			return verifier_fail_diag(v, err);
		v->info[v->i].valid = true;
	}
	v->jumps += BPF_CLASS(v->insns[v->i].code) == BPF_JMP ||
		    BPF_CLASS(v->insns[v->i].code) == BPF_JMP32;
	return steps[d->group](v);
}

static int step_one(struct verifier *v)
{
	const uint32_t at = v->i;
	int err;

	v->hist_now = false;
	if (++v->processed > SKEP_INSNS_MAX)
		return fail(v, -E2BIG, "BPF program is too large. Processed %u insn", v->processed);
	v->st->last_insn = v->prev;
	if (v->info[v->i].prune_point && !v->opts->no_prune) {
		err = prune_visit(v);
		if (err < 0)
			return err;
		if (err) {
			if (log_on(v))
				log_safe(v);
			return PATH_ENDED;
		}
	}
	if (v->info[v->i].jmp_point) {
		err = hist_push(v, v->st, 0, 0, 0, 0);
		if (err)
			return err;
	}
	if (v->opts->observe) {
		v->st->observed =
			v->opts->observe(v->opts->observe_arg, v->st, v->i, v->st->observed);
		if (v->st->observed == OBSERVED_ENOUGH)
			return -E2BIG;
	}
	if (log_on(v))
		log_insn(v);
	v->info[v->i].seen |= !v->st->speculative;
	if (unlikely(v->walk))
		v->walk[v->i].visits++;
	if (v->st->speculative && v->aux[at].barrier)
		return PATH_ENDED;
	err = execute(v);
	v->prev = at;
	if (err < 0 && spec_error(v, at, err))
		return PATH_ENDED;
	return !err && v->st->speculative && v->aux[at].barrier_after ? PATH_ENDED : err;
}

/* Walks all paths that begin at the start of sub. */
static int walk(struct verifier *v, uint16_t sub)
{
	int err = first_state(v, sub);

	while (!err) {
		do
			err = step_one(v);
		while (!err);
		if (err != PATH_ENDED)
			return err;
		branches_done(v->st);
		touch_all(v);
		err = state_pop(v);
	}
	return err == -ENOENT ? 0 : err;
}

int step_run(struct verifier *v)
{
	uint16_t sub = 0;

	do {
		int err = walk(v, sub);

		if (err)
			return err;
		if (!log_all(v))
			log_rewind(v->log, 0);
		if (sub && log_on(v))
			verifier_log(v->log,
				     "Func#%u ('%s') is safe for any args that match its "
				     "prototype\n",
				     sub, sub_name(v, sub));
		sub = global_next(v);
	} while (sub);
	return 0;
}
