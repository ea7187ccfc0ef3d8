/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stub.h - the code that a site's jump leads to.
 *
 *	site: jmp ──▶ the instructions before the probed one (site.lead)
 *	              skip the red zone, push a struct pt_regs, aligned
 *	              handler(regs, cookie)
 *	              pop them, as they are by then
 *	              the probed instruction, and what else the jump replaced
 *	              jmp ──▶ behind them
 *	              the literals: rip, cookie, handler, ...
 *
 * Around a system call (site.around) the probed instruction is that, and behind it the registers
 * are pushed again, for the other handler: nothing of ours is on the stack while it waits.
 *
 * The registers are Linux's struct pt_regs (<asm/ptrace.h>): rip is the probed instruction's
 * address, rsp what it is there, orig_rax -1.  What the handler writes into them counts, but for
 * rip, cs, ss.  Vector registers are nobody's business: handlers are built without them.
 */
#ifndef SKEP_INJECT_STUB_H
#define SKEP_INJECT_STUB_H

#include "inject/reloc.h"
#include "inject/site.h"

#define STUB_MAX 512 /* bytes of one */

struct stub {
	uint8_t code[STUB_MAX];	  /* it */
	uint16_t size;		  /* bytes of it */
	uint16_t probe, call_end; /* offsets: of what comes after the lead, and behind the call */
	uint16_t rest;		  /* of the probed instruction */
	uint16_t literals;	  /* of struct stub_literals */
	struct reloc before;	  /* the lead */
	uint16_t again;		  /* of the second call, behind a system call; 0: there is none */
	uint16_t behind;	  /* of `after` */
	struct reloc after;	  /* the probed instruction, and what follows it: or that alone */
};

/* What a stub calls, with the registers and the cookie. */
struct stub_calls {
	uint64_t handler; /* void (*)(struct pt_regs *regs, uint64_t cookie) */
	uint64_t after;	  /* the same, behind a system call; for sites around one */
	uint64_t cookie;
	uint64_t leave; /* where to go with %rsp at the registers, if the handler says so (a bool);
			   or 0 */
};

/* What the code refers to. */
struct stub_literals {
	uint64_t rip;	    /* the probed instruction's address */
	uint64_t rip_after; /* the one behind it, of a system call */
	struct stub_calls calls;
};

/** The stub of a site for address `to`; the errors of reloc_insns(). */
int stub_emit(struct stub *ret, const struct site *site, uint64_t to,
	      const struct stub_calls *calls, struct skep_diag *reterr_diag);

/** Is there a stub in these n bytes?  For who has no other way to tell. */
bool stub_is_in(const uint8_t *code, size_t n);

/**
 * Where a thread that is `off` bytes behind site.patch goes on in the stub, and the reverse, for
 * those that are at one of the original instructions: an offset, or -1.
 */
int stub_enter(const struct stub *s, const struct site *site, uint64_t off);
int stub_leave(const struct stub *s, const struct site *site, uint64_t off);

#endif
