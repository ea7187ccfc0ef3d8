/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_gen_int.h - what the files of the generator share: what is known of the program so far,
 * and the words that blocks are written in.
 */
#ifndef SKEP_TESTS_VERIFIER_GEN_INT_H
#define SKEP_TESTS_VERIFIER_GEN_INT_H

#include "tests/fuzz/verifier_gen.h"

#define BYTES	  64 /* of the stack of main and subprograms */
#define ARG_BYTES 16
#define SUBS	  2 /* besides main */
#define DEPTH	  3 /* of nested blocks */
#define DYNPTRS	  3 /* on main's stack, below what other blocks use */
#define NUMS	  (1u << 0 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 8 | 1u << 9)
#define CALLEE	  (1u << 8 | 1u << 9)

struct gen {
	struct gen_source *src;
	struct gen_prog *p;
	uint32_t nums;	/* registers that hold numbers */
	uint32_t busy;	/* registers that blocks around this one need */
	uint64_t bytes; /* of the stack that are written; bit n: r10 - BYTES + n */
	uint32_t depth;
	uint32_t room;	  /* instructions that may still come */
	int sub;	  /* 0: main */
	bool callback;	  /* this subprogram is one of bpf_loop */
	uint32_t mem;	  /* bytes at r7 */
	uint32_t dynptrs; /* those that are made */
	uint32_t records; /* those that nobody may overwrite: a record, and clones of it */
	struct {
		uint32_t insn;
		int sub;
	} calls[GEN_INSNS];
	uint32_t nr_calls;
};

/* What may be different on the other way to a place. */
struct known {
	uint32_t nums, dynptrs;
	uint64_t bytes;
};

static inline uint32_t pick(struct gen *g, uint32_t n)
{
	return gen_choice(g->src, n);
}

/* Once in n times. */
static inline bool rarely(struct gen *g, uint32_t n)
{
	return pick(g, n) == 0;
}

static inline uint32_t emit(struct gen *g, unsigned code, uint32_t dst, uint32_t src, int off,
			    int imm)
{
	struct gen_prog *p = g->p;

	/* what does not fit any more is never seen: gen_program begins anew with less room */
	if (p->n == GEN_INSNS)
		return GEN_INSNS - 1;
	p->insns[p->n] = (struct bpf_insn){
		.code = (uint8_t)code,
		.dst_reg = dst & 0xf,
		.src_reg = src & 0xf,
		.off = (int16_t)off,
		.imm = imm,
	};
	g->room -= g->room > 0;
	return p->n++;
}

static inline void mov_imm(struct gen *g, uint32_t d, int imm)
{
	emit(g, BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, imm);
}

static inline void mov_reg(struct gen *g, uint32_t d, uint32_t s)
{
	emit(g, BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0);
}

static inline void add_imm(struct gen *g, uint32_t d, int imm)
{
	emit(g, BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, imm);
}

/* A jump to where land() is called for it. */
static inline uint32_t jump(struct gen *g, unsigned code, uint32_t d, uint32_t s, int imm)
{
	return emit(g, code, d, s, 0, imm);
}

static inline void land(struct gen *g, uint32_t at)
{
	g->p->insns[at].off = (int16_t)(g->p->n - at - 1);
}

static inline uint32_t pick_of(struct gen *g, uint32_t set)
{
	uint32_t n = pick(g, (uint32_t)__builtin_popcount(set));

	while (n--)
		set &= set - 1;
	return (uint32_t)__builtin_ctz(set);
}

/* A register that may be overwritten. */
static inline uint32_t fresh(struct gen *g)
{
	return pick_of(g, NUMS & ~g->busy);
}

/* The block at hand needs this one: no number any more, and nobody else's. */
static inline uint32_t take(struct gen *g)
{
	const uint32_t r = fresh(g);

	g->nums &= ~(1u << r);
	g->busy |= 1u << r;
	return r;
}

static inline void give(struct gen *g, uint32_t r)
{
	g->busy &= ~(1u << r);
}

static const uint8_t sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };

static inline unsigned bytes_of(uint8_t size)
{
	return size == BPF_B ? 1 : size == BPF_H ? 2 : size == BPF_W ? 4 : 8;
}

static inline uint64_t mask_of(unsigned at, unsigned bytes)
{
	return (bytes == 64 ? UINT64_MAX : (UINT64_C(1) << bytes) - 1) << at;
}

static inline void land_all(struct gen *g, const uint32_t *out, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		land(g, out[i]);
}

static inline void after_call(struct gen *g, bool r0)
{
	g->nums = (g->nums & CALLEE) | r0;
}

/* Registers that a call destroys and somebody around needs. */
static inline bool cannot_call(const struct gen *g)
{
	return g->busy & 0x3f;
}

static inline void load_map(struct gen *g, uint32_t d, int map)
{
	emit(g, BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, map);
	emit(g, 0, 0, 0, 0, 0);
}

/* -- verifier_gen.c -- */
/** A number that is interesting. */
int32_t gen_number(struct gen *g);
/** A register with a number; one is made where none is. */
uint32_t gen_num(struct gen *g);
/** Keeps r in [0, max]; jumps that leave the block go to out[4]; how many. */
uint32_t gen_bound(struct gen *g, uint32_t r, int max, uint32_t *out);
/** An access of some size at pointer r. */
void gen_access(struct gen *g, uint32_t r, int off, uint8_t size, uint32_t value, bool atomics);
/** What is known here, and: only what is known there as well. */
struct known gen_known(const struct gen *g);
void gen_meet(struct gen *g, const struct known *there);
/** n blocks of any kind, one level deeper. */
void gen_blocks(struct gen *g, uint32_t n);

/* -- verifier_gen_dynptr.c -- */
/** Dynptr i is one again, whatever it was. */
void gen_dynptr_again(struct gen *g, uint32_t i);
void gen_dynptr_make(struct gen *g);
void gen_dynptr_use(struct gen *g);
void gen_dynptr_slice(struct gen *g);
void gen_dynptr_record(struct gen *g);
void gen_dynptr_spoil(struct gen *g);

#endif
