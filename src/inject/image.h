/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h - what a process has mapped, and where in a file a function is.
 *
 * Files are told by device and inode as /proc/PID/maps has them, which stat(2) does not say on
 * every filesystem; so a file that was renamed, deleted, or is seen under another path is the same
 * file.
 */
#ifndef SKEP_INJECT_IMAGE_H
#define SKEP_INJECT_IMAGE_H

#include "base/diag.h"
#include "base/vec.h"

#include <limits.h>
#include <sys/types.h>

struct image_file {
	uint64_t dev; /* as maps prints it: major << 32 | minor */
	uint64_t ino; /* 0: no file */
};

/* A row of /proc/PID/maps. */
struct image {
	uint64_t start, end;	/* [start, end) */
	uint64_t off;		/* of start, in the file */
	struct image_file file; /* what is mapped */
	bool exec, write;	/* its protection */
	bool shared;		/* MAP_SHARED */
	char name[16];		/* "[heap]", "[stack]", "[vdso]"; empty for files */
	bool looked, fresh;	/* patches_look(): it was; without the jumps that were put there */
};

struct images {
	VEC(struct image); /* by address */
};

/** What pid has mapped; the caller frees with images_fini().  -ESRCH, -EACCES, -ENOMEM. */
int images_read(struct images *ret, pid_t pid, struct skep_diag *reterr_diag);
void images_fini(struct images *m);

/** The one that has that address; NULL: nothing is mapped there. */
struct image *images_at(const struct images *m, uint64_t at);

/** What maps says of the file at path; -ENOENT and what else open(2) and mmap(2) say. */
int image_file(const char *path, struct image_file *ret, struct skep_diag *reterr_diag);

/** The next address, after *at, where byte `off` of the file is executable; false: no more. */
bool images_next(const struct images *m, const struct image_file *file, uint64_t off, uint64_t *at);

/** The address where that byte of the file is writable, as data; 0: nowhere. */
uint64_t images_data(const struct images *m, const struct image_file *file, uint64_t off);

/**
 * A path by which we can open what process pid has mapped at `start`, the beginning of an image;
 * false: it has none, or its name is gone.
 */
bool image_path(pid_t pid, uint64_t start, char ret[PATH_MAX]);

struct image_symbol {
	uint64_t off;  /* of its first byte in the file */
	uint64_t size; /* bytes; 0: the table does not say */
};

/**
 * A function of an ELF file, by name: of what the dynamic linker sees, else of the symbol table.
 * -ENOENT: it has none; -ENOEXEC: no ELF file for x86-64; -EOPNOTSUPP: an indirect function, whose
 * code is another function's.
 */
int image_symbol(const char *path, const char *name, struct image_symbol *ret,
		 struct skep_diag *reterr_diag);

#endif
