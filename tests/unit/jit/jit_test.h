/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit_test.h - builds programs from instructions, compiles them, and runs them beside a small
 * evaluator that shares nothing with the compiler.
 */
#ifndef SKEP_TESTS_JIT_TEST_H
#define SKEP_TESTS_JIT_TEST_H

#include "tests/harness/test.h"

#include "base/alloc.h"
#include "helper/helper.h"
#include "jit/jit.h"
#include "map/map.h"

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

#define ALU64(op, d, s)		  INSN(BPF_ALU64 | BPF_X | (op), d, s, 0, 0)
#define ALU32(op, d, s)		  INSN(BPF_ALU | BPF_X | (op), d, s, 0, 0)
#define ALU64I(op, d, i)	  INSN(BPF_ALU64 | BPF_K | (op), d, 0, 0, i)
#define ALU32I(op, d, i)	  INSN(BPF_ALU | BPF_K | (op), d, 0, 0, i)
#define MOV(d, s)		  ALU64(BPF_MOV, d, s)
#define MOV32(d, s)		  ALU32(BPF_MOV, d, s)
#define MOVI(d, i)		  ALU64I(BPF_MOV, d, i)
#define MOVSX(d, s, bits)	  INSN(BPF_ALU64 | BPF_X | BPF_MOV, d, s, bits, 0)
#define MOVSX32(d, s, bits)	  INSN(BPF_ALU | BPF_X | BPF_MOV, d, s, bits, 0)
#define NEG64(d)		  INSN(BPF_ALU64 | BPF_NEG, d, 0, 0, 0)
#define NEG32(d)		  INSN(BPF_ALU | BPF_NEG, d, 0, 0, 0)
#define LE(d, bits)		  INSN(BPF_ALU | BPF_END | BPF_TO_LE, d, 0, 0, bits)
#define BE(d, bits)		  INSN(BPF_ALU | BPF_END | BPF_TO_BE, d, 0, 0, bits)
#define SWAP(d, bits)		  INSN(BPF_ALU64 | BPF_END, d, 0, 0, bits)
#define LDX(size, d, s, o)	  INSN(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define LDSX(size, d, s, o)	  INSN(BPF_LDX | BPF_MEMSX | (size), d, s, o, 0)
#define STX(size, d, s, o)	  INSN(BPF_STX | BPF_MEM | (size), d, s, o, 0)
#define ST(size, d, o, i)	  INSN(BPF_ST | BPF_MEM | (size), d, 0, o, i)
#define ATOMIC(size, op, d, s, o) INSN(BPF_STX | BPF_ATOMIC | (size), d, s, o, op)
#define JMP(op, d, s, o)	  INSN(BPF_JMP | BPF_X | (op), d, s, o, 0)
#define JMPI(op, d, i, o)	  INSN(BPF_JMP | BPF_K | (op), d, 0, o, i)
#define JMP32R(op, d, s, o)	  INSN(BPF_JMP32 | BPF_X | (op), d, s, o, 0)
#define JMP32I(op, d, i, o)	  INSN(BPF_JMP32 | BPF_K | (op), d, 0, o, i)
#define JA(o)			  INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define JAL(i)			  INSN(BPF_JMP32 | BPF_JA, 0, 0, 0, i)
#define MAY_GOTO(o)		  INSN(BPF_JMP | BPF_JCOND, 0, SKEP_MAY_GOTO, o, 0)
#define CALL(id)		  INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id)
#define CALL_SUB(i)		  INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, i)
#define CALLX(d)		  INSN(BPF_JMP | BPF_CALL | BPF_X, d, 0, 0, 0)
#define EXIT()			  INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LD64(d, v)                                              \
	INSN(BPF_LD | BPF_IMM | BPF_DW, d, 0, 0, (int32_t)(v)), \
		INSN(0, 0, 0, 0, (int32_t)((uint64_t)(v) >> 32))
#define LD_FUNC(d, i) INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_FUNC, 0, i), INSN(0, 0, 0, 0, 0)
/* A map of the program, by its number in jt_prog.maps. */
#define LD_MAP(d, n) \
	INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, n), INSN(0, 0, 0, 0, 0)

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

/* Numbers of the helpers that programs of these tests call; see jit_test.c. */
enum {
	FN_SUM = 200, /* r1 + 2 r2 + 3 r3 + 4 r4 + 5 r5 + run->cpu */
	FN_CALLBACK,  /* calls r1 with (r2, run) and adds 1 */
	FN_TRASH,     /* destroys what a call may destroy, returns 7 */
	FN_ALIGNED,   /* 1 when the stack is aligned as C wants it */
};

/* Makes a program of n instructions; maps are what LD_MAP names, maps[0] what lookups know. */
struct skep_prog *jt_new(const struct bpf_insn *insns, uint32_t n, struct skep_map *const *maps);
void jt_free(struct skep_prog *p);
#define JT_NEW(...)                                \
	jt_new((struct bpf_insn[]){ __VA_ARGS__ }, \
	       sizeof((struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn), NULL)

/* Compiles p, which must succeed. */
void jt_compile(struct skep_prog *p);
/* Runs compiled code; ends the test when it spoils a register that C owns. */
uint64_t jt_run(struct skep_prog *p, void *ctx);
/* The same with a run of the caller's. */
uint64_t jt_run_with(struct skep_prog *p, void *ctx, struct skep_run *run);
/* What the program means, by the evaluator. */
uint64_t jt_eval(const struct skep_prog *p, void *ctx);

/*
 * Compiles insns and compares result and context of `ctx_size` bytes (at most 256) with the
 * evaluator's; the bytes of code.
 */
uint32_t jt_check(const struct bpf_insn *insns, uint32_t n, const void *ctx, size_t ctx_size);
#define JT_CHECK(ctx, size, ...)                     \
	jt_check((struct bpf_insn[]){ __VA_ARGS__ }, \
		 sizeof((struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn), ctx, size)

/* Does the byte string (n bytes) occur in p's code? */
bool jt_has_bytes(const struct skep_prog *p, const void *bytes, size_t n);
#define JT_HAS(p, ...) \
	jt_has_bytes(p, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* Values that arithmetic likes to go wrong at. */
extern const uint64_t jt_edges[];
extern const unsigned jt_nr_edges;

/* A fixed series of numbers. */
uint64_t jt_random(void);

#endif
