/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit_int.h - what the files of jit/ share.
 *
 *	insns --decode.c--> ops --opt_*.c--> ops --target--> fragments --layout.c--> code
 *
 * ops[] has one struct jit_op for each instruction slot, so a jump target is the same number in
 * both.  Ops have three operands, and memory operands of the form base + index << scale + disp,
 * where the bytecode has two and base + disp: decode.c makes the plain form, the passes use the
 * rest, a target lowers all of it.  Lowering writes a draft in which no jump is encoded; layout.c
 * knows all sizes then, chooses jump forms, aligns, and copies the draft to where it runs.
 *
 * A second architecture is one more `struct jit_target`.
 */
#ifndef SKEP_JIT_JIT_INT_H
#define SKEP_JIT_JIT_INT_H

#include "base/base.h"
#include "base/diag.h"
#include "base/uapi.h"
#include "prog/prog.h"

/* Register numbers are BPF's, 0 to 10. */
#define JIT_FP		 10
#define JIT_NONE	 16	/* "no register": outside of any 16-bit set of registers */
#define JIT_CALLER_SAVED 0x003f /* r0 to r5: a call destroys them */

/* A set of BPF registers. */
typedef uint16_t jit_regs;

static inline jit_regs jit_bit(unsigned r)
{
	return (jit_regs)(1u << r);
}

/*
 * What an op does.  `m` is the memory operand; y is b, or imm where b is JIT_NONE, or m where
 * JIT_MEM is set.  Without JIT_WIDE the operation has 32 bits and the upper half of dst is zero.
 */
enum jit_code {
	JIT_NOP,
	JIT_CONST, /* dst = imm64 */
	JIT_MOV,   /* dst = a */
	JIT_SX,	   /* dst = a, its low `size` bytes sign-extended */
	JIT_ZX,	   /* dst = a, its low `size` bytes zero-extended */
	JIT_BSWAP, /* dst = low `size` bytes of a, or m, in reverse order */
	JIT_NEG,   /* dst = -a */
	JIT_ADD,   /* dst = a + (b << scale) + imm; dst = a + m; a may be JIT_NONE */
	JIT_SUB,   /* dst = a - y */
	JIT_AND,   /* dst = a & y */
	JIT_OR,	   /* dst = a | y */
	JIT_XOR,   /* dst = a ^ y */
	JIT_MUL,   /* dst = a * y */
	JIT_SHL,   /* dst = a << (y & width - 1); y is not m, here and below */
	JIT_SHR,
	JIT_SAR,
	JIT_ROR,	 /* dst = a rotated right by y */
	JIT_DIV,	 /* dst = y ? a / y : 0 */
	JIT_MOD,	 /* dst = y ? a % y : a */
	JIT_SDIV,	 /* dst = y == -1 ? -a : y ? a s/ y : 0 */
	JIT_SMOD,	 /* dst = y == -1 ? 0 : y ? a s% y : a */
	JIT_CAST,	 /* dst = imm64 + the low half of a; with cc JIT_NE, 0 stays 0 */
	JIT_LOAD,	 /* dst = m; JIT_SIGNED: sign-extended to 64 bits */
	JIT_STORE,	 /* m = b or imm */
	JIT_UPDATE,	 /* m = m op y, where cc is the code of op */
	JIT_ATOMIC,	 /* imm names it (BPF_ATOMIC); b is the operand, a what cmpxchg compares */
	JIT_JUMP,	 /* goto target */
	JIT_JCC,	 /* if (a cc y) goto target; m in place of a where a is JIT_NONE */
	JIT_MAY_GOTO,	 /* if (!--budget of the frame) goto target */
	JIT_CALL_HELPER, /* aux.helper */
	JIT_CALL_MAP,	 /* the same where the map is known: row imm of jit_map_calls */
	JIT_CALL_KFUNC,	 /* aux.kfunc */
	JIT_CALL_SUB,	 /* subprogram imm */
	JIT_CALLX,	 /* the helper whose id is in a */
	JIT_TAIL_CALL,	 /* tail_call(r1, aux.map, y), or of the map in r2 where that is NULL */
	JIT_LOOKUP,	 /* r0 = element *m of the array map aux.map, or NULL */
	JIT_LOOKUP_CPU,	 /* the same, of the run's CPU, in a per-CPU array */
	JIT_LD_ABS,	 /* r0 = packet[b + imm], `size` bytes; b may be JIT_NONE */
	JIT_FUNC,	 /* dst = address of subprogram imm for C */
	JIT_KPTR,	 /* dst = the object that m leads to, or 0 */
	JIT_PROBE,	 /* dst = m, or 0; imm as helper_probe_load() takes it */
	JIT_EXIT,
	_JIT_CODE_MAX,
};

/* Flags of an op. */
enum {
	JIT_WIDE = 1 << 0,   /* 64 bits */
	JIT_MEM = 1 << 1,    /* y is the memory operand */
	JIT_SIGNED = 1 << 2, /* LOAD: sign-extend */
};

