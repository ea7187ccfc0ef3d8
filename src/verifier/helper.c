/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper.c - a call of a helper: may it be made, are its arguments right, what does it leave?
 */
#include "verifier/objects.h"

int helper_find(struct verifier *v, int32_t id, const struct helper_proto **ret)
{
	const struct helper_proto *h;
	const char *name;

	if (id < 0 || (uint32_t)id >= helper_id_count())
		return fail(v, -EINVAL, "invalid func unknown#%d", id);
	h = helper_of_linux((uint32_t)id, v->prog->type);
	if (!h || !(h->fn || v->opts->judge) ||
	    !helper_allowed(h, v->prog->type, v->prog->expected_attach_type) ||
	    !rights_allow_helper(v, h->id) || !target_helper(v, h->id)) {
		name = helper_name((uint32_t)id);
		return fail(v, -EINVAL, "program of this type cannot use helper bpf_%s#%d",
			    name ? name : "unspec", id);
	}
	if (h->gpl_only && !v->prog->gpl_compatible)
		return fail(v, -EINVAL,
			    "cannot call GPL-restricted function from non-GPL compatible program");
	if (!target_allows(v, h->id))
		return fail(v, -EINVAL, "helper call is not allowed in probe");
	if (h->might_sleep && !v->st->sleepable)
		return fail(v, -EINVAL, "helper call might sleep in a non-sleepable prog");
	*ret = h;
	return 0;
}

/* Where a helper that sleeps must not be called. */
static int check_sleeps(struct verifier *v, const struct helper_proto *h)
{
	const char *region = h && h->might_sleep ? region_atomic(v) : NULL;

	return region ? fail(v, -EINVAL, "sleepable helper bpf_%s#%u in %s region", h->name, h->id,
			     region)
		      : 0;
}

/* --- maps and the helpers that work on them ------------------------------------------------- */

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

/* long cb(const struct bpf_dynptr *, ctx) */
static int fill_drain(struct verifier *v, struct frame *caller, struct frame *callee)
{
	callback_common(caller, callee);
	dynptr_const(v, &callee->reg[BPF_REG_1], DYNPTR_LOCAL);
	callee->reg[BPF_REG_2] = caller->reg[BPF_REG_3];
	return 0;
}

/* long cb(struct task_struct *, struct vm_area_struct *, ctx) */
static int fill_find_vma(struct verifier *v, struct frame *caller, struct frame *callee)
{
	callback_common(caller, callee);
	callee->reg[BPF_REG_1] = caller->reg[BPF_REG_1];
	reg_pointer(&callee->reg[BPF_REG_2], PTR_TO_BTF_ID);
	callee->reg[BPF_REG_2].btf_id = btf_ptr_find(v, "vm_area_struct");
	callee->reg[BPF_REG_3] = caller->reg[BPF_REG_4];
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
	case BPF_FUNC_timer_set_callback:
		return async_push(v, (uint16_t)m->sub,
				  &(struct async){ m->map, m->map_uid, false, 0, 0 });
	case BPF_FUNC_user_ringbuf_drain:
		return callback_push(v, (uint16_t)m->sub, fill_drain);
	case BPF_FUNC_find_vma:
		return callback_push(v, (uint16_t)m->sub, fill_find_vma);
	default:
		return 0;
	}
}

/* --- what the helper leaves ----------------------------------------------------------------- */

/* What r0 points to; 0: it is a number, or the kind has more to say. */
static const uint32_t results[_RET_MAX] = {
	[RET_MAP_VALUE_OR_NULL] = PTR_TO_MAP_VALUE | PTR_MAYBE_NULL,
	[RET_MAP_VALUE] = PTR_TO_MAP_VALUE,
	[RET_ALLOC_MEM_OR_NULL] = PTR_TO_MEM | MEM_RINGBUF | PTR_MAYBE_NULL,
	[RET_BTF_ID] = PTR_TO_BTF_ID,
	[RET_BTF_ID_TRUSTED] = PTR_TO_BTF_ID | PTR_TRUSTED,
	[RET_BTF_ID_OR_NULL] = PTR_TO_BTF_ID | PTR_MAYBE_NULL,
	[RET_SOCKET_OR_NULL] = PTR_TO_SOCKET | PTR_MAYBE_NULL,
	[RET_SOCK_COMMON_OR_NULL] = PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL,
	[RET_TCP_SOCK_OR_NULL] = PTR_TO_TCP_SOCK | PTR_MAYBE_NULL,
	[RET_DYNPTR_MEM_OR_NULL] = PTR_TO_MEM | PTR_MAYBE_NULL,
};

/* This CPU's copy, or that of another, of a variable of the kernel or an object of the program. */
static int percpu_result(struct verifier *v, const struct call_meta *m, struct reg *r0)
{
	const struct reg *of = &m->percpu;
	const struct skep_btf *btf = of->btf ? of->btf : v->opts->vmlinux;
	const uint32_t id = btf_resolve(btf, of->btf_id);
	const struct btf_type *t = btf_type(btf, id);
	const uint32_t null = m->h->ret == RET_PERCPU_OR_NULL ? PTR_MAYBE_NULL : 0;
	const int64_t size = btf_size(btf, id);

	if (of->type & MEM_RCU) {
		reg_pointer(r0, PTR_TO_BTF_ID | MEM_ALLOC | MEM_RCU);
	} else if (BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT ||
		   BTF_INFO_KIND(t->info) == BTF_KIND_UNION) {
		reg_pointer(r0, PTR_TO_BTF_ID | null);
	} else if (size > 0) {
		reg_pointer(r0, PTR_TO_MEM | MEM_RDONLY | null);
		r0->mem_size = (uint32_t)size;
		return 0;
	} else {
		return fail(v, -EINVAL, "unable to resolve the size of type '%s': %lld",
			    btf_str(btf, t->name_off), (long long)size);
	}
	r0->btf = of->btf;
	r0->btf_id = of->btf_id;
	return 0;
}

