/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * patch.c - takes instructions out of the image, and keeps in step what counts by instruction:
 * jumps and calls, aux, insn_info, subprograms with their facts, func_info and line_info
 * (bpf_remove_insns() and its helpers of the kernel).
 *
 *	old	0  1  x  x  4  5	x: to go
 *	at[]	0  1  2  2  2  3  4	where an instruction, or the next that stays, will be
 */
#include "verifier/verifier_int.h"

struct removal {
	struct verifier *v;
	uint32_t *at;	  /* [cnt + 1] */
	uint16_t *sub_at; /* [sub_cnt] the same of subprograms */
};

/* Distances of the instruction at i, which stays: whatever lies between may go. */
static void retarget(const struct removal *r, uint32_t i)
{
	struct verifier *v = r->v;
	struct bpf_insn *insn = &v->insns[i];
	const struct insn_aux *aux = &v->aux[i];
	const uint32_t from = r->at[i] + 1;

	if (code_is_jump(insn->code)) {
		const int32_t off = (int32_t)(r->at[jump_to(v->insns, i)] - from);

		if (insn->code == (BPF_JMP32 | BPF_JA))
			insn->imm = off;
		else
			insn->off = (int16_t)off;
	} else if (aux->ref == INSN_REF_SUBPROG || aux->ref == INSN_REF_FUNC) {
		insn->imm = (int32_t)(r->at[v->sub[aux->sub].start] - from);
	}
}

/* Every instruction is still where it was. */
static void retarget_all(const struct removal *r, const bool *gone)
{
	for (uint32_t i = 0; i < r->v->cnt; i++) {
		if (gone[i])
			continue;
		retarget(r, i);
		i += insn_is_ld_imm64(&r->v->insns[i]);
	}
}

static void move_insns(const struct removal *r, const bool *gone)
{
	struct verifier *v = r->v;

	for (uint32_t i = 0; i < v->cnt; i++) {
		const uint32_t to = r->at[i];

		if (gone[i] || to == i)
			continue;
		v->insns[to] = v->insns[i];
		v->aux[to] = v->aux[i];
		v->info[to] = v->info[i];
	}
	v->prog->image.insn_cnt = r->at[v->cnt];
}

/* A subprogram that nothing of is left goes, with its func_info. */
static void move_subs(const struct removal *r)
{
	struct verifier *v = r->v;
	struct bpf_func_info *func = v->prog->func_info;
	const bool funcs = func && v->prog->func_info_cnt == v->sub_cnt;
	uint32_t n = 0;

	for (uint32_t s = 0; s < v->sub_cnt; s++) {
		struct prog_sub sub = v->sub[s];

		sub.start = r->at[sub.start];
		sub.end = r->at[sub.end];
		r->sub_at[s] = (uint16_t)n;
		if (sub.start == sub.end)
			continue;
		v->sub[n] = sub;
		v->depth[n] = v->depth[s];
		v->facts[n] = v->facts[s];
		if (funcs) {
			func[n] = func[s];
			func[n].insn_off = sub.start;
		}
		n++;
	}
	if (funcs)
		v->prog->func_info_cnt = n;
	v->prog->image.sub_cnt = v->sub_cnt = n;
}

/* Of lines that come together the last one is true. */
static void move_lines(const struct removal *r)
{
	struct skep_prog *p = r->v->prog;
	struct bpf_line_info *line = p->line_info;
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->line_info_cnt; i++) {
		const uint32_t at = r->at[line[i].insn_off];

		if (at == p->image.insn_cnt)
			break;
		n -= n > 0 && line[n - 1].insn_off == at;
		line[n] = line[i];
		line[n++].insn_off = at;
	}
	p->line_info_cnt = n;
}

int patch_remove(struct verifier *v, const bool *gone)
{
	struct removal r = {
		.v = v,
		.at = skep_alloc_array((size_t)v->cnt + 1, sizeof(*r.at)),
		.sub_at = skep_alloc_array(v->sub_cnt, sizeof(*r.sub_at)),
	};
	int err = r.at && r.sub_at ? 0 : -ENOMEM;

	if (!err) {
		for (uint32_t i = 0; i < v->cnt; i++)
			r.at[i + 1] = r.at[i] + !gone[i];
		retarget_all(&r, gone);
		move_insns(&r, gone);
		move_subs(&r);
		move_lines(&r);
		v->cnt = v->prog->image.insn_cnt;
		for (uint32_t i = 0; i < v->cnt; i++)
			if (v->aux[i].ref == INSN_REF_SUBPROG || v->aux[i].ref == INSN_REF_FUNC)
				v->aux[i].sub = r.sub_at[v->aux[i].sub];
	}
	skep_free(r.at);
	skep_free(r.sub_at);
	return err;
}
