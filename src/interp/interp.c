/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interp.c - the loop: threaded code, one indirect jump an instruction.
 *
 * Registers stand in memory beside the window of memory that each last pointed into (struct
 * cell), so a checked load is: add, subtract, compare, load.  Labels come from opcodes.def: a row
 * without its label, or a label without its row, does not compile.
 *
 * Calls, tail calls and budgets are as the kernel's x86 JIT has them (arch/x86/net/
 * bpf_jit_comp.c): a tail call takes the place of the innermost frame only, so that its program
 * returns to whoever called that frame; at most 33 of them in a run.
 */
#include "interp/interp_int.h"

/* Unaligned, aliasing whatever is there. */
#define MEM(type, addr) (((struct { type v; } __attribute__((packed, may_alias)) *)(addr))->v)

static inline uint64_t div64(uint64_t a, uint64_t b)
{
	return b ? a / b : 0;
}

static inline uint64_t mod64(uint64_t a, uint64_t b)
{
	return b ? a % b : a;
}

static inline int64_t sdiv64(int64_t a, int64_t b)
{
	return b == 0 ? 0 : b == -1 ? (int64_t) - (uint64_t)a : a / b;
}

static inline int64_t smod64(int64_t a, int64_t b)
{
	return b == 0 ? a : b == -1 ? 0 : a % b;
}

static inline uint32_t div32(uint32_t a, uint32_t b)
{
	return b ? a / b : 0;
}

static inline uint32_t mod32(uint32_t a, uint32_t b)
{
	return b ? a % b : a;
}

static inline uint32_t sdiv32(int32_t a, int32_t b)
{
	return b == 0 ? 0 : b == -1 ? -(uint32_t)a : (uint32_t)(a / b);
}

static inline uint32_t smod32(int32_t a, int32_t b)
{
	return b == 0 ? (uint32_t)a : b == -1 ? 0 : (uint32_t)(a % b);
}

static inline uint64_t rotate64(uint64_t v, uint64_t left)
{
	return v << (left & 63) | v >> (-left & 63);
}

static inline uint32_t rotate32(uint32_t v, uint64_t left)
{
	return v << (left & 31) | v >> (-left & 31);
}

/* The program in slot `index` of a PROG_ARRAY, or NULL. */
static const struct interp_prog *tail_target(struct skep_map *m, uint32_t index)
{
	const struct skep_prog *p;

	if (index >= m->max_entries)
		return NULL;
	/* Pairs with the exchange of the update: the program is complete. */
	p = atomic_load_explicit(&((_Atomic(const struct skep_prog *) *)m->values)[index],
				 memory_order_acquire);
	return p ? p->engine_priv : NULL;
}

/* Opens the frame of a subprogram; false where call records or stack are used up. */
static inline bool call_push(struct interp_frame *f, const struct interp_sub *sub,
			     const struct code *ret, uint64_t budget)
{
	struct interp_call *call = &f->call[f->depth];
	struct cell *c = f->cell;

	if (f->depth >= ARRAY_SIZE(f->call) || f->low - (uintptr_t)f->run->vcpu->stack < sub->stack)
		return false;
	f->depth++;
	call->ip = f->ip;
	call->ret = ret;
	call->saved[0] = c[6].v;
	call->saved[1] = c[7].v;
	call->saved[2] = c[8].v;
	call->saved[3] = c[9].v;
	call->fp = c[10].v;
	call->budget = budget;
	c[10].v = f->low;
	f->low -= sub->stack;
	return true;
}

static inline const struct interp_call *call_pop(struct interp_frame *f)
{
	const struct interp_call *call = &f->call[--f->depth];
	struct cell *c = f->cell;

	f->low = c[10].v;
	if (unlikely(f->ip != call->ip)) /* a tail call from in there */
		f->run->prog = call->ip->prog;
	f->ip = call->ip;
	c[6].v = call->saved[0];
	c[7].v = call->saved[1];
	c[8].v = call->saved[2];
	c[9].v = call->saved[3];
	c[10].v = call->fp;
	return call;
}

