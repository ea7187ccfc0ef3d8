/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86_call.c - frames and calls on x86-64.
 *
 *	frame of a subprogram, from high to low addresses
 *
 *	  return address
 *	  r12			main program, when somebody needs the run
 *	  rbx rbp r14 r15	those that the subprogram writes
 *	  ----------------- r10 = rsp + j->fp
 *	  BPF stack
 *	  may_goto's budget	8 bytes, if there is a may_goto
 *	  scratch		words that LD_ABS or callx need
 *	  ----------------- rsp, a multiple of 16 where something is called
 *
 * A leaf whose frame fits into the 128 bytes that the ABI leaves alone below rsp does not move
 * rsp at all.
 *
 * The main program is entered from C with rdi = ctx and rsi = the run.  Tail calls enter behind
 * the push of r12, with rdi = ctx and r12 = the run: in a chain of them, each hop would wait for
 * the word that the last one pushed and popped.
 */
#include "jit/x86_int.h"
#include "jit/mcode.h"

#include "helper/helper.h"
#include "hive/text.h"
#include "map/map.h"

#define RED_ZONE 128

/* The callee-saved registers that subprogram s pushes, in order; their number. */
static unsigned saved_regs(const struct jit *j, uint8_t reg[5])
{
	unsigned n = 0;

	if (j->cur_sub == 0 && j->uses_run)
		reg[n++] = X86_RUN;
	for (unsigned r = BPF_REG_6; r <= BPF_REG_9; r++)
		if (j->sub[j->cur_sub].written & jit_bit(r))
			reg[n++] = x86_regs[r];
	return n;
}

static void push(struct jit *j, unsigned reg)
{
	x86_opcode(j, X86_PUSH | (reg & 7), reg >> 3, false);
}

static void pop(struct jit *j, unsigned reg)
{
	x86_opcode(j, X86_POP | (reg & 7), reg >> 3, false);
}

static const struct prog_sub *cur_sub(const struct jit *j)
{
	return &j->image->sub[j->cur_sub];
}

static struct x86_mem budget(const struct jit *j)
{
	return x86_at(RSP, (size_t)(j->fp - cur_sub(j)->stack - 8));
}

static struct x86_mem scratch(const struct jit *j, unsigned word)
{
	const struct prog_sub *sub = cur_sub(j);
	int32_t top = j->fp - sub->stack - (sub->may_gotos ? 8 : 0);

	return x86_at(RSP, (size_t)(top - 8 * ((int32_t)word + 1)));
}

void x86_prologue(struct jit *j)
{
	const struct prog_sub *sub = cur_sub(j);
	const struct jit_sub *js = &j->sub[j->cur_sub];
	uint8_t saved[5];
	unsigned n = saved_regs(j, saved);
	int32_t body = sub->stack + (sub->may_gotos ? 8 : 0) + (int32_t)js->scratch * 8;

	if (js->calls) /* with the return address a multiple of 16 */
		body = ALIGN_UP(8 + 8 * (int32_t)n + body, 16) - 8 - 8 * (int32_t)n;
	j->frame = j->fp = !js->calls && body <= RED_ZONE ? 0 : body;
	j->flags_reg = JIT_NONE;
	for (unsigned i = 0; i < n; i++) {
		push(j, saved[i]);
		if (saved[i] == X86_RUN) {
			x86_mov(j, X86_W, X86_RUN, RSI);
			j->tail_entry = jit_here(j);
		}
	}
	if (j->frame)
		x86_alu_imm(j, X86_W, X86_D_SUB, RSP, j->frame);
	if (sub->may_gotos) {
		x86_rm(j, X86_MOV_IMM | X86_W, 0, budget(j));
		x86_put32(j, SKEP_MAY_GOTO_MAX);
	}
}

/* Undoes the prologue, but for its first `keep` pushes. */
static void leave(struct jit *j, unsigned keep)
{
	uint8_t saved[5];
	unsigned n = saved_regs(j, saved);

	if (j->frame)
		x86_alu_imm(j, X86_W, X86_D_ADD, RSP, j->frame);
	while (n > keep)
		pop(j, saved[--n]);
}

