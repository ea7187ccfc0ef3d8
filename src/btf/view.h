/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view.h - the types of the kernel that programs see, where their helpers look: memory that members
 * of a hive read, and nobody but the server writes.  Types are those of one that btf_new() took, so
 * references are to types that there are, and end.
 */
#ifndef SKEP_BTF_VIEW_H
#define SKEP_BTF_VIEW_H

#include "base/base.h"
#include "base/uapi.h"

#include <stdatomic.h>

struct skep_btf;

struct btf_view {
	_Atomic uint32_t cnt;		     /* types, void included; 0: they are not known yet */
	const struct btf_type *const *types; /* [cnt] by id */
	const char *str;		     /* their names, by offset */
};

/** Bytes that btf_view_fill() takes. */
size_t btf_view_size(const struct skep_btf *b);
/** Copies all types to `mem`, aligned for pointers, and shows them.  Once. */
void btf_view_fill(struct btf_view *view, const struct skep_btf *b, void *mem);

/** The type with that id; NULL: there is none.  Hot. */
static inline const struct btf_type *btf_view_type(const struct btf_view *v, uint32_t id)
{
	return id < atomic_load_explicit(&v->cnt, memory_order_acquire) ? v->types[id] : NULL;
}

#endif
