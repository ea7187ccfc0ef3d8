/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_shapes.h - programs as people wrote them: those of object files, to be mutated.
 */
#ifndef SKEP_TESTS_VERIFIER_SHAPES_H
#define SKEP_TESTS_VERIFIER_SHAPES_H

#include "tests/fuzz/verifier_gen.h"

/**
 * Takes the programs of an object that can be brought into the checker's world: as XDP programs, on
 * its maps.  Objects are opened by libbpf; what cannot be is left out.
 */
void shapes_add(const char *path);
/** How many there are. */
uint32_t shapes_count(void);
/** One of them, mutated in up to three places. */
void shapes_program(struct gen_source *src, struct gen_prog *ret);

#endif
