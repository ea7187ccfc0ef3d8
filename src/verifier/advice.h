/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advice.h - inside the room: what the rules mean, and what keeps them.
 */
#ifndef SKEP_VERIFIER_ADVICE_H
#define SKEP_VERIFIER_ADVICE_H

#include "verifier/explain.h"
#include "verifier/source.h"
#include "verifier/verifier_int.h"

/* An explanation in the making. */
struct explain {
	FILE *out;
	const struct skep_prog *prog;
	const struct verifier_lines *lines;
	const struct verifier_fault *f;
	const struct fault_step *origin; /* what made the value, NULL: not found */
	char var[64];			 /* how the C source calls it: "n", or else "r4" */
	uint32_t var_line;		 /* the line where it gets that name, 0: none */
};

/* A rule of the verifier, in other words. */
struct advice {
	const char *key; /* part of the format of its message */
	/* Narrower than the format tells; NULL: always. */
	bool (*when)(const struct explain *e);
	const char *title;			/* what is wrong; $words are filled in */
	void (*facts)(const struct explain *e); /* more of what is known, or NULL */
	const char *remedy;			/* what would make it safe; $words are filled in */
	bool no_value;				/* what the register holds says nothing */
};

/** The row for the fault; never NULL. */
const struct advice *advice_find(const struct explain *e);
/** Writes a text with its $words filled in. */
void advice_print(const struct explain *e, const char *text);

/** A helper or kfunc by the name that C calls it: "bpf_map_lookup_elem". buf is of 64 bytes. */
const char *callee_name(const struct skep_prog *prog, uint32_t i, char *buf);
/** The text of number `name` in the fault's message, or def. */
int64_t fault_fact(const struct verifier_fault *f, const char *name, int64_t def);

#endif
