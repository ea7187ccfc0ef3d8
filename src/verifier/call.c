/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call.c - frames: calls of subprograms, callbacks, returns, and the end of the program.
 */
#include "base/strbuf.h"
#include "verifier/verifier_int.h"

static void clobber_args(struct verifier *v)
{
	struct reg *regs = cur_regs(v);

	for (unsigned r = BPF_REG_0; r <= BPF_REG_5; r++)
		reg_uninit(&regs[r]);
}

/* A frame with no register written; NULL and *ret_err where there can be none. */
static struct frame *push_frame(struct verifier *v, struct vstate *st, uint16_t sub,
				uint32_t callsite, int *ret_err)
{
	struct frame *f;

	*ret_err = -ENOMEM;
	if (st->cur + 1 >= SKEP_FRAMES_MAX) {
		*ret_err = fail(v, -E2BIG, "the call stack of %u frames is too deep", st->cur + 2);
		return NULL;
	}
	f = frame_push(v, st, sub, callsite);
	for (unsigned r = 0; f && r < BPF_REG_10; r++)
		reg_uninit(&f->reg[r]);
	return f;
}

/* The callee starts with the caller's argument registers. */
static int call_sub(struct verifier *v)
{
	const uint16_t sub = v->aux[v->i].sub;
	const struct frame *caller = cur_frame(v);
	struct frame *callee;
	int err;

	if (v->facts[sub].global)
		return global_call(v, sub);
	callee = push_frame(v, v->st, sub, v->i, &err);
	if (!callee)
		return err;
	memcpy(&callee->reg[BPF_REG_1], &caller->reg[BPF_REG_1], ARGS * sizeof(struct reg));
	v->st->cur--;
	clobber_args(v);
	v->st->cur++;
	log_call(v, false);
	v->i = v->sub[sub].start;
	return 0;
}

/*
 * A helper calls back: one path walks the callback, with what `fill` puts into its registers, and
 * comes back to the call for another iteration; the path at hand goes on behind the call.
 */
int callback_push(struct verifier *v, uint16_t sub,
		  int (*fill)(struct verifier *v, struct frame *caller, struct frame *callee))
{
	struct frame *caller, *callee;
	struct vstate *st;
	int err;

	st = state_push(v, v->sub[sub].start, v->i, false, &err);
	if (!st)
		return err;
	st->frame[st->cur]->callback_depth++;
	st->unroll_depth++;
	cur_frame(v)->callback_depth = 0;
	v->info[v->i].calls_callback = true;
	v->facts[sub].callback = true;
	callee = push_frame(v, st, sub, v->i, &err);
	if (!callee)
		return err;
	caller = st->frame[st->cur - 1];
	callee->callback = true;
	return fill(v, caller, callee);
}

/* "... the register R0 has smin=.. smax=.. should have been in [0, 1]" */
static int invalid_value(struct verifier *v, const char *when, uint32_t n, int min, int max)
{
	const struct range *r = &cur_regs(v)[n].n.full;
	char has[64] = "";
	struct strbuf s = { has, sizeof(has), 0 };

	if (r->smin > INT64_MIN)
		strbuf_add(&s, " smin=%lld", (long long)r->smin);
	if (r->smax < INT64_MAX)
		strbuf_add(&s, " smax=%lld", (long long)r->smax);
	return fail(v, -EINVAL, "%s the register R%u has%s should have been in [%d, %d]", when, n,
		    s.len ? has : " unknown scalar value", min, max);
}

int call_return(struct verifier *v)
{
	struct vstate *st = v->st;
	struct frame *callee = cur_frame(v), *caller = st->frame[st->cur - 1];
	const struct reg *r0 = &callee->reg[BPF_REG_0];
	const bool again = callee->callback;
	int err;

	if (r0->type == PTR_TO_STACK)
		return fail(v, -EINVAL, "cannot return stack pointer to the caller");
	if (again) {
		if (r0->type != SCALAR_VALUE)
			return fail(v, -EACCES, "R0 not a scalar value");
		err = precise_mark(v, BPF_REG_0);
		if (err)
			return err;
		if (r0->n.full.umax > 1)
			return invalid_value(v, "At callback return", BPF_REG_0, 0, 1);
		/* Another iteration, or the end of the helper: the call is walked again. */
		v->i = callee->callsite;
	} else {
		caller->reg[BPF_REG_0] = *r0;
		v->i = callee->callsite + 1;
	}
	log_call(v, true);
	v->path_begins = true;
	frame_pop(v, st);
	if (again)
		prune_widen(v, st, st, v->i);
	return 0;
}

