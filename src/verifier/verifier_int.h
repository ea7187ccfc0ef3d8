/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_int.h - what the rooms of the verifier share: the job, values, states.
 *
 * Each file exports what stands under its name below.  Only log.c writes text, only state.c
 * allocates states.
 */
#ifndef SKEP_VERIFIER_VERIFIER_INT_H
#define SKEP_VERIFIER_VERIFIER_INT_H

#include "base/vec.h"
#include "helper/helper.h"
#include "isa/isa.h"
#include "verifier/verifier.h"

#define SUBPROGS_MAX 256 /* BPF_MAX_SUBPROGS */
#define SLOTS	     (SKEP_STACK_MAX / 8)

/* What the walk found out about an instruction. */
enum {
	MARK_SEEN = 1 << 0, /* some path reaches it */
	MARK_CTX = 1 << 1,  /* a load or store of the context */
	MARK_BAD = 1 << 2,  /* its last visit left a complaint: enum bad, register, value */
	MARK_BAD_SHIFT = 4,
	MARK_REG_SHIFT = 8,
	MARK_VAL_SHIFT = 12, /* enum val_kind */
};

/* Complaints that stand only when every path agrees, because paths may exclude each other. */
enum bad {
	BAD_UNINIT, /* the register was never written */
	BAD_DEREF,  /* a number is used as an address */
	BAD_SKB,    /* LD_ABS: r6 is not the context */
	BAD_FUNC,   /* not a function where a helper wants one */
	_BAD_MAX,
};

/* A call or a function reference. */
struct sub_ref {
	uint32_t insn;
	uint16_t from, to; /* subprograms */
	bool func;	   /* BPF_PSEUDO_FUNC rather than a call */
};

/* One job of verifier_check(). */
struct verifier {
	struct skep_prog *prog;
	const struct verifier_opts *opts;
	struct verifier_log *log;
	struct skep_diag *diag; /* never NULL */
	struct bpf_insn *insns; /* [cnt] prog->image.insns */
	struct insn_aux *aux;	/* [cnt] prog->image.aux */
	uint32_t cnt;
	uint16_t isa;	      /* newest instructions to accept */
	struct prog_sub *sub; /* [sub_cnt] prog->image.sub */
	uint32_t sub_cnt;     /* prog->image.sub_cnt */
	uint16_t *depth;      /* [sub_cnt] bytes of stack that accesses were seen on */
	struct {
		VEC(struct sub_ref);
	} refs;		    /* by instruction */
	uint16_t *mark;	    /* [cnt] MARK_* */
	uint32_t processed; /* instructions that the walk looked at */
};

/* -- check.c -- */
/** Logs the message, fills the diagnostic, returns err. */
int verifier_fail(struct verifier *v, int err, uint32_t insn, const char *fmt, ...) __printf(4, 5);
/** The same for a message that the diagnostic holds already. */
int verifier_fail_diag(struct verifier *v, int err);

/* -- log.c -- */
/** "5: (b7) r0 = 0", at level 2. */
void log_insn(struct verifier *v, uint32_t i);
/** At level 1: the straight run of instructions that ends with i, before the error there. */
void log_run(struct verifier *v, uint32_t i);
/** The summary that ends every log. */
void log_stats(struct verifier *v, uint64_t ns);

/* -- subprog.c -- */
int subprog_find(struct verifier *v);
int subprog_check_jumps(struct verifier *v);
int subprog_describe(struct verifier *v);
/** The subprogram that holds instruction i. */
uint16_t subprog_of(const struct verifier *v, uint32_t i);
/** Where the jump at i leads, which lies inside the program after subprog_check_jumps(). */
static inline int64_t jump_to(const struct bpf_insn *insns, uint32_t i)
{
	return (int64_t)i + 1 +
	       (insns[i].code == (BPF_JMP32 | BPF_JA) ? insns[i].imm : insns[i].off);
}
/** A jump that is neither call nor exit. */
static inline bool code_is_jump(uint8_t code)
{
	return (BPF_CLASS(code) == BPF_JMP || BPF_CLASS(code) == BPF_JMP32) &&
	       BPF_OP(code) != BPF_CALL && BPF_OP(code) != BPF_EXIT;
}
static inline bool code_is_goto(uint8_t code)
{
	return code == (BPF_JMP | BPF_JA) || code == (BPF_JMP32 | BPF_JA);
}

/* -- resolve.c -- */
int resolve_check(struct verifier *v);

/* -- cfg.c -- */
int cfg_check(struct verifier *v);

/* -- stack.c -- */
int stack_check(struct verifier *v);

/* -- ctx.c -- */
/** Checks an access of the context at off; *ret_field on success. */
int ctx_check(struct verifier *v, uint32_t i, const struct ctx_field **ret_field);
/** Rewrites the accesses that the walk marked. */
int ctx_rewrite(struct verifier *v);

/* -- fixup.c -- */
int fixup_dead(struct verifier *v);

/*
 * -- state.c --
 *
 * A value is where it came from, as far as rewriting needs it.  Values form a lattice: where
 * paths meet, val_join() takes the least value that covers both,
 *
 *	                 MIXED          the context and something else that may be a pointer
 *	      ANY                       whatever: perhaps a pointer
 *	  MAP  MEM  FUNC  STACK_VAR     what it says, on every path
 *	                  STACK    CTX
 *	           SCALAR               a number (below CTX: a number is never dereferenced)
 *	           CONST
 *	           UNINIT               never written on any path
 */
