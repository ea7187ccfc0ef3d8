/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify.h - `skep verify`, its three files: verify.c loads the programs, verify_row.c shows what
 * came of them, verify_compare.c what is different from another time.
 */
#ifndef SKEP_CLI_VERIFY_H
#define SKEP_CLI_VERIFY_H

#include "base/vec.h"
#include "cli/cli.h"

/* What came of a program.  _ERROR: the verifier never saw it (its maps cannot be made, ...). */
enum row_verdict { ROW_ACCEPT, ROW_REJECT, ROW_ERROR };

/* One program. */
struct row {
	char *file; /* as on the command line; owned */
	char *prog; /* owned */
	enum row_verdict verdict;
	int err;	 /* errno, 0 for _ACCEPT */
	uint64_t insns;	 /* instructions that the verifier walked */
	uint64_t states; /* states that it kept */
	uint64_t us;	 /* the time it took */
	uint64_t stack;	 /* bytes of stack */
	char *log;	 /* the verifier's; owned, never NULL once filled */
	char *text;	 /* an explanation, or why there is no verdict; owned, may be NULL */
};

struct rows {
	VEC(struct row);
};

void rows_free(struct rows *rows);
/** The rows as a table, with a heading. */
void rows_print(FILE *out, const struct rows *rows);
/** One row as a line of JSON. */
void row_print_json(FILE *out, const struct row *r);

/**
 * Shows what differs from the rows that an earlier --json wrote into `path`; programs are matched
 * by the last part of the file's name and their own.  CLI_OK: no verdict changed; CLI_FAILED: one
 * did, or a program of then is gone from a file that was looked at now.
 */
int rows_compare(struct cli *c, const struct rows *now, const char *path);

/** "accept", "reject", "error". */
extern const char *const row_verdicts[];

#endif
