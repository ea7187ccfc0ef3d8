/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h - what a verification found out besides its verdict: costs, and of a rejected program
 * the facts from which explain.c makes a text for people.
 *
 * Nothing here is parsed back out of the log.  Facts are of the time when the rule was broken:
 * the register's value, and the path to there, walked back along the verifier's own history.
 */
#ifndef SKEP_VERIFIER_REPORT_H
#define SKEP_VERIFIER_REPORT_H

#include "base/strbuf.h"
#include "prog/prog.h"
#include "verifier/bounds.h"

#define FAULT_NO_INSN UINT32_MAX

/* How one instruction of the path has to do with the fault. */
enum fault_step_kind {
	FAULT_MADE,	   /* the value comes from here: a load, a constant, an address */
	FAULT_RETURNED,	   /* ... the result of a call */
	FAULT_COPIED,	   /* moved from another register */
	FAULT_CHANGED,	   /* computed upon */
	FAULT_SPILLED,	   /* went to the stack */
	FAULT_FILLED,	   /* came back from it */
	FAULT_PASSED,	   /* became an argument of a subprogram */
	FAULT_INVALIDATED, /* a call after which the pointer is none any more */
	FAULT_OPENED,	   /* the region begins here: a lock, RCU, preempt_disable */
	FAULT_BRANCH,	   /* a jump that decided about the way */
};

struct fault_step {
	uint32_t insn;
	uint8_t kind;	 /* enum fault_step_kind */
	uint8_t reg;	 /* the register that held the value after it */
	uint8_t through; /* FAULT_MADE by a load: enum reg_type of the pointer */
	bool taken;	 /* FAULT_BRANCH: it jumped */
	bool tests;	 /* FAULT_BRANCH: it looked at the value */
};

/* A number of the broken rule's message, with the name that it has there: "off", "size". */
struct fault_fact {
	char name[16];
	int64_t value;
};

/* What a register held. */
struct fault_value {
	int reg;		    /* its number, -1: none is concerned */
	uint32_t type;		    /* enum reg_type and flags, of verifier_int.h */
	int32_t off;		    /* of a pointer: the fixed offset */
	struct bounds n;	    /* the number; of a pointer, the variable part of its offset */
	char map[BPF_OBJ_NAME_LEN]; /* the map that it points into, "" for none */
	int64_t room;		    /* bytes from there to the end of its memory, -1: not known */
};

struct verifier_fault {
	int err;		  /* -errno; 0: nothing is wrong */
	const char *rule;	  /* the format of the decisive message, NULL: none was given */
	char msg[256];		  /* that message, as the kernel says it */
	uint32_t insn;		  /* where, or FAULT_NO_INSN */
	struct fault_value value; /* of the register that the rule is about */
	struct fault_value base;  /* ... that is a size: the pointer to what has that size */
	struct fault_fact fact[8];
	uint32_t nr_facts;
	uint16_t since;	   /* the release of Linux that first has what is missing; 0: not so */
	bool in_region;	   /* a region is open in which nobody may sleep */
	uint32_t ref_insn; /* a reference that is held: where it was acquired, or FAULT_NO_INSN */
	struct fault_step *step; /* [nr_steps] latest first; owned */
	uint32_t nr_steps;
};

/* How often the walk came by an instruction. */
struct walk_count {
	uint32_t visits; /* times that it was walked */
	uint32_t forks;	 /* times that both ways of a jump had to be walked */
};

struct verifier_report {
	/* Asked for by the caller. */
	bool count; /* fill `walk` */

	uint32_t processed;	      /* instructions walked */
	uint32_t total_states;	      /* states that were kept */
	uint32_t peak_states;	      /* at one time */
	uint32_t max_states_per_insn; /* at one instruction */
	uint64_t ns;		      /* the time it took */
	uint32_t stack;		      /* bytes of stack of all subprograms together */
	struct walk_count *walk;      /* [insn_cnt], NULL unless asked for; owned */
	struct verifier_fault fault;
};

/** Frees what a report owns. */
void verifier_report_fini(struct verifier_report *r);

/* The source lines of a program, as PROG_LOAD got them; all borrowed. */
struct verifier_lines {
	const struct skep_btf *btf; /* NULL: no source is known */
	const void *at;		    /* cnt records of size bytes, struct bpf_line_info first */
	uint32_t cnt, size;
};

#endif
