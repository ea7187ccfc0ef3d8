/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper.c - a call of a helper: may it be made, are its arguments right, what does it leave?
 */
#include "verifier/verifier_int.h"

int helper_find(struct verifier *v, int32_t id, const struct helper_proto **ret)
{
	const struct helper_proto *h;
	const char *name;

	if (id < 0 || (uint32_t)id >= helper_id_count())
		return fail(v, -EINVAL, "invalid func unknown#%d", id);
	h = v->opts->judge ? helper_of_linux((uint32_t)id) : helper_by_id((uint32_t)id);
	if (!h || !helper_allowed(h, v->prog->type) || !rights_allow_helper(v, h->id)) {
		name = helper_name((uint32_t)id);
		return fail(v, -EINVAL, "program of this type cannot use helper bpf_%s#%d",
			    name ? name : "unspec", id);
	}
	if (h->gpl_only && !v->prog->gpl_compatible)
		return fail(v, -EINVAL,
			    "cannot call GPL-restricted function from non-GPL compatible program");
	*ret = h;
	return 0;
}

/* --- maps and the helpers that work on them ------------------------------------------------- */

/*
 * A map type that only some helpers may touch, or a helper that only some map types serve
 * (check_map_func_compatibility): both directions are one row each.
 */
static const struct {
	uint32_t map_type;
	uint32_t helper;
} only[] = {
	{ BPF_MAP_TYPE_PROG_ARRAY, BPF_FUNC_tail_call },
	{ BPF_MAP_TYPE_RINGBUF, BPF_FUNC_ringbuf_output },
	{ BPF_MAP_TYPE_RINGBUF, BPF_FUNC_ringbuf_reserve },
	{ BPF_MAP_TYPE_RINGBUF, BPF_FUNC_ringbuf_query },
	{ BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_FUNC_map_lookup_elem },
	{ BPF_MAP_TYPE_HASH_OF_MAPS, BPF_FUNC_map_lookup_elem },
};

/* Helpers that serve just the map types that have a row with them. */
static const uint32_t picky_helpers[] = {
	BPF_FUNC_tail_call,
	BPF_FUNC_ringbuf_output,
	BPF_FUNC_ringbuf_reserve,
	BPF_FUNC_ringbuf_query,
};

static int check_map_fits(struct verifier *v, const struct skep_map *map, uint32_t id)
{
	bool map_restricted = false, pair = false, helper_restricted = false;

	for (size_t i = 0; i < ARRAY_SIZE(only); i++) {
		map_restricted |= only[i].map_type == map->type;
		pair |= only[i].map_type == map->type && only[i].helper == id;
	}
	for (size_t i = 0; i < ARRAY_SIZE(picky_helpers); i++)
		helper_restricted |= picky_helpers[i] == id;
	if (pair || !(map_restricted || helper_restricted))
		return 0;
	return fail(v, -EINVAL, "cannot pass map_type %u into func bpf_%s#%u", map->type,
		    helper_name(id), id);
}

static int check_map_rights(struct verifier *v, const struct call_meta *m)
{
	switch (m->h->id) {
	case BPF_FUNC_map_update_elem:
	case BPF_FUNC_map_delete_elem:
	case BPF_FUNC_map_push_elem:
	case BPF_FUNC_map_pop_elem:
		if (m->map->flags & BPF_F_RDONLY_PROG)
			return fail(v, -EACCES, "write into map forbidden");
		return 0;
	default:
		return 0;
	}
}

/* The map is the same on all paths: what the compiler inlines by. */
static void note_map(struct verifier *v, const struct call_meta *m)
{
	struct insn_aux *aux = &v->aux[v->i];
	struct insn_info *info = &v->info[v->i];

	if (info->map_conflict)
		return;
	if (aux->map && aux->map != m->map) {
		aux->map = NULL;
		info->map_conflict = true;
		return;
	}
	/* An inner map's template is not the map: it has no memory. */
	if (m->map->area.fd < 0) {
		info->map_conflict = true;
		return;
	}
	aux->map = m->map;
}

/* --- callbacks ------------------------------------------------------------------------------ */

static void callback_common(struct frame *caller, struct frame *callee)
{
	for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
		reg_uninit(&callee->reg[r]);
}

/* long cb(map, key, value, ctx) */
static int fill_map_elem(struct verifier *v, struct frame *caller, struct frame *callee)
{
	struct skep_map *map = caller->reg[BPF_REG_1].map;

	callback_common(caller, callee);
	callee->reg[BPF_REG_1] = caller->reg[BPF_REG_1];
	reg_pointer(&callee->reg[BPF_REG_2], PTR_TO_MAP_KEY);
	reg_pointer(&callee->reg[BPF_REG_3], PTR_TO_MAP_VALUE);
	callee->reg[BPF_REG_2].map = callee->reg[BPF_REG_3].map = map;
	callee->reg[BPF_REG_4] = caller->reg[BPF_REG_3];
	return 0;
}

/* long cb(index, ctx) */
static int fill_loop(struct verifier *v, struct frame *caller, struct frame *callee)
{
	callback_common(caller, callee);
	reg_unknown(v, &callee->reg[BPF_REG_1]);
	callee->reg[BPF_REG_2] = caller->reg[BPF_REG_3];
	return 0;
}

