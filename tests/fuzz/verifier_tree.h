/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier_tree.h - the states that the verifier walked through, as a tree, and a machine that
 * goes along it.
 */
#ifndef SKEP_TESTS_VERIFIER_TREE_H
#define SKEP_TESTS_VERIFIER_TREE_H

#include "prog/ctx_xdp.h"
#include "prog/prog.h"

struct vstate;

#define MACHINE_VALUES 64

/* A frame of a run. */
struct mframe {
	uint64_t reg[SKEP_REG_CNT];
	uint32_t callsite; /* who called */
	uint32_t func_at;  /* where it took the address of a subprogram last */
	uint64_t round;	   /* rounds of the bpf_loop that runs... */
	bool stop;	   /* ...and whether the last one wanted an end */
	uint16_t sub;
	bool callback;
	uint8_t stack[SKEP_STACK_MAX] __attribute__((aligned(8)));
};

/* A run between two instructions. */
struct machine {
	struct mframe frame[SKEP_FRAMES_MAX];
	uint32_t cur; /* innermost frame */
	uint32_t pc;
	const struct xdp_ctx *ctx;
	struct {
		uint64_t at;
		const struct skep_map *map;
	} value[MACHINE_VALUES]; /* values of maps that lookups gave */
	uint32_t nr_values;
};

void machine_start(struct machine *m, const struct xdp_ctx *ctx, const struct skep_prog *p);
/** A lookup gave a value. */
void machine_value(struct machine *m, uint64_t at, const struct skep_map *map);

/* A state. */
struct node {
	uint32_t insn;
	uint32_t first, next; /* child, sibling; 0: none */
	uint32_t cur;	      /* innermost frame... */
	uint32_t frames;      /* ...and where they begin in memory */
};

#define TREE_AT 32 /* nodes that a run may be at */

struct tree {
	struct node *node; /* [nr]; node 0 comes before the first instruction */
	uint32_t nr, max;
	uint8_t *mem; /* copies of frames and slots */
	size_t used;
	bool empty;		      /* some state allows no machine at all */
	bool leaks;		      /* somewhere an address becomes data: engines may differ */
	const struct bpf_insn *insns; /* the program's */
	uint32_t at[TREE_AT];	      /* nodes that the run may be at */
	uint32_t nr_at;
};

/** Empties the tree for the program of these instructions; it takes at most so many states. */
void tree_reset(struct tree *t, const struct bpf_insn *insns, uint32_t max);
/** For verifier_opts.observe, with the tree as its argument. */
uint32_t tree_observe(void *tree, const struct vstate *st, uint32_t insn, uint32_t from);

void tree_start(struct tree *t);
/** The machine is at its next instruction: false where no state allows that, and why. */
bool tree_follow(struct tree *t, const struct machine *m, char *why, size_t n);

#endif
