/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * insn.h - one x86-64 instruction, as far as who moves it has to know it.  insn.c alone knows
 * Zydis.
 */
#ifndef SKEP_INJECT_INSN_H
#define SKEP_INJECT_INSN_H

#include "base/base.h"

#define INSN_MAX 15 /* bytes of the longest one */

enum insn_kind {
	INSN_PLAIN,    /* does the same anywhere, but for a displacement */
	INSN_PAD,      /* nop or int3: compilers fill gaps with them */
	INSN_JMP,      /* to target */
	INSN_JCC,      /* to target, or goes on */
	INSN_CALL,     /* of target */
	INSN_JMP_IND,  /* through a register or memory */
	INSN_CALL_IND, /* the same */
	INSN_RET,
	INSN_SYSCALL,
	INSN_BOUND, /* to its place: loop, jrcxz, xbegin, far and 32-bit-relative ones */
};

struct insn {
	enum insn_kind kind;
	uint8_t size;	 /* bytes */
	uint8_t disp_at; /* where its RIP-relative disp32 is; 0: it has none */
	uint8_t modrm;	 /* where its ModRM byte is, of indirect calls */
	uint8_t cc;	 /* of a JCC: the condition's number */
	bool rsp;	 /* an indirect call through what %rsp says */
	bool branches;	 /* target is set: it, or a BOUND one, goes there */
	bool sets_ax;	 /* %rax, or a part of it, is another one afterwards... */
	int32_t ax;	 /* ...this number; -1: not known, or negative */
	uint64_t target; /* where a branch leads, or what disp32 means */
};

/** The one at address `at`, of which n bytes are at text: 0, or -EILSEQ where that is none. */
int insn_decode(const uint8_t *text, size_t n, uint64_t at, struct insn *ret);

#endif
