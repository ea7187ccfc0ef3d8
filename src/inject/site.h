/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * site.h - where in a function a jump to a stub can be.
 *
 *	patch           at (= patch + lead)
 *	| pop %rbx      | ret           | nopl ...      |
 *	|<---------- the jump, JUMP_SIZE bytes ---->|
 *	|<---------------- text, size bytes ----------->|
 *
 * A function is decoded from its symbol's beginning to its end, in one row.  What a scan cannot
 * see is who jumps in from elsewhere, or through a table.
 */
#ifndef SKEP_INJECT_SITE_H
#define SKEP_INJECT_SITE_H

#include "base/diag.h"
#include "base/vec.h"
#include "inject/insn.h"

#define JUMP_SIZE 5u				     /* of jmp rel32 */
#define SITE_TEXT (JUMP_SIZE + 2 * (size_t)INSN_MAX) /* bytes that a site may have */

struct func {
	uint64_t at;	     /* its address */
	const uint8_t *text; /* it, as it is without probes; borrowed... */
	size_t size;	     /* ...bytes of it... */
	size_t room;	     /* ...and of what follows it, if known: size or more */
};

struct site {
	uint64_t at;		 /* the probed instruction */
	uint64_t patch;		 /* where the jump goes, at or before it */
	uint8_t lead;		 /* at - patch */
	uint8_t size;		 /* of text: whole instructions, JUMP_SIZE bytes or more */
	uint8_t text[SITE_TEXT]; /* what is at patch without probes */
};

struct sites {
	VEC(struct site);
};

/**
 * The site of the instruction at f->at + off.
 *
 * @return 0; -EINVAL: no instruction begins there; -EOPNOTSUPP: a jump does not fit; -EILSEQ: the
 *	function has something that is no instruction
 */
int site_at(const struct func *f, size_t off, struct site *ret, struct skep_diag *reterr_diag);

/**
 * The sites of all returns, added to `ret`.  All or none, with the errors of site_at(), as who
 * watches some returns and not others counts wrong: -EOPNOTSUPP also where it may end by a jump to
 * another function; -ENOENT: it never returns.  The caller frees.
 */
int site_returns(const struct func *f, struct sites *ret, struct skep_diag *reterr_diag);

#endif