static int helper_callback(struct verifier *v, const struct call_meta *m)
{
	int err;

	switch (m->h->id) {
	case BPF_FUNC_for_each_map_elem:
		return callback_push(v, (uint16_t)m->sub, fill_map_elem);
	case BPF_FUNC_loop:
		/* An address says nothing about how often; Linux stumbles over it just here. */
		if (cur_regs(v)[BPF_REG_1].type != SCALAR_VALUE)
			return fail(v, -EFAULT, "R1 of bpf_loop is not a number");
		err = precise_mark(v, BPF_REG_1);
		if (err)
			return err;
		if (cur_frame(v)->callback_depth < cur_regs(v)[BPF_REG_1].n.full.umax)
			return callback_push(v, (uint16_t)m->sub, fill_loop);
		cur_frame(v)->callback_depth = 0;
		return 0;
	default:
		return 0;
	}
}

/* --- what the helper leaves ----------------------------------------------------------------- */

static bool releases(uint32_t id)
{
	return id == BPF_FUNC_ringbuf_submit || id == BPF_FUNC_ringbuf_discard;
}

static int helper_result(struct verifier *v, const struct call_meta *m)
{
	struct reg *r0 = &cur_regs(v)[BPF_REG_0];
	uint32_t id;
	int err;

	switch ((enum helper_ret)m->h->ret) {
	case RET_VOID:
		return 0;
	case RET_MAP_VALUE_OR_NULL:
	case RET_MAP_VALUE:
		reg_pointer(r0,
			    PTR_TO_MAP_VALUE | (m->h->ret == RET_MAP_VALUE ? 0 : PTR_MAYBE_NULL));
		r0->map = m->map;
		r0->map_uid = m->map_uid;
		r0->id = ++v->ids;
		return 0;
	case RET_ALLOC_MEM_OR_NULL:
		err = ref_acquire(v, v->i, &id);
		reg_pointer(r0, PTR_TO_MEM | MEM_RINGBUF | PTR_MAYBE_NULL);
		r0->mem_size = m->mem_size;
		r0->id = r0->ref_id = id;
		return err;
	case RET_BTF_ID:
		reg_pointer(r0, PTR_TO_BTF_ID | PTR_TRUSTED);
		r0->btf_id = btf_ptr_find(v, "task_struct");
		return 0;
	default:
		reg_unknown(v, r0);
		return 0;
	}
}

/* Helpers whose result is known to lie in a range: at most the size, or an error. */
static void bound_result(struct verifier *v, const struct call_meta *m)
{
	struct reg *r0 = &cur_regs(v)[BPF_REG_0];

	switch (m->h->id) {
	case BPF_FUNC_probe_read_str:
	case BPF_FUNC_probe_read_kernel_str:
	case BPF_FUNC_probe_read_user_str:
		r0->n.full.smax = r0->n.low.smax = (int64_t)m->size_max;
		r0->n.full.smin = r0->n.low.smin = -4095; /* -MAX_ERRNO */
		break;
	case BPF_FUNC_get_smp_processor_id:
		r0->n.full.umax = r0->n.low.umax = vcpus_possible() - 1;
		r0->n.full.umin = r0->n.low.umin = 0;
		r0->n.full.smax = r0->n.low.smax = (int64_t)r0->n.full.umax;
		r0->n.full.smin = r0->n.low.smin = 0;
		break;
	default:
		return;
	}
	bounds_sync(&r0->n);
}

void helper_forget_packet(struct verifier *v)
{
	for_each_reg_in(v->st, f, r, {
		if (reg_is_pkt(r) || r->type == PTR_TO_PACKET_END) {
			if (v->opts->rights.allow_ptr_leaks)
				reg_unknown(v, r);
			else
				reg_uninit(r);
		}
	});
}

/* What the helper fills: as if the program had stored there. */
static int fill_raw(struct verifier *v, const struct call_meta *m)
{
	for (int b = 0; b < m->raw_size; b++) {
		int err = mem_access(v, m->raw_reg, b, 1, ACCESS_WRITE, -1, false, false);

		if (err)
			return err;
	}
	return 0;
}

int helper_step(struct verifier *v)
{
	struct insn_aux *aux = &v->aux[v->i];
	struct call_meta m = { 0 };
	struct reg *regs;
	int err = helper_find(v, v->insns[v->i].imm, &m.h);

	for (uint32_t a = 0; a < ARGS && !err; a++)
		err = args_check(v, &m, a);
	if (!err && m.map) {
		note_map(v, &m);
		err = check_map_fits(v, m.map, m.h->id);
		err = err ? err : check_map_rights(v, &m);
	}
	err = err ? err : fill_raw(v, &m);
	if (!err && releases(m.h->id) && ref_release(v, m.ref_id))
		err = fail(v, -EINVAL, "func bpf_%s#%u reference has not been acquired before",
			   m.h->name, m.h->id);
	if (!err && m.h->id == BPF_FUNC_tail_call)
		err = call_leaks(v, true, "tail_call");
	err = err ? err : helper_callback(v, &m);
	if (err)
		return err;
	aux->ref = INSN_REF_HELPER;
	aux->helper = m.h;
	regs = cur_regs(v);
	for (unsigned r = BPF_REG_0; r <= BPF_REG_5; r++)
		reg_uninit(&regs[r]);
	err = helper_result(v, &m);
	bound_result(v, &m);
	if (m.h->changes_pkt && m.h->id != BPF_FUNC_tail_call)
		helper_forget_packet(v);
	return err;
}
