/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind.h - how a member's stack leads from a function to its caller, where compilers keep no
 * frame pointers: for each part of a file's text what .eh_frame says (hook/cfi.c), in one row.
 *
 *	process: struct unwind_maps ──▶ struct unwind_table ──▶ struct unwind_row, by offset
 *	  what it has mapped where        one for each file
 *
 * Tables are in meta, and all members' that have the file; maps are the process's own, so a child
 * of fork() has them with its memory.  What is mapped may be older than the tables: the serial
 * number says whether it is still that table, and a table that went stays until the runs of that
 * moment have ended.
 */
#ifndef SKEP_HIVE_UNWIND_H
#define SKEP_HIVE_UNWIND_H

#include "base/base.h"

#include <stdatomic.h>

/*
 * Where the caller's frame is: its stack pointer, or CFA, by the registers that a function has at
 * that place.  The return address is in the word below.  Numbers are words of 8 bytes.
 */
enum unwind_kind {
	UNWIND_UNKNOWN, /* nobody says: by the frame pointer */
	UNWIND_END,	/* nobody has called it, or no row can say who */
	UNWIND_SP,	/* %rsp + cfa */
	UNWIND_FP,	/* %rbp + cfa */
	UNWIND_SP_AT,	/* *(%rsp + at) + plus */
	UNWIND_FP_AT,	/* *(%rbp - at) + plus */
	UNWIND_PLT,	/* %rsp + 1, from byte cfa of 16 on + 2 */
	UNWIND_SIGNAL,	/* it has been interrupted, and its registers are in the ucontext at %rsp */
	_UNWIND_KINDS,
};

struct unwind_row {
	uint32_t off; /* in the file: from here on, until the next row */
	uint16_t cfa; /* see above; at and plus are parts of it */
	uint8_t kind; /* enum unwind_kind */
	uint8_t fp;   /* the caller's %rbp is that far below the CFA; 0: in %rbp still; or */
};
static_assert(sizeof(struct unwind_row) == 8, "a file has many");

#define UNWIND_FP_MAX	 254
#define UNWIND_FP_HERE	 255 /* the caller's %rbp is at %rbp */

#define UNWIND_AT_BITS	 11
#define UNWIND_AT(cfa)	 ((cfa) & ((1u << UNWIND_AT_BITS) - 1))
#define UNWIND_PLUS(cfa) ((cfa) >> UNWIND_AT_BITS)

struct unwind_table {
	_Atomic uint32_t serial; /* no other table ever has it; 0: there is none */
	uint32_t n;
	const struct unwind_row *rows; /* n of them, by offset */
	/*
	 * Where to look: of each 2^shift bytes of the file, from those of the first row on, how
	 * many rows begin before them; and n.
	 */
	const uint32_t *before; /* [parts + 1] */
	uint32_t parts, shift;
	uint8_t build_id[20];	/* NT_GNU_BUILD_ID, and zeroes */
	uint32_t build_id_size; /* bytes; 0: it has none */
};

/* A part of a file that is mapped for execution. */
struct unwind_map {
	uint64_t start, end; /* [start, end) */
	uint64_t off;	     /* of start, in the file */
	const struct unwind_table *table;
	uint32_t serial; /* the table's */
	uint32_t pad;
};

#define UNWIND_MAPS 1024

/* Written while the process stands still, which may be in the midst of reading it. */
struct unwind_maps {
	_Atomic uint32_t version; /* counts changes */
	_Atomic uint32_t n;
	struct unwind_map at[UNWIND_MAPS]; /* n of them, by address */
};

#endif
