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

#define JUMP_SIZE    5u					/* of jmp rel32 */
#define SYSCALL_SIZE 2u					/* of syscall */
#define SITE_TEXT    (JUMP_SIZE + 2 * (size_t)INSN_MAX) /* bytes that a site may have */

struct func {
	uint64_t at;	     /* its address */
	const uint8_t *text; /* it, as it is without probes; borrowed... */
	size_t size;	     /* ...bytes of it... */
	size_t room;	     /* ...and of what follows it, if known: size or more */
	bool stays;	     /* it does not leave by jumps through registers or memory */
};

struct site {
	uint64_t at;		 /* the probed instruction */
	uint64_t patch;		 /* where the jump goes, at or before it */
	uint8_t lead;		 /* at - patch */
	uint8_t size;		 /* of text: whole instructions, JUMP_SIZE bytes or more */
	bool trap;		 /* no jump fits: an int3 is at it instead, and patch is at */
	bool around;		 /* a system call is there, and it is probed before and after */
	uint8_t text[SITE_TEXT]; /* what is at patch without probes */
};

/** Is it before a system call, which is not in its text? */
static inline bool site_leads_to_call(const struct site *s)
{
	return !s->trap && s->lead == s->size;
}

struct sites {
	VEC(struct site);
};

/*
 * A system call's instruction, probed before and after it.
 *
 *	| mov $3,%eax   | syscall | cmp $-4095,%rax    |
 *	|<-- before --->|         |<----- after ------>|	it stays where it is
 *	|<-------- around ------->|				or moves, with what is before...
 *			|<---------- around ---------->|	...or behind
 *			|  int3   |				or an int3 takes its place
 *
 * A thread that unmaps its own stack and ends has none between the two calls: an int3 at the first
 * is for both, and the call that it takes the place of is the instruction behind the handler.
 *
 * Where it stays a thread that waits in it is where unwinders and cancellation expect it.
 */
struct sys_site {
	struct site before; /* or around: then there is no other */
	struct site after;  /* the instruction behind it; size is 0: none */
	int32_t nr;	    /* which one it is; -1: what %rax says */
	uint8_t last; /* it unmaps the stack; so many bytes further is exit(2).  0: it does not */
};

struct sys_sites {
	VEC(struct sys_site);
};

/**
 * The site of the instruction at f->at + off.
 *
 * @return 0; -EINVAL: no instruction begins there; -EOPNOTSUPP: a jump does not fit; -EILSEQ: the
 *	function has something that is no instruction
 */
int site_at(const struct func *f, size_t off, struct site *ret, struct skep_diag *reterr_diag);

/**
 * The same with an int3, which fits everywhere, as who else comes there does not matter: 0,
 * -EINVAL; -EILSEQ: there, or before, is what is no instruction.
 */
int site_trap(const struct func *f, size_t off, struct site *ret, struct skep_diag *reterr_diag);

/**
 * The int3 that stands for the site where others need the bytes around its instruction: 0, or
 * -EBUSY, where it is one already.
 */
int site_narrow(const struct site *site, struct site *ret);

/** How many bytes of its text the site replaces. */
static inline size_t site_bytes(const struct site *s)
{
	return s->trap ? 1 : JUMP_SIZE;
}

/**
 * The sites of all returns, added to `ret`.  All or none, with the errors of site_at(), as who
 * watches some returns and not others counts wrong: -EOPNOTSUPP also where it may end by a jump to
 * another function; -ENOENT: it never returns.  The caller frees.
 */
int site_returns(const struct func *f, struct sites *ret, struct skep_diag *reterr_diag);
/** The same with an int3 at each. */
int site_return_traps(const struct func *f, struct sites *ret, struct skep_diag *reterr_diag);

/**
 * The sites of all system calls of a function, added to `ret`.  The caller frees.
 *
 * @param ret_missed  one more for each of a thread that unmaps its own stack and does not end at
 * once
 * @return 0; -EILSEQ: the function has something that is no instruction: what is before it was
 *	added; -ENOMEM
 */
int site_syscalls(const struct func *f, struct sys_sites *ret, unsigned int *ret_missed);

/** Makes it an int3 around it, as somebody comes from elsewhere to where its jumps would be. */
void site_sys_trap(struct sys_site *s);

#endif