void x86_lower_exit(struct jit *j, const struct jit_op *op)
{
	leave(j, 0);
	x86_put8(j, X86_RET);
}

/* For a main program that does not want the run. */
void x86_tail_thunk(struct jit *j)
{
	pop(j, X86_RUN);
	x86_put8(j, X86_JMP_REL32);
	jit_add_reloc(j, JIT_TO_SUB, 0);
	x86_put32(j, 0);
}

/* The run arrives in r9, the sixth argument. */
void x86_thunk(struct jit *j, uint32_t s)
{
	push(j, X86_RUN);
	x86_mov(j, X86_W, X86_RUN, R9);
	x86_put8(j, X86_CALL_REL32);
	jit_add_reloc(j, JIT_TO_SUB, s);
	x86_put32(j, 0);
	pop(j, X86_RUN);
	x86_put8(j, X86_RET);
}

/* r0 to r5, flags and all scratch registers are lost. */
static void call_c(struct jit *j, const void *fn)
{
	j->flags_reg = JIT_NONE;
	fn = text_at(fn);
	if (j->near && mcode_is_near(fn)) {
		x86_put8(j, X86_CALL_REL32);
		jit_add_reloc(j, JIT_TO_ADDR, (uintptr_t)fn);
		x86_put32(j, 0);
	} else {
		x86_mov_imm(j, RAX, (uintptr_t)fn, true);
		x86_rr(j, X86_GRP5, X86_D_CALL, RAX);
	}
}

static void call_with_run(struct jit *j, skep_call_fn fn)
{
	x86_mov(j, X86_W, R9, X86_RUN);
	call_c(j, (const void *)(uintptr_t)fn);
}

static const struct insn_aux *aux_of(const struct jit *j, const struct jit_op *op)
{
	return &j->image->aux[op - j->ops];
}

void x86_lower_helper(struct jit *j, const struct jit_op *op)
{
	call_with_run(j, aux_of(j, op)->helper->fn);
}

void x86_lower_call_map(struct jit *j, const struct jit_op *op)
{
	const struct jit_map_call *call = &jit_map_calls[op->imm];
	const char *ops = (const char *)aux_of(j, op)->map->ops;
	void *fn;

	if (call->cpu != JIT_NONE)
		x86_rm(j, X86_MOV, x86_regs[call->cpu],
		       x86_at(X86_RUN, offsetof(struct skep_run, cpu)));
	memcpy(&fn, ops + call->op, sizeof(fn));
	call_c(j, fn);
}

void x86_lower_kfunc(struct jit *j, const struct jit_op *op)
{
	call_with_run(j, aux_of(j, op)->kfunc->fn);
}

/* True where a subprogram may return from another program. */
static bool subs_tail_call(const struct jit *j)
{
	for (uint32_t s = 1; s < j->image->sub_cnt; s++)
		if (j->image->sub[s].tail_calls)
			return true;
	return false;
}

void x86_lower_call_sub(struct jit *j, const struct jit_op *op)
{
	j->flags_reg = JIT_NONE;
	x86_put8(j, X86_CALL_REL32);
	jit_add_reloc(j, JIT_TO_SUB, (uint32_t)op->imm);
	x86_put32(j, 0);
	if (!j->hands_run || !subs_tail_call(j))
		return;
	x86_mov_imm(j, R11, (uintptr_t)j->prog, false);
	x86_rm(j, X86_MOV_MR | X86_W, R11, x86_at(X86_RUN, offsetof(struct skep_run, prog)));
}

void x86_lower_callx(struct jit *j, const struct jit_op *op)
{
	for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
		x86_rm(j, X86_MOV_MR | X86_W, x86_regs[r], scratch(j, r - 1));
	x86_mov(j, X86_W, RDI, x86_src(j, op->a, R11));
	call_c(j, (const void *)(uintptr_t)helper_target);
	for (unsigned r = BPF_REG_1; r <= BPF_REG_5; r++)
		x86_rm(j, X86_MOV | X86_W, x86_regs[r], scratch(j, r - 1));
	x86_mov(j, X86_W, R9, X86_RUN);
	x86_rr(j, X86_GRP5, X86_D_CALL, RAX);
}