static uint32_t result_type(const struct call_meta *m)
{
	const uint32_t type = results[m->h->ret];

	/* An array has all its elements. */
	return m->h->id == BPF_FUNC_map_lookup_elem && m->key >= 0 &&
			       m->key < (int64_t)m->map->max_entries
		       ? type & ~PTR_MAYBE_NULL
		       : type;
}

static int helper_result(struct verifier *v, const struct call_meta *m)
{
	struct reg *r0 = &cur_regs(v)[BPF_REG_0];
	const uint32_t type = result_type(m);
	const bool acquires = m->h->acquires || (m->h->id == BPF_FUNC_map_lookup_elem && m->map &&
						 map_holds_sockets(m->map));
	int err = 0;

	if (m->h->ret == RET_VOID)
		return 0;
	if (!type && !m->percpu.type) {
		reg_unknown(v, r0);
		return 0;
	}
	reg_pointer(r0, type);
	if (m->kptr)
		kptr_result(v, m->kptr, r0);
	else if (m->percpu.type)
		err = percpu_result(v, m, r0);
	else if (base_type(type) == PTR_TO_BTF_ID && helper_ret_object(m->h->id))
		r0->btf_id = btf_ptr_find(v, helper_ret_object(m->h->id));
	if (base_type(type) == PTR_TO_MAP_VALUE) {
		r0->map = m->map;
		r0->map_uid = m->map_uid;
	}
	if (base_type(type) == PTR_TO_MEM)
		r0->mem_size = m->mem_size;
	if (m->h->ret == RET_DYNPTR_MEM_OR_NULL) {
		r0->dynptr_id = m->dynptr.id;
		r0->ref_id = m->dynptr.ref_id;
	}
	if (may_be_null(r0->type) || reg_has_lock(r0))
		r0->id = ++v->ids;
	if (m->h->casts)
		r0->ref_id = m->ref_id;
	if (acquires && !err) {
		err = ref_acquire(v, v->i, &r0->ref_id);
		r0->id = r0->ref_id;
	}
	return err;
}

/* Helpers whose result is known to lie in a range: at most the size, or an error. */
static void bound_result(struct verifier *v, const struct call_meta *m)
{
	struct reg *r0 = &cur_regs(v)[BPF_REG_0];

	switch (m->h->id) {
	case BPF_FUNC_get_stack:
	case BPF_FUNC_get_task_stack:
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
		if (reg_is_pkt(r) || r->type == PTR_TO_PACKET_END || r->type & MEM_PKT_SLICE)
			reg_invalid(v, r);
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

static int release(struct verifier *v, const struct call_meta *m)
{
	if (m->dynptr_reg)
		return dynptr_release(v, m->dynptr_reg);
	return m->kptr ? kptr_release(v, m->ref_id) : ref_release(v, m->ref_id);
}

/* A write through a dynptr may have to make the packet writable, elsewhere. */
static bool writes_packet(const struct call_meta *m)
{
	return m->h->id == BPF_FUNC_dynptr_write &&
	       (m->dynptr.kind == DYNPTR_SKB || m->dynptr.kind == DYNPTR_SKB_META);
}

int helper_step(struct verifier *v)
{
	struct insn_aux *aux = &v->aux[v->i];
	struct call_meta m = { .key = -1 };
	struct reg *regs;
	int err = helper_find(v, v->insns[v->i].imm, &m.h);

	err = err ? err : check_sleeps(v, m.h);
	for (uint32_t a = 0; a < ARGS && !err; a++)
		err = args_check(v, &m, a);
	if (!err && m.map) {
		note_map(v, &m);
		err = map_fit(v, m.map, m.h->id);
		err = err ? err : check_map_rights(v, &m);
	}
	err = err ? err : fill_raw(v, &m);
	if (!err && m.h->releases && release(v, &m))
		err = fail(v, -EINVAL, "func bpf_%s#%u reference has not been acquired before",
			   m.h->name, m.h->id);
	if (!err && m.h->id == BPF_FUNC_tail_call)
		err = call_leaks(v, true, "tail_call");
	if (!err && m.h->id == BPF_FUNC_get_local_storage && !reg_is_null(&cur_regs(v)[BPF_REG_2]))
		err = fail(v, -EINVAL, "get_local_storage() doesn't support non-zero flags");
	if (!err && m.h->id == BPF_FUNC_dynptr_from_mem &&
	    cur_regs(v)[BPF_REG_1].type != PTR_TO_MAP_VALUE)
		err = fail(v, -EACCES, "Unsupported reg type %s for bpf_dynptr_from_mem data",
			   TYPE_NAME(cur_regs(v)[BPF_REG_1].type));
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
	if ((m.h->changes_pkt && m.h->id != BPF_FUNC_tail_call) || writes_packet(&m))
		helper_forget_packet(v);
	return err;
}
