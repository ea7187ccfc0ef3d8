/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit.c - the driver: runs the passes over one program and publishes the code.
 */
#include "jit/jit.h"
#include "jit/jit_int.h"
#include "jit/mcode.h"

#include "base/alloc.h"

bool jit_available(void)
{
	return jit_host_target != NULL;
}

static void jit_fini(struct jit *j)
{
	skep_free(j->ops);
	skep_free(j->label);
	skep_free(j->live_in);
	skep_free(j->sub);
	skep_free(j->draft);
	skep_free(j->frag);
	skep_free(j->reloc);
}

static int jit_init(struct jit *j, const struct skep_prog *prog)
{
	j->prog = prog;
	j->image = &prog->image;
	j->target = jit_host_target;
	j->n = prog->image.insn_cnt;
	j->ops = skep_alloc_array(j->n, sizeof(*j->ops));
	j->label = skep_alloc_array(j->n, sizeof(*j->label));
	j->live_in = skep_alloc_array(j->n, sizeof(*j->live_in));
	j->sub = skep_alloc_array(j->image->sub_cnt, sizeof(*j->sub));
	if (!j->ops || !j->label || !j->live_in || !j->sub)
		return -ENOMEM;
	for (uint32_t s = 0; s < j->image->sub_cnt; s++)
		j->sub[s].thunk = j->image->sub[s].callback ? 0 : JIT_NO_FRAG;
	return 0;
}

/* What the ops of each subprogram ask of its frame. */
static void survey(struct jit *j)
{
	static const struct {
		bool calls, run;
		uint8_t scratch;
	} needs[_JIT_CODE_MAX] = {
		[JIT_CALL_HELPER] = { true, true, 0 }, [JIT_CALL_KFUNC] = { true, true, 0 },
		[JIT_CALL_MAP] = { true, true, 0 },    [JIT_CALL_SUB] = { true, false, 0 },
		[JIT_CALLX] = { true, true, 5 },       [JIT_TAIL_CALL] = { false, true, 0 },
		[JIT_LD_ABS] = { true, true, 1 },      [JIT_LOOKUP_CPU] = { false, true, 0 },
		[JIT_KPTR] = { true, true, 6 },	       [JIT_PROBE] = { true, true, 6 },
	};

	for (uint32_t s = 0; s < j->image->sub_cnt; s++) {
		const struct prog_sub *sub = &j->image->sub[s];
		struct jit_sub *js = &j->sub[s];

		js->written = 0;
		js->calls = false;
		for (uint32_t i = sub->start; i < sub->end; i++) {
			const struct jit_op *op = &j->ops[i];

			if (op->code == JIT_NOP)
				continue;
			js->written |= jit_bit(op->dst);
			js->calls |= needs[op->code].calls;
			js->scratch = MAX(js->scratch, needs[op->code].scratch);
			j->uses_run |= needs[op->code].run;
			j->hands_run |= needs[op->code].run && needs[op->code].calls;
		}
	}
}

/* Room for one more op in the draft. */
static int draft_reserve(struct jit *j)
{
	size_t used = (size_t)(j->p - j->draft), want = (size_t)(j->draft_end - j->draft) * 2;
	uint8_t *p;

	if ((size_t)(j->draft_end - j->p) >= JIT_OP_BYTES_MAX)
		return 0;
	p = skep_realloc_array(j->draft, want, 1);
	if (!p)
		return -ENOMEM;
	j->draft = p;
	j->draft_end = p + want;
	j->p = p + used;
	return 0;
}

/* Arrays of lowering: as many fragments and relocations as there can be at most. */
static int lower_init(struct jit *j)
{
	size_t frags = 3 + 3 * (size_t)j->image->sub_cnt, relocs = 2 + j->image->sub_cnt;
	size_t draft = JIT_OP_BYTES_MAX * 3 / 2 + (size_t)j->n * 5;

	for (uint32_t i = 0; i < j->n; i++) {
		const struct jit_op *op = &j->ops[i];

		frags += (j->label[i] != 0) + (op->code == JIT_JUMP) + (op->code == JIT_JCC) +
			 (op->code == JIT_MAY_GOTO);
		relocs += op->code >= JIT_CALL_HELPER;
	}
	j->frag = skep_alloc_array(frags, sizeof(*j->frag));
	j->reloc = skep_alloc_array(relocs, sizeof(*j->reloc));
	j->draft = skep_alloc(draft);
	if (!j->frag || !j->reloc || !j->draft)
		return -ENOMEM;
	j->draft_end = j->draft + draft;
	j->p = j->draft;
	j->nr_frags = j->nr_relocs = 0;
	return 0;
}

/* Op i, between the fences that its instruction asks for. */
static int lower_op(struct jit *j, uint32_t i)
{
	const struct jit_target *t = j->target;
	const struct insn_aux *aux = &j->image->aux[i];
	int r = draft_reserve(j);

	if (r == 0 && aux->barrier) {
		t->barrier(j);
		r = draft_reserve(j);
	}
	if (r < 0)
		return r;
	if (j->ops[i].code != JIT_NOP)
		t->lower(j, &j->ops[i]);
	if (aux->barrier_after) {
		r = draft_reserve(j);
		if (r == 0)
			t->barrier(j);
	}
	return r;
}

