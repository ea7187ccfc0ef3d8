/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.c - the engine's cold half: the image becomes threaded code.
 */
#include "base/alloc.h"
#include "interp/interp_int.h"

/* r1 is the context; the run's first activation. */
static uint64_t entry(void *ctx, struct skep_run *run)
{
	const struct interp_prog *ip = run->prog->engine_priv;
	const uint64_t args[5] = { (uintptr_t)ctx };

	return interp_enter(ip, ip->sub, args, NULL, run);
}

static void interp_release(struct skep_prog *prog)
{
	struct interp_prog *ip = prog->engine_priv;

	if (!ip)
		return;
	skep_free(ip->code);
	skep_free(ip->sub);
	skep_free(ip);
	prog->engine_priv = NULL;
	prog->entry = NULL;
}

/* An LD_IMM64 loads what its operand resolved to. */
static uint64_t imm64_of(const struct interp_prog *ip, uint32_t i)
{
	const struct insn_aux *aux = &ip->prog->image.aux[i];

	switch (aux->ref) {
	case INSN_REF_MAP:
		return (uintptr_t)aux->map;
	case INSN_REF_MAP_VALUE:
	case INSN_REF_ADDR:
		return aux->addr;
	case INSN_REF_FUNC:
		return (uintptr_t)&ip->sub[aux->sub];
	default:
		return insn_imm64(&ip->prog->image.insns[i]);
	}
}

static int decode_call(const struct interp_prog *ip, uint32_t i, unsigned *op, uint64_t *imm)
{
	const struct insn_aux *aux = &ip->prog->image.aux[i];

	switch (*op) {
	case INSN_CALL_SUB:
		*imm = (uintptr_t)&ip->sub[aux->sub];
		return 0;
	case INSN_CALL_KFUNC:
		*imm = (uintptr_t)aux->kfunc;
		return aux->kfunc ? 0 : -EINVAL;
	case INSN_CALL_HELPER:
		if (ip->prog->image.insns[i].imm == BPF_FUNC_tail_call)
			*op = OP_TAIL_CALL;
		*imm = (uintptr_t)aux->helper;
		return aux->ref == INSN_REF_HELPER && aux->helper ? 0 : -EINVAL;
	default: /* INSN_CALLX */
		return 0;
	}
}

static int decode_insn(const struct interp_prog *ip, uint32_t i, struct skep_diag *diag)
{
	const struct bpf_insn *insn = &ip->prog->image.insns[i];
	unsigned op = insn_decode(insn);
	const struct insn_desc *d = insn_desc((enum insn_op)op);
	struct code *c = &ip->code[i];
	int err = 0;

	c->dst = CELL(insn->dst_reg);
	c->src = CELL(insn->src_reg);
	c->off = insn->off;
	c->imm = (uint64_t)(int64_t)insn->imm;
	if (op == INSN_ADDR_SPACE_CAST) {
		c->imm = ip->prog->image.aux[i].addr;
		c->off = insn->imm == SKEP_CAST_TO_ARENA; /* where 0 is a place like any other */
	}
	if (op == INSN_INVALID || insn->dst_reg >= SKEP_REG_CNT || insn->src_reg >= SKEP_REG_CNT)
		return diag_set(diag, -EINVAL, SKEP_AT_INSN, i, "unknown opcode %02x", insn->code);
	if (d->off == USE_JMP || d->imm == USE_JMP)
		c->off = (d->off == USE_JMP ? insn->off : insn->imm) * (int32_t)sizeof(*c) +
			 (int32_t)sizeof(*c);
	if (d->group == INSN_GROUP_CALL)
		err = decode_call(ip, i, &op, &c->imm);
	if (err)
		return diag_set(diag, err, SKEP_AT_INSN, i, "the callee is not resolved");
	if (insn_is_double(d)) {
		op = OP_LD_CONST;
		c->imm = imm64_of(ip, i);
	}
	if (ip->prog->image.aux[i].kptr) {
		op = OP_KPTR;
	} else if (ip->prog->image.aux[i].probe) {
		op = OP_PROBE;
		c->imm = probe_how(insn->code);
	}
	c->op = interp_labels()[op];
	return insn_is_double(d) ? 2 : 1;
}

static int decode(struct interp_prog *ip, struct skep_diag *diag)
{
	const struct prog_image *image = &ip->prog->image;

	for (uint32_t s = 0; s < image->sub_cnt; s++)
		ip->sub[s] = (struct interp_sub){
			.entry = &ip->code[image->sub[s].start],
			.stack = ALIGN_UP((uint32_t)image->sub[s].stack, 16),
			.callback = image->sub[s].callback,
		};
	for (uint32_t i = 0; i < image->insn_cnt;) {
		int slots = decode_insn(ip, i, diag);

		if (slots < 0)
			return slots;
		i += (uint32_t)slots;
	}
	interp_fuse(ip);
	return 0;
}

static int interp_compile(struct skep_prog *prog, struct skep_diag *reterr_diag)
{
	struct interp_prog *ip;
	int err = -ENOMEM;

	/* Its own jumps mispredict between any two instructions. */
	if (prog->image.barriers)
		return diag_set(reterr_diag, -EOPNOTSUPP, SKEP_AT_NONE, 0,
				"the interpreter has no barriers against speculation");
	ip = skep_alloc(sizeof(*ip));
	if (!ip)
		return -ENOMEM;
	ip->prog = prog;
	prog->engine_priv = ip;
	ip->code = skep_alloc_array(prog->image.insn_cnt, sizeof(*ip->code));
	ip->sub = skep_alloc_array(prog->image.sub_cnt, sizeof(*ip->sub));
	if (ip->code && ip->sub)
		err = decode(ip, reterr_diag);
	if (err) {
		interp_release(prog);
		return err;
	}
	prog->entry = entry;
	return 0;
}

static uint64_t interp_call_later(uint64_t func, const struct later_args *a, struct skep_run *run)
{
	const uint64_t args[5] = { (uintptr_t)a->map, (uintptr_t)a->key, (uintptr_t)a->value };

	return interp_enter(run->prog->engine_priv, (const struct interp_sub *)(uintptr_t)func,
			    args, NULL, run);
}

static uint64_t interp_func_of(const struct skep_prog *prog, uint32_t sub)
{
	const struct interp_prog *ip = prog->engine_priv;

	return (uintptr_t)&ip->sub[sub];
}

const struct engine_ops interp_engine = {
	.name = "interp",
	.compile = interp_compile,
	.call_later = interp_call_later,
	.func_of = interp_func_of,
	.release = interp_release,
};
