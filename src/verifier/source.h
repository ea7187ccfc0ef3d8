/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.h - inside the room: instructions and the C lines that they come from.
 */
#ifndef SKEP_VERIFIER_SOURCE_H
#define SKEP_VERIFIER_SOURCE_H

#include "verifier/report.h"

/* A place in the source; text is never NULL once found. */
struct source_line {
	const char *file; /* path as the compiler was given it */
	const char *text; /* the whole line, blanks in front included */
	uint32_t line;	  /* from 1 */
	uint32_t col;	  /* from 1; 0: not known */
};

/** The line that instruction i belongs to; false where there is none, or no text of it. */
bool source_of(const struct verifier_lines *lines, uint32_t i, struct source_line *ret);

/** The text without the blanks in front and, up to n bytes, without a comment or blanks behind. */
void source_trim(const char *text, char *ret, size_t n);

#endif
