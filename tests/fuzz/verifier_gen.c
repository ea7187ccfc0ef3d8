/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_gen.c - see verifier_gen.h
 *
 * A program is a sequence of blocks; each keeps to what the generator knows of the registers
 * (num: it holds a number), so that most programs are right, and goes wrong now and then: a bound
 * is one off, a NULL check is missing.  Some programs are damaged afterwards as well.
 *
 *	r6 the context	r7 a value of the array  r10 the stack, of which BYTES are in use,
 *						 and below them dynptrs (verifier_gen_dynptr.c)
 *
 * In subprograms r6 is not used, and r7 is a third argument: memory of ARG_BYTES.
 */
#include "tests/fuzz/verifier_gen_int.h"

#include <string.h>

static const int32_t numbers[] = {
	0,
	1,
	2,
	3,
	4,
	5,
	7,
	8,
	15,
	16,
	31,
	32,
	40,
	63,
	64,
	-1,
	-2,
	-8,
	100,
	127,
	128,
	255,
	256,
	32767,
	32768,
	65535,
	65536,
	0x7fffffff,
	(int)0x80000000,
};

uint32_t gen_choice(struct gen_source *s, uint32_t n)
{
	uint32_t x;

	if (s->size >= 2) {
		x = (uint32_t)(s->data[0] | s->data[1] << 8);
		s->data += 2;
		s->size -= 2;
		return x % n;
	}
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	x = (uint32_t)(s->seed * UINT64_C(0x2545f4914f6cdd1d) >> 32);
	return (uint32_t)((uint64_t)x * n >> 32);
}

int32_t gen_number(struct gen *g)
{
	if (rarely(g, 6))
		return (int32_t)(pick(g, 65536) << 16 | pick(g, 65536));
	return (int32_t)((uint32_t)numbers[pick(g, ARRAY_SIZE(numbers))] +
			 (rarely(g, 8) ? pick(g, 3) - 1 : 0));
}

/* A register with a number; one is made where none is. */
uint32_t gen_num(struct gen *g)
{
	if (!(g->nums & ~g->busy)) {
		const uint32_t r = pick_of(g, NUMS & ~g->busy);

		mov_imm(g, r, gen_number(g));
		g->nums |= 1u << r;
	}
	return pick_of(g, rarely(g, 12) ? g->nums | g->busy : g->nums & ~g->busy);
}

static unsigned class_of(struct gen *g)
{
	return pick(g, 3) ? BPF_ALU64 : BPF_ALU;
}

/* --- numbers -------------------------------------------------------------------------------- */

static const uint8_t alu_ops[] = { BPF_ADD,  BPF_ADD, BPF_SUB, BPF_SUB, BPF_MUL, BPF_AND,
				   BPF_AND,  BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH, BPF_RSH,
				   BPF_ARSH, BPF_NEG, BPF_DIV, BPF_MOD };

static void block_alu(struct gen *g)
{
	const unsigned op = alu_ops[pick(g, ARRAY_SIZE(alu_ops))], class = class_of(g);
	const uint32_t d = gen_num(g);
	const bool is_shift = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
	const bool divides = op == BPF_DIV || op == BPF_MOD;
	int imm = gen_number(g);

	if (op == BPF_NEG) {
		emit(g, class | BPF_NEG, d, 0, 0, 0);
	} else if (rarely(g, is_shift ? 5 : 2)) {
		emit(g, class | op | BPF_X, d, gen_num(g), divides && rarely(g, 3), 0);
	} else {
		if (is_shift)
			imm &= class == BPF_ALU ? 31 : 63;
		if (divides && !imm)
			imm = 3;
		emit(g, class | op | BPF_K, d, 0, divides && rarely(g, 3), imm);
	}
}

static void block_move(struct gen *g)
{
	static const uint8_t bits[] = { 0, 0, 8, 16, 32 };
	const uint32_t d = fresh(g);
	const uint32_t n = pick(g, 8);
	unsigned class = class_of(g);
	int width = bits[pick(g, ARRAY_SIZE(bits))];

	if (n == 0) {
		emit(g, class | BPF_MOV | BPF_K, d, 0, 0, gen_number(g));
	} else if (n == 1) {
		emit(g, BPF_LD | BPF_IMM | BPF_DW, d, 0, 0, gen_number(g));
		emit(g, 0, 0, 0, 0, gen_number(g));
	} else {
		if (width == 32)
			class = BPF_ALU64;
		emit(g, class | BPF_MOV | BPF_X, d, gen_num(g), width, 0);
	}
	g->nums |= 1u << d;
}

