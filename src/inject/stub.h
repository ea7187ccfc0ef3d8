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
 *	              the literals: rip, cookie, handler
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
	struct reloc after;	  /* the probed instruction and what follows it */
};

/* What the code refers to. */
struct stub_literals {
	uint64_t rip;	  /* the probed instruction's address */
	uint64_t cookie;  /* the handler's second argument */
	uint64_t handler; /* void (*)(struct pt_regs *regs, uint64_t cookie) */
};

/** The stub of a site for address `to`; the errors of reloc_insns(). */
int stub_emit(struct stub *ret, const struct site *site, uint64_t to, uint64_t handler,
	      uint64_t cookie, struct skep_diag *reterr_diag);

/**
 * Where a thread that is `off` bytes behind site.patch goes on in the stub, and the reverse, for
 * those that are at one of the original instructions: an offset, or -1.
 */
int stub_enter(const struct stub *s, const struct site *site, uint64_t off);
int stub_leave(const struct stub *s, const struct site *site, uint64_t off);

#endif