/* Conditions of JIT_JCC; cc ^ 1 is the opposite of cc. */
enum jit_cc {
	JIT_EQ,
	JIT_NE,
	JIT_LTU,
	JIT_GEU,
	JIT_LEU,
	JIT_GTU,
	JIT_LT,
	JIT_GE,
	JIT_LE,
	JIT_GT,
	JIT_SET,   /* (a & y) != 0 */
	JIT_CLEAR, /* (a & y) == 0 */
	_JIT_CC_MAX,
};

/* What stands at the end of a fragment; other values are the target's condition codes. */
enum {
	JIT_ALWAYS = 0xfe,
	JIT_NO_JUMP = 0xff,
};

struct jit_op {
	uint8_t code;	 /* enum jit_code */
	uint8_t flags;	 /* JIT_WIDE... */
	uint8_t dst;	 /* register written, or JIT_NONE */
	uint8_t a, b;	 /* registers read, or JIT_NONE */
	uint8_t base;	 /* m: register, or JIT_NONE where the op has no memory operand */
	uint8_t idx;	 /* m: register, or JIT_NONE */
	uint8_t scale;	 /* shift of idx, of b in JIT_ADD; 0 to 3 */
	uint8_t size;	 /* bytes: of m, of SX, ZX, BSWAP */
	uint8_t cc;	 /* enum jit_cc */
	jit_regs live;	 /* registers whose values are still needed after the op */
	int32_t imm;	 /* the immediate; lower half of CONST's */
	int32_t disp;	 /* m: displacement; upper half of CONST's immediate */
	uint32_t target; /* op that a jump leads to */
};

static inline uint64_t jit_imm64(const struct jit_op *op)
{
	return (uint32_t)op->imm | (uint64_t)(uint32_t)op->disp << 32;
}

static inline void jit_set_imm64(struct jit_op *op, uint64_t v)
{
	op->imm = (int32_t)v;
	op->disp = (int32_t)(v >> 32);
}

/* A run of the draft that ends where a jump stands or a label follows. */
struct jit_frag {
	uint32_t start;	 /* its first byte in the draft; it ends where the next one starts */
	uint32_t pos;	 /* its first byte in the image */
	uint32_t target; /* fragment that the jump at its end leads to */
	uint32_t loop;	 /* fragments from here to the last that jumps back to here; 0: none does */
	uint8_t cc;	 /* of that jump: condition code, JIT_ALWAYS, JIT_NO_JUMP */
	uint8_t fused;	 /* bytes of a compare before the jump that should not be parted from it */
	uint8_t align;	 /* of pos; 0 is 1 */
	bool near;	 /* the jump needs its long form */
};

/* A 32-bit distance inside an instruction, from its end to what `to` says. */
struct jit_reloc {
	uint32_t at;	/* in the draft */
	uint32_t to;	/* enum jit_to */
	uint64_t value; /* number or address */
};

enum jit_to {
	JIT_TO_ADDR,  /* an address */
	JIT_TO_SUB,   /* the start of a subprogram */
	JIT_TO_THUNK, /* what C calls for a subprogram */
};

#define JIT_NO_FRAG UINT32_MAX

/* A subprogram's frame, and what calls need to know. */
struct jit_sub {
	uint32_t frag;	  /* its first fragment */
	uint32_t thunk;	  /* fragment of what C calls; JIT_NO_FRAG: its address is not taken */
	jit_regs written; /* registers that its body writes */
	bool calls;	  /* calls something: the stack pointer must be aligned, no red zone */
	uint32_t scratch; /* words of the frame that ops want for themselves */
};

/* One compilation. */
struct jit {
	const struct skep_prog *prog;
	const struct prog_image *image;	 /* &prog->image */
	const struct jit_target *target; /* whose machine code */
	bool near;			 /* assume that near calls reach (mcode.h) */
	bool uses_run;			 /* some op needs the run */
	bool hands_run;			 /* some op hands it to C */
	bool loops;			 /* some jump or call leads back */

	struct jit_op *ops;  /* [n] */
	uint32_t n;	     /* image->insn_cnt */
	uint32_t *label;     /* [n] jumps that lead to the op; from its lowering on its fragment */
	jit_regs *live_in;   /* [n] registers whose values are needed before the op */
	struct jit_sub *sub; /* [image->sub_cnt] */
	uint32_t cur_sub;    /* lowered now */

	uint8_t *draft;	       /* where lowering writes */
	uint8_t *p;	       /* the next byte of it */
	uint8_t *draft_end;    /* its capacity */
	struct jit_frag *frag; /* [nr_frags], and one more: the end */
	uint32_t nr_frags;
	struct jit_reloc *reloc; /* [nr_relocs], ascending */
	uint32_t nr_relocs;
	uint32_t tail_frag;  /* where tail calls enter: the main program's, or a thunk's */
	uint32_t tail_entry; /* the byte in the draft where they do */
	uint32_t size;	     /* of the image, after layout */

	/* The target's, while it lowers. */
	int32_t frame;	      /* bytes that the frame takes off the stack pointer */
	int32_t fp;	      /* r10 is the stack pointer plus this */
	uint8_t flags_reg;    /* register whose value the CPU's flags tell, or JIT_NONE */
	uint8_t flags_kind;   /* how much they tell */
	uint32_t flags_start; /* in the draft: the instruction that set them */
	uint32_t flags_end;   /* its end */
};

