/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_check.h - is what the verifier knows of a program true?
 *
 * A program is verified twice: as PROG_LOAD does it, and with every path walked to its end.  The
 * second leaves a tree of states.  Then the program runs on random input, instruction by
 * instruction, and these must hold:
 *
 *  - Pruning loses nothing: what the first accepts, the second accepts, as far as it gets, and
 *    as long as it meets no state that is empty (a path that no machine takes: there it may know
 *    nothing and reject, where the first found it covered).
 *  - The run goes along a path of the tree: at every step some child of the states that fitted so
 *    far is at the same instruction, in the same frames, and every register and every byte of
 *    stack has a value that the state allows: numbers lie within all five descriptions, pointers
 *    lie where their object, offset and range say, registers with one id are equal.
 *  - Every access lies inside one object: a frame's stack as deep as the image says, the packet,
 *    the context, one value of a map.
 *  - Interpreter and compiled code give the same result, packet and maps, without a fault.
 */
#ifndef SKEP_TESTS_VERIFIER_CHECK_H
#define SKEP_TESTS_VERIFIER_CHECK_H

#include "tests/fuzz/verifier_gen.h"

enum check_verdict {
	CHECK_REJECTED,
	CHECK_ACCEPTED, /* and all of the above held */
	CHECK_PARTLY,	/* the same, but too many paths to know all states */
	CHECK_WRONG,
	_CHECK_MAX,
};

struct check_result {
	enum check_verdict verdict;
	int err;       /* of the verifier */
	char msg[512]; /* what is wrong, or why it was rejected */
};

/** Verifies p, and runs it on `runs` inputs made from seed. */
void check_program(const struct gen_prog *p, uint64_t seed, unsigned runs,
		   struct check_result *ret);

/** Verifiers' logs go to stderr. */
extern bool check_log;

/** Writes the program as text to stderr. */
void check_print(const struct gen_prog *p);

#endif