/* Where the program of a tail call stands; the jump that a wrong index takes, NULL for none. */
static struct x86_mem tail_slot(struct jit *j, const struct jit_op *op, uint8_t **ret_out)
{
	struct x86_mem slot = { .base = R11, .idx = x86_regs[op->b], .scale = 3 };
	const struct skep_map *m = aux_of(j, op)->map;

	*ret_out = NULL;
	if (op->b == JIT_NONE) { /* fuse_tail_call looked at the index */
		x86_mov_imm(j, R11, (uintptr_t)m->values + (uint32_t)op->imm * 8, false);
		return x86_at(R11, 0);
	}
	x86_mov(j, 0, slot.idx, slot.idx);
	if (m)
		x86_alu_imm(j, 0, X86_D_CMP, slot.idx, (int32_t)m->max_entries);
	else
		x86_rm(j, X86_CMP, slot.idx, x86_at(RSI, offsetof(struct skep_map, max_entries)));
	*ret_out = x86_jcc_forth(j, X86_CC_AE);
	/* Behind a tail call is where it goes: no program is taken from beyond the array. */
	if (aux_of(j, op)->barrier_after)
		j->target->barrier(j);
	if (m)
		x86_mov_imm(j, R11, (uintptr_t)m->values, false);
	else
		x86_rm(j, X86_MOV | X86_W, R11, x86_at(RSI, offsetof(struct skep_map, values)));
	return slot;
}

/* What the kernel's compiler does: the slot is looked at before the call is counted. */
void x86_lower_tail_call(struct jit *j, const struct jit_op *op)
{
	struct x86_mem count = x86_at(X86_RUN, offsetof(struct skep_run, tail_calls));
	struct x86_mem slot;
	uint8_t *out[3];

	slot = tail_slot(j, op, &out[0]);
	x86_rm(j, X86_MOV, RAX, count);
	x86_alu_imm(j, 0, X86_D_CMP, RAX, SKEP_TAIL_CALLS_MAX);
	out[1] = x86_jcc_forth(j, X86_CC_AE);
	x86_rm(j, X86_MOV | X86_W, R11, slot);
	x86_rr(j, X86_TEST | X86_W, R11, R11);
	out[2] = x86_jcc_forth(j, X86_CC_E);
	x86_alu_imm(j, 0, X86_D_ADD, RAX, 1);
	x86_rm(j, X86_MOV_MR, RAX, count);
	x86_rm(j, X86_MOV_MR | X86_W, R11, x86_at(X86_RUN, offsetof(struct skep_run, prog)));
	leave(j, j->cur_sub == 0);
	if (j->cur_sub != 0)
		push(j, X86_RUN);
	x86_rm(j, X86_GRP5, X86_D_JMP, x86_at(R11, offsetof(struct skep_prog, tail_entry)));
	for (unsigned i = 0; i < ARRAY_SIZE(out); i++)
		if (out[i])
			x86_here(j, out[i]);
	j->flags_reg = JIT_NONE;
}

/* r11 *= size, or a scale for an address; the scale. */
static unsigned scale_index(struct jit *j, uint32_t size)
{
	unsigned shift = (unsigned)__builtin_ctz(size);

	if (!IS_POW2(size)) {
		x86_rr(j, X86_IMUL_IMM32 | X86_W, R11, R11);
		x86_put32(j, (int32_t)size);
		return 0;
	}
	if (shift <= 3)
		return shift;
	x86_shift_imm(j, X86_W, X86_D_SHL, R11, shift);
	return 0;
}

