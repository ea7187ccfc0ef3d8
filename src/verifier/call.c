/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call.c - calls of helpers, subprograms, kfuncs: may they be made, what do they get, what is
 * left behind.
 */
#include "map/map.h"
#include "verifier/verifier_int.h"

#define ARGS 5

static void clear_args(struct walk *w, enum val_kind r0)
{
	for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
		step_write(w, r, val_of(VAL_UNINIT));
	step_write(w, BPF_REG_0, val_of(r0));
}

static bool val_is_stack(const struct val *v)
{
	return v->kind == VAL_STACK || v->kind == VAL_STACK_VAR;
}

/* Does an argument, or a slot that a callee may find, lead to this frame? */
static bool stack_is_shared(const struct walk *w)
{
	for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
		if (val_is_stack(&w->st.reg[r]) && w->st.reg[r].sub == w->sub)
			return true;
	for (uint64_t bits = w->st.slots.tracked; bits; bits &= bits - 1)
		if (val_is_stack(&w->st.slots.at[__builtin_ctzll(bits)]))
			return true;
	return false;
}

/* Puts down what callees may find in this frame. */
static int share_frame(struct walk *w)
{
	struct frame *f;

	if (!stack_is_shared(w))
		return 0;
	f = walk_frame(w, w->sub);
	if (!f)
		return -ENOMEM;
	if (slots_join(&f->in, &w->st.slots))
		walk_frames_changed(w);
	return 0;
}

/* Takes over what callees may have stored in this frame. */
static void take_frame(struct walk *w)
{
	const struct frame *f = w->frames ? w->frames[w->sub] : NULL;

	if (!f)
		return;
	for (uint64_t bits = f->out.tracked; bits; bits &= bits - 1) {
		unsigned n = (unsigned)__builtin_ctzll(bits);
		struct val v = f->out.at[n];

		if (w->st.slots.tracked >> n & 1)
			v = val_join(&w->st.slots.at[n], &v);
		slots_set(&w->st.slots, n, &v);
	}
}

static int call_sub(struct walk *w)
{
	struct state entry = { 0 };
	int err = share_frame(w);

	for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
		entry.reg[r] = w->st.reg[r];
	if (!err)
		err = walk_enter(w, w->v->aux[w->i].sub, &entry);
	if (err)
		return err;
	take_frame(w);
	clear_args(w, VAL_ANY);
	return 0;
}

/* Which argument of its callback a helper's third argument becomes; others get values only. */
static const struct {
	uint32_t id;
	unsigned arg;
} callback_ctx[] = {
	{ BPF_FUNC_for_each_map_elem, BPF_REG_4 },
	{ BPF_FUNC_loop, BPF_REG_2 },
	{ BPF_FUNC_find_vma, BPF_REG_3 },
	{ BPF_FUNC_user_ringbuf_drain, BPF_REG_2 },
};

static int call_back(struct walk *w, const struct helper_proto *h, unsigned reg)
{
	const struct val *func = &w->st.reg[reg];
	struct state entry = { 0 };
	int err;

	if (func->kind != VAL_FUNC) {
		step_complain(w, BAD_FUNC, reg);
		return 0;
	}
	for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
		entry.reg[r] = val_of(VAL_ANY);
	for (size_t n = 0; n < ARRAY_SIZE(callback_ctx); n++)
		if (callback_ctx[n].id == h->id)
			entry.reg[callback_ctx[n].arg] = w->st.reg[BPF_REG_3];
	err = share_frame(w);
	if (!err)
		err = walk_enter(w, func->sub, &entry);
	if (!err)
		take_frame(w);
	return err;
}

/* What a helper leaves where its n-th argument points. */
static void clobber_arg(struct walk *w, const struct helper_proto *h, unsigned n)
{
	const struct val *v = &w->st.reg[BPF_REG_1 + n], *map = &w->st.reg[BPF_REG_1];
	const struct skep_map *m = map->kind == VAL_MAP ? (const void *)(uintptr_t)map->v : NULL;

	if (h->arg[n] == ARG_MEM_UNINIT && n + 1 < ARGS && v[1].kind == VAL_CONST)
		mem_clobber(w, v, (uint32_t)MIN(v[1].v, SKEP_STACK_MAX));
	else if (h->arg[n] == ARG_MAP_VALUE_UNINIT && m)
		mem_clobber(w, v, m->value_size);
	else if (h->arg[n] == ARG_LONG_PTR)
		mem_clobber(w, v, 8);
}

/* May the program call it? Finds the helper. */
static int check_helper(struct walk *w, int32_t id, const struct helper_proto **ret)
{
	const struct helper_proto *h;
	const char *name;

	if (id < 0 || (uint32_t)id >= helper_id_count())
		return step_fail(w, -EINVAL, "invalid func unknown#%d", id);
	h = helper_by_id((uint32_t)id);
	if (!h || !helper_allowed(h, w->v->prog->type)) {
		name = helper_name((uint32_t)id);
		return step_fail(w, -EINVAL, "program of this type cannot use helper bpf_%s#%d",
				 name ? name : "unspec", id);
	}
	if (h->gpl_only && !w->v->prog->gpl_compatible)
		return step_fail(
			w, -EINVAL,
			"cannot call GPL-restricted function from non-GPL compatible program");
	*ret = h;
	return 0;
}

static int call_helper(struct walk *w)
{
	struct insn_aux *aux = &w->v->aux[w->i];
	const struct helper_proto *h = NULL;
	const struct val *map;
	int err = check_helper(w, w->v->insns[w->i].imm, &h);

	if (err)
		return err;
	map = &w->st.reg[h->id == BPF_FUNC_tail_call ? BPF_REG_2 : BPF_REG_1];
	aux->ref = INSN_REF_HELPER;
	aux->helper = h;
	aux->map = map->kind == VAL_MAP ? (struct skep_map *)(uintptr_t)map->v : NULL;
	for (unsigned n = 0; n < ARGS && h->arg[n] != ARG_NONE && !err; n++) {
		step_read(w, BPF_REG_1 + n);
		clobber_arg(w, h, n);
		if (h->arg[n] == ARG_FUNC)
			err = call_back(w, h, BPF_REG_1 + n);
	}
	clear_args(w, h->ret == RET_INTEGER ? VAL_SCALAR
		      : h->ret == RET_VOID  ? VAL_UNINIT
					    : VAL_ANY);
	return err;
}

int call_step(struct walk *w)
{
	switch (insn_decode(&w->v->insns[w->i])) {
	case INSN_CALL_HELPER:
		return call_helper(w);
	case INSN_CALL_SUB:
		return call_sub(w);
	case INSN_CALLX:
		step_read(w, w->v->insns[w->i].dst_reg);
		w->v->aux[w->i].ref = INSN_REF_CALLX;
		break;
	default: /* INSN_CALL_KFUNC: core resolved it */
		break;
	}
	clear_args(w, VAL_ANY);
	return 0;
}
