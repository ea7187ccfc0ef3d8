/* SPDX-License-Identifier: BSD-2-Clause */
/* iter_object.c - iterators over maps, programs and links, in the order of their ids. */
#include "core/iter_int.h"

/* The next object of the kind, held until the one after; NULL: that was the last. */
static void *next_object(struct iter *it, enum object_kind kind)
{
	object_put(&it->ref);
	while (!object_next_id(it->c, kind, it->id, &it->id))
		if (!object_ref_id(it->c->k, kind, it->id, &it->ref))
			return it->ref.payload;
	return NULL;
}

void iter_fill_map(struct model_map *to, const struct skep_map *m)
{
	*to = (struct model_map){
		.map_type = m->type,
		.key_size = m->key_size,
		.value_size = m->value_size,
		.max_entries = m->max_entries,
		.map_extra = m->extra,
		.map_flags = m->flags,
		.id = m->id,
		.btf_key_type_id = m->btf_key_id,
		.btf_value_type_id = m->btf_value_id,
		.frozen = atomic_load_explicit(&m->frozen, memory_order_relaxed),
	};
	memcpy(to->name, m->name, sizeof(to->name));
}

static void fill_prog(struct model_prog *to, const struct skep_prog *p)
{
	*to = (struct model_prog){
		.type = p->type,
		.expected_attach_type = p->expected_attach_type,
		.len = p->image.insn_cnt,
		.jited_len = p->jited_len,
		.aux = &to->aux_mem,
		.aux_mem = {
			.used_map_cnt = p->map_cnt,
			.max_ctx_offset = p->max_ctx_off,
			.id = p->id,
			.func_cnt = p->image.sub_cnt,
			.attach_btf_id = p->attach_btf_id,
			.verified_insns = p->verified_insns,
			.load_time = p->load_time,
			.prog = to,
		},
	};
	memcpy(to->tag, p->tag, sizeof(to->tag));
	memcpy(to->aux_mem.name, p->name, sizeof(to->aux_mem.name));
}

static bool next_map(struct iter *it)
{
	const struct skep_map *m = next_object(it, OBJ_MAP);

	if (m)
		iter_fill_map(&it->mem.map, m);
	it->mem.ctx[1] = (uintptr_t)&it->mem.map;
	return m;
}

static bool next_prog(struct iter *it)
{
	const struct skep_prog *p = next_object(it, OBJ_PROG);

	if (p)
		fill_prog(&it->mem.prog, p);
	it->mem.ctx[1] = (uintptr_t)&it->mem.prog;
	return p;
}

static bool next_link(struct iter *it)
{
	_cleanup_(prog_put_p) struct skep_prog *p = NULL;
	const struct skep_link *l = next_object(it, OBJ_LINK);

	if (!l)
		return false;
	it->mem.link = (struct model_link){ .id = l->id, .type = l->ops->type };
	p = link_prog(it->c->k, l);
	if (p) {
		fill_prog(&it->mem.link_prog, p);
		it->mem.link.prog = &it->mem.link_prog;
	}
	it->mem.ctx[1] = (uintptr_t)&it->mem.link;
	return true;
}

const struct iter_ops iter_bpf_map = { .target = "bpf_map", .may_sleep = true, .next = next_map };
const struct iter_ops iter_bpf_prog = {
	.target = "bpf_prog",
	.may_sleep = true,
	.next = next_prog,
};
const struct iter_ops iter_bpf_link = {
	.target = "bpf_link",
	.may_sleep = true,
	.next = next_link,
};
