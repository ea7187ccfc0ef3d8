/* SPDX-License-Identifier: BSD-2-Clause */
/* view.c - see view.h.  Pointers first, the blob behind them.  Cold. */
#include "btf/view.h"
#include "btf/btf_int.h"

static const struct btf_type nothing;

size_t btf_view_size(const struct skep_btf *b)
{
	return b->cnt * sizeof(*b->types) + sizeof(nothing) + b->size;
}

void btf_view_fill(struct btf_view *view, const struct skep_btf *b, void *mem)
{
	const struct btf_type **types = mem;
	struct btf_type *none = (void *)(types + b->cnt);
	uint8_t *raw = (uint8_t *)(none + 1);

	*none = nothing;
	memcpy(raw, b->raw, b->size);
	types[0] = none;
	for (uint32_t id = 1; id < b->cnt; id++)
		types[id] = (const void *)(raw + ((const uint8_t *)b->types[id] - b->raw));
	view->types = types;
	view->str = (const char *)raw + (b->str - (const char *)b->raw);
	atomic_store_explicit(&view->cnt, b->cnt, memory_order_release);
}
