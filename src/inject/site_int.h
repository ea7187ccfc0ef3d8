/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * site_int.h - a function's instructions, and the room that a jump needs among them.
 */
#ifndef SKEP_INJECT_SITE_INT_H
#define SKEP_INJECT_SITE_INT_H

#include "inject/site.h"

/* One that begins at `at` of the function. */
struct row {
	size_t at;	/* offset */
	struct insn in; /* what it is */
};

struct rows {
	VEC(struct row);
};

/** All of them; -EILSEQ: those before what is none.  The caller frees. */
int site_decode(const struct func *f, struct rows *ret, struct skep_diag *reterr_diag);

/**
 * A branch of the function that leads into what a jump at `patch` replaces, or past it to the
 * instruction at `at` that it is for; or NULL.
 */
const struct row *site_intruder(const struct func *f, const struct rows *rows, size_t patch,
				size_t at);

/** The jump at row `first` for the instruction of row i: 0, or -EOPNOTSUPP. */
int site_of(const struct func *f, const struct rows *rows, size_t first, size_t i, struct site *ret,
	    struct skep_diag *reterr_diag);

/** An int3 at row i; 0. */
int site_trap_of(const struct func *f, const struct rows *rows, size_t i, struct site *ret,
		 struct skep_diag *d);

#endif
