/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_int.h - what the rooms of the verifier share: the job, values, states.
 *
 * The abstract interpreter walks every path of a program (step.c), one instruction at a time, on
 * a state that stands for all the machines that can be there: registers and stack slots hold
 * values (struct reg), values hold types and bounds.  At a branch the state is copied and one
 * copy waits (state.c); where an instruction was reached before by a state that allows at least
 * as much, the path ends (prune.c).  What the comparison may ignore is what no later instruction
 * reads (liveness.c) and what no check depended on (precision.c).
 *
 * Each file exports what stands under its name below.  Only log*.c and print*.c write text, only
 * state.c allocates states.  Names follow kernel/bpf/verifier.c where the thing is the same.
 */
#ifndef SKEP_VERIFIER_VERIFIER_INT_H
#define SKEP_VERIFIER_VERIFIER_INT_H

#include <stdarg.h>

#include "base/vec.h"
#include "btf/btf.h"
#include "helper/dynptr.h"
#include "helper/helper.h"
#include "isa/isa.h"
#include "map/map.h"
#include "model/release.h"
#include "verifier/state_int.h"
#include "verifier/verifier.h"

#define SUBPROGS_MAX	256	  /* BPF_MAX_SUBPROGS */
#define VAR_OFF_MAX	(1 << 29) /* BPF_MAX_VAR_OFF */
#define VAR_SIZ_MAX	(1 << 29) /* BPF_MAX_VAR_SIZ */
#define PACKET_OFF_MAX	0xffff	  /* MAX_PACKET_OFF */
#define BRANCHES_MAX	8192	  /* BPF_COMPLEXITY_LIMIT_JMP_SEQ: states that wait */
#define STATES_PER_INSN 64	  /* BPF_COMPLEXITY_LIMIT_STATES */
#define ARGS		5

/* --- what is kept by instruction ------------------------------------------------------------ */

/* An explored state. */
struct explored {
	struct vstate st;
	struct explored *next; /* in its bucket */
	uint32_t hits, misses; /* as a target of comparison */
	bool retired;	       /* no longer compared with */
};

/* What the walk left for the passes behind it. */
struct insn_info {
	uint16_t live;	       /* registers that may be read from here on, a bit each */
	uint8_t ptr_type;      /* enum reg_type through which memory was accessed, 0: none yet */
	bool seen;	       /* some path came here, other than by misprediction */
	bool valid;	       /* its fields are */
	bool prune_point;      /* states are compared here */
	bool force_checkpoint; /* and kept here, whatever it costs */
	bool jmp_point;	       /* paths meet here: history needs an entry */
	bool map_conflict;     /* a helper's map is not the same on all paths */
	bool kptr, no_kptr;    /* it loads a kptr; something else */
	bool arena, no_arena;  /* it computes with a pointer into an arena; with other operands */
	bool calls_callback;
	bool jump_target;		 /* some jump leads here */
	bool iter_next;			 /* calls an iterator's next */
	bool fastcall;			 /* spills or fills for a call that does not need it */
	const struct kfunc_facts *kfunc; /* the kfunc that it calls, NULL: none that is known */
	uint32_t loop;			 /* number of the loop that it is in, 0: none */
	bool loop_seen;			 /* a bpf_loop() was walked here... */
	bool loop_plain;		 /* ...always without flags, and with callback... */
	uint16_t loop_sub;		 /* ...this */
	uint8_t alu_state;		 /* spec.c: how a pointer is moved here, 0: it is not... */
	uint32_t alu_limit;		 /* ...and how far */
};

/* History: which way a path came, for precision to walk back. */
struct hist {
	uint32_t insn, prev; /* went from prev to insn */
	uint32_t frame : 3;  /* HIST_STACK: whose slot */
	uint32_t slot : 6;
	uint32_t flags : 8;
	uint64_t linked; /* registers and slots that shared an id at a comparison, packed */
};
#define HIST_STACK   1 /* the instruction filled or spilled a register */
#define HIST_SRC_STK 2 /* a comparison's operand points to the stack */
#define HIST_DST_STK 4

/* A call or a function reference. */
struct sub_ref {
	uint32_t insn;
	uint16_t from, to; /* subprograms */
	bool func;	   /* BPF_PSEUDO_FUNC rather than a call */
};

/* What an argument of a global function must be. */
enum sub_arg_kind {
	SUB_ARG_ANYTHING, /* a number */
	SUB_ARG_CTX,
	SUB_ARG_MEM,	/* memory of `size` bytes */
	SUB_ARG_BTF_ID, /* a kernel object of type btf_id */
	SUB_ARG_ARENA,
	SUB_ARG_DYNPTR,
	_SUB_ARG_MAX,
};

struct sub_arg {
	uint8_t kind; /* enum sub_arg_kind */
	bool null_ok; /* may be NULL */
	union {
		uint32_t size;	 /* SUB_ARG_MEM */
		uint32_t btf_id; /* SUB_ARG_BTF_ID */
	};
};

/* What is known of a subprogram besides the image's part. */
struct sub_facts {
	uint32_t func_id;     /* its FUNC in prog->btf, 0: no func_info */
	bool global;	      /* by its linkage: walked by itself */
	bool called;	      /* global: some path calls it */
	bool verified;	      /* global: was walked, or is */
	bool changes_pkt;     /* packet pointers are stale after a call of it */
	bool described;	      /* arg[] is filled */
	bool unreliable;      /* static: its prototype is not what it is called with */
	bool async;	      /* some path has it called later */
	bool callback;	      /* some path has it called back, now or later */
	bool may_sleep;	      /* it calls what may sleep, itself or by those that it calls */
	bool fastcall;	      /* it spills for calls that Linux makes without... */
	bool fastcall_kept;   /* ...and for such that it makes, ... */
	int16_t fastcall_off; /* ...from this offset of the frame down */
	uint32_t order_cnt;   /* its instructions in v->postorder, from its start on */
	uint8_t arg_cnt;
	struct sub_arg arg[ARGS];
};

