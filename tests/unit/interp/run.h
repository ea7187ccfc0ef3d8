/* SPDX-License-Identifier: BSD-2-Clause */
/* run.h - runs programs in the interpreter: a slot, a region to work in, the fault if any */
#ifndef SKEP_TESTS_INTERP_RUN_H
#define SKEP_TESTS_INTERP_RUN_H

#include "interp/interp.h"
#include "tests/unit/program.h"

/* What the programs' r1 points at, and where the last run ended. */
extern struct run_area {
	uint8_t before[64], mem[64], after[64]; /* nobody's, r1's, nobody's */
} run_area;
#define run_mem run_area.mem
extern struct skep_run run_last;

/** A program whose context is plain memory, in the interpreter; the caller puts it. */
static inline struct skep_prog *interp(const char *text)
{
	return program_trusted(program(BPF_PROG_TYPE_SYSCALL, text), &interp_engine);
}

/** Runs p over the first size bytes of run_mem. */
uint64_t run_prog(struct skep_prog *p, size_t size);
/** Runs the text over run_mem and puts it; the test fails where the run faulted. */
uint64_t run_text(const char *text);
/** True when the text over the first size bytes of run_mem faulted at instruction `insn`. */
bool run_faults(const char *text, size_t size, uint32_t insn);

#endif
