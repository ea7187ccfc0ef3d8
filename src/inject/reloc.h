/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reloc.h - instructions do at another address what they did at their own.
 *
 * What a call leaves on the stack is the address after the original: unwinders, and who takes the
 * copy away, find nothing of it in the callers' frames.
 */
#ifndef SKEP_INJECT_RELOC_H
#define SKEP_INJECT_RELOC_H

#include "base/diag.h"

#define RELOC_INSNS 24	/* that a relocation may have */
#define RELOC_CODE  160 /* bytes that they may become */

struct reloc_step {
	uint16_t from; /* an instruction's offset in the original... */
	uint16_t to;   /* ...and in the copy */
};

struct reloc {
	uint8_t code[RELOC_CODE];		 /* the copy */
	uint16_t size;				 /* bytes of it */
	uint16_t covered;			 /* bytes of the original that it stands for */
	bool calls;				 /* the last one is a call */
	uint8_t n;				 /* rows of step, but the last */
	struct reloc_step step[RELOC_INSNS + 1]; /* the last is the end of both */
};

/**
 * Whole instructions of text, which is at address `from`, until they are `least` bytes or more, for
 * address `to`.  No branch may lead into the first `forbidden` bytes, which will be overwritten.
 *
 * @return 0, or what one of them cannot, with its offset in the text: -ERANGE, what is referred to
 *	is too far from `to`; -EOPNOTSUPP, an instruction that knows its place; -EILSEQ, none
 */
int reloc_insns(struct reloc *ret, const uint8_t *text, size_t n, uint64_t from, uint64_t to,
		size_t least, size_t forbidden, struct skep_diag *reterr_diag);

#endif