static int lower_sub(struct jit *j, uint32_t s)
{
	const struct jit_target *t = j->target;
	const struct prog_sub *sub = &j->image->sub[s];

	j->cur_sub = s;
	j->sub[s].frag = jit_begin_frag(j, t->entry_align);
	t->prologue(j);
	for (uint32_t i = sub->start; i < sub->end; i++) {
		int r;

		if (j->label[i]) {
			bool loop = j->label[i] & JIT_LABEL_LOOP;

			j->label[i] = jit_begin_frag(j, loop ? t->loop_align : 1);
			j->flags_reg = JIT_NONE;
		}
		r = lower_op(j, i);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where tail calls enter: in the main program, or a thunk to where it begins. */
static int lower_tail_entry(struct jit *j)
{
	int r;

	if (j->uses_run) {
		j->tail_frag = j->sub[0].frag;
		return 0;
	}
	r = draft_reserve(j);
	if (r < 0)
		return r;
	j->tail_frag = jit_begin_frag(j, 1);
	j->tail_entry = jit_here(j);
	j->target->tail_thunk(j);
	return 0;
}

static int lower(struct jit *j)
{
	uint32_t subs = j->image->sub_cnt;
	int r = lower_init(j);

	for (uint32_t s = 0; s < subs && r == 0; s++)
		r = lower_sub(j, s);
	for (uint32_t s = 0; s < subs && r == 0; s++) {
		if (j->sub[s].thunk == JIT_NO_FRAG)
			continue;
		r = draft_reserve(j);
		if (r < 0)
			break;
		j->sub[s].thunk = jit_begin_frag(j, j->target->entry_align);
		j->target->thunk(j, s);
	}
	return r < 0 ? r : lower_tail_entry(j);
}

/* Everything but the last step: code is in the draft, its size known. */
static int build(struct jit *j, struct skep_diag *reterr_diag)
{
	int r = jit_decode(j, reterr_diag);

	if (r < 0)
		return r;
	/* What makes one op of several would reach across a barrier. */
	if (!j->image->barriers)
		jit_opt_flow(j);
	jit_opt_live(j);
	if (!j->image->barriers)
		jit_opt_fuse(j);
	jit_opt_live_again(j);
	survey(j);
	r = lower(j);
	if (r == 0)
		jit_layout(j);
	return r;
}

static int publish(const struct jit *j, struct skep_prog *prog, struct mcode *code)
{
	const struct jit_frag *tail = &j->frag[j->tail_frag];
	uint32_t *subs = skep_alloc_array(j->image->sub_cnt, sizeof(*subs));
	uint32_t *funcs = skep_alloc_array(j->image->sub_cnt, sizeof(*funcs));

	if (!subs || !funcs) {
		skep_free(subs);
		skep_free(funcs);
		return -ENOMEM;
	}
	jit_copy(j, code->rw, code->rx);
	for (uint32_t s = 0; s < j->image->sub_cnt; s++) {
		subs[s] = j->frag[j->sub[s].frag].pos;
		if (j->sub[s].thunk != JIT_NO_FRAG)
			funcs[s] = j->frag[j->sub[s].thunk].pos;
	}
	prog->jited = code->rx;
	prog->jited_len = j->size;
	prog->jited_sub = subs;
	prog->jited_func = funcs;
	prog->tail_entry = code->rx + tail->pos + (j->tail_entry - tail->start);
	prog->entry = (skep_entry_fn)(uintptr_t)(code->rx + subs[0]);
	prog->engine_priv = code;
	return 0;
}

static int compile_once(struct skep_prog *prog, bool near, struct skep_diag *reterr_diag)
{
	_cleanup_(jit_fini) struct jit j = { .near = near };
	struct mcode *code = NULL;
	int r = jit_init(&j, prog);

	if (r == 0)
		r = build(&j, reterr_diag);
	if (r == 0)
		r = mcode_alloc(j.size, near, &code);
	if (r < 0)
		return r;
	r = publish(&j, prog, code);
	if (r < 0)
		mcode_free(code);
	return r;
}

static int jit_compile(struct skep_prog *prog, struct skep_diag *reterr_diag)
{
	int r;

	if (!jit_host_target)
		return diag_set(reterr_diag, -EOPNOTSUPP, SKEP_AT_NONE, 0,
				"no compiler for this machine");
	r = compile_once(prog, true, reterr_diag);
	if (r == -EAGAIN)
		r = compile_once(prog, false, reterr_diag);
	return r;
}

static void jit_release(struct skep_prog *prog)
{
	mcode_free(prog->engine_priv);
	skep_free(prog->jited_sub);
	skep_free(prog->jited_func);
	prog->entry = NULL;
	prog->tail_entry = prog->jited = NULL;
	prog->jited_sub = prog->jited_func = NULL;
	prog->jited_len = 0;
	prog->engine_priv = NULL;
}

static uint64_t jit_call_later(uint64_t func, const struct later_args *args, struct skep_run *run)
{
	return ((skep_call_fn)(uintptr_t)func)((uintptr_t)args->map, (uintptr_t)args->key,
					       (uintptr_t)args->value, 0, 0, run);
}

static uint64_t jit_func_of(const struct skep_prog *prog, uint32_t sub)
{
	return (uintptr_t)prog->jited + prog->jited_func[sub];
}

const struct engine_ops jit_engine = {
	.name = "jit",
	.compile = jit_compile,
	.call_later = jit_call_later,
	.func_of = jit_func_of,
	.release = jit_release,
};
