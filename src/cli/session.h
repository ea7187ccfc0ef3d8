/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.h - the kernel of this process, and the objects that were loaded into it.
 */
#ifndef SKEP_CLI_SESSION_H
#define SKEP_CLI_SESSION_H

#include <bpf/libbpf.h>

#include "cli/cli.h"

struct skep_kernel;

/** Makes the kernel and loads the object of -O, the first time. CLI_OK or CLI_FAILED. */
int session_open(struct cli *c);
/** The types of the kernel to be made are in that file: raw BTF, or ELF. CLI_OK or CLI_FAILED. */
int session_types(struct cli *c, const char *path);
/** The kernel of an open session. */
struct skep_kernel *session_kernel(const struct cli *c);
/** Accepts NULL. */
void session_free(struct session *s);

/**
 * Opens an object file without loading it: looked through first, because libbpf trusts it.  What
 * libbpf says from here on is session_libbpf_text().  CLI_OK, and the caller closes it; or
 * CLI_FAILED with the cause said.
 */
int session_open_object(struct cli *c, const char *path, struct bpf_object **ret);
/** libbpf's warnings since the last object was opened, without the last newline; "" for none. */
const char *session_libbpf_text(void);

/* How an object is to be loaded; zero: as it says itself. */
struct load_how {
	const char *path;	 /* the ELF file */
	enum bpf_prog_type type; /* of programs whose section does not tell, or unspecified */
	/* Called between open and load; CLI_OK to go on. May be NULL. */
	int (*prepare)(struct cli *c, struct bpf_object *obj, void *arg);
	void *arg;
};

/**
 * Opens and loads an object, which stays loaded to the end of the process.  On failure says
 * why: the cause, the verifier's log, libbpf's lines.
 */
int session_load(struct cli *c, const struct load_how *how, struct bpf_object **ret);

/** Says what failed, errno's text, and what the kernel knows of the cause; CLI_FAILED. */
int session_fail(struct cli *c, int err, const char *fmt, ...) __printf(3, 4);

#endif