/* Puts the target's frame in the place of the innermost; NULL: not taken, go on behind it. */
static const struct code *tail_call(struct interp_frame *f)
{
	struct cell *c = f->cell;
	struct skep_map *m = (struct skep_map *)(uintptr_t)c[2].v;
	const struct interp_prog *target = tail_target(m, (uint32_t)c[3].v);

	if (!target || f->run->tail_calls >= SKEP_TAIL_CALLS_MAX ||
	    c[10].v - (uintptr_t)f->run->vcpu->stack < target->sub->stack)
		return NULL;
	f->run->tail_calls++;
	f->run->prog = target->prog;
	f->ip = target;
	f->low = c[10].v - target->sub->stack;
	return target->sub->entry;
}

/* -- the loop ---------------------------------------------------------------------------- */

#define REG(cell_off) (*(uint64_t *)((char *)cells + (cell_off)))
#define WIN(cell_off) ((struct cell *)((char *)cells + (cell_off)))
#define D	      REG(pc->dst)
#define S	      REG(pc->src)
#define D32	      ((uint32_t)D)
#define S32	      ((uint32_t)S)
#define I	      (pc->imm)
#define I32	      ((uint32_t)pc->imm)
#define NEXT                   \
	do {                   \
		pc++;          \
		goto * pc->op; \
	} while (0)
#define JUMP                                                            \
	do {                                                            \
		pc = (const struct code *)((const char *)pc + pc->off); \
		goto * pc->op;                                          \
	} while (0)

/* The four forms of a binary operation. */
#define BINARY(name, op)                    \
	do_##name##64_IMM : D = D op I;     \
	NEXT;                               \
	do_##name##64_REG : D = D op S;     \
	NEXT;                               \
	do_##name##32_IMM : D = D32 op I32; \
	NEXT;                               \
	do_##name##32_REG : D = D32 op S32; \
	NEXT;
#define SHIFT(name, op, t64, t32)                                \
	do_##name##64_IMM : D = (uint64_t)((t64)D op(I & 63));   \
	NEXT;                                                    \
	do_##name##64_REG : D = (uint64_t)((t64)D op(S & 63));   \
	NEXT;                                                    \
	do_##name##32_IMM : D = (uint32_t)((t32)D32 op(I & 31)); \
	NEXT;                                                    \
	do_##name##32_REG : D = (uint32_t)((t32)D32 op(S & 31)); \
	NEXT;
#define DIVIDE(name, fn, t64, t32)                                \
	do_##name##64_IMM : D = (uint64_t)fn##64((t64)D, (t64)I); \
	NEXT;                                                     \
	do_##name##64_REG : D = (uint64_t)fn##64((t64)D, (t64)S); \
	NEXT;                                                     \
	do_##name##32_IMM : D = fn##32((t32)D32, (t32)I32);       \
	NEXT;                                                     \
	do_##name##32_REG : D = fn##32((t32)D32, (t32)S32);       \
	NEXT;
#define COMPARE(name, op, t64, t32)                         \
	do_##name##64_IMM : if ((t64)D op(t64) I) JUMP;     \
	NEXT;                                               \
	do_##name##64_REG : if ((t64)D op(t64) S) JUMP;     \
	NEXT;                                               \
	do_##name##32_IMM : if ((t32)D32 op(t32) I32) JUMP; \
	NEXT;                                               \
	do_##name##32_REG : if ((t32)D32 op(t32) S32) JUMP; \
	NEXT;

/* addr = base + off, inside the window of the base's register, or window_find's verdict. */
#define ADDRESS(cell_off, bytes)                                         \
	do {                                                             \
		struct cell *cell_ = WIN(cell_off);                      \
		addr = cell_->v + (uint64_t)(int64_t)pc->off;            \
		if (unlikely(addr - cell_->lo > cell_->len - (bytes)) && \
		    !window_find(f, addr, (bytes), cell_))               \
			return interp_fault(f, pc, addr);                \
	} while (0)