#define JIT_LABEL_LOOP	 (1u << 31) /* in label[]: one of the jumps leads back */
#define JIT_OP_BYTES_MAX 512	    /* no op's code is longer than this */

/* An architecture. */
struct jit_target {
	const char *name;
	uint8_t entry_align; /* of subprograms, a power of two */
	uint8_t loop_align;  /* of the targets of jumps back */
	uint8_t loop_line;   /* loops that fit in a line of so many bytes do not cross one */
	/* Forms of a jump: bytes of the short and of the near one. */
	uint8_t jump_short, jump_near; /* goto */
	uint8_t jcc_short, jcc_near;   /* conditional */
	int32_t short_min, short_max;  /* distances, from its end, that the short form reaches */
	uint8_t jump_window; /* jumps do not cross nor end at multiples of this; 0: they may */

	bool mem_operands;  /* arithmetic and compares take memory operands, so does JIT_UPDATE */
	bool swapped_loads; /* BSWAP of 4 and 8 bytes does */

	/* Begins subprogram j->cur_sub: its prologue. */
	void (*prologue)(struct jit *j);
	/* Lowers op i. */
	void (*lower)(struct jit *j, const struct jit_op *op);
	/* Emits a fence: nothing behind it runs before everything before it is done. */
	void (*barrier)(struct jit *j);
	/* Emits what C calls for subprogram s: like skep_call_fn. */
	void (*thunk)(struct jit *j, uint32_t s);
	/* Emits where tail calls enter a main program that has no use for the run. */
	void (*tail_thunk)(struct jit *j);
	/* Writes a jump over `distance` bytes, from its end. */
	void (*put_jump)(uint8_t *p, uint8_t cc, bool near, int32_t distance);
	/* Fills n bytes with instructions that do nothing. */
	void (*put_nops)(uint8_t *p, uint32_t n);
};

/** The target of the machine that this is compiled for; NULL: there is none. */
extern const struct jit_target *const jit_host_target;

/* Helpers that only call an operation of the map in r1: called directly where it is known. */
struct jit_map_call {
	uint32_t helper; /* BPF_FUNC_* */
	uint32_t op;	 /* offset in struct map_ops */
	uint8_t cpu;	 /* argument register that takes the run's CPU, or JIT_NONE */
};

extern const struct jit_map_call jit_map_calls[];

/* decode.c: fills j->ops, label, sub.  0 or -EINVAL. */
int jit_decode(struct jit *j, struct skep_diag *reterr_diag);

/* opt_flow.c: the order of branches. */
void jit_opt_flow(struct jit *j);
/* The jump at op i is never taken; or always, which leaves what follows, up to a label, dead. */
void jit_never_jumps(struct jit *j, uint32_t i);
void jit_always_jumps(struct jit *j, uint32_t i, uint32_t end);
/* opt_live.c: fills op.live and live_in, removes ops whose results nobody needs. */
void jit_opt_live(struct jit *j);
/* The same once more, after jit_opt_fuse. */
void jit_opt_live_again(struct jit *j);
jit_regs jit_op_implicit(const struct jit *j, const struct jit_op *op);

/* The registers that op reads. */
static inline jit_regs jit_op_uses(const struct jit *j, const struct jit_op *op)
{
	jit_regs r = jit_bit(op->a) | jit_bit(op->b) | jit_bit(op->base) | jit_bit(op->idx);

	return op->code >= JIT_CALL_HELPER ? r | jit_op_implicit(j, op) : r;
}

/* The registers whose values it destroys. */
static inline jit_regs jit_op_writes(const struct jit_op *op)
{
	return op->code >= JIT_CALL_HELPER && op->code <= JIT_LD_ABS ? JIT_CALLER_SAVED
								     : jit_bit(op->dst);
}

/* opt_fuse.c: makes fewer ops of several, inside stretches that are entered at the top only. */
void jit_opt_fuse(struct jit *j);

/* layout.c: sizes and places (j->size), then the copy to rw, which runs at rx. */
void jit_layout(struct jit *j);
void jit_copy(const struct jit *j, uint8_t *rw, const uint8_t *rx);

/* For targets. */

/* Where the next byte goes in the draft. */
static inline uint32_t jit_here(const struct jit *j)
{
	return (uint32_t)(j->p - j->draft);
}

/* Ends the fragment with a jump to op `target`; the next byte begins another. */
void jit_end_frag(struct jit *j, uint8_t cc, uint32_t target, uint8_t fused);
/* Begins a fragment, aligned, if the current one is not empty; its number. */
uint32_t jit_begin_frag(struct jit *j, uint8_t align);

/* The next four bytes are a distance: enum jit_to. */
static inline void jit_add_reloc(struct jit *j, uint32_t to, uint64_t value)
{
	j->reloc[j->nr_relocs++] = (struct jit_reloc){
		.at = jit_here(j),
		.to = to,
		.value = value,
	};
}

#endif
