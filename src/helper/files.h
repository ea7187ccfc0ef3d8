/* SPDX-License-Identifier: BSD-2-Clause */
/* files.h - files of the process that a program runs in. */
#ifndef SKEP_HELPER_FILES_H
#define SKEP_HELPER_FILES_H

#include "helper/file.h"

/* A file and what it leads to. */
struct open_file {
	struct model_file file;
	struct model_dentry dentry;
	struct model_inode inode;
	struct model_super_block super;
	char name[256]; /* NAME_MAX and a NUL */
};

/**
 * What a link below /proc says of its file, for programs that find it at address `at`; false:
 * nobody says which file it is.  Hot.
 */
bool file_ask(const char *link, struct open_file *f, uint64_t at);

/* Where programs find struct files_struct of the process, and what that leads to. */
#define FILES_AT   UINT64_C(0xffffffffc0000000)
#define FILES_MAX  (UINT64_C(1) << 20)
#define FILES_SIZE UINT64_C(0x30000000)

/** Copies n bytes from there: 0, or -EFAULT where nothing is. */
long files_read(void *to, uint64_t addr, size_t n);

#endif
