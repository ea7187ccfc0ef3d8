/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuse_int.h - what the fusion pass's files share: which op made which value.
 *
 * A stretch is a run of ops that is entered only at its top: it ends where a label stands, and
 * goes on over conditional jumps out of it.  Inside, a value is named by the op that computed it
 * (`def`), FUSE_ENTRY being whatever a register held at the top.  Walking down, cur[r] is the
 * value that r holds physically.
 *
 * Two things are asked of this bookkeeping before an op T takes over the work of an op D above:
 *
 *	fuse_is_sole()	nobody but T needs D's value: D has no other use in the stretch, none at
 *			the targets of the jumps passed, and its register is not live behind T
 *			(or T writes it)
 *	fuse_holds()	register r still holds the value that D read from it, either because
 *			nothing wrote r since, or because what did is about to be removed
 */
#ifndef SKEP_JIT_FUSE_INT_H
#define SKEP_JIT_FUSE_INT_H

#include "jit/jit_int.h"

#define FUSE_ENTRY   UINT32_MAX
#define FUSE_UNKNOWN 0xff

/* Beside each op: the values it read, and who reads what it computes. */
struct fuse_val {
	uint32_t a, b, base, idx; /* defs of the operands of the same names */
	uint32_t prev;		  /* the value that dst held before */
	uint16_t uses;		  /* of this op's value in the stretch; stays at its maximum */
	uint8_t bits;		  /* the value is below 1 << bits; FUSE_UNKNOWN: ask fuse_bits() */
};

/* A stretch is cut when it gets this long: its bookkeeping stays in the cache. */
#define FUSE_STRETCH_MAX 256

struct fuse {
	struct jit *j;
	struct fuse_val ring[FUSE_STRETCH_MAX]; /* of op i at i % FUSE_STRETCH_MAX */
	uint32_t cur[JIT_FP + 1];
	uint32_t top;	  /* first op of the stretch */
	uint32_t i;	  /* the op that is looked at: T */
	uint32_t end;	  /* of the subprogram */
	uint32_t written; /* the last op that may have written memory; 0 before top: none */
	bool stored;	  /* there is such an op in the stretch */
};

/* An op's operand: the register's number in struct jit_op and its def in struct fuse_val. */
struct fuse_src {
	uint8_t *reg;
	uint32_t *def;
};

static inline struct fuse_val *fuse_val(struct fuse *f, uint32_t def)
{
	return &f->ring[def % FUSE_STRETCH_MAX];
}

static inline struct jit_op *fuse_op(struct fuse *f, uint32_t def)
{
	return &f->j->ops[def];
}

/* The op of code `code` that made value def, or NULL. */
static inline struct jit_op *fuse_made_by(struct fuse *f, uint32_t def, enum jit_code code)
{
	return def != FUSE_ENTRY && fuse_op(f, def)->code == code ? fuse_op(f, def) : NULL;
}

static inline bool fuse_is_wide(const struct jit_op *op)
{
	return op->flags & JIT_WIDE;
}

static inline bool fuse_has_mem(const struct jit_op *op)
{
	return op->flags & JIT_MEM;
}

/* Does op compute with an immediate: neither b nor memory? */
static inline bool fuse_by_imm(const struct jit_op *op)
{
	return op->b == JIT_NONE && !fuse_has_mem(op);
}

bool fuse_is_sole(struct fuse *f, uint32_t def);
/* Will `reg` hold `def` when the n ops in `gone` are removed? */
bool fuse_holds(struct fuse *f, unsigned reg, uint32_t def, const uint32_t *gone, unsigned n);
/* The same for all that op `reader` reads. */
bool fuse_holds_all(struct fuse *f, uint32_t reader, const uint32_t *gone, unsigned n);
/* Is memory the same now as when op `def` read it? */
bool fuse_memory_same(struct fuse *f, uint32_t def);
/* Makes reg, which holds def, an operand in place of what was there; JIT_NONE empties it. */
void fuse_set(struct fuse *f, struct fuse_src src, unsigned reg, uint32_t def);
/* Removes op def, whose value nobody needs any more. */
void fuse_kill(struct fuse *f, uint32_t def);

static inline struct fuse_src fuse_a(struct fuse *f, uint32_t i)
{
	return (struct fuse_src){ &f->j->ops[i].a, &fuse_val(f, i)->a };
}

static inline struct fuse_src fuse_b(struct fuse *f, uint32_t i)
{
	return (struct fuse_src){ &f->j->ops[i].b, &fuse_val(f, i)->b };
}

static inline struct fuse_src fuse_base(struct fuse *f, uint32_t i)
{
	return (struct fuse_src){ &f->j->ops[i].base, &fuse_val(f, i)->base };
}

static inline struct fuse_src fuse_idx(struct fuse *f, uint32_t i)
{
	return (struct fuse_src){ &f->j->ops[i].idx, &fuse_val(f, i)->idx };
}

static inline void fuse_swap(struct fuse_src x, struct fuse_src y)
{
	uint8_t reg = *x.reg;
	uint32_t def = *x.def;

	*x.reg = *y.reg;
	*x.def = *y.def;
	*y.reg = reg;
	*y.def = def;
}

/* T's memory operand becomes that of op def, which is going to be removed. */
void fuse_take_mem(struct fuse *f, uint32_t def);

/* fuse_addr.c: T's memory operand, or T itself, an addition, swallows address arithmetic. */
void fuse_address(struct fuse *f);
void fuse_add(struct fuse *f);
/* fuse_mem.c: loads into their only users, read-modify-write, wider loads. */
void fuse_load_operand(struct fuse *f);
void fuse_store(struct fuse *f);
bool fuse_wider_load(struct fuse *f);
/* fuse_bits.c: rotates, extensions by two shifts, needless masks, tests. */
bool fuse_rotate(struct fuse *f);
bool fuse_mask(struct fuse *f);
void fuse_two_shifts(struct fuse *f);
void fuse_test(struct fuse *f);
/* Upper bound of the bits of a value. */
unsigned fuse_bits(struct fuse *f, uint32_t def);

#endif