void x86_lower_lookup(struct jit *j, const struct jit_op *op)
{
	const struct skep_map *m = aux_of(j, op)->map;
	struct x86_mem sum = { .base = RAX, .idx = R11 };
	uint8_t *out;

	x86_rm(j, X86_MOV, R11, x86_op_mem(j, op));
	x86_mov_imm(j, RAX, 0, false);
	x86_alu_imm(j, 0, X86_D_CMP, R11, (int32_t)m->max_entries);
	out = x86_jcc_forth(j, X86_CC_AE);
	sum.scale = (uint8_t)scale_index(j, m->elem_size);
	x86_mov_imm(j, RAX, (uintptr_t)m->values, false);
	x86_rm(j, X86_LEA | X86_W, RAX, sum);
	if (m->type == BPF_MAP_TYPE_PERCPU_ARRAY) {
		x86_rm(j, X86_MOV, R11, x86_at(X86_RUN, offsetof(struct skep_run, cpu)));
		sum.scale = (uint8_t)scale_index(j, (uint32_t)m->cpu_stride);
		x86_rm(j, X86_LEA | X86_W, RAX, sum);
	}
	x86_here(j, out);
	j->flags_reg = JIT_NONE;
}

/* helper_ld_abs(run, r6, off, size, &value); false ends the subprogram with 0. */
void x86_lower_ld_abs(struct jit *j, const struct jit_op *op)
{
	uint8_t *ok;

	if (op->b == JIT_NONE)
		x86_mov_imm(j, RDX, (uint32_t)op->imm, true);
	else
		x86_rm(j, X86_LEA, RDX, x86_mem_of(j, op->b, JIT_NONE, 0, op->imm));
	x86_mov(j, X86_W, RDI, X86_RUN);
	x86_mov(j, X86_W, RSI, x86_src(j, op->a, RSI));
	x86_mov_imm(j, RCX, op->size, true);
	x86_rm(j, X86_LEA | X86_W, R8, scratch(j, 0));
	call_c(j, (const void *)(uintptr_t)helper_ld_abs);
	x86_rr(j, X86_TEST8, RAX, RAX);
	ok = x86_jcc_forth(j, X86_CC_NE);
	x86_mov_imm(j, RAX, 0, false);
	leave(j, 0);
	x86_put8(j, X86_RET);
	x86_here(j, ok);
	x86_rm(j, X86_MOV | X86_W, RAX, scratch(j, 0));
	j->flags_reg = JIT_NONE;
}

/* helper_probe_load(run, m, how), and its like: a load, so no register but dst changes. */
void x86_lower_probe(struct jit *j, const struct jit_op *op)
{
	const jit_regs keep = op->live & JIT_CALLER_SAVED & ~jit_bit(op->dst);

	x86_rm(j, X86_LEA | X86_W, R10, x86_op_mem(j, op));
	for (unsigned r = BPF_REG_0; r <= BPF_REG_5; r++)
		if (keep & jit_bit(r))
			x86_rm(j, X86_MOV_MR | X86_W, x86_regs[r], scratch(j, r));
	x86_mov(j, X86_W, RDI, X86_RUN);
	x86_mov(j, X86_W, RSI, R10);
	x86_mov_imm(j, RDX, (uint32_t)op->imm, true);
	call_c(j, (const void *)(uintptr_t)(op->code == JIT_KPTR ? helper_kptr_load
								 : helper_probe_load));
	x86_mov(j, X86_W, R11, RAX);
	for (unsigned r = BPF_REG_0; r <= BPF_REG_5; r++)
		if (keep & jit_bit(r))
			x86_rm(j, X86_MOV | X86_W, x86_regs[r], scratch(j, r));
	x86_mov(j, X86_W, x86_regs[op->dst], R11);
}

void x86_lower_func(struct jit *j, const struct jit_op *op)
{
	x86_opcode(j, X86_LEA | X86_W, (x86_regs[op->dst] >> 3) << 2, false);
	x86_put8(j, (x86_regs[op->dst] & 7) << 3 | RBP); /* [rip + distance] */
	jit_add_reloc(j, JIT_TO_THUNK, (uint32_t)op->imm);
	x86_put32(j, 0);
}

/* The budget counts down through zero and stays below it, so every later one jumps as well. */
void x86_lower_may_goto(struct jit *j, const struct jit_op *op)
{
	x86_rm(j, X86_GRP1_IMM8 | X86_W, X86_D_SUB, budget(j));
	x86_put8(j, 1);
	jit_end_frag(j, X86_CC_S, op->target, 0);
}