/* What may be returned here: false where anything may be. */
static bool return_range(const struct verifier *v, const char **ret_when, int *ret_min,
			 int *ret_max)
{
	const struct frame *f = v->st->frame[v->st->cur];
	const struct prog_ret *range = prog_ret(v->prog);

	*ret_when = f->async ? "At async callback return" : "At program exit";
	if (f->async) {
		*ret_min = f->ret_min;
		*ret_max = f->ret_max;
	} else if (range) {
		*ret_min = range->min;
		*ret_max = range->max;
	} else {
		return target_returns(v, ret_min, ret_max);
	}
	return true;
}

int call_returns(struct verifier *v, uint32_t n)
{
	const struct frame *f = cur_frame(v);
	const bool program = !f->sub || f->sub == v->exception_sub;
	const struct reg *r = &cur_regs(v)[n];
	const struct range *has =
		program && v->prog->type == BPF_PROG_TYPE_LSM ? &r->n.low : &r->n.full;
	const char *when;
	int min, max, err;

	if (program && target_is_void(v))
		return 0;
	if (program && struct_ops_returns_ref(v))
		return args_no_offset(v, n);
	err = reg_read(v, n);
	if (err)
		return err;
	if (reg_is_secret(v, r))
		return fail(v, -EACCES, "R%u leaks addr as return value", n);
	if (!program && !f->async) /* the walk of a global function */
		return r->type == SCALAR_VALUE ? 0
					       : fail(v, -EINVAL,
						      "At subprogram exit the register R%u is not "
						      "a scalar value (%s)",
						      n, TYPE_NAME(r->type));
	if (!return_range(v, &when, &min, &max))
		return 0;
	if (r->type != SCALAR_VALUE)
		return fail(v, -EINVAL, "%s the register R%u is not a known value (%s)", when, n,
			    TYPE_NAME(r->type));
	err = precise_mark(v, n);
	if (!err && (has->smin < min || has->smax > max))
		err = invalid_value(v, when, n, min, max);
	return err;
}

/* exits: r0 is what the program returns. */
static int check_leaks(struct verifier *v, bool regions, bool exits, const char *who)
{
	struct vstate *st = v->st;
	const struct {
		bool open;
		const char *call;
	} region[] = {
		{ st->irq_id, "bpf_local_irq_save" },
		{ st->rcu, "bpf_rcu_read_lock" },
		{ st->preempt, "bpf_preempt_disable" },
	};

	const uint32_t returned =
		exits && struct_ops_returns_ref(v) ? cur_regs(v)[BPF_REG_0].ref_id : 0;
	bool leak = false;

	if (regions && st->locks)
		return fail(v, -EINVAL, "%s cannot be used inside bpf_spin_lock-ed region", who);
	vec_foreach (ref, &st->refs) {
		if (ref->kind != REF_PTR || (returned && ref->id == returned))
			continue;
		verifier_log(v->log, "Unreleased reference id=%u alloc_insn=%u\n", ref->id,
			     ref->insn);
		leak = true;
	}
	if (leak)
		return fail(v, -EINVAL, "%s would lead to reference leak", who);
	for (size_t i = 0; regions && i < ARRAY_SIZE(region); i++)
		if (region[i].open)
			return fail(v, -EINVAL, "%s cannot be used inside %s-ed region", who,
				    region[i].call);
	return 0;
}

int call_leaks(struct verifier *v, bool regions, const char *who)
{
	return check_leaks(v, regions, false, who);
}

int call_exit(struct verifier *v)
{
	struct vstate *st = v->st;
	int err;

	/* What a callee or a callback holds is its caller's to give back. */
	if (st->cur)
		return call_return(v);
	err = check_leaks(v, true, true, "BPF_EXIT instruction in main prog");
	err = err ? err : call_returns(v, BPF_REG_0);
	return err ? err : 1;
}

int call_step(struct verifier *v)
{
	const struct bpf_insn *insn = &v->insns[v->i];
	int err;

	if (v->st->locks && !lock_allows_call(v))
		return fail(v, -EINVAL, "function calls are not allowed while holding a lock");
	switch ((unsigned)insn_decode(insn)) {
	case INSN_CALL_SUB:
		return call_sub(v);
	case INSN_CALL_HELPER:
		err = helper_step(v);
		break;
	case INSN_CALLX:
		v->aux[v->i].ref = INSN_REF_CALLX;
		err = reg_read(v, insn->dst_reg);
		clobber_args(v);
		reg_unknown(v, &cur_regs(v)[BPF_REG_0]);
		break;
	default:
		err = kfunc_step(v);
		break;
	}
	touch_reg(v, BPF_REG_0);
	if (!err && kfunc_throws(v, v->i)) {
		err = call_leaks(v, true, "bpf_throw");
		return err ? err : 1;
	}
	v->i++;
	return err;
}
