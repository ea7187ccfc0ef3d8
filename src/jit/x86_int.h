/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86_int.h - what the files of the x86-64 lowering share: x86.c (driver's table, moves and
 * arithmetic), x86_div.c (division), x86_mem.c (loads, stores, atomics), x86_call.c (frames,
 * calls).
 */
#ifndef SKEP_JIT_X86_INT_H
#define SKEP_JIT_X86_INT_H

#include "jit/x86_cpu.h"
#include "jit/x86_emit.h"

/* The machine register of each BPF register; r10 has none. */
extern const uint8_t x86_regs[JIT_NONE + 1];

/* What the flags tell about flags_reg. */
enum {
	X86_TELL_ZERO = 1 << 0,	 /* ZF and SF are those of the value */
	X86_TELL_LOGIC = 1 << 1, /* all flags are as after `test` */
	X86_TELL_WIDE = 1 << 2,	 /* of all 64 bits */
};

/* The register that holds r; r10 is put into tmp. */
static inline unsigned x86_src(struct jit *j, unsigned r, unsigned tmp)
{
	if (r != JIT_FP)
		return x86_regs[r];
	x86_rm(j, X86_LEA | X86_W, tmp, x86_at(RSP, (size_t)j->fp));
	return tmp;
}

/* The operand base + (idx << scale) + disp in BPF registers; may take r11 for what x86 lacks. */
struct x86_mem x86_mem_of(struct jit *j, unsigned base, unsigned idx, unsigned scale, int32_t disp);

static inline struct x86_mem x86_op_mem(struct jit *j, const struct jit_op *op)
{
	return x86_mem_of(j, op->base, op->idx, op->scale, op->disp);
}

typedef void (*x86_lower_fn)(struct jit *j, const struct jit_op *op);

/* x86_div.c */
void x86_lower_div(struct jit *j, const struct jit_op *op);
void x86_lower_sdiv(struct jit *j, const struct jit_op *op);
/* x86_mem.c */
void x86_lower_load(struct jit *j, const struct jit_op *op);
void x86_lower_store(struct jit *j, const struct jit_op *op);
void x86_lower_update(struct jit *j, const struct jit_op *op);
void x86_lower_atomic(struct jit *j, const struct jit_op *op);
/* x86_call.c */
void x86_prologue(struct jit *j);
void x86_thunk(struct jit *j, uint32_t s);
void x86_tail_thunk(struct jit *j);
void x86_lower_exit(struct jit *j, const struct jit_op *op);
void x86_lower_helper(struct jit *j, const struct jit_op *op);
void x86_lower_call_map(struct jit *j, const struct jit_op *op);
void x86_lower_kfunc(struct jit *j, const struct jit_op *op);
void x86_lower_call_sub(struct jit *j, const struct jit_op *op);
void x86_lower_callx(struct jit *j, const struct jit_op *op);
void x86_lower_tail_call(struct jit *j, const struct jit_op *op);
void x86_lower_lookup(struct jit *j, const struct jit_op *op);
void x86_lower_ld_abs(struct jit *j, const struct jit_op *op);
void x86_lower_probe(struct jit *j, const struct jit_op *op);
void x86_lower_func(struct jit *j, const struct jit_op *op);
void x86_lower_may_goto(struct jit *j, const struct jit_op *op);

#endif
