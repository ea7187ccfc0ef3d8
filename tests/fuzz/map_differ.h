/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_differ.h - what the files of map-differ share: the kernels that are compared, the maps, and
 * one operation with its outcome.
 *
 *	map_differ.c	   sequences by number, what differs, reduced; the options
 *	map_differ_ops.c   the operations, one row each
 *	map_differ_side.c  the kernels; a sequence's map and programs on one of them
 */
#ifndef SKEP_TESTS_FUZZ_MAP_DIFFER_H
#define SKEP_TESTS_FUZZ_MAP_DIFFER_H

#include "base/base.h"
#include "base/uapi.h"

#include <skep/skep.h>

#define KEYS	  14	     /* keys in play: make_key's k */
#define VALUES	  16	     /* values in play: make_value's v */
#define INNERS	  4	     /* maps to be values; the last does not fit */
#define KEY_MAX	  64	     /* bytes */
#define VALUE_MAX 64	     /* bytes of one CPU's value */
#define SYS_MAX	  4096	     /* bytes of a value as bpf(2) passes it */
#define DATA_MAX  (1u << 16) /* bytes of an outcome */

/* What a map is like, beyond its attributes. */
enum {
	ORDERED = 1 << 0, /* keys come in one order only */
	KEYLESS = 1 << 1, /* push, pop, peek */
	OBJECTS = 1 << 2, /* values are maps */
	GUESSES = 1 << 3, /* a value that was never put in may be found: a bloom filter */
	PREFIX = 1 << 4,  /* keys are prefixes of addresses */
	LOCKED = 1 << 5,  /* values are struct locked_value (tests/unit/map/spinlock.h) */
};

struct row {
	const char *name;
	uint32_t type, key_size, value_size, entries, flags;
	unsigned like; /* ORDERED and so on */
};
extern const struct row rows[];
extern const unsigned nr_rows;

/* What a program is told and tells: the value of an array of one. */
struct args {
	uint64_t flags;
	int64_t ret;
	uint8_t key[KEY_MAX], value[VALUE_MAX], out[VALUE_MAX];
};

enum prog {
	PROG_LOOKUP,
	PROG_LOOKUP_CPU, /* of the CPU in args->flags */
	PROG_UPDATE,
	PROG_DELETE,
	PROG_PUSH,
	PROG_POP,
	PROG_PEEK,
	_PROG_MAX
};

/* One kernel, and a sequence's objects in it. */
struct side {
	const char *name;
	struct skep_kernel *k; /* NULL: the host */
	const struct row *row;
	int map, args;
	int prog[_PROG_MAX]; /* -1: the type has no such operation */
	int inner[INNERS];   /* -1 where values are bytes */
	uint32_t id[INNERS]; /* what bpf(2) shows for them */
	uint32_t sys_size;   /* bytes of a value as bpf(2) passes it */
};

#define SIDES_MAX 3
extern struct side sides[SIDES_MAX];
extern unsigned nr_sides;

/** Makes the kernels; without the host, where it does not let us, it says so. */
void sides_init(void);
void sides_fini(void);
/** The row's map and programs, empty; false, with the errno in *err, where there is no such map. */
bool side_open(struct side *s, const struct row *row, long *err);
void side_close(struct side *s);
/** bpf(2): -errno. */
long side_bpf(const struct side *s, int cmd, union bpf_attr *attr);

/* One operation. */
struct op {
	uint8_t kind;  /* row of kinds[] */
	uint8_t key;   /* below KEYS */
	uint8_t value; /* below VALUES */
	uint8_t count; /* of batches */
	uint64_t flags;
};

/* What an operation did; everything must be the same on all sides. */
struct outcome {
	long err;
	uint32_t count; /* elements done, calls made */
	uint32_t n;	/* bytes of data */
	uint8_t data[DATA_MAX];
};

struct op_kind {
	const char *name;
	unsigned weight;
	unsigned not_like; /* rows that it says nothing about */
	bool takes_flags;
	int prog; /* enum prog that it needs, or -1 */
	void (*run)(struct side *s, const struct op *op, struct outcome *o);
};
extern const struct op_kind kinds[];
extern const unsigned nr_kinds;

/** All elements, sorted where the row is not ORDERED. */
void op_contents(struct side *s, struct outcome *o);

#endif
