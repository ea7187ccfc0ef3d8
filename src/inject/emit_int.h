/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * emit_int.h - machine code on its way to an address.
 *
 * Nothing is checked on the way but where it ends: who emits looks at err once.
 */
#ifndef SKEP_INJECT_EMIT_INT_H
#define SKEP_INJECT_EMIT_INT_H

#include "base/base.h"

struct emit {
	uint8_t *code; /* what there is so far */
	size_t n;      /* bytes of it */
	size_t cap;    /* bytes that fit */
	uint64_t at;   /* the address that it will be at */
	int err;       /* 0, -ENOSPC, or -ERANGE: a rel32 does not reach */
};

static inline void emit_bytes(struct emit *e, const void *p, size_t n)
{
	if (n > e->cap - e->n)
		e->err = -ENOSPC;
	if (e->err)
		return;
	memcpy(e->code + e->n, p, n);
	e->n += n;
}

#define EMIT(e, ...) \
	emit_bytes(e, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))

static inline void emit_u64(struct emit *e, uint64_t v)
{
	emit_bytes(e, &v, sizeof(v));
}

/* Of an instruction that ends `after` bytes behind these four. */
static inline void emit_rel32(struct emit *e, uint64_t target, size_t after)
{
	const int64_t rel = (int64_t)(target - (e->at + e->n + 4 + after));
	const int32_t rel32 = (int32_t)rel;

	if (rel != rel32 && !e->err)
		e->err = -ERANGE;
	emit_bytes(e, &rel32, sizeof(rel32));
}

/* The jump whose rel8 ends at `from` goes to what is emitted next. */
static inline void emit_mend8(struct emit *e, size_t from)
{
	if (!e->err)
		e->code[from - 1] = (uint8_t)(e->n - from);
}

#endif
