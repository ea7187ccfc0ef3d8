/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ref.h - how a command line names objects of the kernel, in bpftool's grammar.
 *
 *	PROG := { id N | tag T | name N | pinned PATH }
 *	MAP  := { id N | name N | pinned PATH }
 */
#ifndef SKEP_CLI_REF_H
#define SKEP_CLI_REF_H

#include <linux/bpf.h>

#include "cli/cli.h"

/* A kind of object, and the calls that find its members. */
struct ref_kind {
	const char *noun;    /* "program" */
	const char *grammar; /* for messages */
	int (*next_id)(uint32_t id, uint32_t *ret_next);
	int (*fd_by_id)(uint32_t id);
	/* Does the object have that name, or tag (NULL: this kind has none)? */
	bool (*has_name)(int fd, const char *name);
	bool (*has_tag)(int fd, const char *tag);
};

extern const struct ref_kind ref_prog, ref_map, ref_btf;

/** Descriptor of the one object that the words name; the caller closes it. CLI_*. */
int ref_one(struct cli *c, const struct ref_kind *kind, struct words *w, int *ret_fd);

/**
 * Calls fn for every object that the words name, for all of the kind where no word is left.
 * Stops at the first result but CLI_OK.
 */
int ref_each(struct cli *c, const struct ref_kind *kind, struct words *w,
	     int (*fn)(struct cli *c, int fd, void *arg), void *arg);

/**
 * `show`: calls fn as ref_each does.  In JSON fn adds to c->answer, a list, of which only the
 * one object is left where the words name it by id or pin, as bpftool has it.
 */
int ref_show(struct cli *c, const struct ref_kind *kind, struct words *w,
	     int (*fn)(struct cli *c, int fd, void *arg));

/** `pin`: PROG PATH, MAP PATH. */
int ref_pin(struct cli *c, const struct ref_kind *kind, struct words *w);

/** A program's name from its BTF where the kernel's is cut, else the kernel's. */
void ref_prog_name(int fd, const struct bpf_prog_info *info, char *buf, size_t n);

#endif
