/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli.h - what the commands of `skep` share: the tables that describe a command, the words of
 * its line, and how it answers.
 *
 * A command is a row of a struct cmd table: its words, its options (rows again), its function.
 * main.c holds the first level; prog, map and btf bring a table of their own.
 *
 * Exit status of every command: CLI_OK, CLI_FAILED (it was understood and did not work out),
 * CLI_USAGE (it was not understood).
 */
#ifndef SKEP_CLI_CLI_H
#define SKEP_CLI_CLI_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "base/base.h"
#include "base/diag.h"

enum cli_status { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct session;
struct opt;

/* What holds for the whole process, from the options before and after the command. */
struct cli {
	bool json;	    /* -j, -p: answers and errors are JSON */
	bool pretty;	    /* -p */
	bool debug;	    /* -d: all that libbpf and the verifier say */
	bool interp;	    /* --interp */
	bool help;	    /* -h */
	bool version;	    /* -V */
	const char *object; /* -O: loaded before the command, NULL: none */
	/* Of the kernel; set before it is made: */
	bool unprivileged; /* its callers have CAP_BPF, but not CAP_PERFMON */
	bool judge;	   /* it judges for Linux, and runs nothing... */
	unsigned release;  /* ...of this release, as in skep.h */
	struct btf *types; /* of that kernel, NULL: this machine's; owned */

	struct session *session; /* the kernel and what was loaded into it; made on first use */
	cJSON *answer;		 /* what the command has to say in JSON; owned */
	char *error;		 /* in JSON: the error; owned */
	bool batch;		 /* a line of `skep batch` */
};

/* The words of a command line that are not options. */
struct words {
	char **at; /* the next word */
	int n;	   /* how many are left */
};

struct cmd {
	const char *name;
	const char *alias;	      /* another word for it, or NULL */
	const char *args;	      /* what follows it, for the usage line */
	const char *help;	      /* one line */
	const char *notes;	      /* further lines of --help, or NULL */
	const struct opt *opts;	      /* ends with a row without name; NULL: none */
	size_t conf_size;	      /* bytes that the rows of opts write into, zeroed */
	const struct cmd *const *sub; /* a table that NULL ends, instead of run */
	bool raw;		      /* the first word ends the options: the rest is not ours */
	int (*run)(struct cli *c, const void *conf, struct words *w);
};

/** Finds the command in `table` and runs it; `path` are the words so far, for messages. */
int cmd_dispatch(struct cli *c, const struct cmd *const *table, const char *path, int argc,
		 char **argv);

/* --- options (opt.c) ------------------------------------------------------------------------ */

struct opt_type {
	bool takes_value;
	/* Parses `text` into dst; 0 or -errno with the reason in why (n bytes). */
	int (*parse)(const struct opt *o, const char *text, void *dst, char *why, size_t n);
};

extern const struct opt_type opt_flag;	 /* bool */
extern const struct opt_type opt_string; /* const char *, borrowed from the command line */
extern const struct opt_type opt_number; /* uint64_t within [min, max] */
extern const struct opt_type opt_hex;	 /* struct hex_bytes */

struct hex_bytes {
	uint8_t *data; /* owned; NULL: the option was not given */
	size_t size;
};

struct opt {
	const char *name; /* the long form, without "--" */
	char letter;	  /* the short form, or 0 */
	const struct opt_type *type;
	size_t off;	   /* where it goes in the command's conf */
	const char *value; /* how its value is called in --help */
	const char *help;
	uint64_t min, max; /* of a number */
};

/* One row: the option `name` fills `field` of `struct conf`. */
#define OPT(conf, field, type_, name_, letter_, ...)                                            \
	{                                                                                       \
		.name = name_, .letter = letter_, .type = &type_, .off = offsetof(conf, field), \
		__VA_ARGS__                                                                     \
	}

/** The options that every command takes; they fill struct cli. */
extern const struct opt cli_options[];

/**
 * Takes the options out of argv: what is left are the words.  Rows of `own` fill conf, those of
 * cli_options fill c.  `raw`: stop at the first word.  CLI_OK or CLI_USAGE.
 */
int opt_parse(struct cli *c, const struct opt *own, void *conf, bool raw, int *argc, char **argv);
/** Frees what rows put on the heap. */
void opt_free(const struct opt *own, void *conf);
/** The rows, one a line. */
void opt_print(FILE *out, const struct opt *rows);

/* --- words (words.c) ------------------------------------------------------------------------- */

/** The next word, or NULL: then `what` was missing and that is said. */
const char *words_take(struct cli *c, struct words *w, const char *what);
/** True, and the word is taken, when the next word is `word` or begins it (as bpftool's do). */
bool words_accept(struct words *w, const char *word);
/** CLI_OK where no word is left, else CLI_USAGE with a message. */
int words_end(struct cli *c, const struct words *w);
/** True where `s` is a beginning of `word`. */
bool is_prefix(const char *s, const char *word);
/** The candidate nearest to a mistyped word, or NULL where none is near. */
const char *words_suggest(const char *word, const char *(*at)(const void *arg, size_t i),
			  const void *arg);
/** A number in C syntax within [0, max]; says what is wrong with it. CLI_OK or CLI_USAGE. */
int words_number(struct cli *c, const char *word, const char *what, uint64_t max, uint64_t *ret);

/* --- answers (answer.c) ---------------------------------------------------------------------- */

/** "Error: ..." on standard error, or {"error": ...}; returns CLI_FAILED. */
int cli_fail(struct cli *c, const char *fmt, ...) __printf(2, 3);
/** The same for a line that was not understood; returns CLI_USAGE. */
int cli_usage(struct cli *c, const char *fmt, ...) __printf(2, 3);
/** Says what a diagnostic holds; returns CLI_FAILED. */
int cli_diag(struct cli *c, const struct skep_diag *d);
int cli_oom(struct cli *c);
/** Prints c->answer, or the error, as JSON.  Text has been printed already. */
void cli_flush(struct cli *c, FILE *out);

/* Members of JSON objects.  Numbers go in as text: a double holds no 64 bits. */
void json_u64(cJSON *object, const char *name, uint64_t v);
void json_s64(cJSON *object, const char *name, int64_t v);
void json_string(cJSON *object, const char *name, const char *s);
void json_bool(cJSON *object, const char *name, bool v);
/** A new number for an array. */
cJSON *json_number_u64(uint64_t v);
cJSON *json_number_s64(int64_t v);
/** ["0x01", "0x02"], as bpftool shows bytes. */
cJSON *json_bytes(const void *data, size_t n);
/** "01 02 ..." with a line break after each 16, as bpftool shows bytes. */
void print_bytes(FILE *out, const void *data, size_t n);

#endif
