/* SPDX-License-Identifier: BSD-2-Clause */
/* extent.c - see extent.h */
#include "base/extent.h"

int extents_init(struct extents *e, uintptr_t at, size_t size)
{
	struct extent *all;

	*e = (struct extents){ 0 };
	all = vec_push(e);
	if (!all)
		return -ENOMEM;
	*all = (struct extent){ at, size };
	return 0;
}

void extents_fini(struct extents *e)
{
	vec_free(e);
}

/* A free row before number i, to be filled: NULL when memory is out. */
static struct extent *insert(struct extents *e, size_t i)
{
	if (!vec_push(e))
		return NULL;
	memmove(&e->at[i + 1], &e->at[i], (e->n - 1 - i) * sizeof(e->at[0]));
	return &e->at[i];
}

static void erase(struct extents *e, size_t i)
{
	memmove(&e->at[i], &e->at[i + 1], (e->n - 1 - i) * sizeof(e->at[0]));
	e->n--;
}

/* Cuts [at, at + size) out of extent i. */
static bool cut(struct extents *e, size_t i, uintptr_t at, size_t size)
{
	const struct extent whole = e->at[i];
	const uintptr_t end = at + size, whole_end = whole.at + whole.size;

	if (at == whole.at && end == whole_end) {
		erase(e, i);
	} else if (at == whole.at) {
		e->at[i] = (struct extent){ end, whole_end - end };
	} else {
		if (end != whole_end) {
			struct extent *above = insert(e, i + 1);

			if (!above)
				return false;
			*above = (struct extent){ end, whole_end - end };
		}
		e->at[i].size = at - whole.at;
	}
	return true;
}

uintptr_t extents_take(struct extents *e, size_t size, size_t align)
{
	for (size_t i = 0; i < e->n; i++) {
		const uintptr_t at = ALIGN_UP(e->at[i].at, align);
		const size_t lead = at - e->at[i].at;

		if (lead < e->at[i].size && size <= e->at[i].size - lead)
			return cut(e, i, at, size) ? at : 0;
	}
	return 0;
}

void extents_give(struct extents *e, uintptr_t at, size_t size)
{
	struct extent *below, *above, *new;
	size_t i = 0;

	while (i < e->n && e->at[i].at < at)
		i++;
	below = i && e->at[i - 1].at + e->at[i - 1].size == at ? &e->at[i - 1] : NULL;
	above = i < e->n && at + size == e->at[i].at ? &e->at[i] : NULL;
	if (below && above) {
		below->size += size + above->size;
		erase(e, i);
	} else if (below) {
		below->size += size;
	} else if (above) {
		*above = (struct extent){ at, size + above->size };
	} else {
		new = insert(e, i);
		if (new)
			*new = (struct extent){ at, size };
	}
}
