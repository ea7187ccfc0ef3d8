/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cases.h - the cases of tests/isa/NAME.t.
 *
 * A file is a list of cases.  Lines that begin with a tab, and labels, are assembly (isa.h); other
 * lines say what the program gets and what must come of it; # at the start of a line begins a
 * comment.
 *
 *	case signed division rounds towards zero
 *		r0 = -7
 *		r0 s/= 2
 *		exit
 *	r0 -3
 *
 *	<tab>repeat N LINE	N times the same line of assembly
 *	mem HEX...		bytes that r1 points at; more lines append
 *	after HEX...		what they must be in the end
 *	r0 N			what r0 must be, all 64 bits: the program runs as a subprogram
 *				of one that stores it
 *	ret N			what the program must return, 32 bits, run as it stands
 *	reject ERRNO TEXT	the program must not load, and the log must have TEXT
 *	type TYPE		syscall (as without this line), sched_cls (mem is the packet)
 *	map TYPE KEY VALUE N	map[id:0] and map[idx:0] of the assembly, further ones count up
 *	map prog_array N self	with the program itself in every second slot, from 0
 *	ksym NAME		btf[id:0] of the assembly is this function of the kernel
 *	host reject TEXT: WHY	Linux does not load it, and why that is its choice
 *	host skip WHY		Linux is not asked
 *
 * A table is many small cases, one a line: operands = result.  rD and rS (wD, wS) are registers
 * that vary from line to line; I is the second operand as an immediate, left out where Linux
 * refuses it; a condition makes a program that gives 1 or 0:
 *
 *	table rD += rS | rD += I
 *		0xffffffffffffffff 1 = 0
 *	table if rD s< rS | if rD s< I
 *		-1 1 = 1
 */
#ifndef SKEP_TESTS_ISA_CASES_H
#define SKEP_TESTS_ISA_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CASE_MEM_MAX  256
#define CASE_MAPS_MAX 4

enum case_host { HOST_RUNS, HOST_REJECTS, HOST_SKIPPED };

struct case_map {
	uint32_t type;	/* BPF_MAP_TYPE_* */
	uint32_t key;	/* bytes */
	uint32_t value; /* bytes */
	uint32_t n;	/* max_entries */
	bool self;	/* prog_array: the program is in every second slot */
};

struct isa_case {
	char *name;
	unsigned line; /* in its file */
	char *text;    /* assembly */
	uint8_t mem[CASE_MEM_MAX], after[CASE_MEM_MAX];
	size_t mem_size, after_size; /* bytes; after_size 0: not looked at */
	uint64_t want;		     /* r0 or return value */
	bool whole_r0;		     /* all of r0 is compared, so the program is wrapped */
	int reject;		     /* errno; 0: the program loads */
	char *reject_text;	     /* in the log */
	uint32_t prog_type;	     /* BPF_PROG_TYPE_* */
	struct case_map map[CASE_MAPS_MAX];
	unsigned nr_maps;
	char *ksym; /* NULL: none */
	enum case_host host;
	char *host_text; /* HOST_REJECTS: in the log */
	char *host_why;	 /* why not */
};

struct isa_cases {
	char name[64];	     /* of the file, without .t */
	struct isa_case *at; /* [n] */
	size_t n;
};

/** Reads a file; aborts with file and line where it is malformed. Never freed. */
struct isa_cases *cases_read(const char *path);

#endif
