/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * patch.c - takes instructions out of the image, or puts one in, and keeps in step what counts by
 * instruction: jumps and calls, aux, insn_info, subprograms with their facts, func_info and
 * line_info (bpf_remove_insns(), bpf_patch_insn_data() and their helpers of the kernel).
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

/* Every instruction is still where it was; gone: NULL for none. */
static void retarget_all(const struct removal *r, const bool *gone)
{
	for (uint32_t i = 0; i < r->v->cnt; i++) {
		if (gone && gone[i])
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
	for (uint32_t i = 0; i < v->prog->later_cnt; i++)
		v->prog->later[i].sub = r->sub_at[v->prog->later[i].sub];
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

/* --- the other way: all from `at` on are one further ------------------------------------------ */

/* Room for one more in everything that counts by instruction. */
static int grow(struct verifier *v)
{
	const size_t n = (size_t)v->cnt + 1;
	void *insns = skep_realloc_array(v->insns, n, sizeof(*v->insns));
	void *aux, *info;

	if (!insns)
		return -ENOMEM;
	v->insns = v->prog->image.insns = insns;
	aux = skep_realloc_array(v->aux, n, sizeof(*v->aux));
	if (!aux)
		return -ENOMEM;
	v->aux = v->prog->image.aux = aux;
	info = skep_realloc_array(v->info, n, sizeof(*v->info));
	if (!info)
		return -ENOMEM;
	v->info = info;
	return 0;
}

/* Every jump can be one longer. */
static bool jumps_reach(const struct verifier *v)
{
	for (uint32_t i = 0; i < v->cnt; i++) {
		const struct bpf_insn *insn = &v->insns[i];

		if (code_is_jump(insn->code) && insn->code != (BPF_JMP32 | BPF_JA) &&
		    (insn->off == INT16_MAX || insn->off == INT16_MIN))
			return false;
		i += insn_is_ld_imm64(insn);
	}
	return true;
}

static void put(struct verifier *v, uint32_t at, const struct bpf_insn *insn)
{
	const size_t n = v->cnt - at;

	memmove(&v->insns[at + 1], &v->insns[at], n * sizeof(*v->insns));
	memmove(&v->aux[at + 1], &v->aux[at], n * sizeof(*v->aux));
	memmove(&v->info[at + 1], &v->info[at], n * sizeof(*v->info));
	v->insns[at] = *insn;
	v->aux[at] = (struct insn_aux){ 0 };
	v->info[at] = (struct insn_info){ .seen = true };
	v->cnt = ++v->prog->image.insn_cnt;
}

int patch_insert(struct verifier *v, uint32_t at, const struct bpf_insn *insn)
{
	struct removal r = {
		.v = v,
		.at = skep_alloc_array((size_t)v->cnt + 1, sizeof(*r.at)),
		.sub_at = skep_alloc_array(v->sub_cnt, sizeof(*r.sub_at)),
	};
	int err = r.at && r.sub_at ? grow(v) : -ENOMEM;

	if (!err && !jumps_reach(v))
		err = -ERANGE;
	if (!err) {
		for (uint32_t i = 0; i <= v->cnt; i++)
			r.at[i] = i + (i >= at);
		retarget_all(&r, NULL);
		put(v, at, insn);
		move_subs(&r);
		move_lines(&r);
	}
	skep_free(r.at);
	skep_free(r.sub_at);
	return err;
}