static void block_end(struct gen *g)
{
	static const uint8_t codes[] = { BPF_ALU | BPF_END | BPF_TO_LE,
					 BPF_ALU | BPF_END | BPF_TO_BE, BPF_ALU64 | BPF_END };

	emit(g, codes[pick(g, 3)], gen_num(g), 0, 0, 16 << pick(g, 3));
}

/* Something that nobody knows. */
static void block_unknown(struct gen *g)
{
	const uint32_t d = fresh(g);
	const uint8_t size = sizes[pick(g, 4)];
	const unsigned mode = size != BPF_DW && rarely(g, 3) ? BPF_MEMSX : BPF_MEM;

	if (g->sub == 0 && rarely(g, 4))
		emit(g, BPF_LDX | BPF_MEM | BPF_W, d, 6, rarely(g, 2) ? 12 : 16, 0);
	else
		emit(g, BPF_LDX | mode | size, d, 7, (int)pick(g, g->mem / 8) * 8, 0);
	g->nums |= 1u << d;
}

/* --- the stack ------------------------------------------------------------------------------ */

/* An offset for so many bytes: often the bottom of a slot. */
static unsigned place(struct gen *g, unsigned bytes)
{
	return rarely(g, 2) ? pick(g, BYTES / 8) * 8 : pick(g, BYTES / bytes) * bytes;
}

static void block_spill(struct gen *g)
{
	const uint8_t size = sizes[3 - pick(g, 8) / 2 % 4];
	const unsigned at = place(g, bytes_of(size));
	const int off = (int)at - BYTES;

	if (rarely(g, 3))
		emit(g, BPF_ST | BPF_MEM | size, 10, 0, off, rarely(g, 2) ? 0 : gen_number(g));
	else
		emit(g, BPF_STX | BPF_MEM | size, 10, gen_num(g), off, 0);
	g->bytes |= mask_of(at, bytes_of(size));
}

static void block_fill(struct gen *g)
{
	const uint8_t size = sizes[3 - pick(g, 8) / 2 % 4];
	const unsigned bytes = bytes_of(size), at = place(g, bytes);
	const unsigned mode = size != BPF_DW && rarely(g, 4) ? BPF_MEMSX : BPF_MEM;
	const uint32_t d = fresh(g);

	if ((g->bytes & mask_of(at, bytes)) != mask_of(at, bytes))
		return;
	emit(g, BPF_LDX | mode | size, d, 10, (int)at - BYTES, 0);
	g->nums |= 1u << d;
}

/* A pointer goes to the stack and comes back. */
static void block_spill_pointer(struct gen *g)
{
	const unsigned at = pick(g, BYTES / 8) * 8;
	const uint32_t r = take(g);
	const uint8_t size = sizes[pick(g, 4)];

	emit(g, BPF_STX | BPF_MEM | BPF_DW, 10, 7, (int)at - BYTES, 0);
	if (rarely(g, 3))
		block_unknown(g);
	emit(g, BPF_LDX | BPF_MEM | BPF_DW, r, 10, (int)at - BYTES, 0);
	emit(g, BPF_LDX | BPF_MEM | size, r, r, (int)pick(g, g->mem / 8) * 8, 0);
	emit(g, BPF_ST | BPF_MEM | BPF_DW, 10, 0, (int)at - BYTES, 0);
	g->bytes |= mask_of(at, 8);
	give(g, r);
	g->nums |= 1u << r;
}

/* --- bounds, and accesses that need them ---------------------------------------------------- */

static const uint8_t jumps[] = { BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,	 BPF_JLT, BPF_JLE,
				 BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET };

