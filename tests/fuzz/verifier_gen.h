/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_gen.h - random programs with a shape that verifiers have to think about.
 */
#ifndef SKEP_TESTS_VERIFIER_GEN_H
#define SKEP_TESTS_VERIFIER_GEN_H

#include "base/base.h"
#include "base/uapi.h"

#define GEN_INSNS 512

/* The maps that programs name, as imm of an LD_IMM64 with BPF_PSEUDO_MAP_FD or _VALUE. */
enum { GEN_ARRAY, GEN_HASH, GEN_RING, GEN_MAPS };
#define GEN_ARRAY_VALUE	  40 /* bytes of a value */
#define GEN_ARRAY_ENTRIES 2
#define GEN_HASH_VALUE	  24
#define GEN_HASH_ENTRIES  4
#define GEN_RING_SIZE	  4096

/* A program of type XDP.  Kfuncs that it calls are numbers of kfunc_at(). */
struct gen_prog {
	struct bpf_insn insns[GEN_INSNS];
	uint32_t n;
	bool loose; /* what it computes may depend on addresses or on memory never written */
};

/* Where choices come from: first these bytes, then a series of numbers. */
struct gen_source {
	const uint8_t *data;
	size_t size;
	uint64_t seed;
	bool no_callbacks; /* no bpf_loop: the host wants BTF for it */
	bool no_mutations;
};

/** Makes a program; about half of them are right. */
void gen_program(struct gen_source *src, struct gen_prog *ret);

/** Changes an instruction in each of so many places. */
void gen_mutate(struct gen_source *src, struct gen_prog *p, uint32_t places);

/** A number below n from the source. */
uint32_t gen_choice(struct gen_source *src, uint32_t n);

#endif