/* What a program is attached to, in the kernel's BTF. */
struct target {
	const char *name; /* without prefixes; NULL: the context is no list of arguments */
	const struct btf_type *proto; /* FUNC_PROTO; NULL: none */
	const struct btf_param *arg; /* [arg_cnt] behind one another in the context, 8 bytes each */
	uint32_t arg_cnt;
	bool trusted; /* pointers among them are */
	/* struct_ops: */
	const char *of;		      /* the struct that it is a member of */
	const struct btf_param *stub; /* [arg_cnt] names that say more, NULL: there are none */
	uint32_t ref_id[12];	      /* references among the arguments, 0: none */
};

struct instance;
struct loop_visit;

/* What instructions do to the stack: stack_live.c. */
struct stack_live {
	struct instance *instance[64]; /* hash lists */
	bool any;		       /* in them */
	struct instance *cur;	       /* that of the path at hand; NULL: not looked up yet */
	uint32_t at;		       /* the instruction at hand... */
	bool wrote;
	uint64_t writes[SKEP_FRAMES_MAX]; /* ...and the slots that it wrote, by frame */
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
	uint16_t release;     /* release of Linux whose kernel is asked */
	struct prog_sub *sub; /* [sub_cnt] prog->image.sub */
	uint32_t sub_cnt;
	uint16_t exception_sub; /* the exception callback, 0: none */
	uint16_t *depth;	/* [sub_cnt] bytes of stack that accesses were seen on */
	struct {
		VEC(struct sub_ref);
	} refs;			 /* by instruction */
	struct insn_info *info;	 /* [cnt] */
	struct sub_facts *facts; /* [sub_cnt] */
	struct target target;

	/* the walk */
	struct vstate *st; /* the path at hand */
	uint32_t i;	   /* its instruction */
	uint32_t prev;	   /* the one before */
	struct {
		VEC(struct vstate *);
	} waiting; /* paths to take up, last first */
	struct {
		VEC(struct hist);
	} hist;
	struct explored **explored; /* [cnt] buckets, by instruction and call site */
	struct explored *retired;   /* no longer compared with, but parents of paths */
	struct loop_visit *loops;
	uint32_t nr_loops;	/* numbers given to loops */
	uint32_t nr_back_edges; /* states kept as such */
	uint32_t nr_retired;
	uint32_t *postorder; /* [cnt] instructions of a subprogram, successors first */
	struct stack_live live;
	uint32_t ids;		   /* last id given out */
	struct vstate *pool_state; /* freed ones, to be used again */
	struct frame *pool_frame;
	struct frame first; /* is in no pool, and used once */
	bool first_used;
	struct reg fake[2];  /* the immediate operand of a comparison */
	bool kptr;	     /* the instruction loads one, on this path */
	bool strict_align;   /* BPF_F_STRICT_ALIGNMENT */
	bool strict_scalars; /* pointers were moved by unknown numbers: states with others differ */
	bool hist_now;	     /* this instruction has an entry in hist */

	/* the log: what instructions touched since a state was printed, ... */
	struct {
		uint32_t regs;
		uint64_t slots;
	} touched;
	uint64_t insn_end;   /* ...the log's length behind the last instruction, ... */
	uint32_t insn_bytes; /* ...the bytes of its line, ... */
	bool path_begins;    /* ...a path was taken up and nothing said of it, ... */
	struct {
		const char *file;
		uint32_t line;
	} last_line; /* ...the C line that was printed last */

	uint32_t processed; /* instructions walked */
	uint32_t processed_max;
	uint32_t jumps; /* jumps among them */
	uint32_t total_states, peak_states, live_states, max_states_per_insn;
	uint32_t processed_at_state, jumps_at_state; /* when the last state was kept */

	struct verifier_report *report; /* of the options */
	struct walk_count *walk;	/* [cnt] of the report, NULL: not asked for */
};

static inline uint32_t base_type(uint32_t type)
{
	return type & TYPE_MASK;
}

static inline bool may_be_null(uint32_t type)
{
	return type & PTR_MAYBE_NULL;
}

static inline struct frame *cur_frame(struct verifier *v)
{
	return v->st->frame[v->st->cur];
}

static inline struct reg *cur_regs(struct verifier *v)
{
	return cur_frame(v)->reg;
}

