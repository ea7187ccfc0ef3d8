/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle.h - the verdict recorder, its three files: expect.c reads what a selftest expects,
 * record.c loads one program, oracle.c goes through objects and writes a line per program and
 * mode.
 *
 * It calls nothing but MAP_CREATE, BTF_LOAD and PROG_LOAD, and attaches nothing.  Its bpf(2) goes
 * through libc's syscall(), so the same binary asks the host kernel and, with libskep-bpf.so
 * preloaded, Skep.
 */
#ifndef SKEP_TESTS_ORACLE_H
#define SKEP_TESTS_ORACLE_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Callers' rights: all of them, or CAP_BPF without CAP_PERFMON, NET_ADMIN and SYS_ADMIN. */
enum mode { MODE_PRIV, MODE_BPF, _MODE_MAX };

/* What the tags in an object's BTF say of a program. */
struct spec {
	bool fail[_MODE_MAX];	/* it must be refused */
	bool tested[_MODE_MAX]; /* the mode is of interest */
	bool aux[_MODE_MAX];	/* only others need it, as the target of a tail call */
	bool is_aux;		/* in any mode */
	bool said[_MODE_MAX];	/* success or failure was said in so many words */
	bool other_arch;	/* it is for another machine */
	uint32_t flags;		/* BPF_F_* of PROG_LOAD */
	const char *btf_path;	/* BTF to relocate against, NULL: the kernel's */
};

/* A program of the object under test. */
struct item {
	char name[256];
	struct spec spec;
};

/* An object and all its programs. */
struct object {
	const char *path, *base; /* base: the last part of the path */
	struct item *item;	 /* [n] */
	int n;
};

/** Fills sp from the tags of function `name`; btf may be NULL. */
void spec_read(const struct btf *btf, const char *name, struct spec *sp);

/** How often each load is repeated to be timed; 0: once is enough. */
extern int record_rounds;
#define ROUNDS_MAX 100

/** The folder that whole logs go to, a file each; NULL: they are not asked for. */
extern const char *record_logs;

/** Loads item `nr` alone with a mode's rights and writes its line; for a process of its own. */
void record(FILE *out, const struct object *o, int nr, enum mode mode);

/** A string in JSON's quotes, at most n bytes of it. */
void json_quote(FILE *out, const char *s, size_t n);

#endif
