/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h - a program as the engines see it: instructions, and beside each what the load
 * pipeline found out about it.  Written by core's passes, read by interp/ and jit/; immutable
 * once published.
 *
 *	insns[]   the bytecode, after the rewrites of fixup (context fields): what
 *		  `prog dump xlated` shows
 *	aux[]     one per instruction slot: what its operand names
 *	sub[]     subprograms by start; sub[0] is the main program
 */
#ifndef SKEP_PROG_IMAGE_H
#define SKEP_PROG_IMAGE_H

#include "base/base.h"
#include "base/uapi.h"

struct skep_map;
struct skep_run;
struct helper_proto;
struct kfunc;

/*
 * A helper, a kfunc, or a subprogram seen from C: five BPF arguments, and the run that it
 * belongs to.  In compiled code the sixth argument is the register that carries the run.
 */
typedef uint64_t (*skep_call_fn)(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
				 struct skep_run *run);

/* What an instruction's operand names. */
enum insn_ref {
	INSN_REF_NONE,
	INSN_REF_MAP,	    /* LD_IMM64: aux.map; the register gets the struct skep_map * */
	INSN_REF_MAP_VALUE, /* LD_IMM64: aux.map, aux.addr; the register gets aux.addr */
	INSN_REF_ADDR,	    /* LD_IMM64: aux.addr, an address that is not the image's own (ksym) */
	INSN_REF_FUNC,	    /* LD_IMM64: aux.sub, a subprogram to be called back */
	INSN_REF_HELPER,    /* CALL: aux.helper */
	INSN_REF_KFUNC,	    /* CALL: aux.kfunc */
	INSN_REF_SUBPROG,   /* CALL: aux.sub */
	INSN_REF_CALLX,	    /* CALL through a register: a helper id, looked up at run time */
};

struct insn_aux {
	uint8_t ref;		/* enum insn_ref */
	bool barrier : 1;	/* nothing speculative may get here: a fence before... */
	bool barrier_after : 1; /* ...or behind it */
	bool probe : 1; /* a load whose pointer may be wrong: it gives 0 then (helper_probe_load) */
	bool kptr : 1;	/* a load of a kptr, which is no pointer in memory (helper_kptr_load) */
	uint16_t sub;	/* the subprogram that an operand names */
	struct skep_map *map; /* INSN_REF_MAP*: it; INSN_REF_HELPER: the map that r1 always
			       * holds here (the JIT inlines by it), or NULL.  Borrowed. */
	union {
		uint64_t addr;			   /* INSN_REF_MAP_VALUE, INSN_REF_ADDR */
		const struct helper_proto *helper; /* INSN_REF_HELPER */
		const struct kfunc *kfunc;	   /* INSN_REF_KFUNC; NULL: it cannot be run here */
	};
};

struct prog_sub {
	uint32_t start;	      /* first instruction */
	uint32_t end;	      /* one past the last */
	uint16_t stack;	      /* bytes of BPF stack it uses, a multiple of 8, at most 512 */
	bool calls;	      /* calls a helper, a kfunc or another subprogram */
	bool tail_calls;      /* has a tail call, itself */
	bool may_gotos;	      /* has a may_goto: owns a counter beside its stack */
	bool callback;	      /* its address is taken: helpers call it */
	bool ld_abs;	      /* uses LD_ABS or LD_IND: r6 is the context */
	uint8_t regs_written; /* bit n: r6+n is written, so must be saved (n = 0..3) */
};

struct prog_image {
	struct bpf_insn *insns; /* [insn_cnt] */
	struct insn_aux *aux;	/* [insn_cnt] */
	uint32_t insn_cnt;
	struct prog_sub *sub; /* [sub_cnt], ordered by start */
	uint32_t sub_cnt;     /* at least 1 */
	bool barriers;	      /* some aux has one: engines honour them or refuse the program */
};

/** The 64-bit immediate of the LD_IMM64 at insns[i]. */
static inline uint64_t insn_imm64(const struct bpf_insn *i)
{
	return (uint32_t)i[0].imm | (uint64_t)(uint32_t)i[1].imm << 32;
}

static inline bool insn_is_ld_imm64(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW);
}

#endif
