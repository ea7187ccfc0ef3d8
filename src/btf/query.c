/* SPDX-License-Identifier: BSD-2-Clause */
/* query.c - answers on a finished struct skep_btf; btf_find stands beside its index in parse.c. */
#include "btf/btf_int.h"

const void *btf_data(const struct skep_btf *b, uint32_t *ret_size)
{
	*ret_size = b->size;
	return b->raw;
}

uint32_t btf_type_count(const struct skep_btf *b)
{
	return b->cnt;
}

const struct btf_type *btf_type(const struct skep_btf *b, uint32_t id)
{
	return id < b->cnt ? b->types[id] : NULL;
}

const char *btf_str(const struct skep_btf *b, uint32_t off)
{
	return off < b->hdr.str_len ? b->str + off : NULL;
}

int64_t btf_size(const struct skep_btf *b, uint32_t id)
{
	uint32_t size;

	return btf_sized(b, &id, &size) ? (int64_t)size : -EINVAL;
}

uint32_t btf_resolve(const struct skep_btf *b, uint32_t id)
{
	/* Ends: validation let no chain of modifiers pass that does not. */
	while (id < b->cnt && type_in(b->types[id], KINDS_MODIFIER))
		id = b->types[id]->type;
	return id;
}

uint32_t btf_id(const struct skep_btf *b)
{
	return b->id;
}

void btf_set_id(struct skep_btf *b, uint32_t id)
{
	b->id = id;
}

uint32_t btf_next_decl_tag(const struct skep_btf *b, uint32_t id, int32_t idx, const char *prefix,
			   uint32_t after)
{
	for (uint32_t i = after + 1; i < b->cnt; i++) {
		const struct btf_type *t = b->types[i];

		if (type_kind(t) == BTF_KIND_DECL_TAG && t->type == id &&
		    ((const struct btf_decl_tag *)type_tail(t))->component_idx == idx &&
		    !strncmp(b->str + t->name_off, prefix, strlen(prefix)))
			return i;
	}
	return 0;
}

const char *btf_kind_name(uint32_t kind)
{
	return kind < NR_BTF_KINDS && btf_kinds[kind].name ? btf_kinds[kind].name : "UNKNOWN";
}
