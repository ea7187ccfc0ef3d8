/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - inside the room: the system calls in a file's text.
 *
 * Where functions begin is what symbols and unwind tables say: between two beginnings text is
 * decoded in one row.  Where neither says anything, a section is one row.
 */
#ifndef SKEP_HOOK_TEXT_H
#define SKEP_HOOK_TEXT_H

#include "hook/function.h"

struct text {
	struct text *next;
	struct image_file file;
	struct timespec changed; /* when the file last was, when we looked */
	struct sys_sites sites;	 /* addresses are offsets in the file */
	unsigned int missed;	 /* system calls that cannot be seen */
};

/** Reads it: 0 and *ret, the caller's; or -errno. */
int text_read(const char *path, struct text **ret, struct skep_diag *reterr_diag);
/** The same of the vDSO, which is this process's as it is all others'; -ENOENT: there is none. */
int text_vdso(struct text **ret);
void text_free(struct text *t);

#endif