enum val_kind {
	VAL_UNINIT,
	VAL_CONST,
	VAL_SCALAR,
	VAL_CTX,
	VAL_MAP,
	VAL_MEM,
	VAL_FUNC,
	VAL_STACK,
	VAL_STACK_VAR,
	VAL_ANY,
	VAL_MIXED,
	_VAL_MAX,
};

#define CTX_VAR INT64_MAX /* val.v of VAL_CTX: an offset that is not constant */

struct val {
	uint8_t kind;  /* enum val_kind */
	uint16_t sub;  /* FUNC: it; STACK, STACK_VAR: whose frame */
	uint32_t insn; /* MAP, MEM: the LD_IMM64 whose aux names the map */
	union {
		uint64_t v;  /* CONST: the number; MAP: the struct skep_map *; MEM: the address */
		int64_t off; /* CTX: bytes from its start; STACK*: bytes from r10, a lower bound
			      * for STACK_VAR */
	};
};

static inline struct val val_of(enum val_kind kind)
{
	return (struct val){ .kind = (uint8_t)kind };
}

static inline struct val val_const(uint64_t v)
{
	return (struct val){ .kind = VAL_CONST, .v = v };
}

static inline bool val_is_number(const struct val *v)
{
	return v->kind == VAL_CONST || v->kind == VAL_SCALAR;
}

/** The kernel's word for it in messages. */
const char *val_name(enum val_kind kind);
struct val val_join(const struct val *a, const struct val *b);

/*
 * Slot n of a frame is the eight bytes at r10 - 8 * (n + 1).  A slot that is not tracked is
 * unknown once written, and nothing before.
 */
struct slots {
	uint64_t written; /* bit n: some store went there */
	uint64_t tracked; /* bit n: at[n] is known; implies written */
	struct val at[SLOTS];
};

/* The machine at one point of a subprogram; r10 is constant and not in here. */
struct state {
	struct val reg[SKEP_REG_CNT - 1];
	struct slots slots;
};

void slots_set(struct slots *s, unsigned n, const struct val *v);
struct val slots_get(const struct slots *s, unsigned n);
/** Joins b into a; true when a changed. */
bool slots_join(struct slots *a, const struct slots *b);

/* A state at rest, where paths meet: as many slots as it tracks. */
struct saved;

/* States by instruction; zeroed it is empty. */
struct states {
	struct saved **at; /* [cnt] NULL where no state rests; allocated with the first */
	uint64_t *pending; /* bit i: what rests at i is to be walked on from */
	uint32_t cnt;	   /* instructions */
	struct chunk *mem; /* holds the saved states, newest chunk first */
	size_t room;	   /* bytes free in the newest chunk */
};

/** Joins st into what rests at i and marks i pending where that changed it. 0 or -ENOMEM. */
int states_meet(struct states *s, uint32_t i, const struct state *st);
/** Takes the first pending instruction at or after *at, wrapping around; false: none. */
bool states_next(struct states *s, uint32_t *at);
/** Marks i pending again if a state rests there. */
void states_again(struct states *s, uint32_t i);
void states_load(const struct states *s, uint32_t i, struct state *ret);
void states_free(struct states *s);

/*
 * -- walk.c: the data-flow pass --
 *
 * What frames of callers look like to those whom they hand pointers to, joined over all calls.
 */
struct frame {
	struct slots in;  /* at the calls */
	struct slots out; /* what callees stored */
};

struct walk {
	struct verifier *v;
	struct state st;       /* before, then after instruction i */
	uint16_t sub;	       /* the subprogram that holds i */
	struct states states;  /* where paths meet */
	struct frame **frames; /* [sub_cnt] NULL until a pointer to its stack is passed on */
	struct val r10;	       /* of sub */
	uint32_t i;	       /* the instruction */
	const struct insn_desc *desc;
	bool ends; /* no path goes on at i + 1 */
};

int walk_run(struct verifier *v);
/** Subprogram `sub` starts with st on some path. */
int walk_enter(struct walk *w, uint16_t sub, const struct state *st);
/** The frame record of sub, or NULL when memory is out. */
struct frame *walk_frame(struct walk *w, uint16_t sub);
/** Everyone who may look at frames walks again. */
void walk_frames_changed(struct walk *w);

/* -- step.c: what an instruction does -- */
int step(struct walk *w);
/** The value of register r, which the instruction reads. */
const struct val *step_read(struct walk *w, unsigned r);
void step_write(struct walk *w, unsigned r, struct val v);
/** A complaint about register r; it stands if the instruction's last visit repeats it. */
void step_complain(struct walk *w, enum bad bad, unsigned r);
/** The instruction fails for good: -errno, with the log and the diagnostic. */
#define step_fail(w, err, ...) \
	(log_run((w)->v, (w)->i), verifier_fail((w)->v, err, (w)->i, __VA_ARGS__))
/** Reports the complaints that stand. */
int step_report(struct verifier *v);

/* -- scalar.c: arithmetic on constants -- */
/** The result of a binary ALU operation; false where it is not folded. */
bool scalar_alu(const struct bpf_insn *insn, uint64_t a, uint64_t b, uint64_t *ret);
/** Is the conditional jump taken? */
bool scalar_taken(const struct bpf_insn *insn, uint64_t a, uint64_t b);

/* -- mem.c: loads and stores -- */
int mem_load(struct walk *w);
int mem_store(struct walk *w);
int mem_atomic(struct walk *w);
/** Notes that v's frame is used down to off bytes from r10 (and from v). */
void mem_stack_use(struct walk *w, const struct val *v, int64_t off);
/** What a helper writes to the n bytes at v is unknown from then on. */
void mem_clobber(struct walk *w, const struct val *v, uint32_t n);

/* -- call.c: calls -- */
int call_step(struct walk *w);

#endif
