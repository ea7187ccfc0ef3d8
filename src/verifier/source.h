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

/** What the line assigns to, up to n bytes: "n" of "__u32 n = skb->len;"; false: nothing. */
bool source_assigned(const char *text, char *ret, size_t n);

/**
 * The name that is argument `nr` (from 1) of the call at the line's column, without an '&': "k" of
 * "f(&m, &k)" for 2; false where it is no plain name.
 */
bool source_argument(const struct source_line *s, unsigned nr, char *ret, size_t n);

/** The text without the blanks in front and, up to n bytes, without a comment or blanks behind. */
void source_trim(const char *text, char *ret, size_t n);

#endif