/* Every register and every spilled register of a state. */
#define for_each_reg_in(st, f, r, ...)                                                             \
	for (uint32_t _f = 0; _f <= (st)->cur; _f++) {                                             \
		struct frame *f = (st)->frame[_f];                                                 \
		for (uint32_t _r = 0; _r < SKEP_REG_CNT + f->nr_slots; _r++) {                     \
			struct reg *r =                                                            \
				_r < SKEP_REG_CNT ? &f->reg[_r] : &f->slot[_r - SKEP_REG_CNT].reg; \
			if (_r >= SKEP_REG_CNT &&                                                  \
			    f->slot[_r - SKEP_REG_CNT].kind[7] != STACK_SPILL)                     \
				continue;                                                          \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}                                                                                          \
	static_assert(true, "")

/* -- check.c -- */
/** Logs the message, fills the diagnostic, returns err. */
int verifier_fail(struct verifier *v, int err, uint32_t insn, const char *fmt, ...) __printf(4, 5);
/** The same for a message that the diagnostic holds already. */
int verifier_fail_diag(struct verifier *v, int err);
/** Passes err on; the report says that what is missing came `since` that release. */
int verifier_too_new(struct verifier *v, uint16_t since, int err);
/** At the instruction that is walked. */
#define fail(v, err, ...) verifier_fail(v, err, (v)->i, __VA_ARGS__)

/* -- fault.c: what a report says of a broken rule -- */
/** Notes the rule: the format of its message, and the numbers in it. */
void fault_note(struct verifier *v, uint32_t insn, const char *fmt, va_list ap);
/** The verdict is err: the register's value and the way there, while the states live. */
void fault_finish(struct verifier *v, int err);

/* -- trail.c -- */
/** Fills fault->step: where the value came from, and the branches on the way to the fault. */
void trail_walk(struct verifier *v, struct verifier_fault *fault);

/* -- log.c: the buffer -- */
/* BPF_LOG_* of linux/bpf_verifier.h; the UAPI has only their numbers. */
#define LOG_INSNS_FAILED 1 /* BPF_LOG_LEVEL1: instructions on the way to an error */
#define LOG_INSNS_ALL	 2 /* BPF_LOG_LEVEL2 */
#define LOG_STATS	 4
#define LOG_FIXED	 8
/** Forgets what was written since the log had pos bytes (BPF_LOG_LEVEL1: paths that were fine). */
void log_rewind(struct verifier_log *log, uint64_t pos);
static inline bool log_on(const struct verifier *v)
{
	return v->log->level & (LOG_INSNS_FAILED | LOG_INSNS_ALL);
}
static inline bool log_all(const struct verifier *v)
{
	return v->log->level & LOG_INSNS_ALL;
}

/* -- log_walk.c: the walk as text; nothing where the level does not ask for it -- */
/** The instruction at hand, with what its forerunner changed; only when log_on(). */
void log_insn(struct verifier *v);
/** The path ends at a state that was walked from; only when log_on(). */
void log_safe(struct verifier *v);
/** The C line of instruction i, unless it was the last one. */
void log_source(struct verifier *v, uint32_t i);
/** A frame was entered, or (back) is about to be left. */
void log_call(struct verifier *v, bool back);
/** What the passes before the walk found. */
void log_subs(struct verifier *v);
void log_live(struct verifier *v);
/** A slot's liveness changed, by way of the calls `site[0..depth]`: "live" or "written". */
void log_live_change(struct verifier *v, const uint32_t *site, uint32_t depth, uint32_t frame,
		     uint32_t i, const char *what, uint64_t was, uint64_t is);
void log_live_rounds(struct verifier *v, const uint32_t *site, uint32_t depth, unsigned rounds);
/** A path enters or leaves a loop, or comes round in one: "enter", "exit", "backedge". */
void log_loop(struct verifier *v, const char *what, const uint32_t *site, uint32_t loop);
void log_stats(struct verifier *v, uint64_t ns);

/** Instruction i, and a newline. */
void log_put_insn(struct verifier *v, uint32_t i);

/* -- log_back.c: the way back of precision.c -- */
/** It begins in a state: at instruction `last`, which `after` followed; UINT32_MAX: none did. */
void log_back_from(struct verifier *v, uint32_t frame, uint32_t last, uint32_t first,
		   uint32_t after);
/** Instruction i is next; regs and slots are sought behind it. */
void log_back_insn(struct verifier *v, uint32_t frame, uint32_t regs, uint64_t slots, uint32_t i);
/** What was precise where the path stopped. */
void log_back_propagate(struct verifier *v, uint32_t frame, uint32_t regs, uint64_t slots);
/** Everything becomes precise. */
void log_back_all(struct verifier *v);
/** And these in the state before. */
void log_back_parent(struct verifier *v, const struct vstate *st, uint32_t frame, uint32_t regs,
		     uint64_t slots);

/* -- print_state.c: states as text -- */
/** Frame no of st, all of it or what was touched; one line. */
void print_frame(struct verifier *v, const struct vstate *st, uint32_t no, bool all);
/** The same of the frame at hand, behind its instruction. */
void print_touched(struct verifier *v);
/** Register n, or slot n of the stack, is worth printing behind the instruction. */
static inline void touch_reg(struct verifier *v, uint32_t n)
{
	v->touched.regs |= 1u << n;
}
static inline void touch_slot(struct verifier *v, uint32_t n)
{
	v->touched.slots |= UINT64_C(1) << n;
}
static inline void touch_all(struct verifier *v)
{
	v->touched.regs = UINT32_MAX;
	v->touched.slots = UINT64_MAX;
}

/* -- print.c: values as text -- */
/** The kernel's word for a type: "map_value_or_null". buf is of 64 bytes. */
const char *type_name(uint32_t type, char *buf);
#define TYPE_NAME(type) type_name(type, (char[64]){ 0 })
/** "(0x0; 0xff)", or a number. buf is of 48 bytes. */
const char *tnum_text(struct tnum t, char *buf);
#define TNUM_TEXT(t) tnum_text(t, (char[48]){ 0 })
/** The operator of an ALU instruction, by BPF_OP >> 4. */
extern const char *const alu_texts[16];

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

/* -- resolve.c, cfg.c, depth.c, ctx.c, fixup.c: passes around the walk -- */
int resolve_check(struct verifier *v);
/** Slots of the instruction at i, or -errno, said in the log. */
int resolve_insn(struct verifier *v, uint32_t i);
int cfg_check(struct verifier *v);
/** Depth of the call chains. */
int depth_check(struct verifier *v);
/** The context field that an access of size bytes at off reaches, or the kernel's complaint. */
int ctx_check(struct verifier *v, int off, unsigned size, bool write, bool sign,
	      const struct ctx_field **ret_field);
int ctx_rewrite(struct verifier *v);
int fixup_dead(struct verifier *v);

/* -- patch.c -- */
/** Takes the instructions out that are marked in gone[cnt]; 0 or -ENOMEM. */
int patch_remove(struct verifier *v, const bool *gone);
/* Before the one at `at`; jumps to that one go there still.  States must be gone.  -ERANGE. */
int patch_insert(struct verifier *v, uint32_t at, const struct bpf_insn *insn);

/* -- liveness.c -- */
/** Computes insn_info.live for every instruction. */
int liveness_run(struct verifier *v);
/** Registers that instruction i reads and writes, a bit each. */
void liveness_use(const struct verifier *v, uint32_t i, uint16_t *ret_use, uint16_t *ret_def);

/* -- state.c -- */
struct vstate *state_new(struct verifier *v);
void state_free(struct verifier *v, struct vstate *st);
/** dst becomes a copy of src; 0 or -ENOMEM. */
int state_copy(struct verifier *v, struct vstate *dst, const struct vstate *src);
/** A copy of the path at hand that waits to go on at insn; NULL: -ENOMEM or too many. */
struct vstate *state_push(struct verifier *v, uint32_t insn, uint32_t prev, bool speculative,
			  int *ret_err);
/** The same, with its history, for dst that outlives the path: state_drop() frees it. */
int state_keep(struct verifier *v, struct vstate *dst, const struct vstate *src);
/** A copy of st to be kept among the explored states; NULL when memory is out. */
struct explored *explored_new(struct verifier *v, const struct vstate *st);
/** Frees a state of its own, as state_copy() made it, for good. */
void state_drop(struct vstate *st);
/** Frees an explored state that is in no list any more. */
void explored_free(struct explored *e);
/** Frees every state of the job, explored ones too. */
void state_free_all(struct verifier *v);
/** Takes up the last path that waits; -ENOENT: none. */
int state_pop(struct verifier *v);
/** A path that knows nothing of the one at hand waits to begin at insn of sub; NULL as above. */
struct vstate *state_push_new(struct verifier *v, uint32_t insn, uint16_t sub, int *ret_err);
/** Adds a frame for subprogram sub to the path at hand. */
struct frame *frame_push(struct verifier *v, struct vstate *st, uint16_t sub, uint32_t callsite);
void frame_pop(struct verifier *v, struct vstate *st);
/** Makes room for slots down to off bytes below r10; 0 or -ENOMEM. */
int frame_grow(struct frame *f, uint32_t bytes);
int ref_acquire(struct verifier *v, uint32_t insn, uint32_t *ret_id);
bool ref_held(const struct verifier *v, uint32_t id);
/** Gives a reference back, and forgets every register that stood for it; -EINVAL: no such. */
int ref_release(struct verifier *v, uint32_t id);
/** The same of any kind, registers left as they are. */
int ref_drop(struct vstate *st, enum ref_kind kind, uint32_t id);
/** Notes a lock as taken; 0 or -ENOMEM. */
int ref_lock(struct verifier *v, enum ref_kind kind, uint32_t id, const void *ptr);
/** Forgets refs.at[i]; the others keep their order. */
void ref_remove(struct vstate *st, size_t i);
/** The path at hand ended: counts down branches up to the root. */
int branches_done(struct verifier *v);

/* -- reg.c: making values -- */
/** Of a pointer that is valid no more: a number, or nothing for those who may not learn addresses.
 */
void reg_invalid(struct verifier *v, struct reg *r);
void reg_unknown(struct verifier *v, struct reg *r);
void reg_known(struct reg *r, uint64_t value);
void reg_uninit(struct reg *r);
/** A pointer of that type at offset 0. */
void reg_pointer(struct reg *r, uint32_t type);
/** Drops PTR_MAYBE_NULL; inner maps turn into maps. */
void reg_not_null(struct reg *r);
static inline bool reg_is_null(const struct reg *r)
{
	return r->type == SCALAR_VALUE && bounds_is_const(&r->n) && r->n.bits.value == 0;
}
static inline bool reg_is_const(const struct reg *r)
{
	return r->type == SCALAR_VALUE && bounds_is_const(&r->n);
}
static inline bool reg_is_pkt(const struct reg *r)
{
	return base_type(r->type) == PTR_TO_PACKET || base_type(r->type) == PTR_TO_PACKET_META;
}
/** A pointer that must not leak, for this caller. */
bool reg_is_secret(const struct verifier *v, const struct reg *r);
/** Reads register n: it must be written. 0 or -EACCES. */
int reg_read(struct verifier *v, uint32_t n);
/** Register n may be written. */
int reg_write(struct verifier *v, uint32_t n);
/**
 * Contradictory bounds come from a path that no machine takes: of the ranges nothing is known any
 * more, or -EFAULT where the caller asked for that (BPF_F_TEST_REG_INVARIANTS).
 */
int reg_check(struct verifier *v, struct reg *r, const char *when);
/** An operand from such a path: a constant whose ranges say otherwise, or nothing at all. */
bool reg_absurd(const struct reg *r, bool low);
/** Gives r an id to be linked by, before it is copied. */
void reg_link(struct verifier *v, struct reg *r);

/* -- arena.c -- */
/** An addr_space_cast. */
int arena_cast(struct verifier *v);
/* This instruction computes with a pointer into an arena, or with none. */
int arena_math(struct verifier *v, bool arena);
int arena_rewrite(struct verifier *v);

/* -- alu.c, pointer.c -- */
int alu_step(struct verifier *v);
/** dst = ptr +- off. */
int pointer_alu(struct verifier *v, const struct bpf_insn *insn, const struct reg *ptr,
		const struct reg *off);

/* -- mem.c -- */
enum access { ACCESS_READ, ACCESS_WRITE };
/**
 * The instruction at hand goes through a pointer that may be wrong: true where it is a load, which
 * engines make safe (insn_aux.probe), or where nothing runs.
 */
bool mem_probe(struct verifier *v);
/**
 * Checks an access of size bytes through register n at off; `value` is the register that is
 * stored, or loaded; -1 for none.
 */
int mem_access(struct verifier *v, uint32_t n, int off, unsigned size, enum access rw, int value,
	       bool strict, bool sign);
/** The map value pointer in register n points inside it, and not to special fields. */
int mem_map_value_inside(struct verifier *v, uint32_t n);
/** What register n points to stands at a multiple of size: 0 or -EACCES. */
int mem_aligned(struct verifier *v, uint32_t n, unsigned size);
int mem_step_load(struct verifier *v);
int mem_step_store(struct verifier *v);
int mem_step_atomic(struct verifier *v);
/** What a helper reads or writes through register n; raw: it may be uninitialised before. */
int mem_helper_access(struct verifier *v, uint32_t n, int size, enum access rw, bool zero_ok,
		      bool *raw);

/* -- stack.c -- */
int stack_bounds(struct verifier *v, uint32_t n, int off, int size, enum access rw);
int stack_read(struct verifier *v, uint32_t n, int off, unsigned size, int value);
int stack_write(struct verifier *v, uint32_t n, int off, unsigned size, int value);
/** Size bytes at register n are initialised, or (raw, of a helper) about to be. */
int stack_range(struct verifier *v, uint32_t n, int off, int size, enum access rw, bool zero_ok,
		bool *raw);

/** The size bytes at register n are a constant: true, and *ret_slot where it was spilled. */
bool stack_const(struct verifier *v, uint32_t n, uint32_t size, uint64_t *ret, int *ret_slot);

/* -- branch.c -- */
int branch_step(struct verifier *v);

/* -- call.c, helper.c, args.c -- */
int call_step(struct verifier *v);
/** Leaves the innermost frame; v->i is where the caller goes on. */
int call_return(struct verifier *v);
/** Instructions that may end a subprogram as its exit does. */
static inline bool insn_ends_early(const struct bpf_insn *insn)
{
	const uint8_t mode = BPF_MODE(insn->code);

	return BPF_CLASS(insn->code) == BPF_LD
		       ? mode == BPF_ABS || mode == BPF_IND
		       : insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == 0 &&
				 insn->imm == BPF_FUNC_tail_call;
}
/** The instruction at hand ends the subprogram, with r0 zero or any; or does not: both are walked.
 */
int call_return_early(struct verifier *v, bool zero);
int call_exit(struct verifier *v);
/** Register n is fit to be what the program, or the callback that is walked, returns. */
int call_returns(struct verifier *v, uint32_t n);
/** -EINVAL when references, or with `regions` locks and the like, are held where `who` stands. */
int call_leaks(struct verifier *v, bool regions, const char *who);
struct call_meta {
	const struct helper_proto *h;
	struct skep_map *map;	      /* of the map argument */
	const struct btf_field *kptr; /* ARG_KPTR_DEST: the field */
	struct reg percpu;	      /* ARG_PERCPU_BTF_ID: what r0 is a copy of; NOT_INIT: none */
	uint32_t map_uid;
	uint32_t ref_id;   /* of the argument that stands for a reference */
	uint32_t raw_reg;  /* register of uninitialised memory that the helper fills... */
	int raw_size;	   /* ...and its bytes; 0: none */
	uint32_t mem_size; /* constant size argument */
	uint32_t sub;	   /* the callback */
	int64_t key;	   /* the key of an array, -1: it is not known */
	uint64_t size_max; /* largest value of the last size argument */
	bool raw;
	uint32_t dynptr_reg; /* argument register of a dynptr, 0: none... */
	struct {
		uint32_t kind, id, ref_id; /* ...as struct reg has them */
	} dynptr;
};
int args_check(struct verifier *v, struct call_meta *m, uint32_t arg);

/* -- map_fit.c -- */
/** May helper `id` be given this map? 0 or -EINVAL. */
int map_fit(struct verifier *v, const struct skep_map *map, uint32_t id);
/** Its values are sockets, which a lookup acquires. */
bool map_holds_sockets(const struct skep_map *map);

/* -- map_key.c -- */
/** The key that register n points to, or -1 where it is not known, or need not be. */
int map_key_const(struct verifier *v, const struct skep_map *map, uint32_t n, int64_t *ret);

/** A register's offset is one that a function may get with it. */
int args_offset(struct verifier *v, uint32_t n);
/** It has none, even where it points to an object. */
int args_no_offset(struct verifier *v, uint32_t n);
/** The same where it gives the pointer back. */
int args_release_offset(struct verifier *v, uint32_t n);
/** It is known, and not negative. */
int args_fixed(struct verifier *v, uint32_t n);
/** size bytes at register n, NULL apart, may be read and written. */
int args_mem(struct verifier *v, uint32_t n, int size);
/** The same for register n - 1 and the size in register n. */
int args_mem_size(struct verifier *v, uint32_t n);
/** Register n points to a string in a map that cannot change, with its end. */
int args_const_str(struct verifier *v, uint32_t n);
/** Packet pointers point to where the packet was: forgets them. */
void helper_forget_packet(struct verifier *v);
int helper_step(struct verifier *v);
/** The helper id, if this program may call it. */
int helper_find(struct verifier *v, int32_t id, const struct helper_proto **ret);
int callback_push(struct verifier *v, uint16_t sub,
		  int (*fill)(struct verifier *v, struct frame *caller, struct frame *callee));

/* -- alloc_ptr.c: objects that the program allocated -- */
static inline bool type_is_alloc(uint32_t type)
{
	return base_type(type) == PTR_TO_BTF_ID && type & MEM_ALLOC;
}
static inline bool type_is_borrowed(uint32_t type)
{
	return type_is_alloc(type) && type & NON_OWN_REF;
}
/** The special fields of what the register points to, a map's value or an object; NULL: none. */
const struct btf_record *reg_record(const struct reg *r);
/** Has it a lock?  Then pointers to it keep their id. */
bool reg_has_lock(const struct reg *r);
/** An access to [off, off + size) of an object that is there, but not to its special fields. */
int alloc_ptr_access(struct verifier *v, const struct reg *r, int off, unsigned size);
/** The register points to what a list or tree owns, as long as the lock is held. */
void alloc_ptr_borrow(struct reg *r);
/** What was held by `ref_id` is owned by a list or tree now. */
void alloc_ptr_give(struct verifier *v, uint32_t ref_id);
/** Nothing is borrowed any more: a lock was released. */
void alloc_ptr_unborrow(struct verifier *v);

/* -- lock.c -- */
/** Takes, or gives back, the lock of that kind that register n points to. */
int lock_step(struct verifier *v, uint32_t n, enum ref_kind kind, bool take);
/** Is a lock held that is in the same allocation as what the register points to? */
bool lock_guards(struct verifier *v, const struct reg *r);
/** The call at hand may be made while a lock is held. */
bool lock_allows_call(const struct verifier *v);

/* -- kptr.c: pointers to objects in map values and in objects of the program -- */
/** An access at off of the map's value in register n by the instruction at hand, to field f. */
int kptr_access(struct verifier *v, const struct btf_field *f, enum access rw, int value);
/** Register n may be stored in f. */
int kptr_match(struct verifier *v, const struct btf_field *f, uint32_t n);
/** The first argument of bpf_kptr_xchg, in register n, points to a field that owns. */
int kptr_dest(struct verifier *v, uint32_t n, struct call_meta *m);
/** bpf_kptr_xchg took the reference of its second argument. */
int kptr_release(struct verifier *v, uint32_t ref_id);
/** Its result: what f held, or NULL. */
void kptr_result(struct verifier *v, const struct btf_field *f, struct reg *r0);

/* -- map_ptr.c -- */
/** A load at off of the map that register n points to; the kernel's complaints about others. */
int map_ptr_access(struct verifier *v, uint32_t n, int off, unsigned size, bool write, int value);

/* -- spec.c: Spectre -- */
/** A pointer that is moved. */
struct spec_move {
	bool left;	/* downwards */
	uint8_t state;	/* as insn_info.alu_state */
	uint32_t limit; /* how far it could go before */
};
/** Walks `to` speculatively too, later; insn's registers are unknown there. NULL: none are. */
int spec_path(struct verifier *v, const struct bpf_insn *insn, uint32_t to);
int spec_scalar_alu(struct verifier *v, const struct bpf_insn *insn);
/** Before and after ptr (already in the destination register) is moved by off. */
int spec_move_begin(struct verifier *v, const struct bpf_insn *insn, const struct reg *ptr,
		    const struct reg *off, bool ptr_is_dst, struct spec_move *m);
int spec_move_end(struct verifier *v, const struct bpf_insn *insn, const struct reg *ptr,
		  bool ptr_is_dst, const struct spec_move *m);
/** The pointer in register n, just moved, is inside its object. */
int spec_bounds(struct verifier *v, uint32_t n);
/** An error of instruction `at` that a barrier mends, because the path is speculative. */
bool spec_error(struct verifier *v, uint32_t at, int err);
/** Turns what was found into marks for the engines. */
int spec_finish(struct verifier *v);

/* -- rights.c -- */
/** The caller's rights suffice for a helper that programs of this type may call. */
bool rights_allow_helper(const struct verifier *v, uint32_t id);

/* -- global.c -- */
int global_find(struct verifier *v);
/** The name of a subprogram, "" where no BTF tells it. */
const char *sub_name(const struct verifier *v, uint32_t sub);
/** Checks the arguments of the call at hand and steps over it. */
int global_call(struct verifier *v, uint16_t sub);
/** A global function that was called and not walked yet, as walked from now on; 0: none. */
uint16_t global_next(struct verifier *v);
/** Says in the log what is odd about the main program's prototype... */
void global_look_at_main(struct verifier *v);
/** ...and about the arguments of a call of a function that is none: 0 or -ENOMEM. */
int global_look_at_call(struct verifier *v, uint32_t sub);
/** Fills the argument registers of the frame that the walk of sub begins with. */
int global_enter(struct verifier *v, uint16_t sub, struct frame *f);

/* -- ctx_type.c: ptr is a PTR type, of the program's BTF where none is named -- */
/** Does it point to the context's type? */
bool ctx_type_is(const struct verifier *v, const struct skep_btf *btf, uint32_t ptr);
/** Is `name` the kernel's struct behind the user's? */
bool ctx_type_projects(const char *user, const char *name);
/** May it be declared as the context, by argument `arg`? */
int ctx_type_check(struct verifier *v, uint32_t ptr, uint32_t arg);
/** The kernel's struct behind the context, "" where there is none. */
const char *ctx_type_kernel(const struct verifier *v);

/* -- target.c, lsm.c -- */
/** Finds what the program is attached to, where its type says that by BTF. */
int target_find(struct verifier *v);
/**
 * A read of the context that is a list of arguments: the register's type (and *ret_id), or the
 * kernel's complaint.
 */
int target_access(struct verifier *v, int off, unsigned size, bool write, struct reg *ret);
/** What the hook that the program is attached to lets it return; false: see prog_ret(). */
bool target_returns(const struct verifier *v, int *ret_min, int *ret_max);
/** The program returns nothing. */
bool target_is_void(const struct verifier *v);
/** The name of argument a, as the target or its stub has it, ends so. */
bool target_arg_has(const struct verifier *v, uint32_t a, const char *suffix);
/** May an LSM program be attached to the hook of that name? */
int lsm_check(struct verifier *v, const char *func);
/** Its arguments may be used by functions that want trusted pointers. */
bool lsm_is_trusted(const char *func);
/** The hook answers yes or no rather than an errno. */
bool lsm_is_bool(const char *func);
/** Its programs may sleep. */
bool lsm_is_sleepable(const char *func);

/* -- struct_ops.c -- */
/** Fills v->target from the struct and the member. */
int struct_ops_find(struct verifier *v);
/** The program is a member of that struct. */
bool struct_ops_is(const struct verifier *v, const char *of);
/** What an argument that points to struct id points to in truth. */
uint32_t struct_ops_arg(const struct verifier *v, uint32_t id);
/** The walk of the main program begins: it owns what it is given. */
int struct_ops_begin(struct verifier *v);
/** r0 is a reference that the program may return. */
bool struct_ops_returns_ref(const struct verifier *v);

/* -- iter_ctx.c -- */
/** The program is for iterators of that kind: "task". */
bool iter_ctx_known(const struct verifier *v);
bool iter_ctx_is(const struct verifier *v, const char *target);
/** The type of register that an iterator's argument of that name gives, 0: as others. */
uint32_t iter_ctx_arg(const struct verifier *v, const char *arg);

/* -- target_helper.c -- */
/** What the program is attached to lets it have helper `id`. */
bool target_helper(const struct verifier *v, uint32_t id);
/** And call it. */
bool target_allows(const struct verifier *v, uint32_t id);

/* -- btf_write.c -- */
/** size bytes at off of the kernel's struct id may be written: 0 or the kernel's complaint. */
int btf_write(struct verifier *v, uint32_t id, int off, unsigned size);

/* -- btf_walk.c -- */
enum btf_found {
	FOUND_SCALAR,
	FOUND_PTR,    /* a pointer to a struct */
	FOUND_MEM,    /* a pointer to something else */
	FOUND_STRUCT, /* a struct that begins there */
};
struct btf_walk {
	const struct skep_btf *btf;
	uint32_t id;	   /* the struct */
	uint32_t off;	   /* into it */
	uint32_t size;	   /* of the access */
	bool closed;	   /* nothing follows it, even where it ends with an array of none */
	bool trial;	   /* it is no error where nothing is found */
	uint32_t next;	   /* out: what is found is, or points to */
	uint32_t flags;	   /* in and out: PTR_UNTRUSTED, MEM_* */
	const char *field; /* out, FOUND_PTR: the member's name */
};
/** Looks what lies there: enum btf_found or -errno, said in the log. */
int btf_walk(struct verifier *v, struct btf_walk *w);

/* -- btf_ptr.c: a btf of NULL, and ids without one, are of the kernel's BTF -- */
const char *btf_ptr_name(const struct verifier *v, uint32_t id);
/** The type's name, for a register that is a PTR_TO_BTF_ID. */
const char *btf_ptr_reg_name(const struct verifier *v, const struct reg *r);
/** The id of the struct of that name, 0: there is none. */
uint32_t btf_ptr_find(const struct verifier *v, const char *name);
/** The kernel's type for type id of btf, by name: -ENOENT none, -ESRCH several. */
int32_t btf_ptr_candidate(const struct verifier *v, const struct skep_btf *btf, uint32_t id);
/** An access through register n, which is a PTR_TO_BTF_ID; a read fills register value. */
int btf_ptr_access(struct verifier *v, uint32_t n, int off, unsigned size, bool write, int value);
/** Does a `want` of the kernel's begin at offset off of struct id? */
bool btf_ptr_same(struct verifier *v, uint32_t id, int32_t off, uint32_t want);
/** Does `want` of want_btf begin where the register points?  strict: is it the object itself? */
bool btf_ptr_is(struct verifier *v, const struct reg *r, const struct skep_btf *want_btf,
		uint32_t want, bool strict);
/* Flags that say that a pointer may be used (BPF_REG_TRUSTED_MODIFIERS). */
#define TRUSTED (PTR_TRUSTED | MEM_ALLOC | NON_OWN_REF)
/** It has some of those and no other, or is a reference. */
bool btf_ptr_trusted(const struct reg *r);

/* -- kfunc_graph.c -- */
/** The path is in the callback of bpf_rbtree_add, or in what that calls. */
bool graph_in_less(const struct verifier *v);
/** The call at i is of a kfunc that calls back. */
bool graph_calls_back(const struct verifier *v, uint32_t i);

/* -- kfunc.c; kfunc_int.h has the rest -- */
int kfunc_step(struct verifier *v);
/** Finds the kfunc behind each call. */
int kfunc_find(struct verifier *v);
/** The kernel's name for the kfunc called at i, NULL: it has none. */
const char *kfunc_name(const struct verifier *v, uint32_t i);
/** How many arguments it takes; all registers, where it must not be called. */
uint32_t kfunc_arg_count(const struct verifier *v, uint32_t i);
/** The call at i asks an iterator for its next element; it may sleep; packets move. */
bool kfunc_is_iter_next(const struct verifier *v, uint32_t i);
bool kfunc_may_sleep(const struct verifier *v, uint32_t i);
bool kfunc_moves_packet(const struct verifier *v, uint32_t i);
/** It begins a region in which nobody may sleep. */
bool kfunc_opens_region(const struct verifier *v, uint32_t i);
/** Nothing comes after it. */
bool kfunc_throws(const struct verifier *v, uint32_t i);
bool kfunc_is_fastcall(const struct verifier *v, uint32_t i);
/** Registers that the call changes, a bit each. */
uint32_t kfunc_clobbers(const struct verifier *v, uint32_t i);

/* -- graph.c -- */
/** Numbers loops, and fills v->postorder. */
int graph_run(struct verifier *v);
/** What may follow instruction i in its subprogram; how many there are. */
unsigned insn_next(const struct verifier *v, uint32_t i, uint32_t ret_next[2]);

/* -- stack_live.c: all 0 or -ENOMEM -- */
/** Around the instruction at hand. */
int stack_live_begin(struct verifier *v);
int stack_live_end(struct verifier *v);
/** The instruction reads slots `first` to `first + n - 1` of a frame, perhaps. */
int stack_live_read(struct verifier *v, uint32_t frame, uint32_t first, uint32_t n);
/** It writes all of them. */
void stack_live_write(struct verifier *v, uint32_t frame, uint32_t first, uint32_t n);
/** The path at hand is in another function now. */
void stack_live_enter(struct verifier *v);
/** The path at hand ends, or returns: what was noted is computed. */
int stack_live_update(struct verifier *v);
/** The slots that may be read from st on, by frame. */
int stack_live_ask(struct verifier *v, const struct vstate *st, uint64_t *ret_live);
void stack_live_free(struct verifier *v);

/* -- loop.c -- */
/** st, explored from now on, may be the first in its loop. */
int loop_enter(struct verifier *v, const struct vstate *st);
/** All paths from st, explored, are at their end. */
int loop_leave(struct verifier *v, const struct vstate *st);
/** The path at hand came round to `to` and stops. */
int loop_back(struct verifier *v, struct vstate *to);
/** Some path stopped in the loop that st is in: what st depends on is not known yet. */
bool loop_is_open(struct verifier *v, const struct vstate *st);
void loop_free(struct verifier *v);
/* -- fastcall.c: stack that counts only where calls clobber what they may -- */
/** Finds the patterns. */
int fastcall_find(struct verifier *v);
/** The instruction at hand reaches stack of the subprogram at `off`. */
void fastcall_access(struct verifier *v, uint16_t sub, int off);
/** Bytes of the frame that count. */
uint32_t fastcall_depth(const struct verifier *v, uint16_t sub);

/* -- exception.c -- */
/** Where the exception callback begins, 0: there is none. */
int exception_find(struct verifier *v, uint32_t *ret_insn);
/** sub, whose arguments are known, is fit to be one where it is one. */
int exception_check(struct verifier *v, uint16_t sub);

/* -- async.c -- */
/* A callback that is set. */
struct async {
	struct skep_map *map; /* where what sets it off lies */
	uint32_t map_uid;
	bool sleepable;
	int32_t ret_min, ret_max; /* what it may return */
};
int async_push(struct verifier *v, uint16_t sub, const struct async *a);
/** The map value pointer in register n points to the value's field of that type (FIELD_*). */
int async_field(struct verifier *v, uint32_t n, uint32_t type);

/* -- region.c -- */
/** In a region that RCU protects: always, but for programs that sleep outside of one. */
bool region_in_rcu(const struct verifier *v);
/** The kernel's word for the region here that nothing may sleep in, NULL: there is none. */
const char *region_atomic(const struct verifier *v);

/* -- prune.c -- */
/** 1: a state like this one was walked from here already; 0: go on; or -errno. */
int prune_visit(struct verifier *v);
/**
 * st comes round to instruction i again: numbers that changed since, and that nothing depended on,
 * become unknown, so that the loop converges.  Its last visit is sought before `from`: st itself,
 * or where this visit has been kept already, that state.
 */
void prune_widen(struct verifier *v, struct vstate *st, const struct vstate *from, uint32_t i);
/** A call of a helper or kfunc that calls back at once. */
bool insn_calls_back(const struct verifier *v, uint32_t i);
/** Marks where states are compared. */
int prune_points(struct verifier *v);
/** Counts the states that are kept. */
void prune_count_peak(struct verifier *v);
/** A retired state whose paths are at their end is freed. */
void prune_forget(struct verifier *v, struct explored *e);

/* -- precision.c -- */
int hist_push(struct verifier *v, struct vstate *st, uint32_t flags, uint32_t frame, uint32_t slot,
	      uint64_t linked);
/** The number in register n decided something: marks where it came from, in all parents. */
int precise_mark(struct verifier *v, uint32_t n);
/** The same for the number in a slot of a frame. */
int precise_mark_slot(struct verifier *v, uint32_t frame, uint32_t slot);
/**
 * The instruction before *i on st's path, *hist_end the end of the history that is still ahead,
 * at first st->hist_end; false at the state's beginning.
 */
bool path_back(const struct verifier *v, const struct vstate *st, uint32_t *i, uint32_t *hist_end);
/** st, which ends like `old`: what was precise there is precise here. *ret_changed is set then. */
int precise_propagate(struct verifier *v, const struct vstate *old, struct vstate *st,
		      bool *ret_changed);
/** Every number of the states that st went through is precise. */
void precise_everything(const struct vstate *st);
/** The history that a state's hist_start and hist_end speak of. */
static inline const struct hist *hist_of(const struct verifier *v, const struct vstate *st)
{
	return st->hist ? st->hist : v->hist.at;
}

/* -- step.c, trust.c -- */
int step_run(struct verifier *v);
/** Instead of it for a program that is trusted. */
int trust_run(struct verifier *v);

#endif
