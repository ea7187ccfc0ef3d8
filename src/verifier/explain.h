/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain.h - what the verifier found out, as text for people.
 */
#ifndef SKEP_VERIFIER_EXPLAIN_H
#define SKEP_VERIFIER_EXPLAIN_H

#include <stdio.h>

#include "verifier/report.h"

/**
 * Why a program was rejected: the line, what is known of the value, where it came from, the way
 * that led there, what would make it safe, and the kernel's own message.
 *
 * @param prog   as it was when the verifier gave up; prog->btf may be NULL
 * @param lines  its source; not yet checked, so nothing in it is trusted
 */
void explain_fault(FILE *out, const struct skep_prog *prog, const struct verifier_lines *lines,
		   const struct verifier_fault *fault);

/** Where the verifier spent its time on an accepted program; the report has `walk`. */
void explain_cost(FILE *out, const struct skep_prog *prog, const struct verifier_lines *lines,
		  const struct verifier_report *report);

#endif
