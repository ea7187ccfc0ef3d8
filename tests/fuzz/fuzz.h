/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.h - a fuzz target is one function.  libFuzzer calls it in a fuzz build (-Dfuzz=true), and
 * replay.c calls it with every file of tests/fuzz/corpus/NAME/ in any other.
 */
#ifndef SKEP_TESTS_FUZZ_H
#define SKEP_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** Runs the target on size bytes; aborts where something is wrong. Gives 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