/* Keeps r in [0, max]; jumps that leave the block go to out[]; how many. */
uint32_t gen_bound(struct gen *g, uint32_t r, int max, uint32_t *out)
{
	const unsigned class = rarely(g, 4) ? BPF_JMP32 : BPF_JMP;
	uint32_t n = 0, other;

	if (rarely(g, 16))
		max += rarely(g, 2) ? 1 : -1;
	switch (pick(g, 8)) {
	case 0: /* a mask of fewer bits */
		while (max & (max + 1))
			max &= max - 1;
		emit(g, class_of(g) | BPF_AND | BPF_K, r, 0, 0, max);
		return 0;
	case 1:
		emit(g, class_of(g) | BPF_MOD | BPF_K, r, 0, 0, max + 1);
		emit(g, BPF_ALU64 | BPF_AND | BPF_K, r, 0, 0, 0xff);
		out[n++] = jump(g, BPF_JMP | BPF_JGT | BPF_K, r, 0, max);
		return n;
	case 2: /* signed, both ends */
		out[n++] = jump(g, class | BPF_JSGT | BPF_K, r, 0, max);
		out[n++] = jump(g, class | BPF_JSLT | BPF_K, r, 0, 0);
		break;
	case 3: /* what another register learns */
		other = take(g);
		mov_reg(g, other, r);
		if (rarely(g, 2)) {
			const int by = (int)pick(g, 9) - 4;

			add_imm(g, other, by);
			out[n++] = jump(g, BPF_JMP | BPF_JGT | BPF_K, other, 0, max + by);
			out[n++] = jump(g, BPF_JMP | BPF_JLT | BPF_K, other, 0, MAX(by, 0));
		} else {
			out[n++] = jump(g, class | BPF_JGE | BPF_K, other, 0, max + 1);
		}
		give(g, other);
		g->nums |= 1u << other;
		break;
	case 4: /* against a register */
		other = take(g);
		mov_imm(g, other, max);
		out[n++] = jump(g, class | BPF_JGT | BPF_X, r, other, 0);
		give(g, other);
		g->nums |= 1u << other;
		break;
	case 5: /* the right way round to go on */
		emit(g, class | BPF_JLE | BPF_K, r, 0, 1, max);
		out[n++] = emit(g, BPF_JMP | BPF_JA, 0, 0, 0, 0);
		break;
	case 6: /* over the stack */
		emit(g, BPF_STX | BPF_MEM | BPF_DW, 10, r, -BYTES, 0);
		g->bytes |= 0xff;
		out[n++] = jump(g, class | BPF_JGT | BPF_K, r, 0, max);
		emit(g, BPF_LDX | BPF_MEM | BPF_DW, r, 10, -BYTES, 0);
		break;
	default:
		out[n++] = jump(g, class | BPF_JGT | BPF_K, r, 0, max);
		break;
	}
	/* 32 bits were compared */
	if (class == BPF_JMP32 && !rarely(g, 12))
		emit(g, BPF_ALU | BPF_MOV | BPF_X, r, r, 0, 0);
	return n;
}

/* An access of some size at pointer r. */
void gen_access(struct gen *g, uint32_t r, int off, uint8_t size, uint32_t value, bool atomics)
{
	static const int ops[] = { BPF_ADD,
				   BPF_OR,
				   BPF_AND,
				   BPF_XOR,
				   BPF_ADD | BPF_FETCH,
				   BPF_XCHG,
				   BPF_CMPXCHG,
				   BPF_OR | BPF_FETCH,
				   BPF_LOAD_ACQ,
				   BPF_STORE_REL };
	const uint32_t way = pick(g, atomics && (size == BPF_W || size == BPF_DW) ? 5 : 4);

	if (way == 4) {
		const int op = ops[pick(g, ARRAY_SIZE(ops))];

		/* cmpxchg looks at r0 */
		if (op == BPF_CMPXCHG && (!(g->nums & 1) || g->busy & 1))
			return;
		if (op == BPF_LOAD_ACQ)
			emit(g, BPF_STX | BPF_ATOMIC | size, value, r, off, op);
		else
			emit(g, BPF_STX | BPF_ATOMIC | size, r, value, off, op);
	} else if (way == 3) {
		emit(g, BPF_ST | BPF_MEM | size, r, 0, off, gen_number(g));
	} else if (way == 2) {
		emit(g, BPF_STX | BPF_MEM | size, r, value, off, 0);
	} else {
		emit(g, BPF_LDX | (size != BPF_DW && rarely(g, 3) ? BPF_MEMSX : BPF_MEM) | size,
		     value, r, off, 0);
	}
}