#define LOAD(name, type)                            \
	do_##name : ADDRESS(pc->src, sizeof(type)); \
	D = (uint64_t)(int64_t)MEM(type, addr);     \
	NEXT;
#define LOADU(name, type)                           \
	do_##name : ADDRESS(pc->src, sizeof(type)); \
	D = MEM(type, addr);                        \
	NEXT;
#define STORE(size, type)                              \
	do_ST##size : ADDRESS(pc->dst, sizeof(type));  \
	MEM(type, addr) = (type)I;                     \
	NEXT;                                          \
	do_STX##size : ADDRESS(pc->dst, sizeof(type)); \
	MEM(type, addr) = (type)S;                     \
	NEXT;

/* Read-modify-write: without FETCH the kernel's are atomic but order nothing. */
#define RMW(name, fn, bits)                                                                   \
	do_ATOMIC_##name##bits : ADDRESS(pc->dst, bits / 8);                                  \
	__atomic_fetch_##fn((uint##bits##_t *)addr, (uint##bits##_t)S, __ATOMIC_RELAXED);     \
	NEXT;                                                                                 \
	do_ATOMIC_FETCH_##name##bits : ADDRESS(pc->dst, bits / 8);                            \
	S = __atomic_fetch_##fn((uint##bits##_t *)addr, (uint##bits##_t)S, __ATOMIC_SEQ_CST); \
	NEXT;
