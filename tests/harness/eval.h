/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eval.h - what single instructions mean: the judge of engines and verifier.  r[] are the eleven
 * registers; memory is real memory.
 */
#ifndef SKEP_TESTS_EVAL_H
#define SKEP_TESTS_EVAL_H

#include "base/base.h"
#include "base/uapi.h"

/** Arithmetic, moves, byte order. */
void eval_alu_insn(const struct bpf_insn *in, uint64_t *r);
/** Does the conditional jump go? */
bool eval_taken(const struct bpf_insn *in, const uint64_t *r);
/** Loads, stores, atomics. */
void eval_mem(const struct bpf_insn *in, uint64_t *r);

#endif