/* An index into the array's value, or the stack. */
static void block_index(struct gen *g, bool stack)
{
	const uint8_t size = sizes[pick(g, 4)];
	const int bytes = (int)bytes_of(size), all = stack ? BYTES : (int)g->mem;
	const int off = (int)pick(g, (uint32_t)(all - bytes) / 8 + 1) * 8;
	const int room = all - bytes - off; /* behind the pointer's fixed part */
	uint32_t out[4], nr, n = gen_num(g), i, p;

	/* a loop's counter, say: not to be overwritten */
	if (g->busy >> n & 1)
		return;
	g->busy |= 1u << n;
	i = take(g);
	p = take(g);
	mov_reg(g, i, n);
	if (stack && bytes > 1) {
		nr = gen_bound(g, i, room / bytes, out);
		emit(g, BPF_ALU64 | BPF_LSH | BPF_K, i, 0, 0, __builtin_ctz((unsigned)bytes));
	} else {
		nr = gen_bound(g, i, room, out);
	}
	mov_reg(g, p, stack ? 10 : 7);
	if (stack && rarely(g, 2))
		add_imm(g, p, off - BYTES);
	else
		add_imm(g, p, stack ? off - BYTES : rarely(g, 2) ? 0 : off);
	emit(g, BPF_ALU64 | BPF_ADD | BPF_X, p, i, 0, 0);
	if (!stack || g->bytes == UINT64_MAX)
		gen_access(g, p, g->p->insns[g->p->n - 2].imm || stack ? 0 : off, size, n, !stack);
	else
		emit(g, BPF_STX | BPF_MEM | size, p, n, 0, 0);
	land_all(g, out, nr);
	give(g, n);
	give(g, i);
	give(g, p);
}

static void block_index_value(struct gen *g)
{
	block_index(g, false);
}

static void block_index_stack(struct gen *g)
{
	block_index(g, true);
}

/* The packet: by a constant, or by a number. */
static void block_packet(struct gen *g)
{
	const uint8_t size = sizes[pick(g, 4)];
	const int bytes = (int)bytes_of(size), most = (int)pick(g, 24) + bytes;
	uint32_t p, end, q, out[6], nr = 0, value;
	int off = (int)pick(g, (uint32_t)(most - bytes) + 1);
	static const uint8_t ways[] = { BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE };
	uint32_t way = pick(g, 8);

	/* it needs six registers */
	if (g->sub || __builtin_popcount(g->busy & NUMS) > 1)
		return;
	value = gen_num(g);
	if (g->busy >> value & 1)
		return;
	g->busy |= 1u << value;
	p = take(g);
	end = take(g);
	q = take(g);
	emit(g, BPF_LDX | BPF_MEM | BPF_W, p, 6, 0, 0);
	emit(g, BPF_LDX | BPF_MEM | BPF_W, end, 6, 4, 0);
	if (rarely(g, 2)) {
		const uint32_t i = take(g);

		mov_reg(g, i, value);
		nr = gen_bound(g, i, 31, out);
		emit(g, BPF_ALU64 | BPF_ADD | BPF_X, p, i, 0, 0);
		give(g, i);
	}
	mov_reg(g, q, p);
	add_imm(g, q, most);
	if (rarely(g, 12))
		off++;
	if (way < 3) /* q > end */
		out[nr++] = jump(g, BPF_JMP | BPF_JGT | BPF_X, q, end, 0);
	else if (way < 4) /* end < q */
		out[nr++] = jump(g, BPF_JMP | BPF_JLT | BPF_X, end, q, 0);
	else /* as it comes: the other side, or one byte less is known */
		out[nr++] = jump(g, BPF_JMP | ways[pick(g, 4)] | BPF_X, way & 1 ? q : end,
				 way & 1 ? end : q, 0);
	gen_access(g, p, off, size, value, false);
	land_all(g, out, nr);
	give(g, value);
	give(g, p);
	give(g, end);
	give(g, q);
}

/* --- control -------------------------------------------------------------------------------- */

struct known gen_known(const struct gen *g)
{
	return (struct known){ g->nums, g->dynptrs, g->bytes };
}

void gen_meet(struct gen *g, const struct known *other)
{
	g->nums &= other->nums;
	g->bytes &= other->bytes;
	g->dynptrs &= other->dynptrs;
}

static uint32_t condition(struct gen *g)
{
	const unsigned code = (rarely(g, 3) ? BPF_JMP32 : BPF_JMP) | jumps[pick(g, 11)];

	if (rarely(g, 3))
		return jump(g, code | BPF_X, gen_num(g), gen_num(g), 0);
	return jump(g, code | BPF_K, gen_num(g), 0, gen_number(g));
}

