/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * function.h - inside the room: where in a file the jumps of a probe go.
 */
#ifndef SKEP_HOOK_FUNCTION_H
#define SKEP_HOOK_FUNCTION_H

#include "inject/image.h"
#include "inject/site.h"

#include <libelf.h>
#include <time.h>

/* A file whose functions are known. */
struct function_file {
	struct image_file id;
	struct timespec changed; /* when it last was, when we looked */
	int fd;
	bool go; /* the program is Go's */
	struct {
		VEC(struct function);
	} functions; /* by offset */
};

/* What a symbol says. */
struct function {
	uint64_t off, size; /* in the file */
	bool again;	    /* it returns more than once for each call */
	bool looks;	    /* it reads where it returns to */
};

/** Of an ELF image, which may be in memory: the functions alone.  NULL has none.  0 or -ENOMEM. */
int function_symbols(Elf *elf, struct function_file *ret);
/** Opens and reads it; *ret was zeroed, or opened: then it stays if it is the same file. */
int function_file_open(struct function_file *ret, const char *path, struct skep_diag *reterr_diag);

void function_file_close(struct function_file *f);

/* Which instructions a probe of byte `off` of a file is at, by what it is to see. */
enum function_part {
	FUNCTION_HERE,	       /* that instruction */
	FUNCTION_RETURNS,      /* the returns of the function that it is in */
	FUNCTION_ENTRY,	       /* itself, to see returns by the return address (agent/ret.c) */
	FUNCTION_RETURN_TRAPS, /* the returns again, by an int3 at each */
};

/**
 * Their sites, whose addresses are offsets in the file.
 *
 * @return the errors of site_at() and site_returns(), but -ENOEXEC for what is no instruction;
 *	-EOPNOTSUPP also for returns where no symbol says how long the function is, and for the
 *	entry of one that returns again, as setjmp(), or looks at who called it, as dlsym(), or is
 *	Go's, whose runtime reads return addresses, or begins elsewhere; -EINVAL: the file ends
 *	before
 */
int function_sites(const struct function_file *file, uint64_t off, enum function_part part,
		   struct sites *ret, struct skep_diag *reterr_diag);

/** Whether a symbol says that a function begins at that byte. */
bool function_begins(const struct function_file *file, uint64_t off);

#endif
