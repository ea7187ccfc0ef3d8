/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interp_int.h - what the files of interp/ share: decoded code, cells, activations.
 *
 *	decode.c  cold: the image becomes struct code
 *	fuse.c    cold: runs that programs are full of become one instruction
 *	interp.c  the loop
 *	window.c  memory checks that the loop's own compare did not settle
 *	call.c    helpers, their arguments, callbacks
 */
#ifndef SKEP_INTERP_INTERP_INT_H
#define SKEP_INTERP_INTERP_INT_H

#include "helper/helper.h"
#include "interp/interp.h"
#include "isa/isa.h"
#include "map/map.h"

/*
 * A decoded instruction; as many as the image has slots, so both count alike.  dst and src are
 * byte offsets into struct cells.
 */
struct code {
	const void *op; /* label in interp_exec */
	uint8_t dst, src;
	uint8_t src2, dst2; /* of fused instructions: the registers of their later parts */
	int32_t off;	    /* memory: displacement; jumps: bytes from here to the target */
	uint64_t imm;	    /* immediate, or the address of a helper, kfunc, struct interp_sub */
};
static_assert(sizeof(struct code) == 24, "three words an instruction");

/*
 * A register, and the memory that it pointed into last: [lo, lo + len), len >= 8.  A load through
 * it costs one compare as long as it stays there, and each register may stay elsewhere.
 */
struct cell {
	uint64_t v;
	uintptr_t lo;
	size_t len;
};

#define CELL(r) ((uint8_t)((r) * sizeof(struct cell)))

/* A subprogram. */
struct interp_sub {
	const struct code *entry;
	uint32_t stack; /* bytes of its frame */
	bool callback;	/* helpers may call it */
};

/* A program: engine_priv. */
struct interp_prog {
	const struct skep_prog *prog;
	struct code *code;	/* [prog->image.insn_cnt] */
	struct interp_sub *sub; /* [prog->image.sub_cnt] */
};

/* What a subprogram call leaves for its exit. */
struct interp_call {
	const struct interp_prog *ip;
	const struct code *ret; /* the instruction behind the call */
	uint64_t saved[4];	/* r6 to r9 */
	uint64_t fp;
	uint64_t budget; /* of may_goto */
};

#define RECENT	   8 /* pieces of memory that helpers handed out */
#define INNER_MAPS 8 /* maps that lookups in maps of maps gave */

/* Memory that a helper handed out. */
struct recent {
	uintptr_t lo;
	size_t len; /* 0: unused */
};

/*
 * An activation of interp_exec on the C stack: a run, or a callback in it.  Every BPF frame of
 * it lies on the vCPU's stack; they grow down, each as large as its subprogram needs.
 */
struct interp_frame {
	struct interp_frame *up;      /* who called the helper that called back; NULL */
	const struct interp_prog *ip; /* whose code runs */
	struct skep_run *run;
	void *ctx;	   /* the context that the run began with */
	uintptr_t low;	   /* lower end of the innermost BPF frame */
	uint32_t depth;	   /* subprogram calls that are open */
	uint32_t recent_n; /* pieces that went into recent; the next row is this modulo its size */
	uint32_t inner_n;  /* the same of inner */
	struct recent recent[RECENT];
	struct skep_map *inner[INNER_MAPS];
	struct cell cell[SKEP_REG_CNT];
	struct interp_call call[SKEP_FRAMES_MAX];
};

/** Labels of interp_exec by enum interp_op. */
const void *const *interp_labels(void);

/*
 * Fused instructions: fuse.c puts them where a run of plain ones begins.  The plain ones stay
 * behind in their slots, so a jump into the middle of a run needs no care.
 */
#define FUSED_BINARY(X) X(ADD) X(SUB) X(MUL) X(OR) X(AND) X(XOR) X(LSH) X(RSH) X(ARSH)
/* A comparison, and the one that says the opposite. */
#define FUSED_COMPARE(X) \
	X(JEQ, JNE)      \
	X(JNE, JEQ)      \
	X(JGT, JLE)      \
	X(JLE, JGT) X(JGE, JLT) X(JLT, JGE) X(JSGT, JSLE) X(JSLE, JSGT) X(JSGE, JSLT) X(JSLT, JSGE)
#define FUSED_LOAD(X) X(8) X(16) X(32) X(64)

/* What there is beyond the rows of opcodes.def. */
enum interp_op {
	_OP_FIRST = _INSN_MAX - 1,
	OP_LD_CONST, /* dst = imm, over two slots */
	OP_TAIL_CALL,
	OP_KPTR,  /* dst = the object that the kptr at src + off leads to, or 0 */
	OP_PROBE, /* dst = what is at src + off, or 0; imm as helper_probe_load() takes it */
/* dst = src op imm, or op src2, over two slots: a move and what is done to the copy */
#define X(op) OP_MOV_##op##64_IMM, OP_MOV_##op##64_REG, OP_MOV_##op##32_IMM, OP_MOV_##op##32_REG,
	FUSED_BINARY(X)
#undef X
/* if dst ?? imm or src: jump, else dst2 slots on: a branch around a goto */
#define X(op, not ) \
	OP_##op##64_IMM_GOTO, OP_##op##64_REG_GOTO, OP_##op##32_IMM_GOTO, OP_##op##32_REG_GOTO,
		FUSED_COMPARE(X)
#undef X
/* dst += low half of imm; if dst ?? high half: jump, else dst2 slots on: the end of a loop */
#define X(op, not ) OP_COUNT_##op,
			FUSED_COMPARE(X)
#undef X
/* dst = src + src2; dst2 = *(uN *)(dst + off), over three slots: an element of an array */
#define X(bits) OP_INDEX_LDX##bits,
				FUSED_LOAD(X)
#undef X
	/* src = dst >> low byte of imm (or <<); dst rotated left by the next, over four slots */
	OP_ROTATE_RSH64,
	OP_ROTATE_LSH64,
	OP_ROTATE_RSH32,
	OP_ROTATE_LSH32,
	_OP_MAX,
};

/* -- fuse.c -- */
/** Replaces the beginnings of runs in ip->code. */
void interp_fuse(struct interp_prog *ip);

/** Runs sub with five arguments in a new activation below `low`. */
uint64_t interp_enter(const struct interp_prog *ip, const struct interp_sub *sub,
		      const uint64_t args[5], struct interp_frame *up, struct skep_run *run);

/** Ends the run: 0 for the caller to return. */
uint64_t interp_fault(struct interp_frame *f, const struct code *at, uintptr_t addr);

/* -- window.c -- */
/** May the run access [addr, addr + len)? On success the cell's window is set where it can be. */
bool window_find(struct interp_frame *f, uintptr_t addr, size_t len, struct cell *cell);
/** Forgets all windows: memory has moved. */
void window_reset(struct interp_frame *f);
/** The cell points to memory of len bytes, which its map knows; */
void window_set(struct cell *cell, size_t len);
/** which a helper handed out. */
void window_add(struct interp_frame *f, struct cell *cell, size_t len);
/** True for a map that programs of this activation may name. */
bool window_map(const struct interp_frame *f, const struct skep_map *m);
/** True for a record of such a ring buffer that is reserved, and has that many bytes. */
bool window_record(const struct interp_frame *f, const void *record, size_t size);

/* -- call.c -- */
/** Calls the helper with the cells' r1 to r5; r0 and its window are set.  False: it faulted. */
bool interp_helper(struct interp_frame *f, const struct code *at, const struct helper_proto *h);
/** The same for a kfunc. */
bool interp_kfunc(struct interp_frame *f, const struct code *at, const struct kfunc *k);

#endif