static void block_if(struct gen *g)
{
	struct known before, there;
	uint32_t skip;

	gen_num(g);
	if (rarely(g, 8)) /* a pointer is never NULL */
		skip = jump(g, BPF_JMP | (rarely(g, 2) ? BPF_JEQ : BPF_JNE) | BPF_K, 7, 0, 0);
	else
		skip = condition(g);
	before = gen_known(g);
	gen_blocks(g, 1 + pick(g, 3));
	if (rarely(g, 2)) {
		const uint32_t over = emit(g, BPF_JMP | BPF_JA, 0, 0, 0, 0);

		there = gen_known(g);
		g->nums = before.nums;
		g->bytes = before.bytes;
		g->dynptrs = before.dynptrs;
		land(g, skip);
		gen_blocks(g, 1 + pick(g, 2));
		land(g, over);
		gen_meet(g, &there);
		return;
	}
	land(g, skip);
	gen_meet(g, &before);
}

/* Counts to a small number; the counter is on the stack where calls would take it. */
static void block_loop(struct gen *g)
{
	const uint32_t i = pick_of(g, CALLEE);
	const int rounds = 1 + (int)pick(g, 5), step = 1 + (int)pick(g, 2);
	uint32_t start, may = GEN_INSNS;
	struct known before;

	if (g->busy >> i & 1)
		return;
	g->nums &= ~(1u << i);
	g->busy |= 1u << i;
	mov_imm(g, i, 0);
	before = gen_known(g);
	start = g->p->n;
	if (rarely(g, 4))
		may = emit(g, BPF_JMP | BPF_JCOND, 0, 0, 0, 0);
	gen_blocks(g, 1 + pick(g, 2));
	/* what a round destroys is not there in the next */
	for (uint32_t lost = before.dynptrs & ~g->dynptrs; lost; lost &= lost - 1)
		gen_dynptr_again(g, (uint32_t)__builtin_ctz(lost));
	for (uint32_t lost = before.nums & ~g->nums; lost; lost &= lost - 1)
		mov_imm(g, (uint32_t)__builtin_ctz(lost), gen_number(g));
	add_imm(g, i, step);
	emit(g, (rarely(g, 4) ? BPF_JMP32 : BPF_JMP) | (rarely(g, 3) ? BPF_JSLT : BPF_JLT) | BPF_K,
	     i, 0, (int)start - (int)g->p->n - 1, rounds * step);
	if (may != GEN_INSNS)
		land(g, may);
	gen_meet(g, &before);
	give(g, i);
	if (may == GEN_INSNS)
		g->nums |= 1u << i;
}

/* --- calls ---------------------------------------------------------------------------------- */

