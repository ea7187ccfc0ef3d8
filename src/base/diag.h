/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diag.h - what went wrong, where, and what would mend it: for people.
 *
 * Functions return -errno for programs and, where the caller passes one, fill a struct skep_diag
 * for people.  The first cause wins: a diag that is already set is not overwritten, so that an
 * outer layer cannot blur what an inner one knew.
 */
#ifndef SKEP_BASE_DIAG_H
#define SKEP_BASE_DIAG_H

#include "base/base.h"

/* The kind of place that a diagnostic points at; `index` counts in its unit. */
enum skep_where {
	SKEP_AT_NONE,	/* no place */
	SKEP_AT_INSN,	/* instruction number */
	SKEP_AT_BYTE,	/* byte offset in the input */
	SKEP_AT_LINE,	/* line number, from 1 */
	SKEP_AT_TYPE,	/* BTF type id */
	SKEP_AT_SYMBOL, /* number of the symbol or section */
	_SKEP_AT_MAX,
};

struct skep_diag {
	int err;	       /* -errno, 0 while nothing is wrong */
	enum skep_where where; /* what `index` counts */
	uint64_t index;	       /* the place */
	char msg[256];	       /* what is wrong, one line, no full stop */
	char hint[160];	       /* what would mend it; may be empty */
};

/**
 * Sets the diagnostic and returns err, so that `return diag_set(d, -EINVAL, ...)` is one line.
 *
 * @param d    may be NULL: then only err is passed through
 * @param err  negative errno
 */
int diag_set(struct skep_diag *d, int err, enum skep_where where, uint64_t index, const char *fmt,
	     ...) __printf(5, 6);

/** Adds the fix to a diagnostic that is set; a no-op on NULL. */
void diag_hint(struct skep_diag *d, const char *fmt, ...) __printf(2, 3);

/** "insn 12: message (hint)" into buf of n bytes; returns what snprintf would. */
int diag_format(const struct skep_diag *d, char *buf, size_t n);

#endif
