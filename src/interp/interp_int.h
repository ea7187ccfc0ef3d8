/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interp_int.h - what the files of interp/ share: decoded code, cells, activations.
 *
 *	decode.c  cold: the image becomes struct code
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
	uint16_t size; /* atomics: bytes that must be there */
	int32_t off;   /* memory: displacement; jumps: bytes from here to the target */
	uint64_t imm;  /* immediate, or the address of a helper, kfunc, struct interp_sub */
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
	size_t len;	/* 0: unused */
	bool allocated; /* a reservation, to be given back */
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
	uint32_t recent_n; /* next row of recent */
	uint32_t inner_n;  /* next row of inner */
	struct recent recent[RECENT];
	struct skep_map *inner[INNER_MAPS];
	struct cell cell[SKEP_REG_CNT];
	struct interp_call call[SKEP_FRAMES_MAX];
};

/** Labels of interp_exec by enum interp_op. */
const void *const *interp_labels(void);

/* Instructions that decoding makes out of others, behind those of opcodes.def. */
enum interp_op {
	OP_FIRST = _INSN_MAX,
	OP_LD_CONST = OP_FIRST, /* dst = imm, over two slots */
	OP_TAIL_CALL,
	_OP_MAX,
};

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
/** A helper handed out memory; the cell points there. */
void window_add(struct interp_frame *f, struct cell *cell, size_t len, bool allocated);
/** True for a map that programs of this activation may name. */
bool window_map(const struct interp_frame *f, const struct skep_map *m);

/* -- call.c -- */
/** Calls the helper with the cells' r1 to r5; r0 and its window are set.  False: it faulted. */
bool interp_helper(struct interp_frame *f, const struct code *at, const struct helper_proto *h);

#endif