static void block_lookup(struct gen *g)
{
	const int map = (int)pick(g, GEN_RING);
	const int bytes = map == GEN_HASH ? GEN_HASH_VALUE : GEN_ARRAY_VALUE;
	const uint8_t size = sizes[pick(g, 4)];
	uint32_t skip, out[4], nr = 0, i, nums;

	if (cannot_call(g))
		return;
	if (rarely(g, 2) || !(g->nums & ~g->busy))
		emit(g, BPF_ST | BPF_MEM | BPF_W, 10, 0, -8, (int)pick(g, 4));
	else
		emit(g, BPF_STX | BPF_MEM | BPF_W, 10, gen_num(g), -8, 0);
	g->bytes |= mask_of(BYTES - 8, 4);
	load_map(g, 1, map);
	mov_reg(g, 2, 10);
	add_imm(g, 2, -8);
	emit(g, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
	after_call(g, false);
	g->busy |= 1;
	if (rarely(g, 3)) { /* a copy is what is checked */
		mov_reg(g, 1, 0);
		skip = jump(g, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0);
	} else if (rarely(g, 12)) {
		skip = jump(g, BPF_JMP | BPF_JNE | BPF_K, 0, 0, 0);
	} else {
		skip = jump(g, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0);
	}
	i = gen_num(g);
	nums = g->nums;
	if (rarely(g, 2) && i != 0) {
		nr = gen_bound(g, i, bytes - (int)bytes_of(size), out);
		emit(g, BPF_ALU64 | BPF_ADD | BPF_X, 0, i, 0, 0);
		gen_access(g, 0, 0, size, i, true);
	} else if (i != 0) {
		gen_access(g, 0, (int)pick(g, (uint32_t)bytes / 8) * 8, size, i, true);
	}
	land(g, skip);
	land_all(g, out, nr);
	g->busy &= ~1u;
	g->nums &= nums & CALLEE;
}

/* Another value of the array takes the place of the one at r7. */
static void block_update(struct gen *g)
{
	if (cannot_call(g) || g->bytes != UINT64_MAX)
		return;
	emit(g, BPF_ST | BPF_MEM | BPF_W, 10, 0, -8, (int)pick(g, 4));
	load_map(g, 1, (int)pick(g, GEN_RING));
	mov_reg(g, 2, 10);
	add_imm(g, 2, -8);
	mov_reg(g, 3, 10);
	add_imm(g, 3, rarely(g, 2) ? -BYTES : -GEN_ARRAY_VALUE - 8);
	mov_imm(g, 4, (int)pick(g, 3));
	emit(g, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_update_elem);
	after_call(g, true);
}

static void block_helper(struct gen *g)
{
	if (cannot_call(g) || g->sub)
		return;
	if (rarely(g, 2)) {
		emit(g, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_smp_processor_id);
	} else {
		mov_reg(g, 1, 6);
		mov_imm(g, 2, (int)pick(g, 24) - 8);
		emit(g, BPF_JMP | BPF_CALL, 0, 0, 0,
		     rarely(g, 3) ? BPF_FUNC_xdp_adjust_tail : BPF_FUNC_xdp_adjust_head);
	}
	after_call(g, true);
}

static void block_call(struct gen *g)
{
	uint32_t a, b;

	if (cannot_call(g) || g->sub)
		return;
	a = gen_num(g);
	b = gen_num(g);
	mov_reg(g, 1, a);
	mov_reg(g, 2, b == 1 ? a : b);
	g->nums |= 1u << 2;
	if (rarely(g, 2) && (g->bytes & mask_of(0, ARG_BYTES)) == mask_of(0, ARG_BYTES)) {
		mov_reg(g, 3, 10);
		add_imm(g, 3, -BYTES);
	} else {
		mov_reg(g, 3, 7);
	}
	g->calls[g->nr_calls].insn = g->p->n;
	g->calls[g->nr_calls++].sub = 1;
	emit(g, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
	after_call(g, true);
}

static void block_callback(struct gen *g)
{
	if (cannot_call(g) || g->sub || g->src->no_callbacks ||
	    (g->bytes & mask_of(0, ARG_BYTES)) != mask_of(0, ARG_BYTES))
		return;
	if (rarely(g, 3)) {
		const uint32_t n = gen_num(g);

		mov_reg(g, 1, n);
		emit(g, BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, 3);
	} else {
		mov_imm(g, 1, (int)pick(g, 4));
	}
	g->calls[g->nr_calls].insn = g->p->n;
	g->calls[g->nr_calls++].sub = 2;
	emit(g, BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, 0);
	emit(g, 0, 0, 0, 0, 0);
	if (rarely(g, 2)) {
		mov_reg(g, 3, 7);
	} else {
		mov_reg(g, 3, 10);
		add_imm(g, 3, -BYTES);
	}
	mov_imm(g, 4, 0);
	emit(g, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_loop);
	after_call(g, true);
}

/* --- programs ------------------------------------------------------------------------------- */

static const struct {
	void (*make)(struct gen *g);
	uint8_t weight;
} makers[] = {
	{ block_alu, 24 },	 { block_move, 10 },	     { block_end, 2 },
	{ block_unknown, 8 },	 { block_spill, 10 },	     { block_fill, 10 },
	{ block_if, 14 },	 { block_index_value, 10 },  { block_index_stack, 6 },
	{ block_packet, 6 },	 { block_loop, 3 },	     { block_lookup, 4 },
	{ block_update, 1 },	 { block_helper, 2 },	     { block_call, 4 },
	{ block_callback, 3 },	 { block_spill_pointer, 2 }, { gen_dynptr_make, 5 },
	{ gen_dynptr_use, 5 },	 { gen_dynptr_slice, 6 },    { gen_dynptr_record, 3 },
	{ gen_dynptr_spoil, 1 },
};

static void one_block(struct gen *g)
{
	uint32_t all = 0, n;

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		all += makers[i].weight;
	n = pick(g, all);
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		if (n < makers[i].weight) {
			makers[i].make(g);
			return;
		}
		n -= makers[i].weight;
	}
}

void gen_blocks(struct gen *g, uint32_t n)
{
	if (g->depth >= DEPTH)
		n = 0;
	g->depth++;
	while (n-- && g->room)
		one_block(g);
	g->depth--;
}

/* The way out: r0 is a number; a callback says to go on or to stop. */
static void way_out(struct gen *g)
{
	if (!(g->nums & 1))
		mov_imm(g, 0, (int)pick(g, 2));
	if (g->callback)
		emit(g, BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, 1);
	emit(g, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void whole_stack(struct gen *g)
{
	for (int off = -BYTES; off < 0; off += 8)
		emit(g, BPF_ST | BPF_MEM | BPF_DW, 10, 0, off, rarely(g, 2) ? 0 : gen_number(g));
	g->bytes = UINT64_MAX;
}

static void subprogram(struct gen *g, int sub, uint32_t room)
{
	g->sub = sub;
	g->room = room;
	g->busy = 0;
	g->bytes = 0;
	g->dynptrs = g->records = 0;
	g->callback = sub == 2;
	g->mem = sub ? ARG_BYTES : GEN_ARRAY_VALUE;
	if (sub == 0) {
		mov_reg(g, 6, 1);
		emit(g, BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 0);
		load_map(g, 1, GEN_ARRAY);
		mov_reg(g, 2, 10);
		add_imm(g, 2, -8);
		emit(g, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
		emit(g, BPF_JMP | BPF_JNE | BPF_K, 0, 0, 2, 0);
		mov_imm(g, 0, 1);
		emit(g, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
		mov_reg(g, 7, 0);
		g->nums = 0;
		g->bytes = mask_of(BYTES - 8, 8);
	} else {
		mov_reg(g, 7, sub == 1 ? 3 : 2);
		mov_reg(g, 2, 1);
		g->nums = 1u << 2;
	}
	if (rarely(g, 3))
		whole_stack(g);
	for (uint32_t n = 1 + pick(g, 4); n--;)
		block_unknown(g);
	while (g->room)
		one_block(g);
	way_out(g);
}

static void damage(struct gen *g)
{
	struct bpf_insn *in = &g->p->insns[pick(g, g->p->n)];

	if (in->code == 0 || in->code == (BPF_LD | BPF_IMM | BPF_DW) ||
	    BPF_OP(in->code) == BPF_CALL)
		return;
	switch (pick(g, 8)) {
	case 0:
		in->imm = (int32_t)((uint32_t)in->imm + 1);
		break;
	case 1:
		in->imm = (int32_t)((uint32_t)in->imm - 1);
		break;
	case 2:
		in->imm = gen_number(g);
		break;
	case 3:
		in->off = (int16_t)(in->off + (int)pick(g, 9) - 4);
		break;
	case 4:
		if (BPF_SRC(in->code) == BPF_X)
			in->src_reg = pick(g, 10) & 0xf;
		break;
	case 5:
		in->dst_reg = pick(g, 10) & 0xf;
		break;
	case 6:
		if (BPF_CLASS(in->code) == BPF_JMP || BPF_CLASS(in->code) == BPF_JMP32)
			in->code ^= BPF_JMP ^ BPF_JMP32;
		else if (BPF_CLASS(in->code) == BPF_ALU || BPF_CLASS(in->code) == BPF_ALU64)
			in->code ^= BPF_ALU ^ BPF_ALU64;
		break;
	default:
		*in = (struct bpf_insn){ .code = BPF_JMP | BPF_JA };
		break;
	}
	g->p->loose = true;
}

void gen_mutate(struct gen_source *src, struct gen_prog *p, uint32_t places)
{
	struct gen g = { .src = src, .p = p };

	while (places--)
		damage(&g);
}

void gen_program(struct gen_source *src, struct gen_prog *ret)
{
	struct gen g = { .src = src, .p = ret };
	uint32_t start[1 + SUBS] = { 0 };
	bool called[1 + SUBS] = { true };

	ret->n = 0;
	ret->loose = false;
	subprogram(&g, 0, 10 + gen_choice(src, 70));
	for (uint32_t c = 0; c < g.nr_calls; c++)
		called[g.calls[c].sub] = true;
	for (int sub = 1; sub <= SUBS; sub++) {
		start[sub] = ret->n;
		if (called[sub])
			subprogram(&g, sub, 2 + gen_choice(src, 25));
	}
	for (uint32_t c = 0; c < g.nr_calls; c++)
		ret->insns[g.calls[c].insn].imm =
			(int)start[g.calls[c].sub] - (int)g.calls[c].insn - 1;
	if (!src->no_mutations && rarely(&g, 4))
		gen_mutate(src, ret, 1 + gen_choice(src, 2));
}