#define EXCHANGE(bits)                                                                        \
	do_ATOMIC_XCHG##bits : ADDRESS(pc->dst, bits / 8);                                    \
	S = __atomic_exchange_n((uint##bits##_t *)addr, (uint##bits##_t)S, __ATOMIC_SEQ_CST); \
	NEXT;                                                                                 \
	do_ATOMIC_CMPXCHG##bits : ADDRESS(pc->dst, bits / 8);                                 \
	{                                                                                     \
		uint##bits##_t old = (uint##bits##_t)cells[0].v;                              \
		__atomic_compare_exchange_n((uint##bits##_t *)addr, &old, (uint##bits##_t)S,  \
					    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);       \
		cells[0].v = old;                                                             \
	}                                                                                     \
	NEXT;
#define ORDERED(bits)                                                                  \
	do_LOAD_ACQ##bits : ADDRESS(pc->src, bits / 8);                                \
	D = __atomic_load_n((uint##bits##_t *)addr, __ATOMIC_ACQUIRE);                 \
	NEXT;                                                                          \
	do_STORE_REL##bits : ADDRESS(pc->dst, bits / 8);                               \
	__atomic_store_n((uint##bits##_t *)addr, (uint##bits##_t)S, __ATOMIC_RELEASE); \
	NEXT;

#define PACKET(size, bytes)                                                           \
	do_LD_ABS##size : addr = 0;                                                   \
	if (cells[6].v != (uintptr_t)f->ctx)                                          \
		return interp_fault(f, pc, cells[6].v);                               \
	if (!helper_ld_abs(f->run, f->ctx, (int32_t)I32, bytes, &cells[0].v))         \
		goto packet_short;                                                    \
	NEXT;                                                                         \
	do_LD_IND##size : addr = 0;                                                   \
	if (cells[6].v != (uintptr_t)f->ctx)                                          \
		return interp_fault(f, pc, cells[6].v);                               \
	if (!helper_ld_abs(f->run, f->ctx, (int32_t)(S32 + I32), bytes, &cells[0].v)) \
		goto packet_short;                                                    \
	NEXT;

/* -- fused (see enum interp_op) -- */

#define S2 REG(pc->src2)
#define SKIP(slots)            \
	do {                   \
		pc += (slots); \
		goto * pc->op; \
	} while (0)
#define MOV_BINARY(name, op)                             \
	do_MOV_##name##64_IMM : D = S op I;              \
	SKIP(2);                                         \
	do_MOV_##name##64_REG : D = S op S2;             \
	SKIP(2);                                         \
	do_MOV_##name##32_IMM : D = S32 op I32;          \
	SKIP(2);                                         \
	do_MOV_##name##32_REG : D = S32 op(uint32_t) S2; \
	SKIP(2);
#define MOV_SHIFT(name, op, t64, t32)                                 \
	do_MOV_##name##64_IMM : D = (uint64_t)((t64)S op(I & 63));    \
	SKIP(2);                                                      \
	do_MOV_##name##64_REG : D = (uint64_t)((t64)S op(S2 & 63));   \
	SKIP(2);                                                      \
	do_MOV_##name##32_IMM : D = (uint32_t)((t32)S32 op(I & 31));  \
	SKIP(2);                                                      \
	do_MOV_##name##32_REG : D = (uint32_t)((t32)S32 op(S2 & 31)); \
	SKIP(2);
#define COMPARE_GOTO(name, op, t64, t32)                         \
	do_##name##64_IMM_GOTO : if ((t64)D op(t64) I) JUMP;     \
	SKIP(pc->dst2);                                          \
	do_##name##64_REG_GOTO : if ((t64)D op(t64) S) JUMP;     \
	SKIP(pc->dst2);                                          \
	do_##name##32_IMM_GOTO : if ((t32)D32 op(t32) I32) JUMP; \
	SKIP(pc->dst2);                                          \
	do_##name##32_REG_GOTO : if ((t32)D32 op(t32) S32) JUMP; \
	SKIP(pc->dst2);                                          \
	do_COUNT_##name : D += (uint64_t)(int64_t)(int32_t)I;    \
	if ((t64)D op(t64)((int64_t)I >> 32))                    \
		JUMP;                                            \
	SKIP(pc->dst2);
#define INDEX_LOAD(bits)                                                        \
	do_INDEX_LDX##bits : addr = S + S2;                                     \
	D = addr;                                                               \
	addr += (uint64_t)(int64_t)pc->off;                                     \
	if (unlikely(addr - WIN(pc->dst)->lo > WIN(pc->dst)->len - bits / 8) && \
	    !window_find(f, addr, bits / 8, WIN(pc->dst)))                      \
		return interp_fault(f, pc + 2, addr);                           \
	REG(pc->dst2) = MEM(uint##bits##_t, addr);                              \
	SKIP(3);
#define ROTATE(bits)                                                                 \
	do_ROTATE_RSH##bits : S = (uint##bits##_t)D >> (I & 0xff);                   \
	D = rotate##bits((uint##bits##_t)D, I >> 8);                                 \
	SKIP(4);                                                                     \
	do_ROTATE_LSH##bits : S = (uint##bits##_t)((uint##bits##_t)D << (I & 0xff)); \
	D = rotate##bits((uint##bits##_t)D, I >> 8);                                 \
	SKIP(4);

/*
 * Runs from pc to the exit of the activation; NULL frame: returns the labels.  Longer than other
 * functions: it is one flat switch.  Misaligned atomics are the program's choice, as in the
 * kernel; the sanitizer need not tell.
 */
/* NOLINTNEXTLINE(readability-function-size) */
__attribute__((no_sanitize("alignment"))) static uint64_t interp_exec(struct interp_frame *f,
								      const struct code *pc)
{
	static const void *const labels[_OP_MAX] = {
#define INSN(name, ...) [INSN_##name] = &&do_##name,
#include "isa/opcodes.def"
		[OP_LD_CONST] = &&do_LD_CONST,
		[OP_TAIL_CALL] = &&do_TAIL_CALL,
		[OP_KPTR] = &&do_KPTR,
		[OP_PROBE] = &&do_PROBE,
#define X(op)                                          \
	[OP_MOV_##op##64_IMM] = &&do_MOV_##op##64_IMM, \
	[OP_MOV_##op##64_REG] = &&do_MOV_##op##64_REG, \
	[OP_MOV_##op##32_IMM] = &&do_MOV_##op##32_IMM, \
	[OP_MOV_##op##32_REG] = &&do_MOV_##op##32_REG,
		FUSED_BINARY(X)
#undef X
#define X(op, not )                                      \
	[OP_##op##64_IMM_GOTO] = &&do_##op##64_IMM_GOTO, \
	[OP_##op##64_REG_GOTO] = &&do_##op##64_REG_GOTO, \
	[OP_##op##32_IMM_GOTO] = &&do_##op##32_IMM_GOTO, \
	[OP_##op##32_REG_GOTO] = &&do_##op##32_REG_GOTO, [OP_COUNT_##op] = &&do_COUNT_##op,
			FUSED_COMPARE(X)
#undef X
#define X(bits) [OP_INDEX_LDX##bits] = &&do_INDEX_LDX##bits,
				FUSED_LOAD(X)
#undef X
					[OP_ROTATE_RSH64] = &&do_ROTATE_RSH64,
		[OP_ROTATE_LSH64] = &&do_ROTATE_LSH64,
		[OP_ROTATE_RSH32] = &&do_ROTATE_RSH32,
		[OP_ROTATE_LSH32] = &&do_ROTATE_LSH32,
	};
	uint64_t budget = SKEP_MAY_GOTO_MAX;
	struct cell *cells;
	uintptr_t addr;

	if (unlikely(!f))
		return (uintptr_t)labels;
	cells = f->cell;
	goto * pc->op;

	BINARY(ADD, +)
	BINARY(SUB, -)
	BINARY(MUL, *)
	BINARY(OR, |)
	BINARY(AND, &)
	BINARY(XOR, ^)
	SHIFT(LSH, <<, uint64_t, uint32_t)
	SHIFT(RSH, >>, uint64_t, uint32_t)
	SHIFT(ARSH, >>, int64_t, int32_t)
	DIVIDE(DIV, div, uint64_t, uint32_t)
	DIVIDE(MOD, mod, uint64_t, uint32_t)
	DIVIDE(SDIV, sdiv, int64_t, int32_t)
	DIVIDE(SMOD, smod, int64_t, int32_t)

do_NEG64:
	D = -D;
	NEXT;
do_NEG32:
	D = -D32;
	NEXT;
do_MOV64_IMM:
	D = I;
	NEXT;
do_MOV64_REG:
	D = S;
	NEXT;
do_ADDR_SPACE_CAST:
	D = S32 || pc->off ? pc->imm + S32 : 0;
	NEXT;
do_MOV32_IMM:
	D = I32;
	NEXT;
do_MOV32_REG:
	D = S32;
	NEXT;
do_MOVSX64_8:
	D = (uint64_t)(int8_t)S;
	NEXT;
do_MOVSX64_16:
	D = (uint64_t)(int16_t)S;
	NEXT;
do_MOVSX64_32:
	D = (uint64_t)(int32_t)S;
	NEXT;
do_MOVSX32_8:
	D = (uint32_t)(int8_t)S;
	NEXT;
do_MOVSX32_16:
	D = (uint32_t)(int16_t)S;
	NEXT;

do_LE16:
	D = (uint16_t)D;
	NEXT;
do_LE32:
	D = D32;
	NEXT;
do_LE64:
	NEXT;
do_BE16:
do_BSWAP16:
	D = __builtin_bswap16((uint16_t)D);
	NEXT;
do_BE32:
do_BSWAP32:
	D = __builtin_bswap32(D32);
	NEXT;
do_BE64:
do_BSWAP64:
	D = __builtin_bswap64(D);
	NEXT;

	COMPARE(JEQ, ==, uint64_t, uint32_t)
	COMPARE(JNE, !=, uint64_t, uint32_t)
	COMPARE(JGT, >, uint64_t, uint32_t)
	COMPARE(JGE, >=, uint64_t, uint32_t)
	COMPARE(JLT, <, uint64_t, uint32_t)
	COMPARE(JLE, <=, uint64_t, uint32_t)
	COMPARE(JSET, &, uint64_t, uint32_t)
	COMPARE(JSGT, >, int64_t, int32_t)
	COMPARE(JSGE, >=, int64_t, int32_t)
	COMPARE(JSLT, <, int64_t, int32_t)
	COMPARE(JSLE, <=, int64_t, int32_t)

do_JA:
do_JA32:
	JUMP;
do_MAY_GOTO:
	if (budget == 0)
		JUMP;
	budget--;
	NEXT;

	LOADU(LDX8, uint8_t)
	LOADU(LDX16, uint16_t)
	LOADU(LDX32, uint32_t)
	LOADU(LDX64, uint64_t)
	LOAD(LDSX8, int8_t)
	LOAD(LDSX16, int16_t)
	LOAD(LDSX32, int32_t)
	STORE(8, uint8_t)
	STORE(16, uint16_t)
	STORE(32, uint32_t)
	STORE(64, uint64_t)

	RMW(ADD, add, 32)
	RMW(ADD, add, 64)
	RMW(OR, or, 32)
	RMW(OR, or, 64)
	RMW(AND, and, 32)
	RMW(AND, and, 64)
	RMW(XOR, xor, 32)
	RMW(XOR, xor, 64)
	EXCHANGE(32)
	EXCHANGE(64)
	ORDERED(8)
	ORDERED(16)
	ORDERED(32)
	ORDERED(64)

do_KPTR:
	ADDRESS(pc->src, sizeof(uint64_t));
	D = helper_kptr_load(f->run, addr, 0);
	NEXT;

do_PROBE:
	D = helper_probe_load(f->run, S + (uint64_t)(int64_t)pc->off, (uint32_t)I);
	NEXT;

do_LD_CONST:
do_LD_IMM64:
do_LD_MAP_FD:
do_LD_MAP_VALUE:
do_LD_BTF_ID:
do_LD_FUNC:
do_LD_MAP_IDX:
do_LD_MAP_IDX_VALUE:
	D = I;
	pc++;
	NEXT;

	PACKET(8, 1)
	PACKET(16, 2)
	PACKET(32, 4)

	MOV_BINARY(ADD, +)
	MOV_BINARY(SUB, -)
	MOV_BINARY(MUL, *)
	MOV_BINARY(OR, |)
	MOV_BINARY(AND, &)
	MOV_BINARY(XOR, ^)
	MOV_SHIFT(LSH, <<, uint64_t, uint32_t)
	MOV_SHIFT(RSH, >>, uint64_t, uint32_t)
	MOV_SHIFT(ARSH, >>, int64_t, int32_t)
	COMPARE_GOTO(JEQ, ==, uint64_t, uint32_t)
	COMPARE_GOTO(JNE, !=, uint64_t, uint32_t)
	COMPARE_GOTO(JGT, >, uint64_t, uint32_t)
	COMPARE_GOTO(JGE, >=, uint64_t, uint32_t)
	COMPARE_GOTO(JLT, <, uint64_t, uint32_t)
	COMPARE_GOTO(JLE, <=, uint64_t, uint32_t)
	COMPARE_GOTO(JSGT, >, int64_t, int32_t)
	COMPARE_GOTO(JSGE, >=, int64_t, int32_t)
	COMPARE_GOTO(JSLT, <, int64_t, int32_t)
	COMPARE_GOTO(JSLE, <=, int64_t, int32_t)
	INDEX_LOAD(8)
	INDEX_LOAD(16)
	INDEX_LOAD(32)
	INDEX_LOAD(64)
	ROTATE(64)
	ROTATE(32)

do_CALL_HELPER:
	if (!interp_helper(f, pc, (const struct helper_proto *)(uintptr_t)I))
		return 0;
	NEXT;
do_CALLX : {
	const struct helper_proto *h = helper_by_id((uint32_t)MIN(D, UINT32_MAX));

	if (!h)
		return interp_fault(f, pc, D);
	if (!interp_helper(f, pc, h))
		return 0;
	NEXT;
}
do_CALL_KFUNC:
	if (!interp_kfunc(f, pc, (const struct kfunc *)(uintptr_t)I))
		return 0;
	NEXT;
do_CALL_SUB : {
	const struct interp_sub *sub = (const struct interp_sub *)(uintptr_t)I;

	if (unlikely(!call_push(f, sub, pc + 1, budget)))
		goto call_deep;
	budget = SKEP_MAY_GOTO_MAX;
	pc = sub->entry;
	goto * pc->op;
}
do_TAIL_CALL : {
	const struct code *target;

	if (cells[1].v != (uintptr_t)f->ctx ||
	    !window_map(f, (const struct skep_map *)(uintptr_t)cells[2].v))
		return interp_fault(f, pc, cells[2].v);
	target = tail_call(f);
	if (!target)
		NEXT;
	budget = SKEP_MAY_GOTO_MAX;
	pc = target;
	goto * pc->op;
}
packet_short:
	/* LD_ABS beyond the packet: the function ends with 0. */
	cells[0].v = 0;
do_EXIT:
	if (f->depth == 0)
		return cells[0].v;
	{
		const struct interp_call *call = call_pop(f);

		pc = call->ret;
		budget = call->budget;
		goto * pc->op;
	}

	/* Tail calls inside subprograms nest deeper than the records: go on in a new activation. */
call_deep : {
	const struct interp_sub *sub = (const struct interp_sub *)(uintptr_t)I;
	const uint64_t args[5] = { cells[1].v, cells[2].v, cells[3].v, cells[4].v, cells[5].v };

	cells[0].v = interp_enter(f->ip, sub, args, f, f->run);
	if (f->run->fault)
		return 0;
	NEXT;
}
}

const void *const *interp_labels(void)
{
	return (const void *const *)(uintptr_t)interp_exec(NULL, NULL);
}

/* How helpers call back; func is a struct interp_sub that interp_helper has checked. */
static uint64_t callback(uint64_t func, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			 uint64_t r5, struct skep_run *run)
{
	const uint64_t args[5] = { r1, r2, r3, r4, r5 };

	return interp_enter(run->frame->ip, (const struct interp_sub *)(uintptr_t)func, args,
			    run->frame, run);
}

uint64_t interp_enter(const struct interp_prog *ip, const struct interp_sub *sub,
		      const uint64_t args[5], struct interp_frame *up, struct skep_run *run)
{
	uintptr_t bottom = (uintptr_t)run->vcpu->stack;
	uintptr_t top = up ? up->low : bottom + sizeof(run->vcpu->stack);
	struct interp_frame f;
	uint64_t ret;

	f.up = up;
	f.ip = ip;
	f.run = run;
	f.ctx = up ? up->ctx : (void *)(uintptr_t)args[0];
	f.low = top - sub->stack;
	f.depth = f.recent_n = f.inner_n = 0;
	/* What is called later may be of a map that the program found in another one. */
	if (run->later)
		f.inner[f.inner_n++] = run->later;
	window_reset(&f);
	for (unsigned r = 0; r < SKEP_REG_CNT; r++)
		f.cell[r].v = r >= BPF_REG_1 && r <= BPF_REG_5 ? args[r - 1] : 0;
	f.cell[BPF_REG_10].v = top;
	if (top - bottom < sub->stack)
		return interp_fault(&f, sub->entry, top);

	run->frame = &f;
	if (!up) {
		run->callback = callback;
		run->fault = 0;
	}
	ret = interp_exec(&f, sub->entry);
	run->frame = up;
	if (!up)
		run->callback = NULL;
	return run->fault ? 0 : ret;
}
